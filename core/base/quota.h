/* SPDX-License-Identifier: MIT */
/*
 * quota -- how much there may be of something, and how much there is: here,
 * and where it is shared (census.h), in all other workers together.
 *
 * It knows neither what it counts nor what happens to whom it turns away.
 * Zeroed memory is a quota without a bound.
 *
 * What always holds: the others have been told all but `step` of what is used
 * here, and this one looked at theirs when it told them last; before it turns
 * somebody away it looks again.
 */
#ifndef BASE_QUOTA_H
#define BASE_QUOTA_H

#include "base/census.h"

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
	struct census_seat seat;	/* zeroed: not shared */
	unsigned gauge;			/* there */
	uint64_t others;		/* have so much, as last seen */
	uint64_t told, step;
};

static inline void
quota_look(struct quota *q)
{
	if (q->seat.census != NULL)
		q->others = census_others(&q->seat, q->gauge);
}

/* `used` has changed: is it time to tell? */
static inline void
quota_changed(struct quota *q)
{
	if (q->seat.census == NULL || (q->used >= q->told ?
	    q->used - q->told : q->told - q->used) <= q->step)
		return;
	q->told = q->used;
	census_set(&q->seat, q->gauge, q->used);
	quota_look(q);
}

/* Share it, before anything is used. */
static inline void
quota_share(struct quota *q, const struct census_seat *seat, unsigned gauge,
    uint64_t step)
{
	q->seat = *seat;
	q->gauge = gauge;
	q->step = step;
	census_set_bound(seat, gauge, q->max);
}

/* How much is left for all, as far as it is known here. */
static inline uint64_t
quota_left(const struct quota *q)
{
	uint64_t used = q->used + q->others;

	return (q->max == 0 ? UINT64_MAX : used < q->max ? q->max - used : 0);
}

/* Is the bound reached, as far as it is known here? */
static inline bool
quota_full(struct quota *q)
{
	if (quota_left(q) != 0)
		return (false);
	quota_look(q);
	return (quota_left(q) == 0);
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
	quota_look(q);
	if (quota_left(q) == 0) {
		quota_turn_away(q);
		return (false);
	}
	q->used++;
	quota_changed(q);
	return (true);
}

static inline void
quota_give(struct quota *q)
{
	if (q == NULL)
		return;
	assert(q->used > 0);
	q->used--;
	quota_changed(q);
}

#endif
