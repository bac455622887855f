/* SPDX-License-Identifier: MIT */
#include "flow/detect.h"

#include "base/crumbs.h"
#include "flow/bars.h"
#include "flow/host.h"
#include "flow/link.h"

#include <string.h>

struct detect {
	bool timed;		/* the deadline runs */
};

static enum frl_verdict
hand_to(struct frl_link *link, const struct plugin *plugin)
{
	if (plugin == NULL)
		return (frl_refuse(link, FRL_WHY_REFUSED,
		    "no inspector knows this protocol"));
	if (chain_hand_to(link, plugin) != 0)
		return (FRL_FAIL);
	return (FRL_OK);
}

static bool
is_barred(const struct frl_link *link, const struct plugin *plugin)
{
	return (plugin->env != NULL && bars_hold(plugin->env->bars,
	    plugin->number, link->tunnel));
}

/*
 * Whether a tunnel needs an inspector that may not be asked nobody can tell:
 * one that fails closed closes them all.
 */
static enum frl_verdict
detect_open(struct frl_link *link, const struct frl_context *context)
{
	const struct rules *rules = link->instance;
	char text[BARS_TEXT_SIZE];
	size_t i;

	(void)context;
	for (i = 0; i < rules->plugin_count; i++) {
		const struct plugin *p = rules->plugins[i];

		if (p->desc->detect == NULL || p->fail_open ||
		    !is_barred(link, p))
			continue;
		chain_note(chain_of(link), FRL_WHY_CAPACITY, WHY_QUARANTINED,
		    p->name, bars_text(text, p->name));
		return (FRL_FAIL);
	}
	return (FRL_OK);
}

static enum frl_verdict
ask(struct frl_link *link, bool ended)
{
	const struct rules *rules = link->instance;
	struct detect *st = link->state;
	struct frl_bytes client, server;
	size_t i;

	client = chain_held(chain_of(link), FRL_FROM_CLIENT);
	server = chain_held(chain_of(link), FRL_FROM_SERVER);
	for (i = 0; i < rules->plugin_count; i++) {
		const struct plugin *p = rules->plugins[i];
		enum frl_detection answer;
		struct crumb was;

		if (p->desc->detect == NULL || is_barred(link, p))
			continue;
		was = crumbs_enter(crumbs_who(p->number, crumbs_tunnel()),
		    CRUMBS_DETECT, link->tunnel);
		answer = p->desc->detect(p->instance, client, server, ended);
		crumbs_leave(was);
		if (answer == FRL_YES)
			return (hand_to(link, p));
		if (answer == FRL_MORE && !ended) {
			/* From the first byte on: a trickle must not stretch
			 * it. */
			if (!st->timed)
				frl_set_timer(link, chain_of(link)->detect_ms);
			st->timed = true;
			return (FRL_OK);
		}
	}
	return (hand_to(link, rules->undetected));
}

static enum frl_verdict
detect_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	(void)flow;
	(void)held;
	(void)seen;
	return (ask(link, false));
}

/* Whoever takes over is shown what is held, then told of the end. */
static enum frl_verdict
detect_end(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    uint64_t unmet)
{
	(void)flow;
	(void)held;
	(void)unmet;
	return (ask(link, true));
}

static enum frl_verdict
detect_timer(struct frl_link *link)
{
	chain_note(chain_of(link), FRL_WHY_TIMEOUT, WHY_DETECT_TIMEOUT, NULL,
	    "the protocol could not be made out in time");
	return (FRL_REFUSE);
}

static const struct frl_plugin detect_plugin = {
	FRL_ABI,
	.flags = FRL_OWNS_PROTOCOL,
	.name = "detect",
	.version = "1",
	.summary = "finds out whose protocol a tunnel speaks",
	.licence = "MIT",
	.state_size = sizeof(struct detect),
	.open = detect_open,
	.data = detect_data,
	.end = detect_end,
	.timer = detect_timer,
};

void
detect_init(struct plugin *plugin, const struct rules *rules,
    struct host_env *env)
{
	memset(plugin, 0, sizeof(*plugin));
	plugin->desc = &detect_plugin;
	plugin->instance = (void *)(uintptr_t)rules;
	plugin->env = env;
	plugin->memfd = -1;
	strcpy(plugin->name, "detect");
	host_table(&plugin->host);
}
