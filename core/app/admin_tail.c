/* SPDX-License-Identifier: MIT */
/*
 * admin_tail -- events as they happen, for `fairlead tail`.
 *
 * Workers write them into spools while somebody looks on, and not a byte
 * otherwise.  A reader that is slow misses lines and is told how many; it
 * slows nobody down.
 */
#include "app/admin_parts.h"
#include "base/id.h"
#include "base/json_find.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <utlist.h>

/* ------------------------------------------------------------------ */
/* Taps									*/

static int
tell(const struct admin_seat *seat, enum inquiry_kind kind, const int *fd)
{
	struct inquiry inquiry = { .kind = (uint32_t)kind };

	return (channel_send(seat->channel, &inquiry, INQUIRY_SIZE(0), fd,
	    fd != NULL ? 1 : 0));
}

void
admin_tap(struct admin_seat *seat)
{
	int memory;

	if (seat->spool.page != NULL || (memory = spool_memory()) < 0)
		return;
	if (spool_map(&seat->spool, memory) == 0 &&
	    tell(seat, INQUIRY_TAP, &memory) != 0)
		spool_unmap(&seat->spool);
	close(memory);
}

void
admin_untap(struct admin_seat *seat)
{
	if (seat->spool.page == NULL)
		return;
	(void)tell(seat, INQUIRY_UNTAP, NULL);
	spool_unmap(&seat->spool);
}

/* ------------------------------------------------------------------ */
/* Lines								*/

static bool
event_fits(const char *pattern, struct json_text event)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return (event.len >= n - 1 &&
		    memcmp(event.at, pattern, n - 1) == 0);
	return (json_is(event, pattern));
}

/* Whole, or as lines for people have it. */
static bool
is_tunnel(const char *wanted, struct json_text id)
{
	char text[ID_SIZE], brief[ID_SHORT_SIZE];

	if (id.len >= sizeof(text))
		return (false);
	memcpy(text, id.at, id.len);
	text[id.len] = '\0';
	id_shorten(text, brief);
	return (strcmp(text, wanted) == 0 || strcmp(brief, wanted) == 0);
}

static bool
fits(const struct admin_filter *filter, const char *line, size_t len)
{
	struct json_text to;

	if (filter->event != NULL && !event_fits(filter->event,
	    json_find(line, len, "event")))
		return (false);
	if (filter->tunnel != NULL && !is_tunnel(filter->tunnel,
	    json_find(line, len, "tunnel")))
		return (false);
	if (filter->host == NULL)
		return (true);
	to = json_find(line, len, "to");
	return (to.len == strlen(filter->host) &&
	    strncasecmp(to.at, filter->host, to.len) == 0);
}

/* One line of SINK_BOTH, its newline left out. */
static void
show(struct admin_client *c, const char *line, size_t len)
{
	const char *tab = memchr(line, '\t', len);
	size_t json = tab == NULL ? len : (size_t)(tab - line);

	if (!fits(&c->filter, line, json))
		return;
	if (buf_len(&c->out) >= ADMIN_HIGH) {
		c->skipped++;
		return;
	}
	if (c->skipped != 0)
		client_say(c, "{\"item\":\"skipped\",\"lines\":%llu}\n",
		    (unsigned long long)c->skipped);
	c->skipped = 0;
	if (c->filter.text && tab != NULL)
		client_put(c, tab + 1, len - json - 1);
	else
		client_put(c, line, json);
	client_put(c, "\n", 1);
}

static void
show_all(struct admin *a, const char *line, size_t len)
{
	struct admin_client *c;

	DL_FOREACH(a->clients, c)
		if (c->wait == WAIT_EVENTS)
			show(c, line, len);
}

static void
send_all(struct admin *a)
{
	struct admin_client *c, *next;

	DL_FOREACH_SAFE(a->clients, c, next)
		if (c->wait == WAIT_EVENTS && !buf_empty(&c->out))
			client_send(c);
}

void
admin_take_lines(struct admin_seat *seat)
{
	struct frl_bytes lines;
	const char *at, *end;
	uint64_t count = 0;
	size_t n = 0;

	if (seat->spool.page == NULL)
		return;
	lines = spool_lines(&seat->spool);
	at = (const char *)lines.data;
	while (n < lines.len && (end = memchr(at + n, '\n',
	    lines.len - n)) != NULL) {
		size_t len = (size_t)(end - (at + n));

		show_all(seat->admin, at + n, len);
		n += len + 1;
		count++;
	}
	if (n == 0)
		return;
	spool_get(&seat->spool, n, count);
	if (atomic_load(&seat->spool.page->wants_room) != 0)
		(void)tell(seat, INQUIRY_TOOK, NULL);
	send_all(seat->admin);
}

/* ------------------------------------------------------------------ */
/* Clients								*/

static bool
take_word(struct admin_filter *filter, const char *word)
{
	if (strncmp(word, "event=", 6) == 0)
		filter->event = word + 6;
	else if (strncmp(word, "host=", 5) == 0)
		filter->host = word + 5;
	else if (strncmp(word, "tunnel=", 7) == 0)
		filter->tunnel = word + 7;
	else if (strcmp(word, "form=text") == 0)
		filter->text = true;
	else
		return (false);
	return (true);
}

void
admin_tail(struct admin_client *c, char *word, char *rest)
{
	struct admin *a = c->admin;
	struct admin_seat *seat;

	for (; word != NULL; word = strtok_r(NULL, " \t", &rest)) {
		if (take_word(&c->filter, word))
			continue;
		client_end(c, "event=PATTERN, host=HOST, tunnel=ID or "
		    "form=text is expected behind it");
		return;
	}
	c->wait = WAIT_EVENTS;
	if (a->tails++ == 0)
		DL_FOREACH(a->seats, seat)
			admin_tap(seat);
	/* So that it can tell when it misses nothing any more. */
	client_say(c, "{\"item\":\"tail\"}\n");
}

void
admin_tail_end(struct admin_client *c)
{
	struct admin *a = c->admin;
	struct admin_seat *seat;

	if (c->wait != WAIT_EVENTS)
		return;
	c->wait = WAIT_NOTHING;
	if (--a->tails == 0)
		DL_FOREACH(a->seats, seat)
			admin_untap(seat);
}
