/* SPDX-License-Identifier: MIT */
#include "flow/tunnel.h"

#include "flow/detect.h"
#include "flow/greet.h"
#include "flow/host.h"
#include "flow/story.h"
#include "net/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

enum state { GREET, CHECK, DIAL, RELAY, DRAIN, DEAD };

enum step {
	STEP_TARGET,	/* the client has named one */
	STEP_ALLOWED,	/* the hooks have nothing against it */
	STEP_CONNECTED,
	STEP_DENIED,	/* no tunnel will be: answer */
	STEP_ENDED,	/* both flows have ended */
	STEP_KILL
};

struct tunnel {
	struct tunnel *prev, *next;
	struct tunnels *all;
	const struct tunnel_listener *listener;
	enum state state;
	enum why why;			/* of the end; WHY_NONE: still on */
	bool reset;			/* end with RST */
	bool looking;			/* tick() comes within LOOK_MS */
	struct timer timer;		/* of the state */
	struct buf early;		/* greeting, then the first bytes */
	struct target target;
	struct addr server;
	struct dial *dial;
	uint64_t token;			/* of the core's own question */
	uint64_t idle_ms;		/* 0: as the rules say */
	struct relay relay;
	struct story story;
};

struct tunnels {
	struct tunnels_options options;
	struct relay_env relay_env;
	struct dial_options dial_options;
	struct stories stories;
	struct plugin detect;
	const struct plugin **fronts;	/* links of every tunnel, and room
					 * for the protocol link */
	size_t front_count;
	struct tunnel *list;
	size_t count;
	struct timer stirring;		/* wakes drained and stalled ones */
	void (*empty)(void *arg);
	void *empty_arg;
	bool draining;
};

/* How often peers are looked at that are not being read. */
#define LOOK_MS 1000

static void tunnel_step(struct tunnel *t, enum step step);
static void tick(void *arg);

/* ------------------------------------------------------------------ */
/* The end								*/

static void
note_end(struct tunnel *t, enum why why)
{
	if (t->why == WHY_NONE)
		t->why = why;
}

/* The one place where a tunnel's memory goes: from the loop, with nothing of
 * it on the stack. */
static void
bury(void *arg)
{
	struct tunnel *t = arg;
	struct tunnels *all = t->all;

	timer_stop(&t->timer);
	if (t->token != 0)
		events_forget(all->options.events, t->token);
	dial_cancel(t->dial);
	story_moved(&t->story, t->relay.chain);
	chain_close(t->relay.chain);
	t->relay.chain = NULL;
	story_close(&t->story, t->why, loop_now_us(all->options.loop));
	relay_close(&t->relay, t->reset);
	buf_free(&t->early);
	DL_DELETE(all->list, t);
	free(t);
	all->count--;
	if (all->draining && all->count == 0 && all->empty != NULL)
		all->empty(all->empty_arg);
}

/* Idempotent; nothing happens to the tunnel after it but its burial. */
static void
tunnel_kill(struct tunnel *t, enum why why)
{
	if (t->state == DEAD)
		return;
	note_end(t, why);
	tunnel_step(t, STEP_KILL);
}

static void
deny(struct tunnel *t, enum why why, const char *detail, const char *plugin)
{
	if (t->state == DRAIN || t->state == DEAD)
		return;
	note_end(t, why);
	story_denied(&t->story, why, detail, plugin);
	/* Only who spoke HTTP to us is answered in HTTP; and a client that is
	 * gone is not answered. */
	if (t->listener->mode != TUNNEL_REVERSE && why_row(why)->status != 0 &&
	    greet_refuse(relay_out(&t->relay, FRL_FROM_SERVER), why,
	    detail) == 0)
		tunnel_step(t, STEP_DENIED);
	else
		tunnel_kill(t, why);
}

/* ------------------------------------------------------------------ */
/* GREET								*/

static void
head_too_slow(void *arg)
{
	deny(arg, WHY_HEAD_TIMEOUT, NULL, NULL);
}

