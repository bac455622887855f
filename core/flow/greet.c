/* SPDX-License-Identifier: MIT */
#include "flow/greet.h"

#include "base/head.h"
#include "base/uri.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum greet_result
deny(struct greet *greet, enum why why, const char *detail)
{
	greet->why = why;
	greet->detail = detail;
	return (GREET_DENY);
}

/* A request that is no CONNECT: whose is it? */
static enum greet_result
judge_forward(struct greet *greet, const struct head *head)
{
	struct frl_bytes text = head->message.target;
	struct uri uri;
	const char *what = NULL;

	greet->forward = true;
	switch (uri_parse(&uri, text, &what)) {
	case URI_HTTP:
		greet->target = uri.target;
		return (GREET_TARGET);
	case URI_OTHER:
		return (deny(greet, WHY_BAD_METHOD, what));
	case URI_NONE:
		return (deny(greet, WHY_BAD_METHOD,
		    "this is a proxy: ask for http://host/path or "
		    "CONNECT host:port"));
	case URI_BAD:
		break;
	}
	return (deny(greet, WHY_BAD_TARGET, what));
}

/* A well-formed head: does it name a valid target? */
static enum greet_result
judge(struct greet *greet, const struct head *head)
{
	const struct frl_http_head *m = &head->message;
	const char *what = NULL;

	greet->size = head->size;
	greet->forward = false;
	/* Methods are case-sensitive (RFC 9110, 9.1). */
	if (m->method.len != 7 || memcmp(m->method.data, "CONNECT", 7) != 0)
		return (judge_forward(greet, head));
	/* A body has no meaning here, and whoever reads one would take the
	 * tunnel's first bytes for it (RFC 9110, 9.3.6). */
	if (head->content_length >= 0 || head->has_transfer_encoding)
		return (deny(greet, WHY_BAD_HEAD,
		    "a CONNECT request has no body"));
	if (target_parse(&greet->target, (const char *)m->target.data,
	    m->target.len, &what) != 0)
		return (deny(greet, WHY_BAD_TARGET, what));
	return (GREET_TARGET);
}

/*
 * What else speaks to a proxy's port by mistake: what is wrong with a bad
 * head, in words that help more than the first byte that is wrong.
 */
static const char *
mistaken(const uint8_t *bytes, size_t len, const char *detail)
{
#define BEGINS(text) text, sizeof(text) - 1
	static const char socks[] = "this looks like SOCKS: the proxy "
	    "speaks HTTP only; name it as http://, not socks://";
	static const char header[] = "this looks like a PROXY header: set "
	    "`proxy_protocol: required` for this listener";
	static const struct {
		const char *bytes;
		size_t len;
		const char *detail;
	} rows[] = {
		/* A TLS record of a handshake (RFC 8446, 5.1). */
		{ BEGINS("\x16\x03"), "this looks like TLS: the proxy itself "
		    "is spoken to in plain HTTP; name it as http://, not "
		    "https://" },
		{ BEGINS("\x04"), socks },
		{ BEGINS("\x05"), socks },	/* RFC 1928, 3 */
		{ BEGINS("PROXY "), header },
		{ BEGINS("\r\n\r\n\0\r\nQUIT\n"), header },
	};
#undef BEGINS
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (len >= rows[i].len &&
		    memcmp(bytes, rows[i].bytes, rows[i].len) == 0)
			return (rows[i].detail);
	return (detail);
}

enum greet_result
greet_read(struct greet *greet, const uint8_t *bytes, size_t len,
    size_t max_bytes, size_t max_fields)
{
	struct head_limits limits;
	struct frl_http_field *fields;
	struct head head;
	enum greet_result result;

	limits.bytes = (uint32_t)max_bytes;
	limits.fields = (uint32_t)max_fields;
	fields = reallocarray(NULL, max_fields, sizeof(*fields));
	if (fields == NULL)
		return (deny(greet, WHY_OUT_OF_RESOURCES, "out of memory"));
	switch (head_scan_request(&head, fields, bytes, len, &limits)) {
	case HEAD_OK:
		result = judge(greet, &head);
		break;
	case HEAD_MORE:
		result = GREET_MORE;
		break;
	case HEAD_TOO_LARGE:
		result = deny(greet, WHY_HEAD_TOO_LARGE, head.detail);
		break;
	default:
		result = deny(greet, WHY_BAD_HEAD, mistaken(bytes, len,
		    head.detail));
		break;
	}
	free(fields);
	return (result);
}

/* The reason phrases of the statuses in the table of reasons. */
static const char *
phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 400, "Bad Request" },
		{ 403, "Forbidden" },
		{ 408, "Request Timeout" },
		{ 431, "Request Header Fields Too Large" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 508, "Loop Detected" },
	};
	size_t i;

	for (i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return (phrases[i].phrase);
	return ("Error");
}

/* A detail may carry a plugin's or the system's words: only printable ASCII
 * stays, so that it fits a quoted string and a terminal. */
static void
clean(char *text, size_t size, const char *detail)
{
	size_t i;

	for (i = 0; detail[i] != '\0' && i + 1 < size; i++) {
		unsigned char c = (unsigned char)detail[i];

		text[i] = c < 0x20 || c > 0x7e || c == '"' || c == '\\'
		    ? '?' : (char)c;
	}
	text[i] = '\0';
}

int
greet_refuse(struct buf *out, enum why why, const char *detail)
{
	const struct why_row *row = why_row(why);
	int status = row->status != 0 ? row->status : 502;
	char body[512], head[1024], text[256];
	bool more = detail != NULL && detail[0] != '\0';
	int n, m;

	clean(text, sizeof(text), more ? detail : row->text);
	if (more)
		n = snprintf(body, sizeof(body), "fairlead: %s: %s\n",
		    row->text, text);
	else
		n = snprintf(body, sizeof(body), "fairlead: %s\n", row->text);
	m = snprintf(head, sizeof(head),
	    "HTTP/1.1 %d %s\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Length: %d\r\n"
	    "Proxy-Status: fairlead; error=%s; details=\"%s\"\r\n"
	    "%sConnection: close\r\n\r\n",
	    status, phrase(status), n,
	    row->error[0] != '\0' ? row->error : "proxy_internal_response",
	    text, why == WHY_LIMIT || why == WHY_UNLOGGED ?
	    "Retry-After: 1\r\n" : "");
	if (buf_append(out, head, (size_t)m) != 0)
		return (-1);
	return (buf_append(out, body, (size_t)n));
}

int
greet_accept(struct buf *out)
{
	static const char answer[] =
	    "HTTP/1.1 200 Connection established\r\n\r\n";

	return (buf_append(out, answer, sizeof(answer) - 1));
}
