/* SPDX-License-Identifier: MIT */
/*
 * keeper -- the process that holds one configuration, with its plugins' code,
 * and forks the workers that serve by it.
 *
 * So all workers of a generation are of one configuration and one set of
 * plugin files, whatever becomes of those on the disk; and a worker that is
 * replaced is there at once.  The keeper serves nobody and calls no load().
 */
#ifndef APP_KEEPER_H
#define APP_KEEPER_H

#include <sys/types.h>

struct census;

/*
 * Fork one that reads the configuration at path (borrow), says its plan (see
 * message.h) and forks workers, who have the census (borrow), until the channel
 * closes.  err: its stderr (borrow), and that of workers until they serve.  Its
 * pid, or -1 and errno.
 */
pid_t keeper_start(const char *path, const struct census *census, int err,
    int *ret_channel);

#endif
