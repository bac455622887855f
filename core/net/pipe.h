/* SPDX-License-Identifier: MIT */
/*
 * pipe -- a few large pipes for splice(2), lent to the tunnels that need one.
 *
 * pipe-user-pages-soft gives an unprivileged user 64 pipes of 1 MiB and 8 KiB
 * ones after that: the pool keeps at most PIPE_POOL_MAX, and whoever gets
 * none copies.
 */
#ifndef NET_PIPE_H
#define NET_PIPE_H

#include <stddef.h>

#define PIPE_POOL_MAX 24

struct pipe_pool;

struct pipe_end {
	int in, out;		/* write here; read there */
	size_t fill;		/* bytes inside */
	size_t cap;
	struct pipe_end *next;	/* in the pool */
};

struct pipe_pool *pipe_pool_create(void);
void pipe_pool_free(struct pipe_pool *pool);

/* An empty pipe, or NULL: none to be had.  Lent until given back. */
struct pipe_end *pipe_take(struct pipe_pool *pool);

/* Give back; one that still holds bytes is closed, not reused. */
void pipe_give(struct pipe_pool *pool, struct pipe_end *pipe);

#endif
