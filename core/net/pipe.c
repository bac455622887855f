/* SPDX-License-Identifier: MIT */
/*
 * pipe -- a few large pipes for splice(2).
 *
 * Knows nothing of what flows through them.  made counts the pipes that are
 * open, lent or not, and never exceeds PIPE_POOL_MAX; a pipe in the pool is
 * empty.
 */
#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/pipe.h"

#define PIPE_SIZE (1024 * 1024)
#define PIPE_SIZE_LEAST (64 * 1024)	/* below, copying is as good */

struct pipe_pool {
	struct pipe_end *idle;
	unsigned made, lent;
};

struct pipe_pool *
pipe_pool_create(void)
{
	struct sigaction action;

	/* splice(2) into a socket whose peer is gone raises SIGPIPE and
	 * knows no flag against it. */
	if (sigaction(SIGPIPE, NULL, &action) == 0 &&
	    action.sa_handler == SIG_DFL)
		(void)signal(SIGPIPE, SIG_IGN);
	return (calloc(1, sizeof(struct pipe_pool)));
}

static void
pipe_close(struct pipe_pool *pool, struct pipe_end *pipe)
{

	close(pipe->in);
	close(pipe->out);
	free(pipe);
	pool->made--;
}

void
pipe_pool_free(struct pipe_pool *pool)
{
	struct pipe_end *pipe;

	if (pool == NULL)
		return;
	assert(pool->lent == 0);
	while ((pipe = pool->idle) != NULL) {
		pool->idle = pipe->next;
		pipe_close(pool, pipe);
	}
	free(pool);
}

static struct pipe_end *
pipe_open(struct pipe_pool *pool)
{
	struct pipe_end *pipe;
	int fds[2], size;

	if ((pipe = calloc(1, sizeof(*pipe))) == NULL)
		return (NULL);
	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) == -1) {
		free(pipe);
		return (NULL);
	}
	pipe->out = fds[0];
	pipe->in = fds[1];
	pool->made++;
	/* Beyond the user's share this is refused and the pipe is tiny. */
	(void)fcntl(pipe->in, F_SETPIPE_SZ, PIPE_SIZE);
	if ((size = fcntl(pipe->in, F_GETPIPE_SZ)) < PIPE_SIZE_LEAST) {
		pipe_close(pool, pipe);
		return (NULL);
	}
	pipe->cap = (size_t)size;
	return (pipe);
}

struct pipe_end *
pipe_take(struct pipe_pool *pool)
{
	struct pipe_end *pipe = pool->idle;

	if (pipe != NULL)
		pool->idle = pipe->next;
	else if (pool->made >= PIPE_POOL_MAX ||
	    (pipe = pipe_open(pool)) == NULL)
		return (NULL);
	pipe->next = NULL;
	pool->lent++;
	return (pipe);
}

void
pipe_give(struct pipe_pool *pool, struct pipe_end *pipe)
{

	if (pipe == NULL)
		return;
	pool->lent--;
	if (pipe->fill != 0) {
		pipe_close(pool, pipe);
		return;
	}
	pipe->next = pool->idle;
	pool->idle = pipe;
}
