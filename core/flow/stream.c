/* SPDX-License-Identifier: MIT */
#include "flow/stream.h"

#include "flow/link.h"

#include <assert.h>

struct frl_bytes
stream_bytes(const struct stream *s)
{
	struct frl_bytes held;

	held.data = s->lent_len != 0 ? s->lent : buf_data(&s->kept);
	held.len = stream_held(s);
	return (held);
}

int
stream_record(struct stream *s, enum verb verb, uint64_t n,
    const void *bytes, bool by_core)
{
	/* Rule 6: the stream is over, verbs have no effect. */
	if (s->finished || s->unmet != 0)
		return (0);
	if (n == 0 && verb != VERB_END)
		return (0);
	if (verbs_empty(&s->verbs) && verb != VERB_INSERT) {
		verbs_begin(&s->verbs, verb, n);	/* nearly always */
		return (0);
	}
	if (verbs_reserve(&s->verbs, verb, by_core) != 0) {
		if (by_core)
			chain_starve(s->place->chain);
		return (-1);
	}
	if (verb == VERB_INSERT) {
		/* Rule 5: inserted bytes count as held. */
		size_t limit = chain_limit(s->place->chain);
		size_t waiting = buf_len(&s->inserted);

		if (n >= limit || waiting + n >= limit)
			return (-1);
		if (buf_append(&s->inserted, bytes, (size_t)n) != 0)
			return (-1);
	}
	verbs_push(&s->verbs, verb, n);
	return (0);
}

/*
 * Take bytes in: lent ones stay where they are as long as they are in one
 * piece, everything else is copied.
 */
static void
take_in(struct stream *s, const uint8_t *bytes, size_t n, bool lasting)
{
	if (lasting && s->lent_len != 0 && s->lent + s->lent_len == bytes) {
		s->lent_len += n;
		return;
	}
	if (lasting && stream_held(s) == 0) {
		s->lent = bytes;
		s->lent_len = n;
		return;
	}
	stream_keep(s);
	if (buf_append(&s->kept, bytes, n) != 0)
		chain_starve(s->place->chain);
}

void
stream_give(struct stream *s, const uint8_t *bytes, size_t n, bool lasting,
    bool over)
{
	if (s->finished || s->input_over)
		return;
	if (n != 0) {
		take_in(s, bytes, n, lasting);
		s->due = true;
	}
	if (over)
		s->input_over = s->place->chain->ending = true;
}

static void
give_next(struct stream *s, const uint8_t *bytes, size_t n, bool lasting,
    bool over)
{
	if (s->next != NULL)
		stream_give(s->next, bytes, n, lasting, over);
	else
		chain_emit(s->place->chain, (enum frl_flow)s->which, bytes, n,
		    over);
}

/* Forget the first n held bytes. */
static void
forget_held(struct stream *s, size_t n)
{
	if (s->lent_len != 0) {
		s->lent += n;
		s->lent_len -= n;
	} else
		buf_drain(&s->kept, n);
}

/* Let the first n held bytes go, one way or the other. */
static void
consume(struct stream *s, enum verb verb, size_t n)
{
	if (n == 0)
		return;
	if (verb == VERB_PASS) {
		struct frl_bytes held = stream_bytes(s);

		s->moved += n;
		give_next(s, held.data, n, s->lent_len != 0, false);
	}
	forget_held(s, n);
	s->seen = s->seen > n ? s->seen - n : 0;
	s->due = stream_held(s) != 0;	/* rule 2: they are shown at once */
}

/* Rule 6: credit was not met; nothing queued behind it happens. */
static void
void_ahead(struct stream *s, uint64_t unmet)
{
	s->unmet = unmet;
	verbs_clear(&s->verbs);
	buf_free(&s->inserted);
	if (s->told)
		verbs_push(&s->verbs, VERB_END, 0);
}

static bool
spend(struct stream *s, enum verb verb, uint64_t credit)
{
	size_t held = stream_held(s);
	size_t n = credit < held ? (size_t)credit : held;

	consume(s, verb, n);
	if (n == credit || (credit == FRL_ALL && s->input_over)) {
		verbs_pop(&s->verbs);
		return (true);
	}
	if (!s->input_over) {
		verbs_spend(&s->verbs, n);
		return (n > 0);
	}
	void_ahead(s, credit - n);
	return (true);
}

bool
stream_act(struct stream *s)
{
	uint64_t n;

	if (s->finished)
		return (false);
	n = verbs_credit(&s->verbs);
	switch (verbs_first(&s->verbs)) {
	case VERB_END:
		stream_finish(s);
		break;
	case VERB_INSERT:
		verbs_pop(&s->verbs);
		give_next(s, buf_data(&s->inserted), (size_t)n, false, false);
		buf_drain(&s->inserted, (size_t)n);
		break;
	case VERB_PASS:
	case VERB_DROP:
		return (spend(s, verbs_first(&s->verbs), n));
	}
	return (true);
}

void
stream_finish(struct stream *s)
{
	s->finished = s->told = true;
	stream_free(s);
	give_next(s, NULL, 0, false, true);
}

void
stream_skip(struct stream *s, uint64_t n)
{
	assert(!verbs_empty(&s->verbs) &&
	    verbs_first(&s->verbs) == VERB_PASS);
	s->moved += n;
	verbs_spend(&s->verbs, n);
	if (verbs_credit(&s->verbs) == 0)
		verbs_pop(&s->verbs);
}

void
stream_copy(struct stream *s)
{
	const uint8_t *bytes = s->lent;
	size_t n = s->lent_len;

	s->lent = NULL;
	s->lent_len = 0;
	if (buf_append(&s->kept, bytes, n) != 0)
		chain_starve(s->place->chain);
}

void
stream_free(struct stream *s)
{
	buf_free(&s->kept);
	buf_free(&s->inserted);
	s->lent = NULL;
	s->lent_len = 0;
	verbs_clear(&s->verbs);
}
