/* SPDX-License-Identifier: MIT */
/*
 * log -- what the program tells its operator: one line each on stderr.
 *
 * Not the event log (flow/events).  Control characters are escaped: part of
 * what is said may come from a peer or a file.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <fairlead/inspector.h>

/*
 * "fairlead: error: ...".  FAIRLEAD_LOG_LEVEL (error, warning, notice,
 * debug) says up to which level lines are written; notice when unset.
 */
void log_say(enum frl_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The level of that name, or -1. */
int log_level(const char *name);

#endif
