/* SPDX-License-Identifier: MIT */
/*
 * utf8 -- is a text UTF-8 (RFC 3629), piece by piece?
 *
 * Sans-IO, keeps no text.  Zeroed memory is the beginning of a text.
 */
#ifndef WEBSOCKET_UTF8_H
#define WEBSOCKET_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct utf8 {
	uint8_t missing;	/* bytes of the character that is not whole */
	uint8_t low, high;	/* what its next byte may be */
};

/* False at the first byte that cannot be; then the text is over. */
bool utf8_feed(struct utf8 *utf8, const uint8_t *text, size_t n);

/* May the text end here? */
static inline bool
utf8_whole(const struct utf8 *utf8)
{
	return (utf8->missing == 0);
}

#endif
