/* SPDX-License-Identifier: MIT */
/*
 * commands -- run, exec, check, version.  Those that look at plugins are in
 * catalogue.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cli.h"
#include "app/commands.h"
#include "app/config.h"
#include "app/exec.h"
#include "app/server.h"
#include "base/log.h"
#include "flow/host.h"
#include "flow/tunnel_events.h"
#include "net/loop.h"

/* The build says so. */
#ifndef FRL_VERSION
#define FRL_VERSION "0.1.0"
#endif

/* The config of a file, or of text where there is one; or NULL after all its
 * errors were printed. */
static struct config *
read_or_say(const char *path, const char *text)
{
	struct yaml_errors errors;
	struct config *config;

	memset(&errors, 0, sizeof(errors));
	config = text == NULL ? config_read(path, &errors) :
	    config_parse(path, text, strlen(text), &errors);
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
	struct config *config = read_or_say(path, NULL);
	int code;

	if (config == NULL)
		return (EXIT_BAD_CONFIG);
	code = server_run(config, NULL);
	config_free(config);
	return (code);
}

/* What `exec` does where no file says otherwise: whoever watches a command
 * wants to see all of it, and what it talks to may be on this machine. */
#define EXEC_CONFIG(file) \
	"version: 1\n" \
	"listen:\n" \
	"  - address: 127.0.0.1:0\n" \
	"plugins:\n" \
	"  - name: http\n" \
	"  - name: websocket\n" \
	"    options:\n" \
	"      control_rate: 0\n" \
	"  - name: raw\n" \
	"destinations:\n" \
	"  allow: [127.0.0.0/8, \"::1\"]\n" \
	"log:\n" \
	"  - file: " file "\n" \
	"    format: text\n" \
	"timeouts:\n" \
	"  farewell: 1s\n"

/* The door and the log of `exec`, in a file's config. */
static int
exec_adapt(struct config *config, bool quiet, struct err *err)
{
	size_t i;

	if (config_listen_only(config, "127.0.0.1:0", err) != 0)
		return (-1);
	for (i = 0; i < config->sink_count; i++) {
		if (strcmp(config->sinks[i].file, "/dev/stderr") == 0)
			return (0);
	}
	return (quiet ? 0 : config_add_sink(config, "/dev/stderr", SINK_TEXT,
	    err));
}

static int
exec_configure(struct config *config, const struct cli *cli, struct err *err)
{
	const struct cli_exec *exec = &cli->exec;
	size_t i;

	if (cli->config != NULL &&
	    exec_adapt(config, exec->quiet, err) != 0)
		return (-1);
	for (i = 0; i < exec->allow_count; i++) {
		if (config_add_allow(config, exec->allow[i], err) != 0)
			return (-1);
	}
	return (exec->log == NULL ? 0 : config_add_sink(config, exec->log,
	    SINK_JSON, err));
}

int
command_exec(const struct cli *cli)
{
	struct config *config;
	struct err err;
	int code;

	/* Notices, too; who set a level has said what to show. */
	if (cli->exec.quiet)
		setenv("FAIRLEAD_LOG_LEVEL", "warning", 0);
	if (cli->config != NULL)
		config = read_or_say(cli->config, NULL);
	else
		config = read_or_say("(built in)", cli->exec.quiet ?
		    EXEC_CONFIG("/dev/null") : EXEC_CONFIG("/dev/stderr"));
	if (config == NULL)
		return (EXIT_BAD_CONFIG);
	config->by_option = true;
	if (exec_configure(config, cli, &err) == 0) {
		code = exec_run(config, cli->exec.command);
	} else {
		log_say(FRL_ERROR, "exec: %s", err.text);
		code = EXIT_BAD_USAGE;
	}
	config_free(config);
	return (code);
}

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
	struct config *config = read_or_say(path, NULL);
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
