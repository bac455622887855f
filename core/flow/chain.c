/* SPDX-License-Identifier: MIT */
/*
 * chain -- the schedule: which link is called when.
 *
 * chain_settle() repeats step() until all is quiet.  A step does one thing,
 * the most urgent first:
 *
 *	1  carry out a verb, or show a link its bytes: the client's flow
 *	   before the server's, of a flow the last link first (rule 2: what
 *	   was let go is shown to the next link before the same one again)
 *	2  switch to an heir (rule 8)
 *	3  last words (rule 9)
 *	4  leave for the next server (rule 11)
 *	5  ends (rule 6)
 *	6  fail where the limit is reached and nobody waits (rule 4)
 *
 * Rule 1 holds because no plugin is on the stack between steps.
 */
#include "flow/host.h"
#include "flow/link.h"

#include <stdlib.h>

size_t
chain_limit(const struct chain *chain)
{
	return (chain->limit);
}

void
chain_emit(struct chain *chain, enum frl_flow flow, const uint8_t *bytes,
    size_t n, bool over)
{
	if (n != 0)
		chain->ops->out(chain->arg, flow, bytes, n);
	if (over) {
		chain->ended[flow] = true;
		chain->ops->fin(chain->arg, flow);
	}
}

void
chain_go_blind(struct link_place *place)
{
	struct chain *chain = place->chain;
	unsigned i;

	place->blind = true;
	free(chain->noted);
	chain->noted = NULL;
	for (i = 0; i < 2; i++) {
		struct stream *s = &place->streams[i];

		s->paused = s->waiting = false;
		stream_record(s, VERB_PASS, FRL_ALL, NULL, true);
	}
	if (chain->ops->blind != NULL)
		chain->ops->blind(chain->arg, place->link->plugin);
}

/* What a callback answered; s is NULL where it was about no flow. */
static void
heed(struct link *link, struct stream *s, enum frl_verdict verdict)
{
	struct link_place *place = link->place;
	struct chain *chain = place->chain;

	if ((unsigned)verdict > FRL_WAIT)
		verdict = FRL_FAIL;	/* it is no answer */
	if (verdict == FRL_REFUSE) {
		if (s != NULL)
			s->refused = true;
		chain_latch(chain, FRL_WHY_REFUSED, WHY_REFUSED,
		    link->plugin->name, NULL);
	} else if (verdict == FRL_FAIL && link->plugin->fail_open) {
		chain_go_blind(place);
	} else if (verdict == FRL_FAIL) {
		if (s != NULL)
			s->refused = true;
		chain_latch(chain, FRL_WHY_BROKEN, WHY_PLUGIN_ERROR,
		    link->plugin->name, "the inspector failed");
	}
	/* A note that no refusal followed explains nothing. */
	free(chain->noted);
	chain->noted = NULL;
}

/* Rule 11: a protocol link that said next() is not called any more. */
static bool
is_leaving(const struct link_place *place)
{
	return (place->chain->leaving && place == chain_last(place->chain));
}

/* Rules 2, 4: may the link be called for this flow, and is there news? */
static bool
showable(const struct stream *s)
{
	size_t held = stream_held(s);

	return (held != 0 && held >= s->wanted && s->due &&
	    verbs_empty(&s->verbs) && !stream_stopped(s) && !s->finished &&
	    !s->refused && s->place->heir == NULL && !s->place->blind &&
	    !is_leaving(s->place));
}

/* data(), and what it was shown and took where somebody counts. */
static enum frl_verdict
call_data(struct link *link, const struct stream *s, size_t before)
{
	struct board_plugin *counts = link->plugin->counts;
	struct loop *loop = counts != NULL ? link->plugin->env->loop : NULL;
	struct frl_bytes held = stream_bytes(s);
	enum frl_verdict verdict;
	uint64_t began_us = 0;
	struct crumb was;

	if (counts != NULL)
		began_us = loop_event_us(loop);
	link->busy = true;
	was = link_enter(link, CRUMBS_DATA);
	verdict = link->plugin->desc->data(&link->pub,
	    (enum frl_flow)s->which, held, before);
	crumbs_leave(was);
	link->busy = false;
	if (counts != NULL) {
		board_add(&counts->calls, 1);
		board_add(&counts->bytes, held.len - before);
		board_add(&counts->us, loop_event_now_us(loop) - began_us);
	}
	return (verdict);
}

