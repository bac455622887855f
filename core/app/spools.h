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
};

/*
 * Make them for so many logs and send them to a worker, which alone has the
 * bell's other end.  0, or -1 and errno.
 */
int spools_make(struct spools_kept *spools, size_t logs, int worker);

/* Send them to the logger. */
int spools_tell(const struct spools_kept *spools, uint32_t generation,
    int logger);

/* The logger has its own copies. */
void spools_forget(struct spools_kept *spools);

#endif
