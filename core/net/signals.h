/* SPDX-License-Identifier: MIT */
/*
 * signals -- signals of the process as events of a loop.
 *
 * They come through a signalfd: libev's signal watchers belong to one loop of
 * the process, and this keeps no state at file scope.  It knows watches and
 * timers, not libev, and not what a signal is for.
 *
 * What always holds: a signal that was asked for once is blocked from then on,
 * also after signals_close(): one that comes then must not kill a process that
 * is about to leave in good order.
 */
#ifndef NET_SIGNALS_H
#define NET_SIGNALS_H

#include "net/loop.h"

#define SIGNALS_MAX 8

struct signals {
	struct loop *loop;
	struct watch watch;
	struct timer retry;
	int fd;				/* -1: none was asked for */
	unsigned count;
	struct signals_row {
		int signo;
		void (*fn)(void *arg, int signo);
		void *arg;
	} rows[SIGNALS_MAX];
};

void signals_init(struct signals *signals);

/* As loop_signals(). */
int signals_add(struct signals *signals, struct loop *loop, const int *list,
    void (*fn)(void *arg, int signo), void *arg);

void signals_close(struct signals *signals);

#endif
