/* SPDX-License-Identifier: MIT */
/*
 * head_syntax -- what single bytes of a head may be, what stands around a
 * value, what a Host is, which names have a meaning.
 *
 * A header, for head.c asks at each byte and field.  For it and head_fields.c
 * only.
 */
#ifndef BASE_HEAD_SYNTAX_H
#define BASE_HEAD_SYNTAX_H

#include "base/head.h"
#include "base/words.h"

#include <stddef.h>
#include <stdint.h>

/* What a byte may be part of; the table below adds these up. */
#define TOKEN 1			/* tchar (RFC 9110, 5.6.2) */
#define TARGET 2		/* no control, no space, no '#' */
#define VALUE 4			/* no control but HTAB */
#define HOST 8			/* reg-name or IPv4address, without ','
				 * and '%': nobody escapes a host, and what
				 * "%00" is, readers do not agree on */
#define LITERAL 16		/* between the brackets of an IPv6address */

static const uint8_t head_classes[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	4, 15, 6, 5, 15, 7, 15, 15, 14, 14, 15, 15, 6, 15, 31, 6,
	31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 22, 14, 6, 14, 6, 6,
	6, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 6, 7, 15,
	7, 31, 31, 31, 31, 31, 31, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 7, 6, 15, 0,
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
	6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
};

static inline int
head_is_digit(uint8_t c)
{
	return (c >= '0' && c <= '9');
}

static inline uint8_t
head_lower(uint8_t c)
{
	return (c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
}

/* OWS is no part of a value (RFC 9112, 5.1). */
static inline struct frl_bytes
head_trim(struct frl_bytes b)
{
	while (b.len > 0 && (b.data[0] == ' ' || b.data[0] == '\t')) {
		b.data++;
		b.len--;
	}
	while (b.len > 0 &&
	    (b.data[b.len - 1] == ' ' || b.data[b.len - 1] == '\t'))
		b.len--;
	return (b);
}

/*
 * uri-host [ ":" port ] (RFC 9112, 3.2; RFC 3986, 3.2).  Empty is valid: a
 * target without an authority has such a Host.  No ',': whoever joins
 * repeated fields would see two hosts.
 */
static inline int
head_valid_host(struct frl_bytes value)
{
	const uint8_t *p = value.data, *end = value.data + value.len;
	size_t digits = 0;
	uint32_t port = 0;

	if (p < end && *p == '[') {
		for (p++; p < end && (head_classes[*p] & LITERAL) != 0; p++)
			;
		if (p == end || *p != ']' || p - value.data < 3)
			return (0);
		p++;
	} else {
		while (p < end && (head_classes[*p] & HOST) != 0)
			p++;
		if (p < end && p == value.data)
			return (0);
	}
	if (p < end && *p == ':') {
		for (p++; p < end && head_is_digit(*p) && digits < 6; p++) {
			port = port * 10 + (uint32_t)(*p - '0');
			digits++;
		}
	}
	return (p == end && digits <= 5 && port <= UINT16_MAX);
}

/* Which of the names that we ask for is it? */
static inline enum head_name
head_which(struct frl_bytes name)
{
	static const struct {
		const char *text;
		enum head_name name;
	} rows[][2] = {
		[4] = { { "host", HEAD_HOST } },
		[6] = { { "expect", HEAD_EXPECT } },
		[7] = { { "upgrade", HEAD_UPGRADE } },
		[10] = { { "user-agent", HEAD_USER_AGENT },
			{ "connection", HEAD_CONNECTION } },
		[14] = { { "content-length", HEAD_CONTENT_LENGTH },
			{ "http2-settings", HEAD_HTTP2_SETTINGS } },
		[17] = { { "transfer-encoding", HEAD_TRANSFER_ENCODING } },
	};
	size_t i;

	if (name.len >= sizeof(rows) / sizeof(rows[0]))
		return (HEAD_OTHER);
	for (i = 0; i < 2 && rows[name.len][i].text != NULL; i++) {
		if (words_same_name(name.data, rows[name.len][i].text,
		    name.len))
			return (rows[name.len][i].name);
	}
	return (HEAD_OTHER);
}

#endif
