/* SPDX-License-Identifier: MIT */
/*
 * commands -- run, check, version.  Those that look at plugins are in
 * catalogue.c.
 */
#include <stdio.h>
#include <string.h>

#include "app/cli.h"
#include "app/commands.h"
#include "app/config.h"
#include "app/server.h"
#include "base/log.h"
#include "flow/host.h"
#include "flow/tunnel_events.h"
#include "net/loop.h"

/* The build says so. */
#ifndef FRL_VERSION
#define FRL_VERSION "0.1.0"
#endif

/* The config, or NULL after all its errors were printed. */
static struct config *
read_or_say(const char *path)
{
	struct yaml_errors errors;
	struct config *config;

	memset(&errors, 0, sizeof(errors));
	config = config_read(path, &errors);
	if (config == NULL) {
		/* Already lines of their own, with the source and a caret. */
		if (errors.text != NULL)
			fprintf(stderr, "%s%s", errors.text, errors.len > 0 &&
			    errors.text[errors.len - 1] == '\n' ? "" : "\n");
		log_say(FRL_ERROR, "%s: %zu error%s", path, errors.count,
		    errors.count == 1 ? "" : "s");
	}
	yaml_errors_free(&errors);
	return (config);
}

int
command_run(const char *path)
{
	struct config *config = read_or_say(path);
	int code;

	if (config == NULL)
		return (EXIT_BAD_CONFIG);
	code = server_run(config);
	config_free(config);
	return (code);
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
	return (events_seal(env->events, err));
}

/* config: take; plugins leave before what they were given. */
static int
check_plugins(struct config *config, struct err *err)
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
	config_free(config);
	if (env.events != NULL)
		events_free(env.events);
	if (env.loop != NULL)
		loop_free(env.loop);
	return (ret);
}

int
command_check(const char *path)
{
	struct config *config = read_or_say(path);
	struct err err;

	if (config == NULL)
		return (EXIT_BAD_CONFIG);
	if (check_plugins(config, &err) < 0) {
		log_say(FRL_ERROR, "%s: %s", path, err.text);
		return (EXIT_BAD_CONFIG);
	}
	printf("%s: valid\n", path);
	return (EXIT_FINE);
}

int
command_version(void)
{
	printf("fairlead %s (plugin ABI %d.%d)\n", FRL_VERSION,
	    FRL_ABI_MAJOR, FRL_ABI_MINOR);
	return (EXIT_FINE);
}
