/* SPDX-License-Identifier: MIT */
#include "flow/greet.h"
#include "flow/tunnel_parts.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* ------------------------------------------------------------------ */
/* The end								*/

void
tunnel_note_end(struct tunnel *t, enum why why)
{
	if (t->why == WHY_NONE)
		t->why = why;
}

/*
 * Who ended a tunnel that said next()?  Its server, if it has finished or is
 * about to; but a client that asks for another server left first.
 */
static enum why
why_next(const struct tunnel *t)
{
	const struct rules *rules = t->all->options.rules;
	const struct frl_tunnel *here = &t->story.tunnel;
	struct greet g;

	if (t->relay.flows[FRL_FROM_SERVER].over)
		return (WHY_SERVER_FIN);
	switch (greet_read(&g, buf_data(&t->early), buf_len(&t->early),
	    rules->head_bytes, rules->head_fields)) {
	case GREET_MORE:
		return (WHY_SERVER_FIN);
	case GREET_TARGET:
		if (g.forward && g.target.port == here->server_port &&
		    strcmp(g.target.host, here->server_name) == 0)
			return (WHY_SERVER_FIN);
		break;
	case GREET_DENY:
		break;
	}
	return (WHY_NEXT_TARGET);
}

/*
 * next(): a new tunnel takes the client's connection, with what is still to
 * be sent to it and what it sent that nobody took.  NULL without memory: then
 * the client is cut.
 */
static struct tunnel *
pass_client_on(struct tunnel *t)
{
	struct tunnel *heir = NULL;

	if (chain_unread(t->relay.chain, &t->early) == 0)
		heir = tunnel_create(t->listener, NULL, t);
	tunnel_note_end(t, why_next(t));
	if (heir == NULL) {
		t->reset = true;
		return (NULL);
	}
	heir->pass = t->pass;
	memset(&t->pass, 0, sizeof(t->pass));
	heir->idle_ms = t->idle_ms;
	heir->early = t->early;
	heir->story.unasked = buf_len(&t->early) == 0;
	memset(&t->early, 0, sizeof(t->early));
	relay_move_client(&heir->relay, &t->relay);
	return (heir);
}

/* The one place where a tunnel's memory goes: from the loop, with nothing of
 * it on the stack. */
static void
bury(void *arg)
{
	struct tunnel *t = arg;
	struct tunnels *all = t->all;
	struct tunnel *heir = t->goes_on ? pass_client_on(t) : NULL;
	struct story_end end;

	timer_stop(&t->timer);
	tunnel_stop_dial(t);
	story_moved(&end, t->relay.chain);
	chain_close(t->relay.chain);
	t->relay.chain = NULL;
	story_close(&t->story, t->why, &end,
	    loop_now_us(all->options.loop));
	relay_close(&t->relay, t->reset);
	limits_leave(all->options.limits, &t->pass);
	buf_free(&t->early);
	if (all->cursor == t)
		all->cursor = t->next;
	DL_DELETE(all->list, t);
	board_add(&all->board->ends[t->why], 1);
	free(t);
	all->count--;
	board_set(&all->board->rows[BOARD_open], all->count);
	if (heir != NULL)
		tunnel_begin(heir, NULL, NULL);
	if (all->count == 0 && all->empty != NULL)
		all->empty(all->empty_arg);
}

/* Idempotent; nothing happens to the tunnel after it but its burial. */
void
tunnel_kill(struct tunnel *t, enum why why)
{
	if (t->state == DEAD)
		return;
	tunnel_note_end(t, why);
	tunnel_step(t, STEP_KILL);
}

void
tunnel_deny(struct tunnel *t, enum why why, const char *detail,
    const char *plugin)
{
	if (t->state == DRAIN || t->state == DEAD)
		return;
	tunnel_note_end(t, why);
	story_denied(&t->story, why, detail, plugin);
	/* Only who spoke HTTP to us is answered in HTTP; and a client that is
	 * gone is not answered. */
	if (t->listener->mode != TUNNEL_REVERSE && !t->story.unasked &&
	    why_row(why)->status != 0)
		(void)greet_refuse(relay_out(&t->relay, FRL_FROM_SERVER), why,
		    detail);
	/* Also what an earlier tunnel left to be sent. */
	if (relay_pending(&t->relay, FRL_FROM_SERVER))
		tunnel_step(t, STEP_DENIED);
	else
		tunnel_kill(t, why);
}

