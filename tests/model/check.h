/* SPDX-License-Identifier: MIT */
/*
 * check -- what must have come out of a tunnel.
 *
 * Twice, and independently: by replaying every link's verbs on all that came
 * in, and by decoding what both peers sent without any chain.
 *
 * Left to the executable model, because it cannot be seen from here: that
 * dropped + moved + held is what was given at each place; how long a queue
 * is.
 */
#ifndef MODEL_CHECK_H
#define MODEL_CHECK_H

#include "ops.h"

/* May this flow stand still at its limit? */
static bool
somebody_waits(struct tunnel *t, enum frl_flow flow)
{
	size_t i;

	for (i = 0; i < t->places; i++)
		if (track_at(t, i, flow)->paused ||
		    track_at(t, i, flow)->waiting)
			return (true);
	return (false);
}

/* Rule 4: never more is read than there is room. */
static void
check_memory(struct tunnel *t)
{
	const size_t limit = t->options.limit;
	size_t bound = 0;
	unsigned i;

	for (i = 0; i < 2; i++) {
		const enum frl_flow flow = (enum frl_flow)i;
		const size_t room = chain_room(t->chain, flow);

		/* A replacement may be longer than what it replaces, and a
		 * paused link keeps it. */
		bound += t->stalled || somebody_waits(t, flow) ? limit * 3 :
		    limit - 1;
		claim(t, room == 0 || room +
		    chain_held(t->chain, flow).len <= limit,
		    "at the limit nothing is read: %zu", room);
	}
	claim(t, chain_done(t->chain) || chain_memory(t->chain) <= bound,
	    "held bytes stay below the limit: %zu", chain_memory(t->chain));
}

/* After each turn: the limit stops only who may wait. */
static void
check_turn_end(struct tunnel *t)
{
	unsigned i;

	check_memory(t);
	if (t->stalled || chain_done(t->chain))
		return;
	for (i = 0; i < 2; i++)
		claim(t, chain_room(t->chain, (enum frl_flow)i) != 0 ||
		    somebody_waits(t, (enum frl_flow)i),
		    "unpaused at the limit fails");
	claim(t, !t->must_refuse || chain_refused(t->chain) != NULL,
	    "need above the limit fails at once");
}

/* The four verbs, by definition: what comes out, and how much it moved. */
static struct bytes
replay(const struct track *k, const struct bytes *in, uint64_t *ret_moved)
{
	struct bytes out = { 0 };
	size_t at = 0, n, i;

	*ret_moved = 0;
	for (i = 0; i < k->count && k->deeds[i].verb != END; i++) {
		const struct deed *deed = &k->deeds[i];

		if (deed->verb == INSERT) {
			bytes_add(&out, k->words.mem + deed->at,
			    (size_t)deed->n);
			continue;
		}
		n = in->len - at;
		if (deed->n == FRL_ALL && k->cut && k->cut_at < *ret_moved + n)
			n = (size_t)(k->cut_at - *ret_moved);
		if (deed->n < n)
			n = (size_t)deed->n;
		if (deed->verb == PASS) {
			bytes_add(&out, in->mem + at, n);
			*ret_moved += n;
		}
		at += n;
		if (n < deed->n && deed->n != FRL_ALL)
			break;		/* rule 6: unmet credit */
	}
	return (out);
}

/* What a link was shown is what the link before let go. */
static void
check_input(struct tunnel *t, const struct track *k, const struct bytes *in)
{
	size_t i;

	for (i = 0; i < k->mask.len; i++)
		claim(t, !k->mask.mem[i] || (i < in->len &&
		    k->shown.mem[i] == in->mem[i]),
		    "a link sees what the link before let go");
	claim(t, !k->known || k->input == in->len,
	    "one end, behind the last byte: %llu of %zu",
	    (unsigned long long)k->input, in->len);
}

/* Replay every link's decisions on all that came in: nothing else came
 * out. */
static void
check_bytes(struct tunnel *t, enum frl_flow flow)
{
	const struct bytes *sent = &t->exits[flow].sent;
	struct bytes in = { 0 }, out;
	uint64_t moved;
	int place;

	bytes_add(&in, t->peers[flow].sent.mem, t->peers[flow].sent.len);
	place = flow == FRL_FROM_CLIENT ? 0 : (int)t->places - 1;
	for (; place >= 0; place = place_after(t, (size_t)place, flow)) {
		const struct track *k = track_at(t, (size_t)place, flow);

		check_input(t, k, &in);
		out = replay(k, &in, &moved);
		claim(t, k->moved == moved || (t->killed && k->moved < moved),
		    "moved() is what was passed: place %d: %llu, %llu", place,
		    (unsigned long long)k->moved, (unsigned long long)moved);
		bytes_clear(&in);
		in = out;
	}
	claim(t, bytes_equal(sent, &in) ||
	    (t->killed && bytes_begin(&in, sent)),
	    "bytes out are what was decided: %zu, %zu", sent->len, in.len);
	bytes_clear(&in);
}

/* What a correct tunnel does with two whole streams. */
struct expected {
	struct bytes out[2], log[2];
};

