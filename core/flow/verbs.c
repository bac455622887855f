/* SPDX-License-Identifier: MIT */
#include "flow/verbs.h"

#include <fairlead/inspector.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct verbs_more {
	uint64_t n[VERBS_MAX - VERBS_INLINE];
	uint8_t verb[VERBS_MAX - VERBS_INLINE];
};

/* Does this one become part of the youngest?  Ends are not counted. */
static bool
merges(const struct verbs *v, enum verb verb)
{
	unsigned last = v->count - 1u;

	if (v->count == 0 || verb == VERB_END)
		return (false);
	return (verb == (last < VERBS_INLINE ? v->verb[last] :
	    v->more->verb[last - VERBS_INLINE]));
}

/* Rule 5: merging never turns a count into FRL_ALL. */
static uint64_t
sum(uint64_t a, uint64_t b)
{
	if (a == FRL_ALL || b == FRL_ALL)
		return (FRL_ALL);
	return (b > FRL_ALL - 1 - a ? FRL_ALL - 1 : a + b);
}

int
verbs_reserve(struct verbs *v, enum verb verb, bool by_core)
{
	if (merges(v, verb))
		return (0);
	if (v->count >= (by_core ? VERBS_MAX : VERBS_OF_LINK))
		return (-1);
	if (v->count < VERBS_INLINE || v->more != NULL)
		return (0);
	v->more = calloc(1, sizeof(*v->more));
	return (v->more == NULL ? -1 : 0);
}

void
verbs_push(struct verbs *v, enum verb verb, uint64_t n)
{
	bool merged = merges(v, verb);
	unsigned at = merged ? v->count - 1u : v->count;
	uint64_t *to;

	assert(at < VERBS_MAX && (at < VERBS_INLINE || v->more != NULL));
	if (at < VERBS_INLINE) {
		to = &v->n[at];
		v->verb[at] = (uint8_t)verb;
	} else {
		to = &v->more->n[at - VERBS_INLINE];
		v->more->verb[at - VERBS_INLINE] = (uint8_t)verb;
	}
	*to = merged ? sum(*to, n) : n;
	v->count = (uint8_t)(at + 1);
}

void
verbs_spend(struct verbs *v, uint64_t n)
{
	if (v->n[0] == FRL_ALL)
		return;
	assert(v->count > 0 && n <= v->n[0]);
	v->n[0] -= n;
}

void
verbs_shift(struct verbs *v)
{
	struct verbs_more *more = v->more;
	unsigned left;

	assert(v->count > 0);
	v->count--;
	v->n[0] = v->n[1];
	v->verb[0] = v->verb[1];
	if (more == NULL)
		return;
	v->n[1] = more->n[0];
	v->verb[1] = more->verb[0];
	if (v->count <= VERBS_INLINE) {
		free(more);
		v->more = NULL;
		return;
	}
	left = v->count - VERBS_INLINE;
	memmove(more->n, more->n + 1, left * sizeof(more->n[0]));
	memmove(more->verb, more->verb + 1, left);
}

void
verbs_clear(struct verbs *v)
{
	free(v->more);
	v->more = NULL;
	v->count = 0;
}
