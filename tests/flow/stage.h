/* SPDX-License-Identifier: MIT */
/*
 * stage -- a chain of puppets, for tests of single rules.
 *
 * A puppet is a plugin whose callbacks a test replaces one by one; those it
 * leaves alone pass everything and note what they saw.  The stage is the
 * other side: it collects what leaves the chain and what the chain tells.
 */
#ifndef FLOW_STAGE_H
#define FLOW_STAGE_H

#include "flow/chain.h"

#include <stdio.h>
#include <string.h>

/* A plugin whose callbacks are given one by one. */
struct puppet {
	struct frl_plugin desc;
	struct plugin plugin;
	struct frl_link *link;
	int opened, closed, ends[2], calls;
	uint64_t unmet;
	char shown[64];		/* what data() and end() saw: "d4 e0 " */
};

struct stage {
	struct chain *chain;
	struct chain_options options;
	struct frl_tunnel tunnel;
	struct puppet puppets[3];	/* [2] is the heir of "next" */
	struct chain_refusal refusal;
	struct link *timer;
	char out[2][128];
	size_t len[2];
	int fins[2], refused, blind, switches;
	uint64_t pending[2];
	enum frl_verdict answer;	/* of publish */
	bool alone;			/* no front link */
};

static struct puppet *
puppet_of(const struct frl_link *link)
{
	return (link->instance);
}

static void
note(struct puppet *puppet, char what, size_t len)
{
	size_t at = strlen(puppet->shown);

	snprintf(puppet->shown + at, sizeof(puppet->shown) - at, "%c%zu ",
	    what, len);
}

static enum frl_verdict
puppet_open(struct frl_link *link, const struct frl_context *context)
{
	(void)context;
	puppet_of(link)->link = link;
	puppet_of(link)->opened++;
	return (FRL_OK);
}

static void
puppet_close(struct frl_link *link)
{
	puppet_of(link)->closed++;
}

static enum frl_verdict
puppet_end(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    uint64_t unmet)
{
	puppet_of(link)->ends[flow]++;
	puppet_of(link)->unmet = unmet;
	note(puppet_of(link), 'e', held.len);
	frl_pass(link, flow, held.len);
	return (FRL_OK);
}

static enum frl_verdict
data_holds(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	(void)flow, (void)seen;
	puppet_of(link)->calls++;
	note(puppet_of(link), 'd', held.len);
	return (FRL_OK);
}

static enum frl_verdict
data_passes(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	(void)seen;
	note(puppet_of(link), 'd', held.len);
	return (frl_pass(link, flow, held.len) == 0 ? FRL_OK : FRL_FAIL);
}

static void
op_out(void *arg, enum frl_flow flow, const uint8_t *bytes, size_t len)
{
	struct stage *stage = arg;

	assert_true(stage->len[flow] + len < sizeof(stage->out[flow]));
	memcpy(stage->out[flow] + stage->len[flow], bytes, len);
	stage->len[flow] += len;
}

static void
op_fin(void *arg, enum frl_flow flow)
{
	((struct stage *)arg)->fins[flow]++;
}

static void
op_refused(void *arg, const struct chain_refusal *refusal)
{
	struct stage *stage = arg;

	stage->refused++;
	stage->refusal = *refusal;
}

static enum frl_verdict
op_publish(void *arg, struct link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    struct decision *decision)
{
	(void)link, (void)flow, (void)event, (void)record;
	memset(decision, 0, sizeof(*decision));
	decision->verdict = ((struct stage *)arg)->answer;
	decision->plugin = "hook";
	snprintf(decision->reason, sizeof(decision->reason), "because");
	return (decision->verdict);
}

static const struct plugin *
op_lookup(void *arg, const char *token, int *ret_how)
{
	struct stage *stage = arg;

	*ret_how = strcmp(token, "next") == 0;
	return (*ret_how ? &stage->puppets[2].plugin : NULL);
}

static void
op_switched(void *arg, const struct chain_switch *change)
{
	struct stage *stage = arg;

	stage->switches++;
	memcpy(stage->pending, change->pending, sizeof(stage->pending));
}

static void
op_blind(void *arg, const struct plugin *plugin)
{
	(void)plugin;
	((struct stage *)arg)->blind++;
}

static void
op_set_timer(void *arg, struct link *link, uint64_t ms)
{
	((struct stage *)arg)->timer = ms == FRL_ALL ? NULL : link;
}

static const struct chain_ops ops = {
	.out = op_out, .fin = op_fin, .refused = op_refused,
	.publish = op_publish, .lookup = op_lookup,
	.switched = op_switched, .blind = op_blind,
	.set_timer = op_set_timer
};

/* Two puppets, a front link and the protocol's, and an heir; all pass. */
static void
stage_init(struct stage *stage)
{
	static const char *const names[] = { "front", "owner", "heir" };
	unsigned i;

	memset(stage, 0, sizeof(*stage));
	for (i = 0; i < 3; i++) {
		struct puppet *puppet = &stage->puppets[i];
		struct plugin *plugin = &puppet->plugin;

		puppet->desc = (struct frl_plugin){ FRL_ABI,
		    .flags = i == 0 ? 0 : FRL_OWNS_PROTOCOL,
		    .name = names[i], .open = puppet_open,
		    .data = data_passes, .end = puppet_end,
		    .close = puppet_close };
		plugin->desc = &puppet->desc;
		plugin->instance = puppet;
		snprintf(plugin->name, sizeof(plugin->name), "%s", names[i]);
		chain_host(&plugin->host);
	}
	stage->options.ops = &ops;
	stage->options.arg = stage;
	stage->options.tunnel = &stage->tunnel;
	stage->options.limit = 16;
}

static struct chain *
stage_open(struct stage *stage)
{
	const struct plugin *plugins[] = { &stage->puppets[0].plugin,
		&stage->puppets[1].plugin };

	stage->chain = chain_open(&stage->options, plugins + stage->alone,
	    stage->alone ? 1 : 2, &stage->refusal);
	return (stage->chain);
}

static void
client_sends(struct stage *stage, const char *text, bool over)
{
	chain_feed(stage->chain, FRL_FROM_CLIENT, (const uint8_t *)text,
	    strlen(text), over);
}

static void
server_sends(struct stage *stage, const char *text, bool over)
{
	chain_feed(stage->chain, FRL_FROM_SERVER, (const uint8_t *)text,
	    strlen(text), over);
}

/* Close, and see that every open has its close. */
static void
stage_clear(struct stage *stage)
{
	unsigned i;

	chain_close(stage->chain);
	for (i = 0; i < 3; i++)
		assert_int_equal(stage->puppets[i].opened,
		    stage->puppets[i].closed);
}

#endif
