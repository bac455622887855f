/* SPDX-License-Identifier: MIT */
/*
 * ws_bytes -- WebSocket frames, right and wrong, for the tests of the
 * websocket inspector.  Writes what it is told, and shares no code with what
 * it tests.
 */
#ifndef TESTS_PLUGINS_WS_BYTES_H
#define TESTS_PLUGINS_WS_BYTES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	uint8_t mem[1 << 17];
	size_t len;
};

#define WS_FIN 0x80u

/* One frame: the first byte as it stands, how many bytes its length takes
 * (0: as few as possible, 2, 8), the announced length, what is sent of it. */
struct ws_wish {
	unsigned int first;
	bool masked;
	unsigned int wide;
	uint64_t announced;
	const void *payload;
	size_t sent;
};

static inline void
bytes_add(struct bytes *b, const void *mem, size_t n)
{
	assert(n <= sizeof(b->mem) - b->len);
	if (n > 0)
		memcpy(b->mem + b->len, mem, n);
	b->len += n;
}

static inline void
bytes_put(struct bytes *b, unsigned int byte)
{
	uint8_t c = (uint8_t)byte;

	bytes_add(b, &c, 1);
}

static inline void
ws_add(struct bytes *b, const struct ws_wish *wish)
{
	static const uint8_t key[4] = { 0x37, 0xfa, 0x21, 0x3d };
	unsigned int mask = wish->masked ? 0x80 : 0, wide = wish->wide;
	uint64_t n = wish->announced;

	if (wide == 0)
		wide = n < 126 ? 1 : n < 65536 ? 2 : 8;
	bytes_put(b, wish->first);
	bytes_put(b, mask | (wide == 1 ? (unsigned int)n :
	    wide == 2 ? 126u : 127u));
	for (unsigned int i = wide == 1 ? 0 : wide; i > 0; i--)
		bytes_put(b, (unsigned int)(n >> (8 * (i - 1)) & 0xff));
	if (wish->masked)
		bytes_add(b, key, sizeof(key));
	for (size_t i = 0; i < wish->sent; i++)
		bytes_put(b, ((const uint8_t *)wish->payload)[i] ^
		    (wish->masked ? key[i % 4] : 0u));
}

/* Are these bytes one close frame of ours, with this code and a reason that
 * has this word, masked or not? */
static inline bool
ws_is_close(const uint8_t *p, size_t n, bool masked, unsigned int code,
    const char *word)
{
	size_t head = masked ? 6 : 2;
	char text[126] = "";

	if (n < head + 2 || p[0] != 0x88 || n - head > 125 ||
	    p[1] != (masked ? 0x80u : 0u) + (n - head))
		return (false);
	for (size_t i = 0; i < n - head; i++)
		text[i] = (char)(p[head + i] ^ (masked ? p[2 + i % 4] : 0));
	return (((unsigned int)(uint8_t)text[0] << 8 | (uint8_t)text[1]) ==
	    code && strstr(text + 2, word) != NULL);
}

/* A frame as it should be. */
static inline void
ws_good(struct bytes *b, unsigned int first, bool masked, const void *payload,
    size_t n)
{
	ws_add(b, &(struct ws_wish){ .first = first, .masked = masked,
	    .announced = n, .payload = payload, .sent = n });
}

#endif
