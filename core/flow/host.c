/* SPDX-License-Identifier: MIT */
#include "flow/host.h"

#include "base/crumbs.h"
#include "base/log.h"
#include "flow/chain.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct later {
	struct timer timer;
	struct host_env *env;
	void (*fn)(void *arg);
	void *arg;
	unsigned plugin;		/* its number */
	struct later *prev, *next;
};

/* Each plugin has its own copy of the table, inside its struct plugin. */
static const struct plugin *
plugin_of(const struct frl_host *host)
{
	return ((const struct plugin *)(const void *)
	    ((const char *)host - offsetof(struct plugin, host)));
}

static uint64_t
host_now_us(const struct frl_host *host)
{
	return (loop_event_us(plugin_of(host)->env->loop));
}

static void
host_resume(const struct frl_host *host, uint64_t token,
    enum frl_verdict verdict, const char *reason)
{
	events_resume(plugin_of(host)->env->events, token, verdict, reason);
}

static void
later_due(void *arg)
{
	struct later *later = arg;
	void (*fn)(void *) = later->fn;
	void *fn_arg = later->arg;
	uint64_t who = crumbs_who(later->plugin, 0);
	struct crumb was;

	/* This one is no longer pending. */
	DL_DELETE(later->env->laters, later);
	free(later);
	was = crumbs_enter(who, CRUMBS_LATER, NULL);
	fn(fn_arg);
	crumbs_leave(was);
}

static int
host_later(const struct frl_host *host, uint64_t ms, void (*fn)(void *arg),
    void *arg)
{
	struct host_env *env = plugin_of(host)->env;
	struct later *later;

	later = calloc(1, sizeof(*later));
	if (later == NULL)
		return (-1);
	later->env = env;
	later->fn = fn;
	later->arg = arg;
	later->plugin = plugin_of(host)->number;
	DL_APPEND(env->laters, later);
	timer_start(env->loop, &later->timer, ms, later_due, later);
	return (0);
}

static void
host_say(const struct frl_host *host, enum frl_level level, const char *text)
{
	log_say(level, "%s: %s", plugin_of(host)->name, text);
}

void
host_table(struct frl_host *host)
{
	memset(host, 0, sizeof(*host));
	host->size = sizeof(*host);
	chain_host(host);
	host->now_us = host_now_us;
	host->resume = host_resume;
	host->later = host_later;
	host->say = host_say;
}

void
host_forget(struct host_env *env)
{
	struct later *later, *next;

	DL_FOREACH_SAFE(env->laters, later, next) {
		DL_DELETE(env->laters, later);
		timer_stop(&later->timer);
		free(later);
	}
}
