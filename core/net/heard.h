/* SPDX-License-Identifier: MIT */
/*
 * heard -- has a peer acknowledged what it was sent?
 *
 * TCP_USER_TIMEOUT alone does not do: it also ends connections whose peer
 * answers every probe, but has no room for more (RFC 9293, 3.8.6.1 wants
 * those kept).  So it is lifted while bytes wait for room, and the peer is
 * asked about here.
 */
#ifndef NET_HEARD_H
#define NET_HEARD_H

#include <stdbool.h>
#include <stdint.h>

enum heard {
	HEARD_ALL,	/* nothing is on its way */
	HEARD_WAITING,	/* something is: look again */
	HEARD_NOTHING	/* for too long: the peer is gone */
};

/* ms: that a peer may take to acknowledge; *lifted: of this socket, false at
 * first. */
enum heard heard_look(int fd, uint64_t ms, bool *lifted);

/* Nobody will look any more: the kernel has the bytes that wait, and shall
 * not keep them for longer than ms for a peer that makes no room. */
void heard_leave(int fd, uint64_t ms);

#endif
