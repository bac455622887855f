/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "app/config.h"
#include "app/trial.h"
#include "flow/host.h"
#include "flow/tunnel_events.h"
#include "net/loop.h"

/* A misspelt pattern leaves a log that lacks what was to be in it. */
static int
check_patterns(const struct config *config, const struct events *events,
    struct err *err)
{
	const struct sink_options *sink;
	size_t i, k;

	for (i = 0; i < config->sink_count; i++) {
		sink = &config->sinks[i];
		for (k = 0; k < sink->events.count; k++) {
			if (!events_known(events, sink->events.items[k]))
				return (err_set(err, "log %s: no event is "
				    "called %s; `fairlead events` prints all",
				    sink->file, sink->events.items[k]));
		}
	}
	return (0);
}

/*
 * Declare, load, seal, as the server does.  The loop never turns, so what
 * load() starts does not happen; no sink is opened: a check leaves no file
 * behind.
 */
static int
load_all(struct config *config, struct host_env *env, struct err *err)
{
	struct frl_host host;
	size_t i;

	host_table(&host);
	for (i = 0; tunnel_events[i] != NULL; i++) {
		if (events_declare(env->events, tunnel_events[i], err) == NULL)
			return (-1);
	}
	if (config_load_plugins(config, env->events, &host, env, err) < 0)
		return (-1);
	if (events_seal(env->events, err) != 0)
		return (-1);
	return (check_patterns(config, env->events, err));
}

int
trial_load(struct config *config, struct err *err)
{
	struct events_options options = { .node = config->node,
		.wait_ms = config->timeouts.wait };
	struct host_env env = { .loop = loop_create() };
	int ret = -1;

	options.loop = env.loop;
	if (env.loop != NULL)
		env.events = events_create(&options);
	if (env.events != NULL)
		ret = load_all(config, &env, err);
	else
		err_set(err, "out of memory");
	host_forget(&env);
	/* Plugins leave before what they were given. */
	config_unload_plugins(config);
	if (env.events != NULL)
		events_free(env.events);
	if (env.loop != NULL)
		loop_free(env.loop);
	return (ret);
}
