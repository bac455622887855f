/* SPDX-License-Identifier: MIT */
/*
 * limits -- how much of what a peer may send, and how fast.
 *
 * Sans-IO.  Only judges and counts.  One struct limits per direction; zeroed
 * memory is a direction in which nothing was sent.  A second begins with what
 * comes first behind the one before.
 */
#ifndef WEBSOCKET_LIMITS_H
#define WEBSOCKET_LIMITS_H

#include "options.h"
#include "rules.h"

enum limit {
	LIMIT_NONE,
	LIMIT_FRAME,
	LIMIT_MESSAGE,
	LIMIT_FRAGMENTS,
	LIMIT_FRAME_RATE,
	LIMIT_MESSAGE_RATE,
	LIMIT_BYTE_RATE
};

struct limits {
	uint64_t second_us, bytes;
	uint64_t frames, messages;
};

/* Of several one, in the order above. */
enum limit limits_frame(struct limits *limits, const struct options *options,
    const struct rules *rules, const struct frame *frame, uint64_t now_us);

/* More payload has come. */
enum limit limits_bytes(struct limits *limits, const struct options *options,
    uint64_t n, uint64_t now_us);

/* Must limits_bytes() be told as bytes come? */
static inline bool
limits_want_bytes(const struct options *options)
{
	return (options->max_byte_rate != 0);
}

/* What is too much, which option says so, and its value; and the code of a
 * close (RFC 6455, 7.4.1). */
const char *limits_text(enum limit limit);
const char *limits_name(enum limit limit);
uint64_t limits_value(enum limit limit, const struct options *options);
uint16_t limits_code(enum limit limit);

#endif
