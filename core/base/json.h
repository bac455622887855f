/* SPDX-License-Identifier: MIT */
/*
 * json -- writes values into a fixed piece of memory, and never past it.
 *
 * It knows strings and numbers, not objects: whoever writes a line knows its
 * braces.  Whatever bytes go in, what comes out is valid UTF-8 without
 * control characters: bytes below 0x20 and 0x7f become \u00XX (or \n, \t...),
 * invalid UTF-8 becomes U+FFFD, U+2028 and U+2029 are escaped.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	char *at, *end;		/* the next free byte; behind the last one */
	bool full;		/* something did not fit: the text is cut */
};

/* Something did not fit: nothing will any more. */
static inline void
json_overflow(struct json *j)
{
	j->full = true;
	j->end = j->at;
}

/* What a byte is in a JSON string: 0 for those that stand for themselves. */
extern const uint8_t json_kinds[256];

static inline bool
json_is_plain(char c)
{
	return (json_kinds[(unsigned char)c] == 0);
}

void json_raw(struct json *j, const char *text, size_t len);
void json_u64(struct json *j, uint64_t n);
void json_i64(struct json *j, int64_t n);
void json_bool(struct json *j, bool b);

/*
 * A quoted string of at most cap input bytes, cut between characters; true
 * when something was left out.
 */
bool json_string(struct json *j, const void *bytes, size_t len, size_t cap);

/*
 * The same without quotes, for a line that people read: escapes become
 * \xNN, so that a terminal never sees a control character.
 */
bool json_plain(struct json *j, const void *bytes, size_t len, size_t cap);

#endif