void
tunnel_deny_by(struct tunnel *t, const struct decision *decision)
{
	tunnel_deny(t, decision->barred ? WHY_QUARANTINED : WHY_REFUSED,
	    decision->reason, decision->plugin);
}

/* ------------------------------------------------------------------ */
/* CHECK								*/

static void
check_decided(void *arg, const struct frl_event *event, const void *record,
    const struct decision *decision)
{
	struct tunnel *t = arg;

	(void)event;
	(void)record;
	/* This question is no longer pending. */
	t->token = 0;

	if (decision->verdict == FRL_OK)
		tunnel_step(t, STEP_ALLOWED);
	else
		tunnel_deny_by(t, decision);
}

static void
check(struct tunnel *t)
{
	struct asker asker = { check_decided, t };
	struct decision decision;

	decision.verdict = story_open(&t->story, &asker, &decision,
	    &t->token);
	if (decision.verdict != FRL_WAIT)
		check_decided(t, NULL, NULL, &decision);
	else
		tunnel_tick_in(t, LOOK_MS);
}

/* ------------------------------------------------------------------ */
/* RELAY								*/

static void
relay(struct tunnel *t)
{
	struct tunnels *all = t->all;
	struct chain_options options = { &tunnel_chain_ops, t,
		&t->story.tunnel, all->options.rules->hold,
		t->forwarder != NULL, events_stalled(all->options.events),
		t->listener->timeouts.detect_ms, t->story.origin.number };
	struct chain_refusal refusal;
	struct buf early = t->early;

	all->fronts[all->front_count] = t->forwarder != NULL ? t->forwarder :
	    t->listener->protocol != NULL ? t->listener->protocol :
	    &all->detect;
	t->relay.chain = chain_open(&options, all->fronts,
	    all->front_count + 1, &refusal);
	if (t->relay.chain == NULL) {
		t->state = DIAL;	/* it never came to relaying */
		tunnel_deny(t, refusal.end, refusal.text, refusal.plugin);
		return;
	}
	if (t->listener->mode != TUNNEL_REVERSE && t->forwarder == NULL &&
	    greet_accept(relay_out(&t->relay, FRL_FROM_SERVER)) != 0) {
		tunnel_kill(t, WHY_OUT_OF_RESOURCES);
		return;
	}
	if (t->state == DEAD)		/* a link found no memory */
		return;
	memset(&t->early, 0, sizeof(t->early));
	tunnel_tick_begin(t);
	if (buf_len(&early) != 0)
		relay_feed(&t->relay, FRL_FROM_CLIENT, buf_data(&early),
		    buf_len(&early));
	else
		relay_update(&t->relay);
	buf_free(&early);
}

/* ------------------------------------------------------------------ */
/* News from the relay							*/

/*
 * In forward mode the server's connection is not the client's: that it broke
 * is an end, which the protocol link tells in HTTP, or goes on from.  Not
 * where it let bytes go that did not come: the client may take a FIN for the
 * end of them.
 */
static bool
server_lost(struct tunnel *t)
{
	struct chain *chain = t->relay.chain;

	if (t->state != RELAY || t->forwarder == NULL)
		return (false);
	if (!chain_left(chain) && (t->relay.flows[FRL_FROM_SERVER].over ||
	    chain_protocol(chain) != t->forwarder ||
	    chain_runs_ahead(chain, FRL_FROM_SERVER)))
		return (false);
	relay_lose_server(&t->relay);
	return (true);
}

static void
on_reset(void *arg, enum frl_flow whose)
{
	struct tunnel *t = arg;

	if (whose == FRL_FROM_SERVER && server_lost(t))
		return;
	/* What the one peer did to us is done to the other. */
	t->reset = t->state == RELAY;
	tunnel_kill(t, whose == FRL_FROM_CLIENT ? WHY_CLIENT_RESET :
	    WHY_SERVER_RESET);
}

/* Bytes were lost: a FIN would claim that all is well. */
static void
on_starved(void *arg)
{
	struct tunnel *t = arg;

	t->reset = true;
	tunnel_kill(t, WHY_OUT_OF_RESOURCES);
}