/* The client sent something: is the head whole? */
static void
greet(struct tunnel *t)
{
	const struct rules *rules = t->all->options.rules;
	uint8_t bytes[4096];
	struct greet g;
	ssize_t n;

	n = conn_read(t->relay.flows[FRL_FROM_CLIENT].source, bytes,
	    sizeof(bytes));
	if (n == CONN_AGAIN)
		return;
	if (n <= 0) {
		deny(t, n == 0 ? WHY_CLIENT_FIN : WHY_CLIENT_RESET,
		    "the client left before its request was whole", NULL);
		return;
	}
	if (buf_append(&t->early, bytes, (size_t)n) != 0) {
		tunnel_kill(t, WHY_OUT_OF_RESOURCES);
		return;
	}
	switch (greet_read(&g, buf_data(&t->early), buf_len(&t->early),
	    rules->head_bytes, rules->head_fields)) {
	case GREET_MORE:
		break;
	case GREET_DENY:
		deny(t, g.why, g.detail, NULL);
		break;
	case GREET_TARGET:
		/* What follows belongs to the tunnel and is not parsed. */
		buf_drain(&t->early, g.size);
		t->target = g.target;
		tunnel_step(t, STEP_TARGET);
		break;
	}
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
		deny(t, decision->verdict == FRL_REFUSE ? WHY_REFUSED :
		    WHY_PLUGIN_ERROR, decision->reason, decision->plugin);
}

static void
check(struct tunnel *t)
{
	struct asker asker = { check_decided, t };
	struct decision decision;

	decision.verdict = story_open(&t->story, &t->target, &asker,
	    &decision, &t->token);
	if (decision.verdict != FRL_WAIT)
		check_decided(t, NULL, NULL, &decision);
}

/* ------------------------------------------------------------------ */
/* DIAL									*/

static enum why
dial_allow(void *arg, const struct addr *addr)
{
	struct tunnel *t = arg;
	const struct target *named = &t->listener->server;
	struct addr own;

	if (t->listener->mode != TUNNEL_REVERSE)
		return (rules_allow(t->all->options.rules, addr, NULL));
	/* A reverse listener may reach its own server, whatever address its
	 * name leads to. */
	own = *addr;
	if (named->kind != TARGET_NAME)
		addr_from_bytes(&own, named->address,
		    named->kind == TARGET_IPV4 ? 4 : 16, named->port);
	return (rules_allow(t->all->options.rules, addr, &own));
}

static void
dial_decided(void *arg, const struct frl_event *event, const void *record,
    const struct decision *decision)
{
	struct tunnel *t = arg;

	(void)event;
	(void)record;
	t->token = 0;
	if (decision->verdict != FRL_OK)
		story_note(&t->story, decision);
	dial_decide(t->dial, decision->verdict == FRL_OK ? DIAL_OK :
	    DIAL_REFUSE);
}

static enum dial_verdict
dial_ask(void *arg, const struct addr *addr, unsigned attempt)
{
	struct tunnel *t = arg;
	struct asker asker = { dial_decided, t };
	struct decision decision;

	switch (story_dial(&t->story, addr, attempt, &asker, &decision,
	    &t->token)) {
	case FRL_OK:
		return (DIAL_OK);
	case FRL_WAIT:
		return (DIAL_WAIT);
	case FRL_REFUSE:
	case FRL_FAIL:
		break;
	}
	story_note(&t->story, &decision);
	return (DIAL_REFUSE);
}

static void
dial_done(void *arg, const struct dial_result *result)
{
	struct tunnel *t = arg;
	struct conn *conn;

	/* This dial is no longer pending. */
	t->dial = NULL;

	if (result->fd < 0) {
		if (result->why == WHY_REFUSED)
			deny(t, WHY_REFUSED, t->story.noted.reason,
			    t->story.noted.plugin);
		else
			deny(t, result->why, result->text, NULL);
		return;
	}
	conn = conn_create(t->all->options.loop, result->fd);
	if (conn == NULL) {
		deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
		return;
	}
	relay_attach(&t->relay, FRL_FROM_SERVER, conn);
	t->server = result->addr;
	story_connect(&t->story, result);
	tunnel_step(t, STEP_CONNECTED);
}

static void
dial(struct tunnel *t)
{
	static const struct dial_handlers handlers = { dial_allow, dial_ask,
		dial_done };

	t->dial = dial_start(&t->all->dial_options, &t->target, &handlers, t);
	if (t->dial == NULL)
		deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
	else
		timer_start(t->all->options.loop, &t->timer, LOOK_MS,
		    tick, t);
}

/* ------------------------------------------------------------------ */
/* RELAY: what the chain asks for					*/

static void
op_out(void *arg, enum frl_flow flow, const uint8_t *bytes, size_t n)
{
	relay_emit(&((struct tunnel *)arg)->relay, flow, bytes, n);
}

static void
op_fin(void *arg, enum frl_flow flow)
{
	relay_fin(&((struct tunnel *)arg)->relay, flow);
}

