/* SPDX-License-Identifier: MIT */
/*
 * buf -- a queue of bytes in one piece of memory.
 *
 *	bytes        head                 tail                cap
 *	 |  drained   |////// queued //////|      room         |
 *	 0 <=        head      <=         tail       <=       cap
 *
 * An empty buf owns no memory, and what there is to know of a full one stands
 * in front of its bytes: an idle tunnel's buffers cost a word each.  It knows
 * nothing of limits; whoever appends has checked them.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf_mem {
	size_t head, tail, cap;
	uint8_t bytes[];
};

struct buf {
	struct buf_mem *mem;		/* NULL: nothing is queued */
};

static inline size_t
buf_len(const struct buf *b)
{
	return (b->mem == NULL ? 0 : b->mem->tail - b->mem->head);
}

static inline bool
buf_empty(const struct buf *b)
{
	return (b->mem == NULL);
}

/* The first queued byte; NULL when empty.  Valid until the next call. */
static inline const uint8_t *
buf_data(const struct buf *b)
{
	return (b->mem == NULL ? NULL : b->mem->bytes + b->mem->head);
}

/* Memory it has for bytes, queued or not. */
static inline size_t
buf_cap(const struct buf *b)
{
	return (b->mem == NULL ? 0 : b->mem->cap);
}

/* Queue n bytes (copy).  0, or -1 without memory: then nothing changed. */
int buf_append(struct buf *b, const void *bytes, size_t n);

/* Forget the first n bytes (n <= buf_len).  An empty buf gives its memory
 * back. */
void buf_drain(struct buf *b, size_t n);

/* Forget everything.  The struct stays usable. */
void buf_free(struct buf *b);

#endif
