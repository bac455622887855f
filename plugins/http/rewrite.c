/* SPDX-License-Identifier: MIT */
/* rewrite -- see rewrite.h. */
#include "rewrite.h"

#include "lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Room for what is added, but for names. */
#define ADDED_SIZE 160

struct writer {
	uint8_t *mem;
	size_t len;
};

static void
put(struct writer *w, const void *bytes, size_t n)
{
	if (n > 0)
		memcpy(w->mem + w->len, bytes, n);
	w->len += n;
}

static void
put_bytes(struct writer *w, struct frl_bytes bytes)
{
	put(w, bytes.data, bytes.len);
}

static void
put_text(struct writer *w, const char *text)
{
	put(w, text, strlen(text));
}

static void
put_field(struct writer *w, const struct frl_http_field *field)
{
	put_bytes(w, field->name);
	put_text(w, ": ");
	put_bytes(w, field->value);
	put_text(w, "\r\n");
}

/* One field with those elements of its list that may stay; none: no field. */
static void
put_list(struct writer *w, const struct frl_http_field *field,
    bool (*stays)(struct frl_bytes element, const void *arg), const void *arg)
{
	struct frl_bytes rest = field->value, element;
	size_t begin = w->len;
	bool any = false;

	put_bytes(w, field->name);
	put_text(w, ":");
	while (rest.len > 0) {
		element = list_cut(&rest, ',');
		if (element.len == 0 || !stays(element, arg))
			continue;
		put_text(w, any ? "," : " ");
		put_bytes(w, element);
		any = true;
	}
	put_text(w, "\r\n");
	if (!any)
		w->len = begin;
}

/* ------------------------------------------------------------------ */
/* Which fields stay							*/

static bool
upgrade_stays(struct frl_bytes element, const void *arg)
{
	return (upgrade_permitted(arg, element));
}

/* arg: does the Upgrade field stay? */
static bool
connection_stays(struct frl_bytes element, const void *arg)
{
	const bool *upgrade = arg;

	if (head_equals(element, "upgrade"))
		return (*upgrade);
	return (!head_equals(element, "http2-settings"));
}

/* In a list of Connection this connection's own fields are named. */
static bool
is_named(const struct frl_http_head *m, struct frl_bytes name)
{
	struct list w = { .head = m, .name = "connection" };
	struct frl_bytes element;

	while (list_next(&w, &element))
		if (element.len == name.len &&
		    strncasecmp((const char *)element.data,
		    (const char *)name.data, name.len) == 0)
			return (true);
	return (false);
}

