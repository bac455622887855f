/* SPDX-License-Identifier: MIT */
/*
 * random -- one random tunnel: two peers with their scripts, a chain of
 * random inspectors, a loop that feeds it.  All of it follows from a seed.
 */
#ifndef MODEL_RANDOM_H
#define MODEL_RANDOM_H

#include "check.h"

static struct bytes
unit_make(struct tunnel *t, uint8_t kind)
{
	static const uint8_t sizes[] = { 0, 1, 2, 5, 20 };
	uint8_t head[2] = { kind, sizes[random_below(t, 5)] }, byte;
	struct bytes unit = { 0 };
	unsigned i;

	bytes_add(&unit, head, 2);
	for (i = 0; i < head[1]; i++) {
		byte = (uint8_t)random_next(t);
		bytes_add(&unit, &byte, 1);
	}
	return (unit);
}

static void
script_add(struct peer *peer, size_t gate, struct bytes bytes)
{
	assert_true(peer->count < PARTS);
	peer->script[peer->count].gate = gate;
	peer->script[peer->count++].bytes = bytes;
}

static void
script_clear(struct peer *peer)
{
	while (peer->first < peer->count)
		bytes_clear(&peer->script[peer->first++].bytes);
}

/* Frames that follow an answer; none follow a "no". */
static void
script_frames(struct tunnel *t, struct peer *peer, const char *kinds)
{
	size_t i, n = random_below(t, 7);

	for (i = 0; i < n; i++)
		script_add(peer, 0, unit_make(t,
		    (uint8_t)kinds[random_below(t, strlen(kinds))]));
}

/* Client: requests.  Server: so many answers, each when it was asked. */
static void
scripts_make(struct tunnel *t)
{
	struct peer *client = &t->peers[0], *server = &t->peers[1];
	const size_t count = 1 + random_below(t, 3);
	const char last = "!!!!~nx"[random_below(t, 7)];
	size_t i, gate = 2;

	for (i = 0; i < count; i++) {
		struct bytes ask = unit_make(t, '?');

		/* No answer before the request's head came out. */
		script_add(server, gate,
		    unit_make(t, (uint8_t)(i + 1 < count ? 'n' : last)));
		gate += ask.len;
		script_add(client, 0, ask);
	}
	t->frames = last == '!';
	if (last == 'n')
		return;
	script_frames(t, client, "ddrs");
	script_frames(t, server, "ddrsq");
}

static struct taste
taste_make(struct tunnel *t, size_t least, bool asks)
{
	struct taste taste = { .least = least, .asks = asks,
		.budget = 1 + random_below(t, 150), .log = t->log };

	return (taste);
}

static void
front_make(struct tunnel *t, size_t place)
{
	static const struct frl_plugin *const front[] = {
		&toy_raw, &toy_fragment, &toy_hold, &toy_hold, &toy_slow,
		&toy_slow, &toy_budget, &toy_hold
	};
	const size_t which = random_below(t, 8);
	const bool greedy = which == 7;

	cast_make(t, &t->cast[place], place, front[which], taste_make(t,
	    greedy ? 20 + 10 * random_below(t, 2) : 3,
	    !greedy || random_percent(t, 50)));
}

static void
tunnel_open(struct tunnel *t)
{
	static const size_t limits[] = { 24, 64, 4096 };
	const struct plugin *plugins[PLACES];
	struct chain_refusal refusal;
	const struct taste taste = taste_make(t, 0, false);
	size_t i;

	chain_host(&t->real);
	t->places = 1 + random_below(t, 4);
	for (i = 0; i + 1 < t->places; i++)
		front_make(t, i);
	cast_make(t, &t->cast[i], i, &toy_switch, taste);
	cast_make(t, &t->heirs[0], i, &toy_frames, taste);
	cast_make(t, &t->heirs[1], i, &toy_raw, taste);
	for (i = 0; i < t->places; i++) {
		plugins[i] = &t->cast[i].plugin;
		t->tracks[i][0].asked = t->tracks[i][1].asked = 1;
	}
	t->options.ops = &random_ops;
	t->options.arg = t;
	t->options.tunnel = &t->tunnel;
	t->options.limit = limits[random_below(t, 3)];
	t->options.stalled = &t->stalled;
	t->chain = chain_open(&t->options, plugins, t->places, &refusal);
	assert_non_null(t->chain);
	claim(t, t->opened == t->places, "every link is opened");
}