static void
op_refused(void *arg, const struct chain_refusal *refusal)
{
	struct tunnel *t = arg;

	note_end(t, refusal->end);
	story_refused(&t->story, refusal);
	/* Last words have a deadline. */
	timer_start(t->all->options.loop, &t->timer,
	    t->all->options.rules->farewell_ms, tick, t);
}

/* Pending questions of a link: its two slots hold one per flow. */
struct question {
	struct link *link;
	struct tunnel *tunnel;
	uint64_t token;
	enum frl_flow flow;
};

static void
question_decided(void *arg, const struct frl_event *event,
    const void *record, const struct decision *decision)
{
	struct question *q = arg;
	struct tunnel *t = q->tunnel;
	struct link *link = q->link;
	enum frl_flow flow = q->flow;

	/* This question is no longer pending. */
	*link_slot(link, (int)flow) = NULL;
	free(q);

	if (t->state == DEAD)
		return;
	chain_decide(link, flow, event, record, decision);
	relay_update(&t->relay);
}

static enum frl_verdict
op_publish(void *arg, struct link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    struct decision *decision)
{
	struct tunnel *t = arg;
	struct question *q = NULL;
	struct asker asker = { question_decided, NULL };
	const struct event_slot *slot;
	enum frl_verdict verdict;
	uint64_t token = 0;

	slot = plugin_slot(link_plugin(link), event);
	if (slot == NULL)
		return (FRL_OK);
	if ((event->flags & FRL_EVENT_ASKS) != 0 &&
	    events_hooked(slot)) {
		q = calloc(1, sizeof(*q));
		if (q == NULL)
			return (FRL_FAIL);
		q->link = link;
		q->tunnel = t;
		q->flow = flow;
		asker.arg = q;
	}
	verdict = events_publish(t->all->options.events, slot,
	    &t->story.origin, (int)flow, record, q != NULL ? &asker : NULL,
	    decision, &token);
	if (verdict == FRL_WAIT) {
		q->token = token;
		*link_slot(link, (int)flow) = q;
	} else
		free(q);
	return (verdict);
}

static void
op_forget(void *arg, struct link *link, enum frl_flow flow)
{
	struct tunnel *t = arg;
	struct question *q = *link_slot(link, (int)flow);

	if (q == NULL)
		return;
	events_forget(t->all->options.events, q->token);
	*link_slot(link, (int)flow) = NULL;
	free(q);
}

static void
op_report(void *arg, struct link *link, const struct frl_event *event,
    const void *record)
{
	struct tunnel *t = arg;
	const struct event_slot *slot;

	slot = plugin_slot(link_plugin(link), event);
	if (slot != NULL)
		events_report(t->all->options.events, slot, &t->story.origin,
		    record);
}

static const struct plugin *
op_lookup(void *arg, const char *token, int *ret_how)
{
	struct tunnel *t = arg;

	return (rules_upgrade(t->all->options.rules, token, ret_how));
}

static void
op_switched(void *arg, const struct chain_switch *change)
{
	struct tunnel *t = arg;
	uint64_t moved = chain_moved(t->relay.chain, FRL_FROM_CLIENT) +
	    chain_moved(t->relay.chain, FRL_FROM_SERVER);
	int how = 1;

	if (change->context == NULL) {		/* detection is no handoff */
		if (change->to->desc->detect == NULL)
			story_uninspected(&t->story, "undetected",
			    change->to, moved);
		return;
	}
	story_handoff(&t->story, change);
	rules_upgrade(t->all->options.rules, change->context->token, &how);
	if (how == 2)
		story_uninspected(&t->story, "upgrade", change->to, moved);
}

static void
op_blind(void *arg, const struct plugin *plugin)
{
	struct tunnel *t = arg;

	story_uninspected(&t->story, "plugin", plugin, 0);
}

struct link_timer {
	struct timer timer;
	struct tunnel *tunnel;
};

static void
link_due(void *arg)
{
	struct link *link = arg;
	struct link_timer *lt = *link_slot(link, LINK_SLOT_TIMER);
	struct tunnel *t = lt->tunnel;

	if (t->state == DEAD)
		return;
	chain_timer(link);
	relay_update(&t->relay);
}

