/* SPDX-License-Identifier: MIT */
/*
 * json_find -- finds one value in a line of JSON that this program wrote.
 *
 * It goes by one pass over the text and needs no memory.  Of what is no valid
 * JSON it finds something or nothing, and never reads past the end.
 */
#ifndef BASE_JSON_FIND_H
#define BASE_JSON_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_text {
	const char *at;
	size_t len;
};

/* The value at a path ("ws.c2s.text") as it is written, strings without their
 * quotes; len 0: it is not there. */
struct json_text json_find(const char *line, size_t len, const char *path);

/* The next member of an object whose text this is, quotes left out: false when
 * there is none any more.  *at: where to go on, at first 0. */
bool json_next(struct json_text object, size_t *at, struct json_text *ret_key,
    struct json_text *ret_value);

/* A number, or 0. */
uint64_t json_number(struct json_text text);

/* Is it this word? */
bool json_is(struct json_text text, const char *word);

#endif
