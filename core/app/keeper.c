/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/config.h"
#include "app/keeper.h"
#include "app/message.h"
#include "app/process.h"
#include "app/trial.h"
#include "app/worker.h"
#include "base/log.h"

struct order {
	const char *path;
	const struct census *census;
};

/* A plan may be longer than the channel: nobody waits for us meanwhile. */
static int
tell(int channel, const struct message *m)
{
	while (message_send(channel, m, NULL, 0) != 0) {
		if (errno != EAGAIN)
			return (-1);
		channel_wait_room(channel);
	}
	return (0);
}

static int
tell_plan(int channel, const struct config *config)
{
	struct message m = { .kind = MESSAGE_PLAN };
	size_t i;

	m.u.plan = plan_of(config);
	if (tell(channel, &m) != 0)
		return (-1);
	m.kind = MESSAGE_LISTEN;
	for (i = 0; i < config->listen_count; i++) {
		m.u.listen = plan_listen_of(config, i);
		if (tell(channel, &m) != 0)
			return (-1);
	}
	m.kind = MESSAGE_LOG;
	for (i = 0; i < config->sink_count; i++) {
		m.u.log = plan_log_of(config, i);
		if (tell(channel, &m) != 0)
			return (-1);
	}
	return (0);
}

/*
 * What only root may read was read: the rest, and all workers that are born of
 * us, are somebody else.
 */
static int
drop(const struct config *config)
{
	struct err err;

	if (geteuid() == 0 && !config->security.as.change)
		log_say(FRL_WARNING, "this runs as root: set `security: "
		    "{user: fairlead}`, or any other user without rights");
	if (privileges_drop(&config->security.as, &err) == 0)
		return (EXIT_FINE);
	log_say(FRL_ERROR, "%s", err.text);
	return (EXIT_BAD_CONFIG);
}

static void
say_missing(void *arg, const char *guard, const char *why)
{
	(void)arg;
	log_say(FRL_WARNING, "workers run without %s: %s", guard, why);
}

/* Load the plugins and give up what a worker does, in a process of their own
 * that has nobody to talk to. */
static int
try_plugins(struct config *config, int channel)
{
	struct err err;
	pid_t pid = fork();
	int status, code = EXIT_FINE;

	if (pid == 0) {
		/* The supervisor kills a keeper that it waits for in vain. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(channel);
		if (trial_load(config, &err) != 0 ||
		    guard_enter(&config->security, say_missing, NULL,
		    &err) != 0) {
			log_say(FRL_ERROR, "%s", err.text);
			code = EXIT_BAD_CONFIG;
		}
		config_free(config);
		exit(code);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		log_say(FRL_ERROR, "cannot try the plugins: %s",
		    strerror(errno));
		return (EXIT_RUNTIME);
	}
	return (WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_BAD_CONFIG);
}

/* Two forks: the worker becomes the supervisor's child, which will hear of
 * its end. */
static void
fork_worker(struct config *config, const struct census *census, int keeper,
    int channel)
{
	pid_t pid = fork();
	int code;

	if (pid == 0) {
		if (fork() != 0)
			_exit(0);
		close(keeper);
		code = worker_run(config, census, channel);
		config_free(config);
		exit(code);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	else
		log_say(FRL_ERROR, "cannot fork a worker: %s",
		    strerror(errno));
}

static void
fork_workers(struct config *config, const struct census *census, int channel)
{
	int fds[CHANNEL_FDS_MAX];
	struct message m;
	size_t count;

	while (channel_receive(channel, &m, sizeof(m), 1, fds, &count) > 0) {
		if (m.kind == MESSAGE_WORKER && count == 1)
			fork_worker(config, census, channel, fds[0]);
		while (count > 0)
			close(fds[--count]);
	}
}

static int
keep(int channel, void *arg)
{
	struct message failed = { .kind = MESSAGE_FAILED };
	const struct order *order = arg;
	struct config *config;

	config = config_read_or_say(order->path, NULL);
	failed.u.code = config == NULL ? EXIT_BAD_CONFIG : drop(config);
	if (failed.u.code == EXIT_FINE)
		failed.u.code = try_plugins(config, channel);
	if (failed.u.code != EXIT_FINE)
		(void)message_send(channel, &failed, NULL, 0);
	else if (tell_plan(channel, config) == 0)
		fork_workers(config, order->census, channel);
	config_free(config);
	close(channel);
	return (failed.u.code);
}

pid_t
keeper_start(const char *path, const struct census *census, int err,
    int *ret_channel)
{
	struct order order = { path, census };

	return (process_start(keep, &order, err, ret_channel));
}
