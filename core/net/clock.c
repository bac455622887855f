/* SPDX-License-Identifier: MIT */
/*
 * clock -- the kernel's two clocks.
 *
 * The wall clock is seldom read: it is compared with the other one now and
 * then, and counted from that.
 */
#include <time.h>

#include "net/clock.h"

#define COMPARE_US 10000	/* between two looks at the wall clock */
#define COMPARED_US 50		/* closer than this it need not be */

static uint64_t
read_us(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		return (0);
	return ((uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
}

uint64_t
clock_now_us(void)
{

	return (read_us(CLOCK_MONOTONIC));
}

uint64_t
clock_wall_us(void)
{

	return (read_us(CLOCK_REALTIME));
}

uint64_t
clock_event_now_us(struct clock *clock)
{

	return (clock->event_us = read_us(CLOCK_MONOTONIC));
}

uint64_t
clock_event_us(struct clock *clock)
{

	return (clock->handling && clock->event_us != 0 ? clock->event_us :
	    clock_event_now_us(clock));
}

/* By how much is the wall clock ahead?  Who is not on the processor between
 * two readings compares nothing, so that is tried again; what is just the time
 * that reading takes would make it jump to and fro. */
static void
compare(struct clock *clock)
{
	uint64_t before, ahead;
	int tries = 0;

	do {
		before = read_us(CLOCK_MONOTONIC);
		ahead = read_us(CLOCK_REALTIME) - before;
	} while (read_us(CLOCK_MONOTONIC) - before > COMPARED_US &&
	    ++tries < 3);
	if (ahead - clock->ahead_us + COMPARED_US > 2 * COMPARED_US)
		clock->ahead_us = ahead;
	clock->compared_us = before;
}

uint64_t
clock_event_wall_us(struct clock *clock)
{
	uint64_t us = clock_event_us(clock);

	if (us - clock->compared_us >= COMPARE_US)
		compare(clock);
	return (us + clock->ahead_us);
}
