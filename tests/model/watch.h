/* SPDX-License-Identifier: MIT */
/*
 * watch -- the plugin that the core sees: every callback is checked against
 * the contract before the toy inspector gets it.
 *
 * What a link was shown stays in its place's track until the end, when
 * check.h compares it with what the link before let go.
 */
#ifndef MODEL_WATCH_H
#define MODEL_WATCH_H

#include "record.h"

static struct seat *
enter(struct frl_link *link, const char *name)
{
	struct tunnel *t = cast_of(link)->tunnel;
	struct seat *seat = seat_find(t, link);

	claim(t, seat != NULL, "nothing is called after its close: %s",
	    name);
	claim(t, t->depth == 0, "no link is re-entered: %s", name);
	claim(t, seat_at(t, seat->cast->place, false) != NULL,
	    "somebody sits at each place");
	claim(t, ++t->calls < 20000, "no endless loop");
	t->depth++;
	return (seat);
}

/* An heir is not called before its switch, nobody while the log is full. */
static void
check_turn(struct tunnel *t, const struct seat *seat, const char *name)
{
	claim(t, seat != seat_at(t, seat->cast->place, true),
	    "an heir waits for its switch: %s", name);
	claim(t, !t->stalled, "no link is called in a stall: %s", name);
}

static enum frl_verdict
leave(struct tunnel *t, struct track *k, enum frl_verdict verdict)
{
	t->depth--;
	if (k != NULL && (verdict == FRL_REFUSE || verdict == FRL_FAIL))
		k->refused = true;
	return (verdict);
}

static enum frl_verdict
watch_open(struct frl_link *link, const struct frl_context *context)
{
	struct cast *cast = cast_of(link);
	struct tunnel *t = cast->tunnel;
	const bool heir = seat_at(t, cast->place, false) != NULL;
	struct seat *seat = &t->seats[t->opened++];

	claim(t, t->opened <= SEATS, "few links are opened");
	claim(t, heir == (context != NULL), "an heir is given the context");
	claim(t, heir == (t->depth > 0), "an heir is opened at once");
	claim(t, !heir || strcmp(context->token, cast->inner->name) == 0,
	    "the context travels along");
	memset(seat, 0, sizeof(*seat));
	seat->link = link;
	seat->cast = cast;
	frl_set_timer(link, 5);
	return (FRL_OK);
}

/* What both data() and end() ask for. */
static void
check_call(struct tunnel *t, const struct seat *seat, const struct track *k,
    enum frl_flow flow, const char *name)
{
	check_turn(t, seat, name);
	claim(t, !k->paused, "a paused link is not called: %s", name);
	claim(t, !k->waiting, "a link that waits is not called: %s", name);
	claim(t, !k->refused, "a refuser is not asked again: %s", name);
	claim(t, !seat->told[flow], "one end, behind the last byte: %s",
	    name);
}

/*
 * Could this place be called for bytes that it was not shown?  `given` is
 * the length of its input so far.
 */
static bool
has_news(struct tunnel *t, size_t place, enum frl_flow flow, uint64_t given)
{
	const struct track *k = track_at(t, place, flow);

	/* When a limit is reached the core refuses for others, unseen. */
	if (t->refusals != 0 || seat_at(t, place, true) != NULL)
		return (false);
	return (!k->paused && !k->waiting && !k->refused && !k->over &&
	    k->credit < given && given > k->edge &&
	    given - k->credit >= k->asked);
}

/* Every byte is the same each time it is shown; check.h compares them with
 * what the link before let go. */
static void
check_shown(struct tunnel *t, struct track *k, struct frl_bytes held)
{
	const size_t at = (size_t)k->credit, end = at + held.len;
	static const uint8_t none[64];
	size_t i;

	while (k->mask.len < end) {
		size_t n = end - k->mask.len;

		n = n < sizeof(none) ? n : sizeof(none);
		bytes_add(&k->mask, none, n);
		bytes_add(&k->shown, none, n);
	}
	for (i = 0; i < held.len; i++) {
		claim(t, !k->mask.mem[at + i] ||
		    k->shown.mem[at + i] == held.data[i],
		    "held bytes do not change");
		k->mask.mem[at + i] = 1;
		k->shown.mem[at + i] = held.data[i];
	}
}