static bool
show(struct stream *s)
{
	struct link *link = s->place->link;
	size_t before = s->seen;
	enum frl_verdict verdict = FRL_OK;

	if (!showable(s))
		return (false);
	s->seen = stream_held(s);
	s->wanted = 1;
	if (link->plugin->desc->data == NULL) {
		stream_record(s, VERB_PASS, FRL_ALL, NULL, true);
	} else {
		verdict = call_data(link, s, before);
		heed(link, s, verdict);
	}
	s->due = false;		/* again() in data() itself lifts a pause */
	return (true);
}

/* Queue the end whatever became of the stream; stream_record() would take it
 * for voided. */
static void
end_behind(struct stream *s)
{
	if (s->finished)
		return;
	if (verbs_reserve(&s->verbs, VERB_END, true) != 0)
		chain_starve(s->place->chain);
	else
		verbs_push(&s->verbs, VERB_END, 0);
}

/* Rule 6: once, when no byte will follow and the link is not stopped. */
static bool
tell_end(struct stream *s)
{
	struct link *link = s->place->link;
	enum frl_verdict verdict;
	struct crumb was;

	if (!verbs_empty(&s->verbs))
		return (false);
	if (s->refused && !s->finished) {
		stream_finish(s);	/* rule 9: its last byte is gone */
		return (true);
	}
	if (s->told || stream_stopped(s) || is_leaving(s->place) ||
	    !(s->input_over || s->finished))
		return (false);
	s->told = true;
	if (link->plugin->desc->end != NULL && !s->place->blind) {
		link->busy = true;
		was = link_enter(link, CRUMBS_END);
		verdict = link->plugin->desc->end(&link->pub,
		    (enum frl_flow)s->which, stream_bytes(s), s->unmet);
		crumbs_leave(was);
		link->busy = false;
		heed(link, s, verdict);
	}
	if (is_leaving(s->place))
		return (true);		/* the client's stream goes on */
	if (s->place->heir != NULL && !s->finished &&
	    verbs_empty(&s->verbs)) {
		s->told = false;	/* rule 8: the heir is told instead */
		return (true);
	}
	end_behind(s);			/* behind what end() decided */
	return (true);
}

static bool
tell_ends(struct chain *chain)
{
	enum frl_flow flow;
	unsigned i;

	LANES(flow)
		for (i = 0; i < chain->count; i++)
			if (tell_end(chain_lane(chain, flow, i)))
				return (true);
	return (false);
}

/* Do the next thing that a stream has to do; was there anything? */
static bool
move(struct stream *s)
{
	if (!verbs_empty(&s->verbs) && stream_act(s))
		return (true);
	return (s->due && show(s));
}

static bool
move_bytes(struct chain *chain)
{
	struct link_place *first = chain->places, *last = chain_last(chain);
	struct link_place *place;

	for (place = last; place >= first; place--)
		if (move(&place->streams[FRL_FROM_CLIENT]))
			return (true);
	for (place = first; place <= last; place++)
		if (move(&place->streams[FRL_FROM_SERVER]))
			return (true);
	return (false);
}

static bool
step(struct chain *chain)
{
	if (move_bytes(chain))
		return (true);
	if (chain_last(chain)->heir != NULL) {
		chain_switch_link(chain);
		return (true);
	}
	return (chain->ending && (chain_say_farewell(chain) ||
	    chain_leave(chain) || tell_ends(chain)));
}

static inline bool
stalled(const struct chain *chain)
{
	return (chain->stalled != NULL && *chain->stalled);
}

/* Nothing of a flow is lent any more; how much may come in? */
static inline void
take_stock(struct chain *chain, enum frl_flow flow)
{
	struct link_place *last = chain_last(chain), *place;
	size_t sum = 0;

	for (place = chain->places; place <= last; place++) {
		struct stream *s = &place->streams[flow];

		if (stream_idle(s))
			continue;	/* nearly always */
		stream_keep(s);
		sum += buf_len(&s->kept) + buf_len(&s->inserted);
	}
	chain->room[flow] = sum < chain->limit && !chain->leaving ?
	    chain->limit - sum : 0;
}

/* No step is left, or none may be taken.  False: there is more to do. */
static bool
stop_here(struct chain *chain)
{
	take_stock(chain, FRL_FROM_CLIENT);
	take_stock(chain, FRL_FROM_SERVER);
	if (chain->room[0] != 0 && chain->room[1] != 0)
		return (true);		/* nearly always */
	if (chain_done(chain) || stalled(chain))
		return (true);
	return (!chain_over_limit(chain, FRL_FROM_CLIENT) &&
	    !chain_over_limit(chain, FRL_FROM_SERVER));
}

