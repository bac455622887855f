/* SPDX-License-Identifier: MIT */
/*
 * head_syntax -- what single bytes of a head may be, and what a Host is.
 *
 * A header, for head.c is compiled into two programs and is to stay one
 * source file.  Not for others.
 */
#ifndef BASE_HEAD_SYNTAX_H
#define BASE_HEAD_SYNTAX_H

#include <fairlead/inspector.h>

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

#endif
