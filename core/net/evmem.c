/* SPDX-License-Identifier: MIT */
/*
 * evmem -- see evmem.h.
 *
 *	block:	size | what libev sees
 *
 * The heap is asked first.  Where it has nothing, the block is cut off a
 * reserve.  libev keeps a few arrays, which double and never shrink, so what
 * it takes of the reserve is at most twice of what they are in the end; what
 * is given back there is lost, but for the last block.
 *
 * What always holds: a block lies whole in the heap or whole in the reserve.
 *
 * libev's hook knows no argument, so the reserve is at file scope; nothing
 * else in this program is.  The process has one thread.
 */
#include <ev.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "net/evmem.h"

struct block {
	alignas(max_align_t) size_t size;	/* with this header */
};

static struct {
	unsigned char *mem;		/* NULL: none was set aside */
	size_t size, used;
} reserve;

static bool
is_reserved(const struct block *b)
{
	uintptr_t at = (uintptr_t)b, from = (uintptr_t)reserve.mem;

	return (at >= from && at < from + reserve.size);
}

static struct block *
cut_off(size_t size)
{
	struct block *b;

	if (size > reserve.size - reserve.used)
		return (NULL);
	b = (struct block *)(void *)(reserve.mem + reserve.used);
	reserve.used += size;
	return (b);
}

static void
give_back(struct block *b)
{

	if (b == NULL)
		return;
	if (!is_reserved(b))
		free(b);
	else if ((unsigned char *)b + b->size == reserve.mem + reserve.used)
		reserve.used -= b->size;
}

/* As realloc(3), which frees where size is 0. */
static void *
evmem_realloc(void *old, long size)
{
	struct block *b = old == NULL ? NULL : (struct block *)old - 1;
	size_t round = sizeof(*b), whole;
	struct block *new;

	if (size <= 0) {
		give_back(b);
		return (NULL);
	}
	whole = ((size_t)size + 2 * round - 1) / round * round;
	if (b == NULL || !is_reserved(b)) {
		if ((new = realloc(b, whole)) != NULL) {
			new->size = whole;
			return (new + 1);
		}
	} else if (b->size >= whole)
		return (old);
	if ((new = malloc(whole)) == NULL && (new = cut_off(whole)) == NULL)
		return (NULL);
	new->size = whole;
	if (b != NULL)
		memcpy(new + 1, old, (b->size < whole ? b->size : whole) -
		    sizeof(*b));
	give_back(b);
	return (new + 1);
}

int
evmem_begin(size_t size)
{
	void *mem;

	if (reserve.mem != NULL)
		return (0);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return (-1);
	reserve.mem = mem;
	reserve.size = size;
	ev_set_allocator(evmem_realloc);
	return (0);
}