static void
tunnel_init(struct tunnel *t, uint64_t seed)
{
	bool meddled;
	unsigned i;

	memset(t, 0, sizeof(*t));
	t->seed = t->random = seed;
	tunnel_open(t);
	scripts_make(t);
	meddled = random_percent(t, 30);
	for (i = 0; i < 2; i++) {
		t->peers[i].left = random_percent(t, 30) ?
		    random_below(t, 150) : 10000;
		t->wishes[i] = meddled ? (int)random_below(t, 60) : -1;
		t->drains[i] = random_percent(t, 50);
	}
	t->kill = random_percent(t, 3) ? (int)random_below(t, 60) : -1;
}

static void
tunnel_clear(struct tunnel *t)
{
	size_t i;

	for (i = 0; i < 2 * t->places; i++) {
		struct track *k = &t->tracks[i / 2][i % 2];

		free(k->deeds);
		bytes_clear(&k->words);
		bytes_clear(&k->shown);
		bytes_clear(&k->mask);
	}
	for (i = 0; i < 2; i++) {
		script_clear(&t->peers[i]);
		bytes_clear(&t->peers[i].pending);
		bytes_clear(&t->peers[i].sent);
		bytes_clear(&t->exits[i].sent);
		bytes_clear(&t->log[i]);
	}
}

static size_t
count_words(const struct bytes *in, const char *word, size_t len)
{
	size_t at = 0, found = 0;

	while (at + len <= in->len)
		if (memcmp(in->mem + at, word, len) == 0) {
			found++;
			at += len;
		} else
			at++;
	return (found);
}

/* The next unit of a peer's script, if it is time for it. */
static void
peer_load(struct tunnel *t, enum frl_flow flow)
{
	struct peer *peer = &t->peers[flow];
	const struct exit *out = &t->exits[FRL_FROM_CLIENT];
	struct bytes unit = { 0 };

	if (flow == FRL_FROM_SERVER && t->frames && count_words(&out->sent,
	    WORD_KEEPALIVE, WORD_LEN(WORD_KEEPALIVE)) > t->answered) {
		t->answered++;
		bytes_add(&unit, "a\1.", 3);
	} else if (peer->first < peer->count &&
	    out->sent.len >= peer->script[peer->first].gate)
		unit = peer->script[peer->first++].bytes;
	else if (out->ends != 0)
		script_clear(peer);
	if (unit.len > peer->left)
		unit.len = peer->left;
	bytes_add(&peer->pending, unit.mem, unit.len);
	peer->left -= unit.len;
	bytes_clear(&unit);
	if (peer->left == 0)
		script_clear(peer);
}

/* Bytes that no link wants to see may go round the chain. */
static size_t
peer_skip(struct tunnel *t, enum frl_flow flow, const uint8_t *bytes,
    size_t n)
{
	const uint64_t runway = chain_runway(t->chain, flow);

	if (runway == 0 || t->stalled || random_percent(t, 50))
		return (0);
	n = n < runway ? n : (size_t)runway;
	bytes_add(&t->exits[flow].sent, bytes, n);
	chain_skip(t->chain, flow, n);
	return (n);
}

