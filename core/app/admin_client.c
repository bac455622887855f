/* SPDX-License-Identifier: MIT */
#include "app/admin_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define SILENT_MS 10000		/* a request, or its answer, takes longer */

void
client_close(struct admin_client *c)
{
	struct admin *a = c->admin;

	admin_forget(c);
	admin_tail_end(c);
	timer_stop(&c->timer);
	conn_close(c->conn, false);
	buf_free(&c->out);
	free(c->inquiry);
	DL_DELETE(a->clients, c);
	a->client_count--;
	free(c);
	if (a->channel < 0 && a->clients == NULL)
		loop_stop(a->loop);
}

static void
silent(void *arg)
{
	client_close(arg);
}

/* Something moved; whoever waits for us is not silent, and who looks on may
 * stop his terminal. */
static void
be_patient(struct admin_client *c)
{
	if (c->wait == WAIT_EVENTS || (c->wait != WAIT_NOTHING &&
	    buf_empty(&c->out)))
		timer_stop(&c->timer);
	else
		timer_start(c->admin->loop, &c->timer, SILENT_MS, silent, c);
}

/* ------------------------------------------------------------------ */
/* The answer								*/

void
client_put(struct admin_client *c, const void *bytes, size_t n)
{
	if (n != 0 && buf_append(&c->out, bytes, n) != 0)
		c->lost = true;
}

void
client_say(struct admin_client *c, const char *format, ...)
{
	char text[2048];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		c->lost = true;
	else
		client_put(c, text, (size_t)n);
}

void
client_end(struct admin_client *c, const char *why)
{
	if (why != NULL)
		client_say(c, "{\"item\":\"end\",\"ok\":false,\"error\":"
		    "\"%s\"}\n", why);
	else
		client_say(c, "{\"item\":\"end\",\"ok\":true}\n");
	c->answered = true;
}

/* Also when it has been closed in here. */
void
client_send(struct admin_client *c)
{
	struct iovec iov;
	ssize_t n = 0;

	while (!buf_empty(&c->out) && !c->lost) {
		iov.iov_base = (void *)(uintptr_t)buf_data(&c->out);
		iov.iov_len = buf_len(&c->out);
		n = conn_write(c->conn, &iov, 1);
		if (n < 0)
			break;
		buf_drain(&c->out, (size_t)n);
		be_patient(c);
	}
	if (c->lost || (n < 0 && n != CONN_AGAIN) ||
	    (buf_empty(&c->out) && c->answered)) {
		client_close(c);
		return;
	}
	if (!buf_empty(&c->out) && !timer_running(&c->timer))
		be_patient(c);
	conn_want_write(c->conn, !buf_empty(&c->out));
}

static void
writable(void *arg)
{
	struct admin_client *c = arg;
	size_t before = buf_len(&c->out);

	/* The first room after a while: the workers may go on. */
	if (before >= ADMIN_HIGH && c->wait == WAIT_WORKERS)
		admin_resume(c);
	client_send(c);
}

/* ------------------------------------------------------------------ */
/* The request								*/

static bool
is_http(const struct admin_client *c)
{
	return (c->http || strncmp(c->request, "GET /", 5) == 0 ||
	    strncmp(c->request, "HEAD /", 6) == 0);
}

/* Is it whole?  Then answer it. */
static bool
try_request(struct admin_client *c)
{
	char *end;

	/* The end of a text is the end of what came. */
	while ((end = memchr(c->request, '\0', c->got)) != NULL)
		*end = '?';
	c->request[c->got] = '\0';
	if (is_http(c)) {
		if (strstr(c->request, "\r\n\r\n") == NULL &&
		    strstr(c->request, "\n\n") == NULL)
			return (false);
		admin_http(c);
		return (true);
	}
	end = strchr(c->request, '\n');
	if (end == NULL)
		return (false);
	*end = '\0';
	if (end > c->request && end[-1] == '\r')
		end[-1] = '\0';
	admin_answer(c, c->request);
	return (true);
}

static void
readable(void *arg)
{
	struct admin_client *c = arg;
	char rest[512];
	bool whole = c->wait != WAIT_NOTHING || c->answered;
	ssize_t n;

	/* Behind a request only its end is of interest: somebody left. */
	n = whole ? conn_read(c->conn, rest, sizeof(rest)) :
	    conn_read(c->conn, c->request + c->got,
	    ADMIN_REQUEST_SIZE - c->got);
	if (n == CONN_AGAIN)
		return;
	if (n == 0 && whole && c->wait != WAIT_EVENTS) {
		conn_want_read(c->conn, false);	/* it may be reading */
		return;
	}
	if (n <= 0) {
		client_close(c);
		return;
	}
	if (whole)
		return;
	c->got += (size_t)n;
	if (!try_request(c)) {
		if (c->got != ADMIN_REQUEST_SIZE)
			return;
		/* Closing on what was not read would destroy the answer. */
		for (int i = 0; i < 64 && conn_read(c->conn, rest,
		    sizeof(rest)) > 0; i++)
			;
		client_end(c, "the request is too long");
	}
	be_patient(c);
	client_send(c);
}

void
client_accept(struct admin *a, int fd, bool http)
{
	static const struct conn_handlers handlers = { readable, writable };
	struct conn *conn = conn_create(a->loop, fd);
	struct admin_client *c = NULL;

	if (conn == NULL)
		return;
	if (a->client_count < ADMIN_CLIENTS_MAX)
		c = calloc(1, sizeof(*c));
	if (c == NULL) {
		conn_close(conn, false);
		return;
	}
	c->admin = a;
	c->conn = conn;
	c->http = http;
	DL_APPEND(a->clients, c);
	a->client_count++;
	be_patient(c);
	conn_set_handlers(conn, &handlers, c);
	conn_want_read(conn, true);
}
