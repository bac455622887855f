/* SPDX-License-Identifier: MIT */
/*
 * words -- eight bytes looked at in one step.
 *
 * Each function answers with the top bits of the bytes that are not what was
 * asked for, exact up to the first of them in memory: behind that one a carry
 * may have changed its neighbours.  So none means all eight are.
 */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORDS_ONES UINT64_C(0x0101010101010101)
#define WORDS_TOPS (WORDS_ONES << 7)

/* The first byte in memory is the lowest one. */
static inline uint64_t
words_load(const void *bytes)
{
	uint64_t x;

	memcpy(&x, bytes, sizeof(x));
	return (le64toh(x));
}

/* Printable ASCII, from `least` on. */
static inline uint64_t
words_not_plain(uint64_t x, uint8_t least)
{
	return ((x | (x - WORDS_ONES * least) | (x + WORDS_ONES)) &
	    WORDS_TOPS);
}

/* Any byte but this one. */
static inline uint64_t
words_is(uint64_t x, uint8_t byte)
{
	x ^= WORDS_ONES * byte;
	return ((x - WORDS_ONES) & ~x & WORDS_TOPS);
}

/* A letter or '-'.  No sum of two bytes below 0x80 reaches the next byte. */
static inline uint64_t
words_not_name(uint64_t x)
{
	uint64_t low = x & ~WORDS_TOPS, small = low | WORDS_ONES * 0x20;
	uint64_t letter = (small + WORDS_ONES * (0x80 - 'a')) &
	    ~(small + WORDS_ONES * (0x80 - 'z' - 1));
	uint64_t no_dash = (low ^ WORDS_ONES * '-') + WORDS_ONES * 0x7f;

	return ((x | (~letter & no_dash)) & WORDS_TOPS);
}

/* How many bytes stand before the first of those. */
static inline size_t
words_before(uint64_t tops)
{
	return (tops == 0 ? 8 : (size_t)__builtin_ctzll(tops) / 8);
}

/*
 * Is it this name, which is of small letters, digits and '-'?  The bytes are
 * of a token (RFC 9110, 5.6.2): no other one of those gets to be one of these
 * by the bit that makes letters small.
 */
static inline int
words_same_name(const uint8_t *name, const char *small, size_t len)
{
	const uint64_t bit = WORDS_ONES * 0x20;
	size_t i;

	if (len >= 8) {
		for (i = 0; i < len - 8; i += 8)
			if ((words_load(name + i) | bit) !=
			    (words_load(small + i) | bit))
				return (0);
		return ((words_load(name + len - 8) | bit) ==
		    (words_load(small + len - 8) | bit));
	}
	for (i = 0; i < len && (name[i] | 0x20) == (uint8_t)small[i]; i++)
		;
	return (i == len);
}

#endif
