/* SPDX-License-Identifier: MIT */
/*
 * clock -- what time it is, and when what is being handled came about.
 *
 * It knows no loop: who calls a function for an event says when that begins
 * and ends.
 *
 * What always holds: however often it is asked while an event is handled, it
 * reads once (a reading costs more than most of what is done with it), and
 * outside of events each time; between two events the wall clock moves on by
 * what the other clock says, unless the two have drifted apart or were set.
 */
#ifndef NET_CLOCK_H
#define NET_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed memory is one. */
struct clock {
	bool handling;			/* an event: its function runs */
	uint64_t event_us;		/* 0: it has not asked yet */
	uint64_t ahead_us;		/* the wall clock of the other one */
	uint64_t compared_us;
};

static inline void
clock_event_begins(struct clock *clock)
{

	clock->handling = true;
	clock->event_us = 0;
}

static inline void
clock_event_ends(struct clock *clock)
{

	clock->handling = false;
}

/* Microseconds: of a clock that never jumps; of the wall clock. */
uint64_t clock_now_us(void);
uint64_t clock_wall_us(void);

/* As loop_event_us() and its kin. */
uint64_t clock_event_us(struct clock *clock);
uint64_t clock_event_now_us(struct clock *clock);
uint64_t clock_event_wall_us(struct clock *clock);

#endif