static void
op_set_timer(void *arg, struct link *link, uint64_t ms)
{
	struct tunnel *t = arg;
	void **slot = link_slot(link, LINK_SLOT_TIMER);
	struct link_timer *lt = *slot;

	if (ms == FRL_ALL) {
		if (lt != NULL)
			timer_stop(&lt->timer);
		free(lt);
		*slot = NULL;
		return;
	}
	if (lt == NULL) {
		lt = calloc(1, sizeof(*lt));
		if (lt == NULL) {
			tunnel_kill(t, WHY_OUT_OF_RESOURCES);
			return;
		}
		lt->tunnel = t;
		*slot = lt;
	}
	timer_start(t->all->options.loop, &lt->timer, ms, link_due, link);
}

static void
op_set_idle(void *arg, uint64_t ms)
{
	struct tunnel *t = arg;

	t->idle_ms = ms;
	/* The timer asks again when it fires; only a shorter limit must not
	 * wait for it. */
	if (t->state == RELAY && t->why == WHY_NONE)
		timer_start(t->all->options.loop, &t->timer, 0, tick, t);
}

static bool
op_stalled(void *arg)
{
	struct tunnel *t = arg;

	return (events_stalled(t->all->options.events));
}

static const struct chain_ops chain_ops = {
	.out = op_out,
	.fin = op_fin,
	.refused = op_refused,
	.publish = op_publish,
	.forget = op_forget,
	.report = op_report,
	.lookup = op_lookup,
	.switched = op_switched,
	.blind = op_blind,
	.set_timer = op_set_timer,
	.set_idle = op_set_idle,
	.stalled = op_stalled,
};

static void
relay(struct tunnel *t)
{
	struct tunnels *all = t->all;
	struct chain_options options = { &chain_ops, t, &t->story.tunnel,
		all->options.rules->hold };
	struct chain_refusal refusal;
	struct buf early = t->early;

	all->fronts[all->front_count] = t->listener->protocol != NULL ?
	    t->listener->protocol : &all->detect;
	t->relay.chain = chain_open(&options, all->fronts,
	    all->front_count + 1, &refusal);
	if (t->relay.chain == NULL) {
		t->state = DIAL;	/* it never came to relaying */
		deny(t, refusal.end, refusal.text, refusal.plugin);
		return;
	}
	if (t->listener->mode != TUNNEL_REVERSE &&
	    greet_accept(relay_out(&t->relay, FRL_FROM_SERVER)) != 0) {
		tunnel_kill(t, WHY_OUT_OF_RESOURCES);
		return;
	}
	memset(&t->early, 0, sizeof(t->early));
	timer_start(all->options.loop, &t->timer, 0, tick, t);
	if (buf_len(&early) != 0)
		relay_feed(&t->relay, FRL_FROM_CLIENT, buf_data(&early),
		    buf_len(&early));
	else
		relay_update(&t->relay);
	buf_free(&early);
}

/* ------------------------------------------------------------------ */
/* News from the relay							*/

static void
on_reset(void *arg, enum frl_flow whose)
{
	struct tunnel *t = arg;

	/* What the one peer did to us is done to the other. */
	t->reset = t->state == RELAY;
	tunnel_kill(t, whose == FRL_FROM_CLIENT ? WHY_CLIENT_RESET :
	    WHY_SERVER_RESET);
}

static void
on_starved(void *arg)
{
	tunnel_kill(arg, WHY_OUT_OF_RESOURCES);
}

/* How long may this tunnel be quiet?  0: for ever. */
static uint64_t
patience(const struct tunnel *t, enum why *ret_why)
{
	const struct rules *rules = t->all->options.rules;
	uint64_t idle = t->idle_ms != 0 ? t->idle_ms : rules->idle_ms;
	bool half = t->relay.flows[0].over != t->relay.flows[1].over;

	*ret_why = WHY_IDLE_TIMEOUT;
	if (half && rules->half_closed_ms != 0 &&
	    (idle == 0 || rules->half_closed_ms < idle)) {
		*ret_why = WHY_HALF_CLOSED_TIMEOUT;
		return (rules->half_closed_ms);
	}
	return (idle);
}

static bool
unwatched(const struct tunnel *t)
{
	return (relay_unwatched(&t->relay, FRL_FROM_CLIENT) ||
	    relay_unwatched(&t->relay, FRL_FROM_SERVER));
}

/* Peers that are not being read may be gone without anyone noticing. */
static bool
look_around(struct tunnel *t)
{
	enum frl_flow flow;

	for (flow = FRL_FROM_CLIENT; flow <= FRL_FROM_SERVER;
	    flow = (enum frl_flow)(flow + 1))
		if (relay_unwatched(&t->relay, flow) &&
		    conn_look(t->relay.flows[flow].source) == CONN_RESET) {
			on_reset(t, flow);
			return (false);
		}
	return (true);
}

