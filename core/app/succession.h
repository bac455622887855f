/* SPDX-License-Identifier: MIT */
/*
 * succession -- the generations of one proxy: the one that serves, the one
 * that shall, and those that drain.
 *
 *	reload --> next --serves--> current --the next one serves--+
 *	             |                                             |
 *	             +--failed--> ended       drains <-- leaving --+
 *
 *	leaving		replaced, but may still be at its doors: only when it
 *			is not, whoever connects gets the current one
 *
 * What a plan wants (gates, logs, a place to ask) is opened before a worker of
 * it starts.  It knows neither signals nor who asked for a reload.
 *
 * What always holds: one starts or leaves at a time, reloads that come
 * meanwhile are one; a configuration with errors changes nothing; current is
 * kept until all the others are gone, for its logs tell their end.
 */
#ifndef APP_SUCCESSION_H
#define APP_SUCCESSION_H

#include "app/generation.h"

struct clerk;
struct desk;
struct message_state;
struct succession;

/* What generations are made of (borrow), and news from the loop. */
struct succession_owner {
	void *arg;
	struct loop *loop;
	const char *path;		/* of the configuration */
	struct gates *gates;
	struct census *census;
	struct desk *desk;
	struct clerk *clerk;
	/* What succession_state() tells. */
	void (*changed)(void *arg);
	/* A reload begins. */
	void (*reading)(void *arg);
	/* It is over: all is as this one wants it. */
	void (*settled)(void *arg, const struct generation *current,
	    bool first);
	/* It is over: it was not taken over. */
	void (*refused)(void *arg, const struct generation *current,
	    const char *errors);
	/* As generation_owner's. */
	void (*worker)(void *arg, struct generation *generation, pid_t pid,
	    const char *why);
	/* The first one will not serve: code to exit with.  over() follows. */
	void (*failed)(void *arg, int code);
	/* After succession_stop(): no process of any is left. */
	void (*over)(void *arg);
};

/* owner: copy.  NULL without memory. */
struct succession *succession_create(const struct succession_owner *owner);

/* NULL is fine. */
void succession_free(struct succession *succession);

/* The first one.  -1 and a sentence. */
int succession_begin(struct succession *succession, struct err *err);

void succession_reload(struct succession *succession);

/* Let clients in no more, drain; the second time: last words; the third time:
 * cut. */
void succession_stop(struct succession *succession, unsigned times);

/* How things are: fill in generation, workers, starting, stopping. */
void succession_state(const struct succession *succession,
    struct message_state *ret);

/* As generation_introduce() of all. */
void succession_introduce(struct succession *succession, int admin);

/* As the clerk's owner is told. */
void succession_opened(struct succession *succession, uint32_t generation,
    const char *why);
void succession_tell_logger(struct succession *succession);

/* A child process has ended; was it one of theirs? */
bool succession_reap(struct succession *succession, pid_t pid, int status);

#endif
