/* SPDX-License-Identifier: MIT */
/*
 * buf -- a queue of bytes in one piece of memory.
 *
 * What always holds: head < tail <= cap; a buf with nothing queued has no
 * memory.  So emptiness, not a call, decides whether an idle tunnel pays for
 * memory.
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
	size_t len = buf_len(b), cap = b->mem == NULL ? 0 : b->mem->cap;
	struct buf_mem *mem;

	if (n > SIZE_MAX / 4 - len)
		return (-1);
	cap = cap < BUF_FIRST ? BUF_FIRST : cap;
	while (cap < len + n)
		cap *= 2;
	mem = malloc(sizeof(*mem) + cap);
	if (mem == NULL)
		return (-1);
	mem->head = 0;
	mem->tail = len;
	mem->cap = cap;
	if (len > 0)
		memcpy(mem->bytes, buf_data(b), len);
	free(b->mem);
	b->mem = mem;
	return (0);
}

/*
 * Make room for n bytes behind what is queued.  Moving to the front pays only
 * when at least as much was drained as has to be moved; else a slow reader
 * would make every append a memmove.
 */
static int
make_room(struct buf *b, size_t n)
{
	struct buf_mem *mem = b->mem;
	size_t len = buf_len(b);

	if (mem == NULL)
		return (grow(b, n));
	if (n <= mem->cap - mem->tail)
		return (0);
	if (mem->head < len || n > mem->cap - len)
		return (grow(b, n));
	memmove(mem->bytes, mem->bytes + mem->head, len);
	mem->head = 0;
	mem->tail = len;
	return (0);
}

int
buf_append(struct buf *b, const void *bytes, size_t n)
{
	if (n == 0)
		return (0);
	if (make_room(b, n) != 0)
		return (-1);
	memcpy(b->mem->bytes + b->mem->tail, bytes, n);
	b->mem->tail += n;
	return (0);
}

void
buf_drain(struct buf *b, size_t n)
{
	assert(n <= buf_len(b));
	if (n == 0)
		return;
	b->mem->head += n;
	if (b->mem->head == b->mem->tail)
		buf_free(b);
}

void
buf_free(struct buf *b)
{
	free(b->mem);
	b->mem = NULL;
}
