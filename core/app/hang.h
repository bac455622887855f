/* SPDX-License-Identifier: MIT */
/*
 * hang -- is a worker stuck in a callback of a plugin?
 *
 * It looks at the worker's page now and then.  What counts is the time that
 * the worker ran, and the time that it slept, since the core called into a
 * plugin; the time that it waited for a processor does not (the kernel's
 * schedstat tells them apart), nor while it is stopped.
 *
 * What always holds: what is measured is not more than what there was, for it
 * begins at the first look that finds the call.
 */
#ifndef APP_HANG_H
#define APP_HANG_H

#include "base/crumbs.h"

#include <stdbool.h>
#include <sys/types.h>

#define HANG_LOOK_MS 50
#define HANG_SLOW_MS 100
#define HANG_HUNG_MS 2000

struct hang {
	uint64_t outer;			/* the call that is watched */
	bool watching, told, hung;
	uint64_t wall_us, ran_us, waited_us;	/* when it was found */
	uint64_t cpu_ms, asleep_ms;	/* since then */
};

enum hang_news {
	HANG_NOTHING,
	HANG_SLOW,		/* said once for a call */
	HANG_HUNG		/* again and again, from then on */
};

/* What is known of a worker at a moment. */
struct hang_times {
	uint64_t wall_us, ran_us, waited_us;
	char state;			/* 'R', 'S', ...; 0: unknown */
};

/*
 * What that means for a call: outer and word are the page's.  It begins to
 * watch one that it does not watch yet.
 */
enum hang_news hang_judge(struct hang *hang, uint64_t outer, uint64_t word,
    const struct hang_times *times);

/* hang: zeroed before the first look. */
enum hang_news hang_look(struct hang *hang, const struct crumbs *page,
    pid_t worker);

#endif
