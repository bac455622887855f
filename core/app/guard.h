/* SPDX-License-Identifier: MIT */
/*
 * guard -- what a process that serves gives up before the first client, so
 * that whoever breaks into it has gained little.
 *
 *	supervisor	root with few capabilities: binds ports, opens nothing
 *			that a peer names
 *	logger		the user, when it has the first order
 *	keeper		root until it has read the configuration and the
 *			plugins' files; then the user, without capabilities
 *	worker		born as that user; loads the plugins, takes its
 *			sockets, then Landlock and seccomp: guard_enter()
 *
 * What always holds: what cannot be had is said, and nobody serves without
 * what the configuration calls required.
 */
#ifndef APP_GUARD_H
#define APP_GUARD_H

#include "app/privileges.h"

#include <fairlead/inspector.h>

enum guard_wish { GUARD_OFF = 0, GUARD_ON = 1, GUARD_REQUIRED = 2 };

/* The section `security`. */
struct guard_options {
	const char *user, *group;	/* or NULL */
	struct privileges as;		/* the same, found */
	enum guard_wish seccomp, landlock;
	struct frl_strings system_calls, read;
};

/*
 * Leave the way back: privileges, files, system calls, in this order.  Each
 * guard that is wished for and not to be had is told to missing(arg, ...); one
 * that is required is an error.  -1 and a sentence: the process must not
 * serve.
 */
int guard_enter(const struct guard_options *options,
    void (*missing)(void *arg, const char *guard, const char *why), void *arg,
    struct err *err);

#endif
