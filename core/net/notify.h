/* SPDX-License-Identifier: MIT */
/*
 * notify -- tells a service manager (systemd's Type=notify) how it goes.
 *
 * One datagram per message to the socket that NOTIFY_SOCKET names; where there is
 * none, all of it does nothing.
 */
#ifndef NET_NOTIFY_H
#define NET_NOTIFY_H

#include <stdint.h>

struct notify {
	int fd;			/* -1: nobody listens */
	uint64_t watchdog_ms;	/* say WATCHDOG=1 at least as often; 0: not */
};

/* Read the environment and take NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID
 * out of it: children shall not speak for us. */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* "READY=1\nSTATUS=..." */
void notify_say(const struct notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
