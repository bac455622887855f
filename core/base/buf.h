/* SPDX-License-Identifier: MIT */
/*
 * buf -- a queue of bytes in one piece of memory.
 *
 *	mem          head                 tail                cap
 *	 |  drained   |////// queued //////|      room         |
 *	 0 <=        head      <=         tail       <=       cap
 *
 * An empty buf owns no memory: an idle tunnel's buffers cost three words.
 * It knows nothing of limits; whoever appends has checked them.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *mem;
	size_t head, tail, cap;
};

static inline size_t
buf_len(const struct buf *b)
{
	return (b->tail - b->head);
}

/* The first queued byte; NULL when empty.  Valid until the next call. */
static inline const uint8_t *
buf_data(const struct buf *b)
{
	return (b->mem == NULL ? NULL : b->mem + b->head);
}

/* Queue n bytes (copy).  0, or -1 without memory: then nothing changed. */
int buf_append(struct buf *b, const void *bytes, size_t n);

/* Forget the first n bytes (n <= buf_len).  An empty buf gives its memory
 * back. */
void buf_drain(struct buf *b, size_t n);

/* Forget everything.  The struct stays usable. */
void buf_free(struct buf *b);

#endif
