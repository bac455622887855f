/* SPDX-License-Identifier: MIT */
/*
 * blame -- whose fault it was that a worker ended, as the supervisor reads it
 * from the worker's page of crumbs.
 *
 *	the program counter lies in a plugin's code    that plugin
 *	else a callback had not returned                that callback's plugin
 *	else it crashed                                 nobody: the last
 *	                                                callbacks are suspects
 *
 * A signal that somebody sent is nobody's fault here.  The page was written by
 * a process that went mad: every text is cut, no number is trusted.
 */
#ifndef APP_BLAME_H
#define APP_BLAME_H

#include "base/crumbs.h"
#include "base/id.h"

#include <stdbool.h>

enum blame_kind {
	BLAME_FAULT,		/* it ended a worker */
	BLAME_SLOW,		/* a callback has not returned for long */
	BLAME_BARRED		/* it is not called any more */
};

struct blame {
	enum blame_kind kind;
	unsigned plugin;			/* its number; 0: nobody */
	char name[CRUMBS_NAME_SIZE];		/* "": nobody */
	const char *callback;			/* NULL: in none */
	char tunnel[ID_SIZE];		/* its id; "": in none */
	char target[CRUMBS_TARGET_SIZE];	/* "host:port"; "" */
	char signal[16];			/* "SIGSEGV"; "" */
	char detail[128];
	char suspects[1024];			/* "" */
	uint64_t cpu_ms, asleep_ms;		/* BLAME_SLOW */
	uint64_t seconds;			/* BLAME_BARRED; 0: for good */
};

/* A worker's process has ended.  hung: because it was told to, for a callback
 * did not return.  False: no plugin had a part in it. */
bool blame_end(struct blame *ret, const struct crumbs *page, int status,
    bool hung);

/* The callback that runs at this moment.  False: none of a plugin. */
bool blame_now(struct blame *ret, const struct crumbs *page);

#endif
