/* SPDX-License-Identifier: MIT */
/*
 * process -- a child that keeps nothing of its parent's but its standard
 * descriptors and one channel, and takes orders by that alone: the parent is
 * the one that hears signals.
 */
#ifndef APP_PROCESS_H
#define APP_PROCESS_H

#include <sys/types.h>

/* Fork one that exits with what main(channel, arg) returns.  err: its stderr
 * (borrow); -1: ours.  *ret_channel: our end (give).  Its pid, or -1 and
 * errno. */
pid_t process_start(int (*main)(int channel, void *arg), void *arg, int err,
    int *ret_channel);

#endif
