/* SPDX-License-Identifier: MIT */
/*
 * tunnel_tick -- the timer of a tunnel that has a target: how long it may be
 * quiet, how old it may get, how long last words may take, and whether peers
 * that are not read are still there.
 *
 * What always holds: in CHECK, DIAL, RELAY and DRAIN it is running, unless
 * nothing is ever due.
 */
#include "flow/tunnel_parts.h"

/* Older tunnels may be long ones. */
#define SETTLED_MS 5000

/* Does this deadline come first?  limit 0: it never does. */
static void
sooner(uint64_t limit_ms, uint64_t since_us, enum why why, uint64_t now_us,
    uint64_t *left_ms, enum why *ret_why)
{
	uint64_t past = (now_us - since_us) / 1000;
	uint64_t left = past < limit_ms ? limit_ms - past : 0;

	if (limit_ms == 0 || left >= *left_ms)
		return;
	*left_ms = left;
	*ret_why = why;
}

/* How long may this tunnel go on if nothing moves?  0: it may not any more;
 * FRL_ALL: for ever. */
uint64_t
tunnel_patience(const struct tunnel *t, enum why *ret_why)
{
	const struct rules_timeouts *limits = &t->listener->timeouts;
	uint64_t now = loop_now_us(t->all->options.loop), left = FRL_ALL;
	uint64_t idle = t->idle_ms != 0 ? t->idle_ms : limits->idle_ms;

	*ret_why = WHY_NONE;
	sooner(limits->lifetime_ms, t->story.began_us, WHY_LIFETIME, now,
	    &left, ret_why);
	sooner(idle, t->relay.last_us, WHY_IDLE_TIMEOUT, now, &left, ret_why);
	if (t->relay.flows[0].over || t->relay.flows[1].over)
		sooner(limits->half_closed_ms, t->relay.last_us,
		    WHY_HALF_CLOSED_TIMEOUT, now, &left, ret_why);
	return (left);
}

bool
tunnel_unwatched(const struct tunnel *t)
{
	return (relay_unwatched(&t->relay, FRL_FROM_CLIENT) ||
	    relay_unwatched(&t->relay, FRL_FROM_SERVER));
}

/* Peers that are not being read may be gone without anyone noticing. */
static bool
look_around(struct tunnel *t)
{
	const struct relay_flow *flows = t->relay.flows;
	enum frl_flow flow;

	for (flow = FRL_FROM_CLIENT; flow <= FRL_FROM_SERVER;
	    flow = (enum frl_flow)(flow + 1))
		if (relay_unwatched(&t->relay, flow) && (flows[!flow].gone ||
		    conn_look(flows[flow].source) == CONN_RESET)) {
			t->relay.reset(t, flow);
			return (false);
		}
	return (true);
}

/* Did nobody cut this short? */
static bool
in_good_order(const struct tunnel *t)
{
	if (t->relay.chain == NULL)
		return (t->story.unasked && t->why == WHY_CLIENT_FIN);
	return (chain_refused(t->relay.chain) == NULL);
}

/*
 * Streams that ended in good order are sent to their last byte, however slow
 * the reader is: as long as it would have been waited for before the end.
 */
static bool
still_sending(struct tunnel *t, uint64_t *ret_next)
{
	enum why why;
	uint64_t left = tunnel_patience(t, &why);

	if (t->state != DRAIN || t->all->draining || !in_good_order(t) ||
	    relay_flushed(&t->relay))
		return (false);
	*ret_next = t->listener->timeouts.farewell_ms;
	if (left < *ret_next)
		*ret_next = left;
	if (left == 0)
		t->why = why;	/* its last bytes never left */
	return (left != 0);
}

/* The server's connection is watched like the client's, which has inherited
 * that from its listener; five calls that a short tunnel is spared. */
static void
settle_down(struct tunnel *t)
{
	struct conn *server = t->relay.flows[FRL_FROM_SERVER].source;

	if (t->settled || server == NULL)
		return;
	t->settled = true;
	conn_set_patience(server, &t->all->options.rules->patience);
}

/* The state's timer: deadlines of a farewell, patience in RELAY. */
void
tunnel_tick(void *arg)
{
	struct tunnel *t = arg;
	uint64_t next;
	enum why why;

	if (still_sending(t, &next)) {
		if (!tunnel_heard(t, &next))
			return;
		tunnel_tick_in(t, next);
		return;
	}
	if (t->state == DRAIN || (t->state == RELAY && t->why != WHY_NONE)) {
		tunnel_kill(t, t->why);
		return;
	}
	if (!look_around(t))
		return;
	next = LOOK_MS;
	if (t->state == RELAY) {
		settle_down(t);
		next = tunnel_patience(t, &why);
		if (next == 0 && chain_left(t->relay.chain)) {
			tunnel_step(t, STEP_NEXT);
			return;
		}
		if (next == 0) {
			/* The inspectors may have last words. */
			chain_refuse(t->relay.chain, FRL_WHY_TIMEOUT, why,
			    why_row(why)->text);
			relay_update(&t->relay);
			return;
		}
		if (tunnel_unwatched(t) && next > LOOK_MS)
			next = LOOK_MS;
		if (!tunnel_heard(t, &next))
			return;
	}
	t->looking = next <= LOOK_MS;
	t->tick_us = UINT64_MAX;	/* not at all, so far */
	if (next != FRL_ALL)
		tunnel_tick_in(t, next);
}

void
tunnel_tick_in(struct tunnel *t, uint64_t ms)
{
	struct loop *loop = t->all->options.loop;

	t->tick_us = loop_event_us(loop) + ms * 1000;
	timer_start(loop, &t->timer, ms, tunnel_tick, t);
}

void
tunnel_tick_begin(struct tunnel *t)
{
	enum why why;
	uint64_t ms = tunnel_patience(t, &why);

	t->looking = false;
	tunnel_tick_in(t, ms < SETTLED_MS ? ms : SETTLED_MS);
}

void
tunnel_tick_within(struct tunnel *t, uint64_t ms)
{
	uint64_t now = loop_event_us(t->all->options.loop);

	if (t->why == WHY_NONE && ms != FRL_ALL &&
	    now + ms * 1000 < t->tick_us)
		tunnel_tick_in(t, ms);
}

void
tunnel_hurry(struct tunnel *t, uint64_t ms)
{
	if (t->why != WHY_NONE)
		return;
	t->looking = true;
	tunnel_tick_in(t, ms);
}

void
tunnel_limit_farewell(struct tunnel *t)
{
	if (t->state == DEAD)		/* the timer is the burial's */
		return;
	tunnel_tick_in(t, t->listener->timeouts.farewell_ms);
}