/*
 * Go on until all is quiet.  When both flows have ended, links may still have
 * to be told so.
 */
static void
settle(struct chain *chain)
{
	if (chain->busy)
		return;
	chain->busy = true;
	do
		while (!chain->starved && !chain->left && !stalled(chain) &&
		    step(chain))
			;
	while (!stop_here(chain));
	chain->busy = false;
}

void
chain_feed(struct chain *chain, enum frl_flow flow, const uint8_t *bytes,
    size_t len, bool over)
{
	if (chain_done(chain))
		return;
	stream_give(chain_lane(chain, flow, 0), bytes, len, true, over);
	settle(chain);
}

size_t
chain_room(const struct chain *chain, enum frl_flow flow)
{
	return (stalled(chain) ? 0 : chain->room[flow]);
}

uint64_t
chain_runway(const struct chain *chain, enum frl_flow flow)
{
	uint64_t runway = FRL_ALL;
	unsigned i;

	for (i = 0; i < chain->count; i++) {
		const struct stream *s = &chain->places[i].streams[flow];

		if (stream_held(s) != 0 || s->finished || s->input_over ||
		    verbs_empty(&s->verbs) ||
		    verbs_first(&s->verbs) != VERB_PASS)
			return (0);
		if (verbs_credit(&s->verbs) < runway)
			runway = verbs_credit(&s->verbs);
	}
	return (runway);
}

void
chain_skip(struct chain *chain, enum frl_flow flow, uint64_t n)
{
	unsigned i;

	for (i = 0; i < chain->count; i++)
		stream_skip(&chain->places[i].streams[flow], n);
	settle(chain);
}

void
chain_refuse(struct chain *chain, enum frl_why why, enum why end,
    const char *text)
{
	if (chain_done(chain))
		return;
	chain_latch(chain, why, end, NULL, text);
	settle(chain);
}

void
chain_decide(struct link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    const struct decision *decision)
{
	struct link_place *place = link->place;
	struct chain *chain = place->chain;
	struct stream *s = &place->streams[flow];
	enum frl_verdict verdict = decision->verdict;
	enum frl_verdict answer = FRL_OK;
	struct crumb was;

	if (chain_done(chain) || place->link != link || !s->waiting)
		return;
	s->waiting = false;
	s->due = true;
	if (link->plugin->desc->decided != NULL && !place->blind) {
		link->busy = true;
		was = link_enter(link, CRUMBS_DECIDED);
		answer = link->plugin->desc->decided(&link->pub, flow, event,
		    record, verdict == FRL_OK ? FRL_OK : FRL_REFUSE);
		crumbs_leave(was);
		link->busy = false;
	}
	if (verdict != FRL_OK) {
		bool broke = verdict == FRL_FAIL;

		chain_note(chain, broke ? FRL_WHY_BROKEN : FRL_WHY_REFUSED,
		    broke ? WHY_PLUGIN_ERROR : WHY_REFUSED, decision->plugin,
		    decision->reason);
		answer = FRL_REFUSE;
	}
	heed(link, s, answer);
	settle(chain);
}

void
chain_timer(struct link *link)
{
	struct chain *chain = link->place->chain;
	enum frl_verdict verdict = FRL_OK;
	struct crumb was;

	if (chain_done(chain))
		return;
	/* Before its switch, while the log is full, when it is leaving: nobody
	 * is called. */
	if (link->place->link != link || stalled(chain) ||
	    is_leaving(link->place)) {
		chain->ops->set_timer(chain->arg, link, 20);
		return;
	}
	if (link->plugin->desc->timer != NULL && !link->place->blind) {
		link->busy = true;
		was = link_enter(link, CRUMBS_TIMER);
		verdict = link->plugin->desc->timer(&link->pub);
		crumbs_leave(was);
		link->busy = false;
		heed(link, NULL, verdict);
	}
	settle(chain);
}

void
chain_resume(struct chain *chain)
{
	if (!chain_done(chain))
		settle(chain);
}

bool
chain_done(const struct chain *chain)
{
	return (chain->starved || chain->left ||
	    (chain->ended[0] && chain->ended[1]));
}

bool
chain_left(const struct chain *chain)
{
	return (chain->left);
}

bool
chain_starved(const struct chain *chain)
{
	return (chain->starved);
}

struct frl_bytes
chain_held(const struct chain *chain, enum frl_flow flow)
{
	return (stream_bytes(&chain_last(chain)->streams[flow]));
}
