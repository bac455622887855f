/* SPDX-License-Identifier: MIT */
/*
 * ops -- stands where the tunnel and the events would be: collects what
 * leaves the chain, answers for the hooks at random, keeps timers that fire
 * by hand and is at times as full as a log can be.
 */
#ifndef MODEL_OPS_H
#define MODEL_OPS_H

#include "watch.h"

static void
op_out(void *arg, enum frl_flow flow, const uint8_t *bytes, size_t len)
{
	struct tunnel *t = arg;

	claim(t, t->depth == 0, "verbs are carried out after the callback");
	claim(t, t->exits[flow].ends == 0, "no byte behind the end");
	claim(t, len > 0, "no empty piece leaves");
	bytes_add(&t->exits[flow].sent, bytes, len);
}

static void
op_fin(void *arg, enum frl_flow flow)
{
	struct tunnel *t = arg;

	claim(t, t->depth == 0, "verbs are carried out after the callback");
	claim(t, ++t->exits[flow].ends == 1, "one end, behind the last byte");
}

static void
op_refused(void *arg, const struct chain_refusal *refusal)
{
	struct tunnel *t = arg;

	claim(t, refusal != NULL, "a refusal says why");
	claim(t, ++t->refusals == 1, "the first refusal is latched");
}

static enum frl_verdict
op_publish(void *arg, struct link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    struct decision *decision)
{
	static const enum frl_verdict answers[] = {
		FRL_OK, FRL_WAIT, FRL_WAIT, FRL_WAIT, FRL_OK, FRL_REFUSE
	};
	struct tunnel *t = arg;
	struct token *token = &t->tokens[t->waiting];

	memset(decision, 0, sizeof(*decision));
	decision->verdict = answers[random_below(t, 6)];
	if (random_percent(t, 10))
		t->stalled = true;
	if (decision->verdict == FRL_REFUSE) {
		decision->plugin = "hook";
		snprintf(decision->reason, sizeof(decision->reason),
		    "refused by a hook");
	}
	if (decision->verdict != FRL_WAIT)
		return (decision->verdict);
	claim(t, ++t->waiting <= 2 * PLACES, "one question per flow");
	token->link = link;
	token->flow = flow;
	token->event = event;
	token->track = track_at(t, t->places - 1, flow);
	assert_int_equal(event->record_size, sizeof(token->record));
	memcpy(token->record, record, sizeof(token->record));
	return (FRL_WAIT);
}

static void
op_forget(void *arg, struct link *link, enum frl_flow flow)
{
	struct tunnel *t = arg;
	size_t i;

	for (i = t->waiting; i-- > 0;)
		if (t->tokens[i].link == link && t->tokens[i].flow == flow)
			t->tokens[i] = t->tokens[--t->waiting];
}

static const struct plugin *
op_lookup(void *arg, const char *token, int *ret_how)
{
	struct tunnel *t = arg;
	unsigned i;

	*ret_how = 0;
	for (i = 0; i < 2; i++)
		if (strcmp(t->heirs[i].inner->name, token) == 0) {
			*ret_how = 1;
			return (&t->heirs[i].plugin);
		}
	return (NULL);
}

static void
op_switched(void *arg, const struct chain_switch *change)
{
	struct tunnel *t = arg;

	claim(t, t->depth == 0, "the switch comes after the callback");
	claim(t, ++t->switches == 1, "one switch");
	claim(t, change->from == &t->cast[t->places - 1].plugin,
	    "a switch says from where");
	claim(t, change->context != NULL && strcmp(change->context->token,
	    change->to->name) == 0, "a switch has its context");
	memcpy(t->pending, change->pending, sizeof(t->pending));
}

static void
op_set_timer(void *arg, struct link *link, uint64_t ms)
{
	struct tunnel *t = arg;
	size_t i;

	for (i = t->armed; i-- > 0;)
		if (t->timers[i] == link)
			t->timers[i] = t->timers[--t->armed];
	if (ms == FRL_ALL)
		return;
	claim(t, t->armed < PLACES + 2, "one timer per link");
	t->timers[t->armed++] = link;
}

static const struct chain_ops random_ops = {
	.out = op_out, .fin = op_fin, .refused = op_refused,
	.publish = op_publish, .forget = op_forget, .lookup = op_lookup,
	.switched = op_switched, .set_timer = op_set_timer
};

/* A link's timer fires, if it is still armed. */
static void
timer_fire(struct tunnel *t, struct link *link)
{
	size_t i;

	for (i = 0; i < t->armed; i++)
		if (t->timers[i] == link) {
			t->timers[i] = t->timers[--t->armed];
			chain_timer(link);
			return;
		}
}

/* All of them, as when nothing else happens for a while. */
static void
timer_fire_all(struct tunnel *t)
{
	struct link *links[PLACES + 2];
	size_t i, n = t->armed;

	memcpy(links, t->timers, sizeof(links));
	for (i = 0; i < n; i++)
		timer_fire(t, links[i]);
}

/* One open question is answered; false: there is none. */
static bool
question_answer(struct tunnel *t)
{
	struct decision decision = { .verdict = FRL_OK };
	struct token token;
	size_t i;

	if (t->waiting == 0)
		return (false);
	i = random_below(t, t->waiting);
	token = t->tokens[i];
	t->tokens[i] = t->tokens[--t->waiting];
	if (random_percent(t, 10)) {
		decision.verdict = FRL_REFUSE;
		decision.plugin = "hook";
		snprintf(decision.reason, sizeof(decision.reason), "late");
	}
	chain_decide(token.link, token.flow, token.event, token.record,
	    &decision);
	return (true);
}

#endif
