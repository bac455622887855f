/* SPDX-License-Identifier: MIT */
/*
 * detect -- see detect.h.
 *
 * Whatever a server might take for an HTTP/1 request line is claimed, to be
 * answered 400 by us, so that a malformed one is no way around the rules:
 * words and SP or HTAB, then "HTTP/" in any case, also behind empty lines
 * (RFC 9112, 2.2 and 3).
 */
#include <string.h>
#include <strings.h>

#include "detect.h"

#define CLAIM_AT 8192

static bool
is_blank(uint8_t byte)
{
	return (byte == ' ' || byte == '\t');
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

/* Look for a third word that begins with HTTP/. */
static enum frl_detection
request_line(struct frl_bytes line)
{
	static const char mark[] = "HTTP/";
	size_t words = 0;

	for (size_t i = 0; i < line.len; i++) {
		uint8_t byte = line.data[i];

		if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
			return (FRL_NO);
		if (is_blank(byte) || (i > 0 && !is_blank(line.data[i - 1])))
			continue;
		if (words >= 2 && line.len - i >= sizeof(mark) - 1 &&
		    strncasecmp((const char *)line.data + i, mark,
		    sizeof(mark) - 1) == 0)
			return (FRL_YES);
		words++;
	}
	return (FRL_MORE);
}

enum frl_detection
detect_http(struct frl_bytes client, struct frl_bytes server, bool ended)
{
	enum frl_detection answer = FRL_MORE;
	size_t skip = 0;

	if (server.len > 0)
		return (FRL_NO);
	while (skip < client.len && (is_blank(client.data[skip]) ||
	    client.data[skip] == '\r' || client.data[skip] == '\n'))
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
		    client.data + skip, client.len - skip });
	}
	if (answer == FRL_MORE && client.len >= CLAIM_AT)
		return (FRL_YES);
	return (answer == FRL_MORE && ended ? FRL_NO : answer);
}

struct frl_bytes
detect_redact(struct frl_bytes target, uint8_t *buffer, size_t size)
{
	bool query = false, value = false;
	size_t n = 0;

	for (size_t i = 0; i < target.len && n < size; i++) {
		uint8_t byte = target.data[i];

		if (query && byte == '&')
			value = false;
		if (!value)
			buffer[n++] = byte;
		if (query && byte == '=')
			value = true;
		if (byte == '?')
			query = true;
	}
	return ((struct frl_bytes){ buffer, n });
}
