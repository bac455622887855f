/* SPDX-License-Identifier: MIT */
/*
 * filter -- which system calls a process that serves may make (seccomp).
 *
 *	what serving takes, this floor's sockets first	allowed
 *	what nobody needs but who has broken in		the process is killed
 *	everything else					fails with EPERM
 *
 * EPERM for the rest, because a plugin's library may try this or that and do
 * without; an exec or a ptrace means that somebody else's code runs.
 */
#ifndef NET_FILTER_H
#define NET_FILTER_H

#include <stdbool.h>

#include <fairlead/inspector.h>

#include "base/err.h"

/* Is there a system call of that name? */
bool filter_knows(const char *name);

/*
 * From now on, for all threads; more: names of what is allowed, too, whatever
 * its arguments.  no_new_privs must be set.  -1 and a sentence.
 */
int filter_enter(const struct frl_strings *more, struct err *err);

#endif