/* Requests and answers until one changes the protocol: its kind or 0. */
static uint8_t
expect_answers(struct tunnel *t, struct expected *e)
{
	const struct bytes *client = &t->peers[0].sent;
	const struct bytes *server = &t->peers[1].sent;
	size_t answers = 0, at = 0, n;
	const char *token = NULL;
	uint8_t kind = 0;

	while (at + 1 < server->len && token == NULL) {
		kind = server->mem[at];
		token = switch_token(kind);
		if (token != NULL && strcmp(token, "unknown") == 0) {
			token = NULL;
			break;
		}
		n = unit_size(server->mem + at, server->len - at);
		bytes_add(&e->out[1], server->mem + at, n);
		at += n;
		answers++;
	}
	/* A request behind the last "no" is let go too. */
	answers += token == NULL;
	for (at = 0; at + 1 < client->len && answers > 0; answers--) {
		n = unit_size(client->mem + at, client->len - at);
		bytes_add(&e->out[0], client->mem + at, n);
		at += n;
	}
	return (token == NULL ? 0 : kind);
}

static void
expect_frames(struct tunnel *t, struct expected *e, unsigned flow)
{
	const struct bytes *sent = &t->peers[flow].sent;
	size_t at = e->out[flow].len, n;

	for (; at < sent->len; at += n) {
		const uint8_t *unit = sent->mem + at;

		n = unit_size(unit, sent->len - at);
		if (n > 1 && unit[0] == 'a')
			continue;
		if (n > 1)
			bytes_add(&e->log[flow], unit, 2);
		if (n < 2 || unit[0] != 'r')
			bytes_add(&e->out[flow], unit, n);
		else if (n == 2u + unit[1])
			bytes_add(&e->out[flow], WORD_NEW,
			    WORD_LEN(WORD_NEW));
	}
}

/* Decode both whole streams, without any chain. */
static void
expect(struct tunnel *t, struct expected *e)
{
	uint8_t kind;
	unsigned i;

	memset(e, 0, sizeof(*e));
	kind = expect_answers(t, e);
	for (i = 0; i < 2; i++) {
		const struct bytes *sent = &t->peers[i].sent;

		if (kind == '!')
			expect_frames(t, e, i);
		else if (kind == '~')
			bytes_add(&e->out[i], sent->mem + e->out[i].len,
			    sent->len - e->out[i].len);
	}
}

/*
 * What a peer got, without what the proxy said on its own account: nothing
 * of a cut last unit where a refusal cut it.
 */
static struct bytes
check_words(struct tunnel *t, const struct bytes *sent)
{
	struct bytes got = { 0 };
	size_t at, n;
	bool last;

	for (at = 0; at < sent->len; at += n) {
		const uint8_t *unit = sent->mem + at;

		n = unit_size(unit, sent->len - at);
		last = at + n == sent->len;
		if (unit_is(unit, n, WORD_CLOSE, WORD_LEN(WORD_CLOSE)))
			claim(t, last, "last words are last");
		if (last && n < WORD_LEN(WORD_CLOSE))
			claim(t, sent->len < WORD_LEN(WORD_CLOSE) ||
			    memcmp(sent->mem + sent->len -
			    WORD_LEN(WORD_CLOSE), WORD_CLOSE,
			    WORD_LEN(WORD_CLOSE)) != 0,
			    "last words never begin inside a frame");
		if (last && n > WORD_LEN(WORD_CLOSE))
			claim(t, memcmp(unit + n - WORD_LEN(WORD_CLOSE),
			    WORD_CLOSE, WORD_LEN(WORD_CLOSE)) != 0,
			    "last words never land inside a frame");
		if (last && t->refusals != 0 && n <= WORD_LEN(WORD_CLOSE) &&
		    memcmp(unit, WORD_CLOSE, n) == 0)
			break;
		if (!unit_is(unit, n, WORD_KEEPALIVE,
		    WORD_LEN(WORD_KEEPALIVE)))
			bytes_add(&got, unit, n);
	}
	return (got);
}

static bool
as_expected(const struct tunnel *t, const struct bytes *got,
    const struct bytes *wanted)
{
	return (bytes_equal(got, wanted) ||
	    ((t->refusals != 0 || t->killed) && bytes_begin(wanted, got)));
}

/* The same from outside: what both peers got, and what the log says. */
static void
check_protocol(struct tunnel *t)
{
	const struct seat *last = &t->seats[t->opened - 1];
	const bool raw = t->switches != 0 && last->cast->inner == &toy_raw;
	struct expected e;
	unsigned i;

	expect(t, &e);
	for (i = 0; i < 2; i++) {
		struct bytes got = { 0 };

		if (raw)
			bytes_add(&got, t->exits[i].sent.mem,
			    t->exits[i].sent.len);
		else
			got = check_words(t, &t->exits[i].sent);
		claim(t, as_expected(t, &got, &e.out[i]),
		    "peers get what the protocol says: flow %u, %zu of %zu",
		    i, got.len, e.out[i].len);
		claim(t, as_expected(t, &t->log[i], &e.log[i]),
		    "the log is what was sent");
		bytes_clear(&got);
		bytes_clear(&e.out[i]);
		bytes_clear(&e.log[i]);
	}
}

static void
check_all(struct tunnel *t)
{
	size_t i;

	for (i = 0; i < t->opened; i++)
		claim(t, t->seats[i].closed, "every link is closed");
	claim(t, t->armed == 0, "a closed link has no timer");
	claim(t, t->waiting == 0, "a closed link asks nothing");
	check_bytes(t, FRL_FROM_CLIENT);
	check_bytes(t, FRL_FROM_SERVER);
	if (!t->killed || t->exits[0].ends + t->exits[1].ends == 0)
		check_protocol(t);
}

#endif