/* RFC 9110, 7.6.1; also those that go without being named. */
static bool
is_hop_by_hop(const struct frl_http_head *m, struct frl_bytes name)
{
	static const char *const names[] = { "connection", "keep-alive",
		"proxy-connection", "proxy-authenticate",
		"proxy-authentication-info", "proxy-authorization", "te",
		"upgrade", "http2-settings" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (head_equals(name, names[i]))
			return (true);
	/* Without these a message would have another end. */
	if (head_equals(name, "transfer-encoding") ||
	    head_equals(name, "content-length"))
		return (false);
	return (is_named(m, name));
}

static void
put_connection(struct writer *w, bool upgrade, bool settings, bool close)
{
	if (upgrade || close)
		put_text(w, upgrade && settings ?
		    "Connection: Upgrade, HTTP2-Settings\r\n" : upgrade ?
		    "Connection: Upgrade\r\n" : "Connection: close\r\n");
}

/* RFC 9110, 7.6.3: the version is that of the message as it came. */
static void
put_via(struct writer *w, const struct head *h, const char *via)
{
	if (via[0] == '\0')
		return;
	put_text(w, h->message.minor == 0 ? "Via: 1.0 " : "Via: 1.1 ");
	put_text(w, via);
	put_text(w, "\r\n");
}

/* Nothing grows but "name:value" to "name: value", and what is added. */
static bool
begin(struct writer *w, const struct head *h,
    const struct rewrite_forward *forward)
{
	size_t size = h->size + h->message.count + 1;

	if (forward != NULL)
		size += ADDED_SIZE + TARGET_TEXT_SIZE + strlen(forward->via);
	w->mem = malloc(size);
	w->len = 0;
	return (w->mem != NULL);
}

/* ------------------------------------------------------------------ */
/* Requests								*/

/* RFC 9112, 3.2.1, and 3.2.4 for an OPTIONS of the server itself. */
static void
put_origin_form(struct writer *w, const struct head *h,
    const struct uri *uri)
{
	if (uri->path.len == 0 &&
	    head_equals(h->message.method, "options")) {
		put_text(w, "*");
		return;
	}
	if (uri->path.len == 0 || uri->path.data[0] != '/')
		put_text(w, "/");
	put_bytes(w, uri->path);
}

/* RFC 9112, 3.2.2: whatever the client's Host said.  In the one form that
 * policy and log have seen. */
static void
put_host(struct writer *w, const struct target *target)
{
	char text[TARGET_TEXT_SIZE];

	target_format(target, text, sizeof(text));
	if (target->port == URI_PORT)
		*strrchr(text, ':') = '\0';
	put_text(w, "Host: ");
	put_text(w, text);
	put_text(w, "\r\n");
}

static void
put_request_line(struct writer *w, const struct head *h,
    const struct rewrite_forward *forward)
{
	put_bytes(w, h->message.method);
	put_text(w, " ");
	if (forward != NULL)
		put_origin_form(w, h, forward->uri);
	else
		put_bytes(w, h->message.target);
	/* Our own version, whatever the client's (RFC 9112, 2.3). */
	put_text(w, forward == NULL && h->message.minor == 0 ?
	    " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
	if (forward != NULL)
		put_host(w, &forward->uri->target);
}

/* RFC 9110, 7.6.2: counts the proxies of a TRACE or an OPTIONS.  False: it
 * is another field, or none of these. */
static bool
max_forwards(const struct head *h, const struct frl_http_field *f,
    unsigned long *ret_n)
{
	size_t i;

	*ret_n = 0;
	if (!head_equals(f->name, "max-forwards") ||
	    (!head_equals(h->message.method, "trace") &&
	    !head_equals(h->message.method, "options")))
		return (false);
	if (f->value.len == 0 || f->value.len > 9)
		return (false);
	for (i = 0; i < f->value.len; i++) {
		if (f->value.data[i] < '0' || f->value.data[i] > '9')
			return (false);
		*ret_n = *ret_n * 10 + (unsigned long)(f->value.data[i] - '0');
	}
	return (true);
}

static bool
put_max_forwards(struct writer *w, const struct head *h,
    const struct frl_http_field *f)
{
	char text[48];
	unsigned long n;

	if (!max_forwards(h, f, &n))
		return (false);
	(void)snprintf(text, sizeof(text), "Max-Forwards: %lu\r\n", n - 1);
	put_text(w, text);
	return (true);
}

bool
rewrite_is_last(const struct head *h)
{
	unsigned long n;

	for (uint32_t i = 0; i < h->message.count; i++)
		if (max_forwards(h, &h->message.fields[i], &n) && n == 0)
			return (true);
	return (false);
}

uint8_t *
rewrite_reflected(const struct head *h, size_t *ret_len)
{
	const struct frl_http_head *m = &h->message;
	struct writer w;

	if (!begin(&w, h, NULL))
		return (NULL);
	put_request_line(&w, h, NULL);
	for (uint32_t i = 0; i < m->count; i++)
		if (!head_equals(m->fields[i].name, "authorization") &&
		    !head_equals(m->fields[i].name, "proxy-authorization") &&
		    !head_equals(m->fields[i].name, "cookie"))
			put_field(&w, &m->fields[i]);
	put_text(&w, "\r\n");
	*ret_len = w.len;
	return (w.mem);
}

uint8_t *
rewrite_request(const struct head *h, const struct upgrade_rules *rules,
    const struct rewrite_forward *forward, size_t *ret_len)
{
	const struct frl_http_head *m = &h->message;
	bool rewrite, h2c = rules->permits(rules->arg, "h2c") == 1;
	bool upgrade = upgrade_request(h, rules, &rewrite) == UPGRADE_ASKED;
	struct writer w;
	uint32_t i;

	if (!begin(&w, h, forward))
		return (NULL);
	h2c = h2c && upgrade;
	put_request_line(&w, h, forward);
	for (i = 0; i < m->count; i++) {
		const struct frl_http_field *f = &m->fields[i];

		if (head_equals(f->name, "http2-settings") && !h2c)
			continue;
		if (head_equals(f->name, "upgrade")) {
			if (upgrade)
				put_list(&w, f, upgrade_stays, rules);
		} else if (forward == NULL &&
		    head_equals(f->name, "connection")) {
			put_list(&w, f, connection_stays, &upgrade);
		} else if (forward != NULL &&
		    (head_equals(f->name, "host") ||
		    (m->minor == 0 && head_equals(f->name, "expect")) ||
		    (is_hop_by_hop(m, f->name) &&
		    !head_equals(f->name, "http2-settings")))) {
			continue;
		} else if (forward == NULL || !put_max_forwards(&w, h, f))
			put_field(&w, f);
	}
	if (forward != NULL) {
		put_connection(&w, upgrade, h2c &&
		    head_first(h, HEAD_HTTP2_SETTINGS) != NULL,
		    forward->close);
		put_via(&w, h, forward->via);
	}
	put_text(&w, "\r\n");
	*ret_len = w.len;
	return (w.mem);
}

/*
 * RFC 9112, 3.2.2.  In a head that was written above the authority stands in
 * the second line, and only an OPTIONS has '*', which is an empty path here
 * (3.2.4).
 */
uint8_t *
rewrite_for_parent(const uint8_t *head, size_t len,
    const struct frl_parent *parent, size_t *ret_len)
{
	static const char host[] = "\r\nHost: ";
	const uint8_t *path = memchr(head, ' ', len);
	const uint8_t *line = path == NULL ? NULL :
	    memmem(head, len, host, sizeof(host) - 1);
	const uint8_t *name = line == NULL ? NULL : line + sizeof(host) - 1;
	const uint8_t *end = name == NULL ? NULL :
	    memchr(name, '\r', len - (size_t)(name - head));
	struct writer w = { .mem = NULL };

	if (end != NULL)
		w.mem = malloc(len + (size_t)(end - name) + ADDED_SIZE +
		    strlen(parent->via) + (parent->authorization == NULL ? 0 :
		    strlen(parent->authorization)));
	if (w.mem == NULL)
		return (NULL);
	path++;
	put(&w, head, (size_t)(path - head));
	put_text(&w, "http://");
	put(&w, name, (size_t)(end - name));
	if (*path == '*')
		path++;
	put(&w, path, len - 2 - (size_t)(path - head));
	if (parent->authorization != NULL) {
		put_text(&w, "Proxy-Authorization: ");
		put_text(&w, parent->authorization);
		put_text(&w, "\r\n");
	}
	put_text(&w, "Via: 1.1 ");
	put_text(&w, parent->via);
	put_text(&w, "\r\n\r\n");
	*ret_len = w.len;
	return (w.mem);
}

/* ------------------------------------------------------------------ */
/* Responses								*/

/* RFC 9110, 6.6.1: who sends on a response without a Date adds one. */
static void
put_date(struct writer *w)
{
	char text[64];
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm) != NULL && strftime(text, sizeof(text),
	    "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm) != 0)
		put_text(w, text);
}

/* Does the client read where the message ends from other fields than the
 * server wrote? */
static bool
is_framing(const struct head *h, struct frl_bytes name, bool old)
{
	uint16_t status = h->message.status;

	if (head_equals(name, "content-length"))
		return (status < 200 || status == 204);
	return (old && (head_equals(name, "transfer-encoding") ||
	    head_equals(name, "trailer")));
}

uint8_t *
rewrite_response(const struct head *h, const struct rewrite_forward *forward,
    size_t *ret_len)
{
	const struct frl_http_head *m = &h->message;
	/* What the client should speak instead: RFC 9110, 15.5.22. */
	bool upgrade = m->status == 426 &&
	    head_first(h, HEAD_UPGRADE) != NULL;
	bool date = m->status < 200;
	char line[32];
	struct writer w;
	uint32_t i;

	if (!begin(&w, h, forward))
		return (NULL);
	/* Our own version, whatever the server's (RFC 9110, 2.5). */
	(void)snprintf(line, sizeof(line), "HTTP/1.1 %03u ",
	    (unsigned)m->status);
	put_text(&w, line);
	put_bytes(&w, m->reason);
	put_text(&w, "\r\n");
	for (i = 0; i < m->count; i++) {
		const struct frl_http_field *f = &m->fields[i];

		date = date || head_equals(f->name, "date");
		if ((!is_hop_by_hop(m, f->name) ||
		    (upgrade && head_equals(f->name, "upgrade"))) &&
		    !is_framing(h, f->name, forward->old))
			put_field(&w, f);
	}
	if (!date)
		put_date(&w);
	if (upgrade && forward->close)
		put_text(&w, "Connection: close, Upgrade\r\n");
	else
		put_connection(&w, upgrade, false, forward->close);
	put_via(&w, h, forward->via);
	put_text(&w, "\r\n");
	*ret_len = w.len;
	return (w.mem);
}
