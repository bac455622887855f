/* SPDX-License-Identifier: MIT */
/*
 * admin_http -- metrics and health over HTTP: one request, one answer, then
 * the connection is closed.
 *
 *	/metrics	for whoever knows the token (Authorization: Bearer), or
 *			may open the UNIX socket
 *	/healthz	200: the process that answers is there, and the
 *			supervisor is
 *	/readyz		200: new clients are served; 503: not (yet, any more)
 */
#include "app/admin_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* As long as the longer of both takes, whatever differs. */
static bool
same(const char *a, size_t a_len, const char *b)
{
	size_t b_len = strlen(b), i;
	unsigned differs = a_len != b_len;

	for (i = 0; i < a_len; i++)
		differs |= (unsigned)(unsigned char)a[i] ^
		    (unsigned)(unsigned char)b[b_len == 0 ? 0 : i % b_len];
	return (b_len != 0 && differs == 0);
}

/* The value of the only field of that name; NULL: none, or two. */
static const char *
field(const char *head, const char *name, size_t *ret_len)
{
	const char *line = strchr(head, '\n'), *found = NULL;
	size_t n = strlen(name);

	for (; line != NULL; line = strchr(line + 1, '\n')) {
		if (strncasecmp(line + 1, name, n) != 0 ||
		    line[1 + n] != ':')
			continue;
		if (found != NULL)
			return (NULL);
		found = line + 2 + n;
		found += strspn(found, " \t");
		*ret_len = strcspn(found, "\r\n");
	}
	return (found);
}

static bool
is_allowed(const struct admin_client *c)
{
	const char *value;
	size_t n = 0;

	if (!c->http)
		return (true);		/* the file's mode says so */
	value = field(c->request, "Authorization", &n);
	if (value == NULL || n < 7 || strncasecmp(value, "Bearer ", 7) != 0)
		return (false);
	return (same(value + 7, n - 7, c->admin->plan.token));
}

/* The answer in `out` so far is the body: put a head before it. */
static void
wrap(struct admin_client *c, const char *status, const char *more)
{
	struct buf body = c->out;
	bool bodyless = strncmp(c->request, "HEAD ", 5) == 0;

	c->out = (struct buf){ NULL };
	client_say(c, "HTTP/1.1 %s\r\nContent-Type: text/plain; "
	    "version=0.0.4; charset=utf-8\r\nContent-Length: %zu\r\n"
	    "Cache-Control: no-store\r\n%sConnection: close\r\n\r\n", status,
	    buf_len(&body), more);
	if (!bodyless)
		client_put(c, buf_data(&body), buf_len(&body));
	buf_free(&body);
	c->answered = true;
}

static void
answer_metrics(struct admin_client *c)
{
	if (is_allowed(c)) {
		admin_metrics(c);
		wrap(c, "200 OK", "");
		return;
	}
	client_say(c, "the token of the configuration is needed: "
	    "Authorization: Bearer TOKEN\n");
	wrap(c, "401 Unauthorized", "WWW-Authenticate: Bearer "
	    "realm=\"fairlead\"\r\n");
}

static void
answer_health(struct admin_client *c)
{
	client_say(c, "alive\n");
	wrap(c, "200 OK", "");
}

static void
answer_ready(struct admin_client *c)
{
	bool ready = admin_ready(c->admin);
	struct admin_reason reason;
	unsigned at = 0;

	client_say(c, ready ? "ready\n" : "not ready\n");
	while (admin_unready(c->admin, &at, &reason))
		client_say(c, "%s: %s\n", reason.name, reason.why);
	wrap(c, ready ? "200 OK" : "503 Service Unavailable", "");
}

static const struct {
	const char *path;
	void (*answer)(struct admin_client *client);
} table[] = {
	{ "/metrics", answer_metrics },
	{ "/healthz", answer_health },
	{ "/readyz", answer_ready },
};

void
admin_http(struct admin_client *c)
{
	const char *path = strchr(c->request, ' ');
	size_t i, n;

	if (path == NULL || (strncmp(c->request, "GET ", 4) != 0 &&
	    strncmp(c->request, "HEAD ", 5) != 0)) {
		client_say(c, "GET and HEAD are answered here\n");
		wrap(c, "405 Method Not Allowed", "Allow: GET, HEAD\r\n");
		return;
	}
	path++;
	n = strcspn(path, " ?\r\n");
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strlen(table[i].path) == n &&
		    strncmp(table[i].path, path, n) == 0) {
			table[i].answer(c);
			return;
		}
	}
	client_say(c, "/metrics, /healthz and /readyz are here\n");
	wrap(c, "404 Not Found", "");
}
