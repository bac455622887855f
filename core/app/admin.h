/* SPDX-License-Identifier: MIT */
/*
 * admin -- the process that tells what is going on: to `fairlead status` and
 * the like on a UNIX socket, to Prometheus and health checks over HTTP.
 *
 * It reads what people send, so it owns nothing that others need: should it
 * die, another takes its place, and no tunnel has noticed.
 */
#ifndef APP_ADMIN_H
#define APP_ADMIN_H

#include <sys/types.h>

struct census;

/* Fork one; desk.h draws what it is told.  census: borrow, by the child.  Its
 * pid, or -1 and errno. */
pid_t admin_start(const struct census *census, int *ret_channel);

#endif
