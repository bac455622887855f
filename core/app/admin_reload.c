/* SPDX-License-Identifier: MIT */
/*
 * admin_reload -- what comes of a reload: that it serves, or the errors for
 * which it does not, each line as an item.
 *
 * They are words of the configuration, of plugins and of libraries: nothing
 * is believed of them but their length.
 */
#include "app/admin_parts.h"

#include "base/json.h"

#include <string.h>

#define LINE_CAP 1000		/* bytes of one that are shown */

void
admin_errors(struct admin *a, const struct message_errors *piece)
{
	if (piece->at == 0)
		buf_free(&a->errors);
	/* One was lost: half of it all could mislead. */
	if (piece->at != buf_len(&a->errors) ||
	    piece->len > sizeof(piece->text) ||
	    buf_append(&a->errors, piece->text, piece->len) != 0)
		buf_free(&a->errors);
}

static void
say_line(struct admin_client *c, const char *line, size_t len)
{
	char text[6 * LINE_CAP + 3];
	struct json j = { .at = text, .end = text + sizeof(text) };

	(void)json_string(&j, line, len, LINE_CAP);
	client_say(c, "{\"item\":\"error\",\"text\":");
	client_put(c, text, (size_t)(j.at - text));
	client_say(c, "}\n");
}

static void
say_errors(struct admin_client *c, const struct buf *errors)
{
	const char *at = (const char *)buf_data(errors), *end;
	size_t left = buf_len(errors), n;

	for (; left > 0; at += n, left -= n) {
		end = memchr(at, '\n', left);
		n = end == NULL ? left : (size_t)(end - at) + 1;
		say_line(c, at, end == NULL ? n : n - 1);
	}
}

void
admin_reloaded(struct admin_client *c)
{
	const struct admin *a = c->admin;

	c->wait = WAIT_NOTHING;
	if (c->reloads == a->state.reloads &&
	    c->failures == a->state.failures)
		client_end(c, "the proxy is draining");
	else if (a->state.failed) {
		say_errors(c, &a->errors);
		client_end(c, buf_empty(&a->errors) ? "the configuration was "
		    "not taken over; stderr of the proxy, and `fairlead "
		    "check`, say why" : "the configuration was not taken "
		    "over; the one before it goes on");
	} else
		client_end(c, NULL);
	client_send(c);
}
