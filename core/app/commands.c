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
#include "app/supervisor.h"
#include "app/trial.h"
#include "base/log.h"
#include "flow/host.h"
#include "flow/tunnel_events.h"
#include "net/loop.h"

/* The build says so. */
#ifndef FRL_VERSION
#define FRL_VERSION "0.1.0"
#endif

int
command_run(const char *path, bool foreground)
{
	struct config *config;
	int code;

	if (!foreground)
		return (supervisor_run(path));
	config = config_read_or_say(path, NULL);
	if (config == NULL)
		return (EXIT_BAD_CONFIG);
	if (config->admin.socket[0] != '\0')
		log_say(FRL_WARNING, "%s: `admin` is not served by "
		    "--foreground-worker", path);
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

/* The proxy that we were started behind; "": there is none. */
static const char *
exec_outer(void)
{
	static const char *const names[] = { "http_proxy", "HTTP_PROXY",
		"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
	const char *url;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		url = getenv(names[i]);
		if (url != NULL && url[0] != '\0')
			return (url);
	}
	return ("");
}

static int
exec_configure(struct config *config, const struct cli *cli, struct err *err)
{
	const struct cli_exec *exec = &cli->exec;
	struct err why;
	size_t i;

	if (cli->config != NULL &&
	    exec_adapt(config, exec->quiet, err) != 0)
		return (-1);
	for (i = 0; i < exec->allow_count; i++) {
		if (config_add_allow(config, exec->allow[i], err) != 0)
			return (-1);
	}
	if (exec->via != NULL && config_set_parent(config,
	    strcmp(exec->via, "env") == 0 ? exec_outer() : exec->via,
	    &why) != 0)
		return (err_set(err, "--via %s: %s",
		    strcmp(exec->via, "env") == 0 ? "env, of http_proxy" :
		    "URL", why.text));
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
		config = config_read_or_say(cli->config, NULL);
	else
		config = config_read_or_say("(built in)", cli->exec.quiet ?
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

int
command_check(const char *path)
{
	struct config *config = config_read_or_say(path, NULL);
	struct err err;
	int failed;

	if (config == NULL)
		return (EXIT_BAD_CONFIG);
	failed = trial_load(config, &err);
	config_free(config);
	if (failed != 0) {
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
