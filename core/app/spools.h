/* SPDX-License-Identifier: MIT */
/*
 * spools -- what connects one worker with the logger, as the supervisor keeps
 * it: so that another logger can take it over.
 */
#ifndef APP_SPOOLS_H
#define APP_SPOOLS_H

#include "app/message.h"

struct spools_kept {
	int fds[SPOOLS_FDS];		/* the bell's end is the logger's */
	size_t count;			/* 0: none */
	int room;			/* the worker's end, until it has it;
					 * -1 */
};

/* Make them for so many logs.  The bell's other end, for the one who rings
 * (give); or -1 and errno. */
int spools_make(struct spools_kept *spools, size_t logs);

/* Send them to a worker, with its end of the bell (take): only whoever rings
 * may have it, for its closing is a sign.  Its ends are no others' open files:
 * what it sets of them (O_NONBLOCK) makes nobody wait.  0, or -1 and errno. */
int spools_send(struct spools_kept *spools, int bell, int worker);

/* Send them to the logger.  0, or -1 and errno. */
int spools_tell(const struct spools_kept *spools, uint32_t generation,
    struct outbox *logger);

/* The logger has its own copies. */
void spools_forget(struct spools_kept *spools);

#endif
