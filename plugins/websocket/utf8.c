/* SPDX-License-Identifier: MIT */
/*
 * utf8 -- see utf8.h.
 */
#include <string.h>

#include "utf8.h"

/* How many of these are ASCII, at least, in steps of eight. */
static size_t
plain(const uint8_t *text, size_t n)
{
	const uint64_t high = UINT64_C(0x8080808080808080);
	size_t at = 0;
	uint64_t eight;

	for (; n - at >= sizeof(eight); at += sizeof(eight)) {
		memcpy(&eight, text + at, sizeof(eight));
		if ((eight & high) != 0)
			break;
	}
	return (at);
}

/*
 * The first byte of a character.  RFC 3629, 4: the second byte rules out what
 * is overlong, the surrogates, and what is above U+10FFFF.
 */
static bool
begin(struct utf8 *utf8, uint8_t c)
{
	if (c < 0x80)
		return (true);
	if (c < 0xc2 || c > 0xf4)
		return (false);
	utf8->missing = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	utf8->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	utf8->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	return (true);
}

static bool
go_on(struct utf8 *utf8, uint8_t c)
{
	if (c < utf8->low || c > utf8->high)
		return (false);
	utf8->low = 0x80;
	utf8->high = 0xbf;
	utf8->missing--;
	return (true);
}

bool
utf8_feed(struct utf8 *utf8, const uint8_t *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (utf8->missing == 0)
			i += plain(text + i, n - i);
		if (i == n)
			break;
		if (!(utf8->missing == 0 ? begin(utf8, text[i]) :
		    go_on(utf8, text[i])))
			return (false);
	}
	return (true);
}