/* The state's timer: deadlines of a farewell, patience in RELAY. */
static void
tick(void *arg)
{
	struct tunnel *t = arg;
	struct loop *loop = t->all->options.loop;
	uint64_t limit, quiet, next;
	enum why why;

	if (t->state == DRAIN || (t->state == RELAY && t->why != WHY_NONE)) {
		tunnel_kill(t, t->why);
		return;
	}
	if (!look_around(t))
		return;
	next = LOOK_MS;
	if (t->state == RELAY) {
		limit = patience(t, &why);
		quiet = (loop_now_us(loop) - t->relay.last_us) / 1000;
		if (limit != 0 && quiet >= limit) {
			/* The inspectors may have last words. */
			chain_refuse(t->relay.chain, FRL_WHY_LIMIT, why,
			    why_row(why)->text);
			relay_update(&t->relay);
			return;
		}
		next = limit == 0 ? FRL_ALL : limit - quiet;
		if (unwatched(t) && next > LOOK_MS)
			next = LOOK_MS;
	}
	t->looking = next <= LOOK_MS;
	if (next != FRL_ALL)
		timer_start(loop, &t->timer, next, tick, t);
}

/* Let tick() look sooner than it meant to; a farewell's deadline stays. */
static void
hurry(struct tunnel *t, uint64_t ms)
{
	if (t->why != WHY_NONE)
		return;
	t->looking = true;
	timer_start(t->all->options.loop, &t->timer, ms, tick, t);
}

/* Something moved; is a flow over, is it all over? */
static void
on_progress(void *arg)
{
	struct tunnel *t = arg;
	const struct relay_flow *flows = t->relay.flows;

	if (t->state == GREET) {
		greet(t);
		return;
	}
	if (t->state == RELAY) {
		if (flows[0].over != flows[1].over && t->story.closed_by < 0) {
			t->story.closed_by = flows[0].over ? 0 : 1;
			hurry(t, 0);		/* patience is shorter now */
		}
		if (!t->looking && unwatched(t))
			hurry(t, LOOK_MS);
		if (chain_done(t->relay.chain))
			tunnel_step(t, STEP_ENDED);
		return;
	}
	if (t->state == DRAIN && relay_flushed(&t->relay) &&
	    (flows[0].source == NULL || flows[0].over) &&
	    (flows[1].source == NULL || flows[1].over))
		tunnel_kill(t, t->why);
}

/* ------------------------------------------------------------------ */
/* DRAIN								*/

/* Nothing will be queued any more: send it, and wait for the peers' ends so
 * that nobody's last bytes are lost to a reset. */
static void
drain(struct tunnel *t)
{
	if (t->relay.chain != NULL && chain_refused(t->relay.chain) == NULL)
		note_end(t, t->story.closed_by == 1 ? WHY_SERVER_FIN :
		    WHY_CLIENT_FIN);
	timer_start(t->all->options.loop, &t->timer,
	    t->all->options.rules->farewell_ms, tick, t);
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
	{ IN(CHECK), STEP_ALLOWED, DIAL, dial },
	{ IN(DIAL), STEP_CONNECTED, RELAY, relay },
	{ IN(GREET) | IN(CHECK) | IN(DIAL), STEP_DENIED, DRAIN, drain },
	{ IN(RELAY), STEP_ENDED, DRAIN, drain },
	{ ~IN(DEAD), STEP_KILL, DEAD, die },
};

/* The only function that changes a state. */
static void
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

/* ------------------------------------------------------------------ */
/* The beginning							*/

void
tunnel_accept(const struct tunnel_listener *listener, int fd,
    const struct addr *peer)
{
	struct tunnels *all = listener->tunnels;
	struct conn *conn = conn_create(all->options.loop, fd);
	struct tunnel *t;

	t = conn == NULL ? NULL : calloc(1, sizeof(*t));
	if (t == NULL) {
		if (conn != NULL)
			conn_close(conn, true);
		return;
	}
	t->all = all;
	t->listener = listener;
	t->relay.env = &all->relay_env;
	t->relay.reset = on_reset;
	t->relay.progress = on_progress;
	t->relay.starved = on_starved;
	t->relay.arg = t;
	story_begin(&t->story, &all->stories, listener->name,
	    listener->mode == TUNNEL_REVERSE ? "reverse" : "connect", peer,
	    loop_now_us(all->options.loop));
	relay_attach(&t->relay, FRL_FROM_CLIENT, conn);
	DL_APPEND(all->list, t);
	all->count++;
	t->state = GREET;
	if (listener->mode == TUNNEL_REVERSE) {
		t->target = listener->server;
		tunnel_step(t, STEP_TARGET);
		return;
	}
	t->relay.greeting = true;
	timer_start(all->options.loop, &t->timer, all->options.rules->head_ms,
	    head_too_slow, t);
	conn_want_read(conn, true);
}

