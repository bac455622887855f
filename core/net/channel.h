/* SPDX-License-Identifier: MIT */
/*
 * channel -- messages, and descriptors with them, between a process and one
 * that it forked.
 *
 * A message comes whole or not at all, and in order.  The end of the other
 * process is the end of the channel.
 */
#ifndef NET_CHANNEL_H
#define NET_CHANNEL_H

#include <stddef.h>

#define CHANNEL_FDS_MAX 64	/* of one message */

/* Two ends, close-on-exec and blocking; -1 and errno. */
int channel_pair(int ret_fds[2]);

/* fds: borrow.  0, or -1 and errno (EAGAIN: it would have to wait). */
int channel_send(int channel, const void *message, size_t size,
    const int *fds, size_t count);

/* Wait until it would not have to. */
void channel_wait_room(int channel);

/*
 * The size of the message; 0: the other end is closed; -1 and errno (EAGAIN:
 * none waits; EBADMSG: it is longer than size).  *ret_count descriptors (give,
 * close-on-exec) came with it.  wait: for a message, as long as it takes.
 */
int channel_receive(int channel, void *message, size_t size, int wait,
    int ret_fds[CHANNEL_FDS_MAX], size_t *ret_count);

#endif