static void
check_data(struct tunnel *t, const struct seat *seat, struct track *k,
    enum frl_flow flow, struct frl_bytes held, size_t seen)
{
	const uint64_t at = k->credit;
	const size_t place = seat->cast->place;
	const int after = place_after(t, place, flow);

	check_call(t, seat, k, flow, "data");
	claim(t, !k->over && at != FRL_ALL, "what is decided is not shown");
	claim(t, !seat->own[flow], "who ended a flow is not shown more");
	claim(t, held.len >= k->asked && held.len > 0, "need is met");
	claim(t, seen == (k->edge > at ? k->edge - at : 0),
	    "shown before: %zu", seen);
	claim(t, !k->called || k->last_at != at || k->last_len != held.len,
	    "no call without news");
	claim(t, after < 0 || !has_news(t, (size_t)after, flow, k->let),
	    "the next link is shown first");
	claim(t, !t->fresh || place + 1 != t->places || t->refusals != 0 ||
	    flow == FRL_FROM_CLIENT || t->pending[FRL_FROM_CLIENT] == 0,
	    "after a handoff the client's bytes come first");
	check_shown(t, k, held);
}

static enum frl_verdict
watch_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	struct seat *seat = enter(link, "data");
	struct tunnel *t = seat->cast->tunnel;
	struct track *k = track_of(link, flow);

	check_data(t, seat, k, flow, held, seen);
	if (is_protocol(seat->cast))
		t->fresh = false;
	k->asked = 1;
	k->edge = k->credit + held.len;
	k->last_at = k->credit;
	k->last_len = held.len;
	k->called = true;
	return (leave(t, k, seat->cast->inner->data(link, flow, held,
	    seen)));
}

static enum frl_verdict
watch_end(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    uint64_t unmet)
{
	struct seat *seat = enter(link, "end");
	struct tunnel *t = seat->cast->tunnel;
	struct track *k = track_of(link, flow);
	enum frl_verdict verdict = FRL_OK;

	check_call(t, seat, k, flow, "end");
	/* Unmet credit voids also an end() and last words behind it. */
	claim(t, !seat->own[flow] || unmet != 0,
	    "who ended a flow is not told");
	claim(t, unmet == 0 || held.len == 0, "unmet credit holds nothing");
	if (!k->over && k->credit != FRL_ALL) {
		k->known = true;
		k->input = k->credit - unmet + held.len;
		if (unmet == 0)
			check_shown(t, k, held);
	}
	seat->told[flow] = k->told = true;
	verdict = leave(t, k, seat->cast->inner->end(link, flow, held,
	    unmet));
	/* The core ends the flow behind what end() decided. */
	deed_add(k, END, 0, NULL);
	return (verdict);
}

static enum frl_verdict
watch_timer(struct frl_link *link)
{
	struct seat *seat = enter(link, "timer");
	struct tunnel *t = seat->cast->tunnel;
	enum frl_verdict verdict = FRL_OK;

	check_turn(t, seat, "timer");
	frl_set_timer(link, 5);
	if (seat->cast->inner->timer != NULL)
		verdict = seat->cast->inner->timer(link);
	return (leave(t, NULL, verdict));
}

static enum frl_verdict
watch_decided(struct frl_link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    enum frl_verdict verdict)
{
	struct seat *seat = enter(link, "decided");
	struct tunnel *t = seat->cast->tunnel;
	struct track *k = track_of(link, flow);

	claim(t, k->waiting, "a late verdict is inert");
	k->waiting = false;
	k->refused = k->refused || verdict != FRL_OK;
	return (leave(t, k, seat->cast->inner->decided(link, flow, event,
	    record, verdict)));
}