/* The log has room again: whoever was stalled goes on. */
static void
on_room(void *arg)
{
	struct tunnels *all = arg;
	struct tunnel *t;

	DL_FOREACH(all->list, t) {
		if (events_stalled(all->options.events))
			break;
		if (t->state != RELAY)
			continue;
		chain_resume(t->relay.chain);
		relay_update(&t->relay);
	}
}

/* Which plugins are links of every tunnel? */
static int
find_fronts(struct tunnels *all)
{
	const struct rules *rules = all->options.rules;
	size_t i;

	all->fronts = calloc(rules->plugin_count + 1, sizeof(*all->fronts));
	if (all->fronts == NULL)
		return (-1);
	for (i = 0; i < rules->plugin_count; i++) {
		const struct frl_plugin *desc = rules->plugins[i]->desc;

		if ((desc->flags & FRL_OWNS_PROTOCOL) == 0 &&
		    (desc->data != NULL || desc->open != NULL))
			all->fronts[all->front_count++] = rules->plugins[i];
	}
	return (0);
}

/* Ids of two runs must not meet in one log. */
static uint64_t
draw_seed(const struct tunnels *all)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = loop_wall_us(all->options.loop);
	return (seed);
}

struct tunnels *
tunnels_create(const struct tunnels_options *options, struct err *err)
{
	struct tunnels *all = calloc(1, sizeof(*all));

	if (all == NULL) {
		err_set(err, "out of memory");
		return (NULL);
	}
	all->options = *options;
	detect_init(&all->detect, options->rules, options->env);
	all->relay_env.loop = options->loop;
	all->relay_env.buffer = malloc(RELAY_BUFFER);
	all->relay_env.pipes = pipe_pool_create();
	all->dial_options.loop = options->loop;
	all->dial_options.resolver = options->resolver;
	all->dial_options.resolve_ms = options->rules->resolve_ms;
	all->dial_options.connect_ms = options->rules->connect_ms;
	if (all->relay_env.buffer == NULL || all->relay_env.pipes == NULL ||
	    find_fronts(all) != 0) {
		err_set(err, "out of memory");
		tunnels_free(all);
		return (NULL);
	}
	if (stories_begin(&all->stories, options->events, draw_seed(all),
	    err) != 0) {
		tunnels_free(all);
		return (NULL);
	}
	events_on_room(options->events, on_room, all);
	return (all);
}

void
tunnels_free(struct tunnels *all)
{
	if (all == NULL)
		return;
	events_on_room(all->options.events, NULL, NULL);
	timer_stop(&all->stirring);
	if (all->relay_env.pipes != NULL)
		pipe_pool_free(all->relay_env.pipes);
	free(all->relay_env.buffer);
	free(all->fronts);
	free(all);
}

size_t
tunnels_count(const struct tunnels *all)
{
	return (all->count);
}

static void
now_empty(void *arg)
{
	struct tunnels *all = arg;

	if (all->count == 0 && all->empty != NULL)
		all->empty(all->empty_arg);
}

void
tunnels_drain(struct tunnels *all, void (*empty)(void *arg), void *arg)
{
	struct tunnel *t, *next;

	all->draining = true;
	all->empty = empty;
	all->empty_arg = arg;
	timer_start(all->options.loop, &all->stirring, 0, now_empty, all);
	DL_FOREACH_SAFE(all->list, t, next) {
		switch (t->state) {
		case GREET:
		case CHECK:
		case DIAL:
			deny(t, WHY_SHUTDOWN, NULL, NULL);
			break;
		case RELAY:
			chain_refuse(t->relay.chain, FRL_WHY_DRAIN,
			    WHY_SHUTDOWN, why_row(WHY_SHUTDOWN)->text);
			relay_update(&t->relay);
			break;
		case DRAIN:
		case DEAD:
			break;
		}
	}
}

void
tunnels_cut(struct tunnels *all)
{
	struct tunnel *t;

	DL_FOREACH(all->list, t)
		tunnel_kill(t, WHY_SHUTDOWN);
}
