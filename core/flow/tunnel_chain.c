/* SPDX-License-Identifier: MIT */
/*
 * tunnel_chain -- what the chain of a tunnel asks for: bytes to be sent, hooks
 * to be asked, timers, who takes over.
 */
#include "flow/tunnel_parts.h"

#include <stdlib.h>

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

	tunnel_note_end(t, refusal->end);
	if (refusal->why == FRL_WHY_BROKEN && refusal->plugin != NULL)
		story_failed(&t->story, refusal->plugin, refusal->text);
	story_refused(&t->story, refusal);
	tunnel_limit_farewell(t);
}

/* Pending questions of a link: its two slots hold one per flow. */
struct question {
	struct link *link;
	struct tunnel *tunnel;
	const struct frl_event *event;	/* as the link knows it */
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
	const struct frl_event *own = q->event;
	enum frl_flow flow = q->flow;

	(void)event;
	/* This question is no longer pending. */
	*link_slot(link, (int)flow) = NULL;
	free(q);

	if (t->state == DEAD)
		return;
	chain_decide(link, flow, own, record, decision);
	relay_update(&t->relay);
}

static enum frl_verdict
publish(struct tunnel *t, struct link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record, bool quiet,
    struct decision *decision)
{
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
		if (q == NULL) {
			*decision = (struct decision){ .verdict = FRL_FAIL,
			    .reason = "no memory for a question" };
			return (FRL_FAIL);
		}
		q->link = link;
		q->tunnel = t;
		q->flow = flow;
		q->event = event;
		asker.arg = q;
	}
	verdict = (quiet ? events_ask : events_publish)(
	    t->all->options.events, slot, &t->story.origin, (int)flow, record,
	    q != NULL ? &asker : NULL, decision, &token);
	if (verdict == FRL_WAIT) {
		q->token = token;
		*link_slot(link, (int)flow) = q;
	} else
		free(q);
	return (verdict);
}

static enum frl_verdict
op_publish(void *arg, struct link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    struct decision *decision)
{
	return (publish(arg, link, flow, event, record, false, decision));
}

static enum frl_verdict
op_ask(void *arg, struct link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    struct decision *decision)
{
	return (publish(arg, link, flow, event, record, true, decision));
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

	story_failed(&t->story, plugin->name, "it failed open");
	story_uninspected(&t->story, "plugin", plugin,
	    chain_moved(t->relay.chain, FRL_FROM_CLIENT) +
	    chain_moved(t->relay.chain, FRL_FROM_SERVER));
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

	/* This timer is no longer pending; most are needed once. */
	*link_slot(link, LINK_SLOT_TIMER) = NULL;
	free(lt);

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
		/* Kept: whoever stops one will need it again. */
		if (lt != NULL)
			timer_stop(&lt->timer);
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
op_closed(void *arg, struct link *link)
{
	void **slot = link_slot(link, LINK_SLOT_TIMER);

	(void)arg;
	free(*slot);
	*slot = NULL;
}

static void
op_set_idle(void *arg, uint64_t ms)
{
	struct tunnel *t = arg;

	uint64_t limit = ms != 0 ? ms : t->listener->timeouts.idle_ms;

	t->idle_ms = ms;
	/* The tick asks for the limit anew when it comes; only a shorter one
	 * must not wait for it. */
	if (t->state == RELAY && limit != 0)
		tunnel_tick_within(t, limit);
}

static void
op_quiet(void *arg)
{
	struct tunnel *t = arg;

	t->relay.quiet = true;
}

const struct chain_ops tunnel_chain_ops = {
	.out = op_out,
	.fin = op_fin,
	.refused = op_refused,
	.publish = op_publish,
	.ask = op_ask,
	.forget = op_forget,
	.report = op_report,
	.lookup = op_lookup,
	.switched = op_switched,
	.blind = op_blind,
	.set_timer = op_set_timer,
	.closed = op_closed,
	.set_idle = op_set_idle,
	.quiet = op_quiet,
};

