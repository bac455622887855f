/* SPDX-License-Identifier: MIT */
/*
 * detect -- see detect.h.
 *
 * Whatever a server might take for an HTTP request line is claimed, to be
 * answered 400 by us, so that a malformed one is no way around the rules:
 * words, then "HTTP/" in any case, also behind empty lines (RFC 9112, 2.2 and
 * 3), whatever control bytes stand behind the first word; and "GET /" as in
 * HTTP/0.9, which has no version.
 */
#include <string.h>
#include <strings.h>

#include "detect.h"

#define CLAIM_AT 8192

/* What lenient parsers take for a space (RFC 9112, 3); CR: not before LF. */
static bool
is_blank(uint8_t byte)
{
	return (byte == ' ' || (byte >= '\t' && byte <= '\r' && byte != '\n'));
}

/* The HTTP/2 preface (RFC 9113, 3.4); MORE: a prefix of it. */
static enum frl_detection
preface(struct frl_bytes client)
{
	static const char text[] = "PRI * HTTP/2.0";
	size_t n = client.len < sizeof(text) - 1 ? client.len :
	    sizeof(text) - 1;

	if (memcmp(client.data, text, n) != 0)
		return (FRL_NO);
	return (n == sizeof(text) - 1 ? FRL_YES : FRL_MORE);
}

/*
 * Look for a further word that begins with HTTP/, as long as it is a line;
 * without one, is the line "GET /", maybe without an end?
 */
static enum frl_detection
request_line(struct frl_bytes line, bool ended)
{
	size_t words = 0;	/* the byte is in this one, from 1 */
	bool get = line.len > 3 && memcmp(line.data, "GET", 3) == 0 &&
	    is_blank(line.data[3]);
	bool path = false;

	for (size_t i = 0; i < line.len; i++) {
		uint8_t byte = line.data[i];
		bool first = i == 0 || is_blank(line.data[i - 1]);

		if (byte == '\n')
			return (get && path ? FRL_YES : FRL_NO);
		if (is_blank(byte))
			continue;
		words += first;
		/* Other protocols show early that they are none. */
		if (words == 1 && (byte < 0x20 || byte == 0x7f))
			return (FRL_NO);
		if (!first || words == 1)
			continue;
		path = path || (words == 2 && byte == '/');
		if (line.len - i >= 5 && strncasecmp(
		    (const char *)line.data + i, "HTTP/", 5) == 0)
			return (FRL_YES);
	}
	return (ended && get && path ? FRL_YES : FRL_MORE);
}

enum frl_detection
detect_http(struct frl_bytes client, struct frl_bytes server, bool ended)
{
	enum frl_detection answer = FRL_MORE;
	size_t skip = 0;

	if (server.len > 0)
		return (FRL_NO);
	while (skip < client.len && (is_blank(client.data[skip]) ||
	    client.data[skip] == '\n'))
		skip++;
	if (skip < client.len) {
		switch (preface(client)) {
		case FRL_YES:
			return (FRL_NO);
		case FRL_MORE:
			return (ended ? FRL_NO : FRL_MORE);
		case FRL_NO:
			break;
		}
		answer = request_line((struct frl_bytes){
		    client.data + skip, client.len - skip }, ended);
	}
	if (answer == FRL_MORE && client.len >= CLAIM_AT)
		return (FRL_YES);
	return (answer == FRL_MORE && ended ? FRL_NO : answer);
}

/* What is logged of "name=value", of "name=" and of a bare token, which may be
 * a credential, and may be padded with '=' (RFC 4648, 3.2). */
static struct frl_bytes
redact_part(struct frl_bytes part)
{
	size_t name, end;

	for (name = 0; name < part.len && part.data[name] != '='; name++)
		;
	for (end = name; end < part.len && part.data[end] == '='; end++)
		;
	if (part.len == 0)
		return (part);
	if (end == part.len)
		return ((struct frl_bytes){ (const uint8_t *)"***", 3 });
	return ((struct frl_bytes){ part.data, name + 1 });
}

static size_t
find(struct frl_bytes text, size_t at, uint8_t byte)
{
	const uint8_t *p = at == text.len ? NULL : memchr(text.data + at, byte,
	    text.len - at);

	return (p != NULL ? (size_t)(p - text.data) : text.len);
}

static size_t
put(uint8_t *buffer, size_t at, size_t size, struct frl_bytes text)
{
	size_t n = text.len < size - at ? text.len : size - at;

	if (n != 0)
		memcpy(buffer + at, text.data, n);
	return (at + n);
}

struct frl_bytes
detect_redact(struct frl_bytes target, uint8_t *buffer, size_t size)
{
	size_t at = find(target, 0, '?'), end;
	size_t n = put(buffer, 0, size, (struct frl_bytes){ target.data, at });

	/* A part and the '?' or '&' before it. */
	for (; at < target.len && n < size; at = end) {
		buffer[n++] = target.data[at++];
		end = find(target, at, '&');
		n = put(buffer, n, size, redact_part((struct frl_bytes){
		    target.data + at, end - at }));
	}
	return ((struct frl_bytes){ buffer, n });
}
