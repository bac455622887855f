/* SPDX-License-Identifier: MIT */
/*
 * stream -- one link's view of one direction: what it holds and what it has
 * decided ahead.
 *
 *	given by the stream before:
 *	| passed or dropped |   held (undecided)   | not yet arrived
 *	                     ^ seen ^               ^ verbs that wait
 *
 * When all is quiet either bytes wait for a decision (held) or a decision
 * waits for bytes (ahead), never both.
 *
 * Held bytes lie in `kept`, which the stream owns, or are `lent` by whoever
 * feeds the chain, never in both: bytes that go through at once are not
 * copied.  stream_keep() ends the loan.
 *
 * It knows the next stream and three functions of its chain; nothing of
 * plugins.
 */
#ifndef FLOW_STREAM_H
#define FLOW_STREAM_H

#include "base/buf.h"
#include "flow/verbs.h"

#include <fairlead/inspector.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chain;
struct link_place;

/* Every tunnel has at least two, whatever it does: keep it small. */
struct stream {
	struct link_place *place;
	struct stream *next;		/* NULL: bytes leave the chain */
	struct buf kept;
	struct buf inserted;		/* bytes of the queued inserts */
	const uint8_t *lent;
	size_t lent_len;
	size_t seen;			/* rule 3 */
	size_t wanted;			/* rule 2: need(n) */
	uint64_t unmet;			/* rule 6 */
	uint64_t moved;			/* rule 7; of the place */
	struct verbs verbs;		/* rule 5 */
	uint8_t which;			/* enum frl_flow */
	bool due;			/* rule 2: there is news to show */
	bool paused, waiting;		/* rule 4 */
	bool input_over;		/* nothing follows what is held */
	bool told;			/* rule 6: the link knows the end */
	bool refused;			/* rule 9: nothing more goes here */
	bool finished;			/* the next stream knows the end */
};

_Static_assert(sizeof(struct stream) <= 128, "a stream stays small");

static inline size_t
stream_held(const struct stream *s)
{
	return (s->lent_len != 0 ? s->lent_len : buf_len(&s->kept));
}

/* It has no bytes of any kind. */
static inline bool
stream_idle(const struct stream *s)
{
	return (s->lent_len == 0 && buf_empty(&s->kept) &&
	    buf_empty(&s->inserted));
}

struct frl_bytes stream_bytes(const struct stream *s);

/* Rule 4: paused by its link, or waiting for a verdict. */
static inline bool
stream_stopped(const struct stream *s)
{
	return (s->paused || s->waiting);
}

/*
 * Rule 1, 5: write a verb down.  bytes: copy, VERB_INSERT only.  0, or -1:
 * the queue is full, the insert would reach the limit, no memory (which
 * starves the chain if it is the core's own verb).
 */
int stream_record(struct stream *s, enum verb verb, uint64_t n,
    const void *bytes, bool by_core);

/* Bytes (lasting: they stay in place until the feed is over) or the end
 * arrive from the stream before. */
void stream_give(struct stream *s, const uint8_t *bytes, size_t n,
    bool lasting, bool over);

/* Do what the oldest verb (there is one) says as far as bytes are there; was it
 * anything? */
bool stream_act(struct stream *s);

/* The stream ends here; what is still held is dropped. */
void stream_finish(struct stream *s);

/* n bytes went through by another way: rule 5's credit is spent. */
void stream_skip(struct stream *s, uint64_t n);

/* Copy what is lent. */
void stream_copy(struct stream *s);

static inline void
stream_keep(struct stream *s)
{
	if (s->lent_len != 0)
		stream_copy(s);
}

void stream_free(struct stream *s);

/* What a stream needs of its chain; in chain.c. */
size_t chain_limit(const struct chain *chain);
void chain_emit(struct chain *chain, enum frl_flow flow,
    const uint8_t *bytes, size_t n, bool over);
void chain_starve(struct chain *chain);	/* memory is out: break off */

#endif
