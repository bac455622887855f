/* SPDX-License-Identifier: MIT */
/*
 * verbs -- what a link has decided ahead, oldest first (rule 5).
 *
 *	inline: [0] [1]		as long as there are two at most
 *	more:	[2] ... [11]	on the heap, gone as soon as it is empty
 *
 * An idle stream has one at most (the rest of a body, the rest of the
 * tunnel), so the others need no place in every tunnel.  It knows counts, no
 * bytes.
 */
#ifndef FLOW_VERBS_H
#define FLOW_VERBS_H

#include <stdbool.h>
#include <stdint.h>

/* What a link may queue; the core itself may queue a few more, so that last
 * words and ends always fit. */
#define VERBS_OF_LINK 8
#define VERBS_OF_CORE 4
#define VERBS_MAX (VERBS_OF_LINK + VERBS_OF_CORE)
#define VERBS_INLINE 2

enum verb { VERB_PASS, VERB_DROP, VERB_INSERT, VERB_END };

struct verbs_more;

/* Zeroed memory is an empty queue. */
struct verbs {
	uint64_t n[VERBS_INLINE];
	struct verbs_more *more;
	uint8_t verb[VERBS_INLINE];
	uint8_t count;
};

static inline bool
verbs_empty(const struct verbs *v)
{
	return (v->count == 0);
}

/* The oldest one; there is one. */
static inline enum verb
verbs_first(const struct verbs *v)
{
	return ((enum verb)v->verb[0]);
}

static inline uint64_t
verbs_credit(const struct verbs *v)
{
	return (v->n[0]);
}

/* Begin an empty queue: as verbs_reserve and verbs_push, which cannot fail. */
static inline void
verbs_begin(struct verbs *v, enum verb verb, uint64_t n)
{
	v->n[0] = n;
	v->verb[0] = (uint8_t)verb;
	v->count = 1;
}

/* n of the oldest one's credit is spent; FRL_ALL has no end. */
void verbs_spend(struct verbs *v, uint64_t n);

/* Make sure that one more fits; a link's (by_core false) finds less room.
 * -1: the queue is full, or no memory. */
int verbs_reserve(struct verbs *v, enum verb verb, bool by_core);

/* Behind verbs_reserve: add, or merge with the youngest. */
void verbs_push(struct verbs *v, enum verb verb, uint64_t n);

/* Forget the oldest one; all. */
void verbs_shift(struct verbs *v);
static inline void
verbs_pop(struct verbs *v)
{
	if (v->count == 1)
		v->count = 0;	/* nearly always */
	else
		verbs_shift(v);
}
void verbs_clear(struct verbs *v);

#endif
