/* SPDX-License-Identifier: MIT */
/*
 * wire -- bytes as they are on the wire: a pattern, heads of HTTP/1.1
 * messages, WebSocket frames.  No sockets, no clock.
 *
 * Readers take what has come, however it was cut.
 */
#ifndef LOAD_WIRE_H
#define LOAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HEAD_MAX = 2048,
	FRAME_HEAD_MAX = 14,
	ACCEPT_SIZE = 29,	/* 28 characters and their end */
	WS_KEY_SIZE = 25,
	PATTERN_PERIOD = 127
};

struct head {
	size_t len;
	bool whole;
	char text[HEAD_MAX + 1];
};

/* A frame being read. */
struct frames {
	uint8_t head[FRAME_HEAD_MAX];
	size_t have;
	size_t head_len;	/* 0 until it is known */
	uint64_t length;
	uint64_t at;		/* payload bytes read */
	uint8_t key[4];		/* zeros if it is not masked */
};

/* What one step of reading frames found. */
struct piece {
	const uint8_t *bytes;	/* payload, still masked */
	size_t n;
	uint64_t at;		/* its place in the frame */
	bool done;		/* the frame ends with it */
};

/* Byte `at` of every stream and payload here.  The first one is a control
 * character: an inspector that looks for a protocol sees at once that this is
 * none it knows. */
static inline uint8_t
pattern(uint64_t at)
{
	return ((uint8_t)(at % PATTERN_PERIOD + 1));
}

/* Write n bytes of the pattern from its beginning. */
void pattern_put(uint8_t *dst, size_t n);

/* Are the first and the last of these bytes those of the pattern from at on,
 * under this key (NULL: none)? */
bool pattern_holds(
    const uint8_t *bytes, size_t n, uint64_t at, const uint8_t *key);

/* Add bytes to a head until it is whole.  Returns how many were taken; 0 of
 * some means that it is too long. */
size_t head_feed(struct head *head, const uint8_t *bytes, size_t n);

/* The status of a response; 0 if it is none. */
int head_status(const struct head *head);

/* Copy the value of a field.  False if it is missing or does not fit. */
bool head_field(
    const struct head *head, const char *name, char *ret, size_t size);

/* Read up to the end of one frame.  Returns how many bytes were taken, 0 for
 * a frame that we do not send: only whole binary messages are. */
size_t frames_feed(
    struct frames *f, const uint8_t *bytes, size_t n, struct piece *ret);

/* Write a binary frame, masked unless key is NULL.  Returns its size, at most
 * FRAME_HEAD_MAX more than the payload's. */
size_t frame_put(
    uint8_t *dst, const uint8_t *payload, size_t n, const uint8_t *key);

/* A Sec-WebSocket-Key from 16 bytes, and its Sec-WebSocket-Accept. */
void ws_key(const uint8_t *nonce, char *ret);
bool ws_accept(const char *key, char *ret);

#endif