/* A refusal ends FRL_ALL with what has arrived; a drain does not. */
static void
cut_all(struct frl_link *link, enum frl_flow flow, enum frl_why why)
{
	struct track *k = track_of(link, flow);

	k->paused = k->waiting = false;
	if (k->credit == FRL_ALL && why != FRL_WHY_DRAIN &&
	    why != FRL_WHY_RELOAD) {
		k->cut = true;
		k->cut_at = frl_moved(link, flow);
	}
}

static void
watch_farewell(struct frl_link *link, const struct frl_farewell *farewell)
{
	struct seat *seat = enter(link, "farewell");
	struct tunnel *t = seat->cast->tunnel;
	const struct chain_refusal *why = chain_refused(t->chain);
	unsigned i;

	check_turn(t, seat, "farewell");
	claim(t, !seat->said, "farewell comes once");
	claim(t, is_protocol(seat->cast), "the protocol has the last word");
	claim(t, why != NULL && farewell->why == why->why &&
	    strcmp(farewell->reason, why->text) == 0,
	    "the first refusal is told");
	seat->said = true;
	for (i = 0; i < 2; i++)
		cut_all(link, (enum frl_flow)i, farewell->why);
	if (seat->cast->inner->farewell != NULL)
		seat->cast->inner->farewell(link, farewell);
	for (i = 0; i < 2; i++) {
		struct track *k = track_of(link, (enum frl_flow)i);

		/* An heir may have to be told of an end that is past. */
		seat->own[i] = seat->own[i] || !k->over;
		deed_add(k, END, 0, NULL);
	}
	leave(t, NULL, FRL_OK);
}

/*
 * Who was there at the end of a flow was told of it, or had ended it itself.
 * Only seen from outside: a flow has ended at the last link of its lane, and
 * where the link behind was told so.
 */
static void
check_told(struct tunnel *t, const struct seat *seat, enum frl_flow flow)
{
	const size_t place = seat->cast->place;
	const struct track *k = track_at(t, place, flow);
	const int after = place_after(t, place, flow);
	/* At a limit the core refuses for whoever holds, unseen. */
	const bool limited = t->refusals != 0 && t->options.limit < 1000;

	if (after >= 0 && !track_at(t, (size_t)after, flow)->told)
		return;
	claim(t, seat->told[flow] || seat->own[flow] || k->refused || limited,
	    "every link is told of the end: place %zu", place);
}

/* The heir takes over: what does not pass on begins anew. */
static void
begin_anew(struct tunnel *t, struct track *k)
{
	k->paused = k->waiting = k->called = false;
	k->edge = 0;
	k->asked = 1;
	t->fresh = true;
}

static void
watch_close(struct frl_link *link)
{
	struct seat *seat = enter(link, "close");
	struct tunnel *t = seat->cast->tunnel;
	const size_t place = seat->cast->place;
	const bool replaced = seat_at(t, place, true) != NULL && !t->ending;
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct track *k = track_of(link, (enum frl_flow)i);

		k->moved = frl_moved(link, (enum frl_flow)i);
		if (replaced)
			begin_anew(t, k);
		else if (!t->killed)
			check_told(t, seat, (enum frl_flow)i);
	}
	seat->closed = true;
	leave(t, NULL, FRL_OK);
}

/* Make a plugin of one tunnel and one place. */
static void
cast_make(struct tunnel *t, struct cast *cast, size_t place,
    const struct frl_plugin *inner, struct taste taste)
{
	cast->taste = taste;
	cast->tunnel = t;
	cast->place = place;
	cast->inner = inner;
	cast->outer = *inner;
	cast->outer.open = watch_open;
	cast->outer.data = watch_data;
	cast->outer.end = watch_end;
	cast->outer.timer = watch_timer;
	cast->outer.decided = watch_decided;
	cast->outer.farewell = watch_farewell;
	cast->outer.close = watch_close;
	cast->plugin.desc = &cast->outer;
	cast->plugin.instance = cast;
	snprintf(cast->plugin.name, sizeof(cast->plugin.name), "%s",
	    inner->name);
	host_watched(t, &cast->plugin.host);
}

#endif
