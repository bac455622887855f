/* SPDX-License-Identifier: MIT */
/*
 * fuzz -- what every fuzz target needs: the entry, a claim that must hold, a
 * reader that takes an input apart, dice that follow from an input.
 *
 * It knows nothing of what is fuzzed.  A target keeps nothing between two
 * inputs but tables that never change.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <fairlead/inspector.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer calls these. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A claim about what is fuzzed. */
#define MUST(claim) do { \
	if (!(claim)) \
		fuzz_broken(#claim, __FILE__, __LINE__); \
} while (0)

__attribute__((noreturn)) static inline void
fuzz_broken(const char *claim, const char *file, int line)
{
	fprintf(stderr, "%s:%d: this must hold: %s\n", file, line, claim);
	abort();
}

/* An input that is read from its begin; what is not there is 0. */
struct input {
	const uint8_t *bytes;
	size_t len;
};

static inline uint8_t
input_byte(struct input *in)
{
	if (in->len == 0)
		return (0);
	in->len--;
	return (*in->bytes++);
}

static inline uint64_t
input_number(struct input *in, size_t bytes)
{
	uint64_t n = 0;

	while (bytes-- > 0)
		n = n << 8 | input_byte(in);
	return (n);
}

/* At most so many bytes. */
static inline struct frl_bytes
input_take(struct input *in, size_t most)
{
	struct frl_bytes b = { in->bytes, in->len < most ? in->len : most };

	in->bytes += b.len;
	in->len -= b.len;
	return (b);
}

/* What stands before the next separator, or all of it. */
static inline struct frl_bytes
input_until(struct input *in, uint8_t separator)
{
	const uint8_t *end = in->len == 0 ? NULL :
	    memchr(in->bytes, separator, in->len);
	struct frl_bytes b = input_take(in, end == NULL ? in->len :
	    (size_t)(end - in->bytes));

	(void)input_byte(in);
	return (b);
}

/* Memory of exactly this size, so that the sanitizer sees a step beyond. */
static inline void *
fuzz_copy(const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len + (len == 0));

	MUST(copy != NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	return (copy);
}

struct dice {
	uint64_t state;
};

static inline size_t
roll(struct dice *dice, size_t below)
{
	dice->state ^= dice->state << 13;
	dice->state ^= dice->state >> 7;
	dice->state ^= dice->state << 17;
	return ((size_t)(dice->state >> 32) % below);
}

static inline struct dice
dice_of(uint64_t seed)
{
	return ((struct dice){ (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) });
}

/* Only what a terminal may see, and `also`: no control characters, those of
 * two bytes (U+0080 to U+009F) included. */
static inline bool
fuzz_is_plain(const char *text, size_t len, char also)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != also) ||
		    text[i] == 0x7f || (i + 1 < len && text[i] == '\xc2' &&
		    (unsigned char)text[i + 1] < 0xa0))
			return (false);
	return (true);
}

#endif