static void
peer_feed(struct tunnel *t, enum frl_flow flow, size_t n)
{
	struct peer *peer = &t->peers[flow];
	uint8_t *bytes = malloc(n + 1);	/* exact: a loan must not outlive it */
	size_t skipped;

	assert_non_null(bytes);
	if (n != 0)
		memcpy(bytes, peer->pending.mem, n);
	bytes_cut(&peer->pending, n);
	peer->over = peer->pending.len == 0 && peer->first == peer->count &&
	    (n == 0 || random_percent(t, 50));
	skipped = n == 0 ? 0 : peer_skip(t, flow, bytes, n);
	/* What comes when all is over was never sent. */
	bytes_add(&peer->sent, bytes, chain_done(t->chain) ? skipped : n);
	chain_feed(t->chain, flow, bytes + skipped, n - skipped, peer->over);
	memset(bytes, 0xee, n + 1);
	free(bytes);
}

/* Some bytes of one peer, or its end.  False: it has nothing to say now. */
static bool
peer_send(struct tunnel *t, enum frl_flow flow)
{
	static const size_t sizes[] = { 1, 2, 3, 6, 40 };
	struct peer *peer = &t->peers[flow];
	size_t i, n, room;

	if (peer->over)
		return (false);
	n = peer->pending.len >= 9 ? 0 : random_percent(t, 67) ? 1 : 3;
	for (i = 0; i < n; i++)
		peer_load(t, flow);
	room = chain_room(t->chain, flow);
	if (room == 0 || (peer->first < peer->count &&
	    peer->pending.len == 0))
		return (false);
	n = sizes[random_below(t, 5)];
	n = n < room ? n : room;
	n = n < peer->pending.len ? n : peer->pending.len;
	peer_feed(t, flow, n);
	return (true);
}

/* One thing happens, if anything can. */
static bool
tunnel_move(struct tunnel *t)
{
	const size_t first = random_below(t, 3);
	const size_t step = 1 + random_below(t, 2);
	size_t i;

	for (i = 0; i < 3; i++) {
		const size_t what = (first + i * step) % 3;

		if (what == 2 ? question_answer(t) :
		    peer_send(t, (enum frl_flow)what))
			return (true);
	}
	return (false);
}

static void
tunnel_refuse(struct tunnel *t, int turn)
{
	unsigned i;

	for (i = 0; i < 2; i++)
		if (t->wishes[i] == turn && t->drains[i])
			chain_refuse(t->chain, FRL_WHY_DRAIN, WHY_DRAIN, "");
		else if (t->wishes[i] == turn)
			chain_refuse(t->chain, FRL_WHY_REFUSED, WHY_REFUSED,
			    "policy");
}

/* One turn of the loop; was there anything to do? */
static bool
tunnel_turn(struct tunnel *t, int turn)
{
	const bool stalled = t->stalled;
	bool moved;

	if (stalled && random_percent(t, 30)) {
		t->stalled = false;
		chain_resume(t->chain);
	}
	tunnel_refuse(t, turn);
	if (random_percent(t, 10) && t->armed != 0)
		timer_fire(t, t->timers[random_below(t, t->armed)]);
	moved = chain_done(t->chain) || tunnel_move(t);
	if (!moved)
		timer_fire_all(t);
	check_turn_end(t);
	if (random_percent(t, 2))
		t->stalled = true;
	return (moved || stalled || t->stalled);
}

static void
tunnel_run(uint64_t seed)
{
	struct tunnel *t = malloc(sizeof(*t));
	int turn = 0, idle = 0;

	assert_non_null(t);
	tunnel_init(t, seed);
	while (!chain_done(t->chain) && turn != t->kill) {
		idle = tunnel_turn(t, ++turn) ? 0 : idle + 1;
		claim(t, idle < 5, "everything drains");
	}
	t->killed = !chain_done(t->chain);
	t->ending = true;
	/* Late verdicts are inert; some questions are never answered. */
	while (random_percent(t, 50) && question_answer(t))
		;
	chain_close(t->chain);
	check_all(t);
	tunnel_clear(t);
	free(t);
}

#endif
