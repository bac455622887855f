/* SPDX-License-Identifier: MIT */
/*
 * generation -- one configuration being served: the life of its keeper
 * (house.h) and of its workers (bench.h), as the supervisor sees them.
 *
 *	PLANNING --plan--> STARTING --all serve--> CURRENT --replaced--> OLD
 *	    |                  |                                          |
 *	    +----- failed -----+--> FAILED --------- nobody left ---------+-->
 *
 *	PLANNING	the keeper reads the file and tries the plugins; then
 *			gates and logs are opened
 *	STARTING	workers were forked; those that are there serve already
 *	CURRENT		a worker that ends is replaced
 *	OLD, FAILED	none is; the keeper is gone
 *
 * PLANNING and STARTING together have a bound, for a plugin may hang.
 *
 * It knows of workers that they serve, and end (seat.h), and not what its
 * configuration says but the plan.
 *
 * What always holds: a state is left once, and in that order; all workers are
 * of one keeper; gone() is said once, from the loop, when no process is left.
 */
#ifndef APP_GENERATION_H
#define APP_GENERATION_H

#include "app/gates.h"
#include "app/message.h"
#include "net/loop.h"
#include "net/outbox.h"

#include <sys/types.h>

enum generation_state { PLANNING, STARTING, CURRENT, OLD, FAILED };

struct blame;
struct census;
struct generation;

/* What all generations share (borrow), and news from the loop; who hears them
 * frees no generation but in gone(). */
struct generation_owner {
	void *arg;
	const struct gates *gates;
	struct census *census;		/* workers have rows there */
	/* Of tunnels' ids, of the last worker; the next one's is one more. */
	uint32_t *prefix;
	/* The plan is whole: prepare what it wants, then generation_go() or
	 * generation_fail(). */
	void (*planned)(void *arg, struct generation *generation);
	void (*serves)(void *arg, struct generation *generation);
	/* A worker serves (why NULL), or has ended (why: of its end, "" where
	 * it was told to).  prefix: of its tunnels' ids. */
	void (*worker)(void *arg, struct generation *generation, pid_t pid,
	    uint32_t prefix, const char *why);
	/* After generation_drain() by a reload: none of it lets clients in any
	 * more, or that cannot be waited for. */
	void (*left)(void *arg, struct generation *generation);
	/* A worker that ended cannot be replaced, for the keeper is gone. */
	void (*lacks)(void *arg, struct generation *generation);
	/* What a plugin did (borrow). */
	void (*plugin)(void *arg, struct generation *generation,
	    const struct blame *blame);
	/* It will never: code to exit with. */
	void (*failed)(void *arg, struct generation *generation, int code);
	/* No process of it is left. */
	void (*gone)(void *arg, struct generation *generation);
};

/* NULL without memory or processes, and a sentence. */
struct generation *generation_start(struct loop *loop, const char *path,
    unsigned number, const struct generation_owner *owner, struct err *err);

/* Start its workers.  logger: borrow. */
void generation_go(struct generation *generation, struct outbox *logger);

/* What it needs is not to be had: a sentence, and a code to exit with. */
void generation_fail(struct generation *generation, const char *why,
    int code);

/* Why it failed: see complaint.h. */
const char *generation_errors(const struct generation *generation);

/* Another logger has taken over. */
void generation_tell_logger(struct generation *generation);

/* Make those that serve known to the admin process (a channel), and that to
 * them; pid 0: all of them. */
void generation_introduce(struct generation *generation, pid_t pid,
    int admin);

enum generation_state generation_state(const struct generation *generation);
const struct plan *generation_plan(const struct generation *generation);
unsigned generation_number(const struct generation *generation);
unsigned generation_workers(const struct generation *generation);

/* gone() was said, or is about to be. */
bool generation_is_gone(const struct generation *generation);

/* Replace no worker any more, drain those that are there; also a second time,
 * with less patience.  ms 0: no bound. */
void generation_drain(struct generation *generation, bool reload,
    uint64_t ms);

/* Last words now; a second time: cut. */
void generation_cut(struct generation *generation);

/* Whoever is still there did not hear it: end all of them. */
void generation_kill(struct generation *generation);

/* Last words, but only once: there are too many generations. */
void generation_press(struct generation *generation);

/* A child process has ended; was it one of these? */
bool generation_reap(struct generation *generation, pid_t pid, int status);

/* No process is left, or the program is about to end. */
void generation_free(struct generation *generation);

#endif
