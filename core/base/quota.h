/* SPDX-License-Identifier: MIT */
/*
 * quota -- how much there may be of something, and how much there is.
 *
 * It knows neither what it counts nor what happens to whom it turns away.
 * Zeroed memory is a quota without a bound.
 */
#ifndef BASE_QUOTA_H
#define BASE_QUOTA_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quota {
	uint64_t max;			/* 0: no bound */
	uint64_t used;
	uint64_t turned;		/* away, since it was told of */
	void (*full)(void *arg);	/* somebody was; may be NULL */
	void *arg;
};

/* Is the bound reached? */
static inline bool
quota_full(const struct quota *q)
{
	return (q->max != 0 && q->used >= q->max);
}

/* Somebody is turned away. */
static inline void
quota_turn_away(struct quota *q)
{
	q->turned++;
	if (q->full != NULL)
		q->full(q->arg);
}

/* One more, or false: turned away.  Without a quota (NULL) always true. */
static inline bool
quota_take(struct quota *q)
{
	if (q == NULL)
		return (true);
	if (quota_full(q)) {
		quota_turn_away(q);
		return (false);
	}
	q->used++;
	return (true);
}

static inline void
quota_give(struct quota *q)
{
	if (q == NULL)
		return;
	assert(q->used > 0);
	q->used--;
}

#endif
