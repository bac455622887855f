/* SPDX-License-Identifier: MIT */
/*
 * clerk -- the logger's process as the supervisor sees it: started, replaced
 * when it dies, told which logs to open, and heard whether they are.
 *
 *	supervisor                            logger
 *	    |-- OPEN_LOG.. BECOME OPEN_LOG.. --->|
 *	    |<- OPENED.. ------------------------|
 *	    |-- SPOOLS, REOPEN, CLOSE_LOGS ----->|
 *
 * It knows no generation but by its number, and not what is in the logs.
 *
 * What always holds: there is one logger at a time, a new one a second after
 * the last one at the earliest; the outbox is the same one for all of them, so
 * that others may keep it; nobody waits for the logger.
 */
#ifndef APP_CLERK_H
#define APP_CLERK_H

#include "app/plan.h"
#include "net/loop.h"
#include "net/outbox.h"

#include <stdbool.h>
#include <sys/types.h>

struct clerk;

/* News from the loop. */
struct clerk_owner {
	void *arg;
	/* One log of that generation is open (why ""), or not. */
	void (*opened)(void *arg, uint32_t generation, const char *why);
	/* Another logger is there, and has no logs yet.  What the last one had
	 * not written is still in the spools. */
	void (*replaced)(void *arg);
	/* After clerk_finish(): it has ended, and 0 is well. */
	void (*finished)(void *arg, int status);
};

/* Start a logger.  owner: copy.  NULL without memory or processes, which was
 * said. */
struct clerk *clerk_create(struct loop *loop, const struct clerk_owner *owner);

/* NULL is fine. */
void clerk_free(struct clerk *clerk);

/* To the logger (borrow); closed while there is none. */
struct outbox *clerk_outbox(struct clerk *clerk);
bool clerk_listens(const struct clerk *clerk);

/* Open a generation's logs, each is answered by opened().  anyway: also those
 * that cannot be opened now, for lines wait for them. */
void clerk_open_logs(struct clerk *clerk, const struct plan *plan,
    uint32_t generation, bool anyway);

/* Nobody of it writes any more. */
void clerk_close_logs(struct clerk *clerk, uint32_t generation);

/* Open all of them anew. */
void clerk_reopen(struct clerk *clerk);

/* Nobody serves any more: let it write what there is, and end. */
void clerk_finish(struct clerk *clerk);

/* A child process has ended; was it this one? */
bool clerk_reap(struct clerk *clerk, pid_t pid, int status);

#endif
