/* SPDX-License-Identifier: MIT */
/*
 * buf -- a queue of bytes in one piece of memory.
 *
 * What always holds: head <= tail <= cap, and a buf with nothing queued has
 * mem NULL and all three 0.  So emptiness, not a call, decides whether an
 * idle tunnel pays for memory.
 */
#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Small enough for a head or a frame, large enough to be worth a malloc. */
#define BUF_FIRST 512

/*
 * Move what is queued into a larger piece.  A new piece and one copy instead
 * of realloc(3), which would also copy what was drained.
 */
static int
grow(struct buf *b, size_t n)
{
	size_t len = buf_len(b), cap;
	uint8_t *mem;

	if (n > SIZE_MAX / 2 - len)
		return (-1);
	cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
	while (cap < len + n)
		cap *= 2;
	mem = malloc(cap);
	if (mem == NULL)
		return (-1);
	if (len > 0)
		memcpy(mem, b->mem + b->head, len);
	free(b->mem);
	*b = (struct buf){ .mem = mem, .tail = len, .cap = cap };
	return (0);
}

int
buf_append(struct buf *b, const void *bytes, size_t n)
{
	size_t len = buf_len(b);

	assert(b->head <= b->tail && b->tail <= b->cap);
	if (n == 0)
		return (0);
	if (n > b->cap - b->tail) {
		/*
		 * Moving to the front pays only when at least as much was
		 * drained as has to be moved; else a slow reader would make
		 * every append a memmove.
		 */
		if (b->head >= len && n <= b->cap - len && len > 0) {
			memmove(b->mem, b->mem + b->head, len);
			b->head = 0;
			b->tail = len;
		} else if (grow(b, n) != 0) {
			return (-1);
		}
	}
	memcpy(b->mem + b->tail, bytes, n);
	b->tail += n;
	return (0);
}

void
buf_drain(struct buf *b, size_t n)
{
	assert(n <= buf_len(b));
	b->head += n;
	if (b->head == b->tail)
		buf_free(b);
}

void
buf_free(struct buf *b)
{
	free(b->mem);
	*b = (struct buf){ .mem = NULL };
}
