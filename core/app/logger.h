/* SPDX-License-Identifier: MIT */
/*
 * logger -- the process that writes all logs, so that a slow disk stops nobody
 * else and a worker that dies takes no line with it.
 *
 * It knows files and spools.  What always holds: it ends when the supervisor
 * has closed its channel and every worker has closed its pipe, and then has
 * written what could be written.
 */
#ifndef APP_LOGGER_H
#define APP_LOGGER_H

#include <sys/types.h>

/* Fork it.  Its pid, or -1 and errno. */
pid_t logger_start(int *ret_channel);

#endif