/* Something moved; is a flow over, is it all over? */
static void
on_progress(void *arg)
{
	struct tunnel *t = arg;
	const struct relay_flow *flows = t->relay.flows;
	enum why why;

	if (t->state == GREET) {
		tunnel_greet(t);
		return;
	}
	if (t->state == RELAY) {
		if (flows[0].over != flows[1].over && t->story.closed_by < 0) {
			t->story.closed_by = flows[0].over ? 0 : 1;
			tunnel_tick_within(t, tunnel_patience(t, &why));
		}
		if (!t->looking && tunnel_unwatched(t))
			tunnel_hurry(t, LOOK_MS);
		if (!t->guarded)
			tunnel_guard(t);
		if (chain_starved(t->relay.chain))
			on_starved(t);
		else if (chain_left(t->relay.chain)) {
			/* The server may read more slowly than it answers. */
			if (!relay_pending(&t->relay, FRL_FROM_CLIENT))
				tunnel_step(t, STEP_NEXT);
		} else if (chain_done(t->relay.chain))
			tunnel_step(t, STEP_ENDED);
		else if (t->relay.heavy && t->why == WHY_NONE) {
			chain_refuse(t->relay.chain, FRL_WHY_CAPACITY,
			    WHY_LIMIT, "too many bytes wait in all tunnels");
			relay_update(&t->relay);
		}
		return;
	}
	if (t->state == DRAIN && relay_finished(&t->relay))
		tunnel_kill(t, t->why);
}

/* ------------------------------------------------------------------ */
/* DRAIN								*/

/* Nothing will be queued any more: send it, and wait for the peers' ends so
 * that nobody's last bytes are lost to a reset. */
static void
drain(struct tunnel *t)
{
	tunnel_stop_dial(t);
	if (t->relay.chain != NULL && chain_refused(t->relay.chain) == NULL)
		tunnel_note_end(t, t->relay.flows[FRL_FROM_CLIENT].gone ?
		    WHY_SERVER_RESET : t->story.closed_by != 1 ?
		    WHY_CLIENT_FIN : WHY_SERVER_FIN);
	tunnel_limit_farewell(t);
	relay_fin(&t->relay, FRL_FROM_CLIENT);
	relay_fin(&t->relay, FRL_FROM_SERVER);
	relay_update(&t->relay);
}

static void
die(struct tunnel *t)
{
	t->relay.dead = true;
	timer_start(t->all->options.loop, &t->timer, 0, bury, t);
}

/* The server is left; the burial sends the client on its way, and says who
 * ended this. */
static void
go_on(struct tunnel *t)
{
	t->goes_on = true;
	die(t);
}

/* ------------------------------------------------------------------ */
/* The table								*/

#define IN(state) (1u << (state))

static const struct {
	unsigned from;
	enum step step;
	enum state to;
	void (*enter)(struct tunnel *t);
} table[] = {
	{ IN(GREET), STEP_TARGET, CHECK, check },
	{ IN(CHECK), STEP_ALLOWED, DIAL, tunnel_dial },
	{ IN(DIAL), STEP_CONNECTED, RELAY, relay },
	{ IN(GREET) | IN(CHECK) | IN(DIAL), STEP_DENIED, DRAIN, drain },
	{ IN(RELAY), STEP_ENDED, DRAIN, drain },
	{ IN(RELAY), STEP_NEXT, DEAD, go_on },
	{ ~IN(DEAD), STEP_KILL, DEAD, die },
};

/* The only function that changes a state. */
void
tunnel_step(struct tunnel *t, enum step step)
{
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].step == step &&
		    (table[i].from & IN(t->state)) != 0) {
			timer_stop(&t->timer);
			t->state = table[i].to;
			t->relay.greeting = false;
			table[i].enter(t);
			return;
		}
}

void
tunnel_begin(struct tunnel *t, const struct addr *peer, const char *no)
{
	t->relay.reset = on_reset;
	t->relay.progress = on_progress;
	t->relay.starved = on_starved;
	t->relay.arg = t;
	t->state = GREET;
	if (no != NULL)
		tunnel_deny(t, audit_is_shut(t->all->options.audit) ?
		    WHY_UNLOGGED : WHY_LIMIT, no, NULL);
	else
		tunnel_await(t, peer);
}
