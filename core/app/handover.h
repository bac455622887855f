/* SPDX-License-Identifier: MIT */
/*
 * handover -- the time between two generations in which workers of both let
 * clients in.
 *
 * It counts who still stands at a door, and knows nothing else of them.  What
 * always holds: it is over once, soon after the last one has left, and not
 * much later than HANDOVER_MS, for one that is stopped or stuck says nothing.
 */
#ifndef APP_HANDOVER_H
#define APP_HANDOVER_H

#include "net/loop.h"

#include <stdbool.h>

/* A worker that a plugin hangs in has been killed by then (hang.h). */
#define HANDOVER_MS 3000

/* Zeroed: there is none. */
struct handover {
	struct loop *loop;
	struct timer over;
	unsigned at_doors;
	void (*fn)(void *arg);
	void *arg;
};

/* fn(arg) from the loop when it is over, also if nobody is there. */
void handover_begin(struct handover *handover, struct loop *loop,
    unsigned at_doors, void (*fn)(void *arg), void *arg);

/* One of them has left, or is gone. */
void handover_left(struct handover *handover);

/* It is not over yet. */
bool handover_pending(const struct handover *handover);

void handover_stop(struct handover *handover);

#endif
