/* SPDX-License-Identifier: MIT */
/*
 * house -- a keeper as the supervisor sees it: the plan, which it says item by
 * item, and the workers, which it forks when it is told to.
 *
 * It knows neither why a configuration is read nor who the workers are.
 *
 * What always holds: it tells one of planned() and failed(), or that the
 * keeper has died; the plan stays as it was told, also when that is gone.
 */
#ifndef APP_HOUSE_H
#define APP_HOUSE_H

#include "app/plan.h"
#include "net/loop.h"

#include <stdbool.h>
#include <sys/types.h>

struct census;
struct message;

/* What it is about (borrow), and news from the loop. */
struct house_owner {
	void *arg;
	struct loop *loop;
	const struct census *census;
	/* The plan is whole. */
	void (*planned)(void *arg);
	/* There is none: code to exit with.  why: NULL where the keeper has
	 * said it (complaint.h). */
	void (*failed)(void *arg, const char *why, int code);
	/* The keeper does not speak any more. */
	void (*died)(void *arg);
};

struct house {
	struct house_owner owner;
	pid_t keeper;			/* 0: it has ended */
	int channel;			/* of it; -1: closed */
	struct watch watch;
	struct plan plan;
	uint32_t listens, logs;		/* of the plan, so far */
};

/* Start a keeper that reads the configuration at path.  owner: copy; err: its
 * stderr (borrow).  0, or -1 and errno. */
int house_start(struct house *house, const struct house_owner *owner,
    const char *path, int err);

/* Have a worker forked that has this end of its channel (borrow).  0, or -1
 * and errno. */
int house_fork(const struct house *house, int channel);

/* Can it be told to?  And: has the keeper's process ended? */
bool house_is_open(const struct house *house);
bool house_is_empty(const struct house *house);

/* It is not needed any more, and leaves; died() is not called. */
void house_close(struct house *house);

/* It may hang in a plugin, and not see that. */
void house_kill(const struct house *house);

/* A child process has ended; was it the keeper? */
bool house_reap(struct house *house, pid_t pid);

void house_free(struct house *house);

#endif
