/* SPDX-License-Identifier: MIT */
#include "flow/stream.h"

#include "flow/link.h"

#include <assert.h>
#include <string.h>

struct frl_bytes
stream_bytes(const struct stream *s)
{
	struct frl_bytes held;

	held.data = s->lent_len != 0 ? s->lent : buf_data(&s->kept);
	held.len = stream_held(s);
	return (held);
}

/* Try to let a verb become part of the youngest one in the queue. */
static bool
merge(struct stream *s, enum verb verb, uint64_t n)
{
	struct ahead *last;

	if (s->ahead_count == 0 || verb == VERB_END)
		return (false);
	last = &s->ahead[s->ahead_count - 1];
	if (last->verb != verb)
		return (false);

	/* Rule 5: merging never turns a count into FRL_ALL. */
	if (n == FRL_ALL || last->n == FRL_ALL)
		last->n = FRL_ALL;
	else if (n > FRL_ALL - 1 - last->n)
		last->n = FRL_ALL - 1;
	else
		last->n += n;
	return (true);
}

int
stream_record(struct stream *s, enum verb verb, uint64_t n,
    const void *bytes, bool by_core)
{
	unsigned room = by_core ? STREAM_QUEUE + STREAM_QUEUE_CORE
				: STREAM_QUEUE;
	bool merges;

	/* Rule 6: the stream is over, verbs have no effect. */
	if (s->finished || s->unmet != 0)
		return (0);
	if (n == 0 && verb != VERB_END)
		return (0);

	merges = s->ahead_count != 0 && verb != VERB_END &&
	    s->ahead[s->ahead_count - 1].verb == verb;
	if (!merges && s->ahead_count >= room)
		return (-1);
	if (verb == VERB_INSERT) {
		/* Rule 5: inserted bytes count as held. */
		size_t limit = chain_limit(s->place->chain);
		size_t waiting = buf_len(&s->inserted);

		if (n >= limit || waiting + n >= limit)
			return (-1);
		if (buf_append(&s->inserted, bytes, (size_t)n) != 0)
			return (-1);
	}
	if (!merge(s, verb, n)) {
		s->ahead[s->ahead_count].verb = (uint8_t)verb;
		s->ahead[s->ahead_count].n = n;
		s->ahead_count++;
	}
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
	s->input_over = over;
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
	} else
		s->dropped += n;
	forget_held(s, n);
	s->seen = s->seen > n ? s->seen - n : 0;
	s->due = true;		/* rule 2: bytes left are shown at once */
}

static void
pop(struct stream *s)
{
	assert(s->ahead_count > 0);
	s->ahead_count--;
	memmove(&s->ahead[0], &s->ahead[1],
	    s->ahead_count * sizeof(s->ahead[0]));
}

/* Rule 6: credit was not met; nothing queued behind it happens. */
static void
void_ahead(struct stream *s, uint64_t unmet)
{
	s->unmet = unmet;
	s->ahead_count = 0;
	buf_free(&s->inserted);
	if (s->told) {
		s->ahead[0].verb = VERB_END;
		s->ahead[0].n = 0;
		s->ahead_count = 1;
	}
}

static bool
spend(struct stream *s, enum verb verb, uint64_t credit)
{
	size_t held = stream_held(s);
	size_t n = credit < held ? (size_t)credit : held;

	consume(s, verb, n);
	if (n == credit || (credit == FRL_ALL && s->input_over)) {
		pop(s);
		return (true);
	}
	if (!s->input_over) {
		if (credit != FRL_ALL)
			s->ahead[0].n -= n;
		return (n > 0);
	}
	void_ahead(s, credit - n);
	return (true);
}

bool
stream_carry_out(struct stream *s)
{
	uint64_t n;

	if (s->finished || s->ahead_count == 0)
		return (false);
	n = s->ahead[0].n;
	switch ((enum verb)s->ahead[0].verb) {
	case VERB_END:
		stream_finish(s);
		break;
	case VERB_INSERT:
		pop(s);
		give_next(s, buf_data(&s->inserted), (size_t)n, false, false);
		buf_drain(&s->inserted, (size_t)n);
		break;
	case VERB_PASS:
	case VERB_DROP:
		return (spend(s, (enum verb)s->ahead[0].verb, n));
	}
	return (true);
}

void
stream_finish(struct stream *s)
{
	s->finished = s->told = true;
	s->dropped += stream_held(s);
	stream_free(s);
	give_next(s, NULL, 0, false, true);
}

void
stream_skip(struct stream *s, uint64_t n)
{
	assert(s->ahead_count > 0 && s->ahead[0].verb == VERB_PASS);
	s->moved += n;
	if (s->ahead[0].n == FRL_ALL)
		return;
	assert(n <= s->ahead[0].n);
	s->ahead[0].n -= n;
	if (s->ahead[0].n == 0)
		pop(s);
}

void
stream_keep(struct stream *s)
{
	const uint8_t *bytes = s->lent;
	size_t n = s->lent_len;

	s->lent = NULL;
	s->lent_len = 0;
	if (n != 0 && buf_append(&s->kept, bytes, n) != 0)
		chain_starve(s->place->chain);
}

void
stream_free(struct stream *s)
{
	buf_free(&s->kept);
	buf_free(&s->inserted);
	s->lent = NULL;
	s->lent_len = 0;
	s->ahead_count = 0;
}
