/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/config.h"
#include "app/keeper.h"
#include "app/message.h"
#include "app/trial.h"
#include "app/worker.h"
#include "base/log.h"

/* The supervisor is told what to do by signals; we and the workers by it. */
static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE };

static void
set_signals(void)
{
	sigset_t none;
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Nothing of the supervisor's stays open here: no listening socket, no
 * channel, no loop. */
static int
keep_only(int channel)
{
	int fd = dup2(channel, STDERR_FILENO + 1);

	if (fd < 0)
		return (-1);
	close_range((unsigned)fd + 1, ~0u, 0);
	return (fd);
}

static int
tell_plan(int channel, const struct config *config)
{
	struct message m = { .kind = MESSAGE_PLAN };
	size_t i;

	m.u.plan = plan_of(config);
	if (channel_send(channel, &m, sizeof(m), NULL, 0) != 0)
		return (-1);
	m.kind = MESSAGE_LISTEN;
	for (i = 0; i < config->listen_count; i++) {
		m.u.listen = plan_listen_of(config, i);
		if (channel_send(channel, &m, sizeof(m), NULL, 0) != 0)
			return (-1);
	}
	return (0);
}

/* Load the plugins as a worker would, in a process of their own. */
static int
try_plugins(struct config *config)
{
	struct err err;
	pid_t pid = fork();
	int status, code = EXIT_FINE;

	if (pid == 0) {
		if (trial_load(config, &err) != 0) {
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
fork_worker(struct config *config, int keeper, int channel)
{
	pid_t pid = fork();
	int code;

	if (pid == 0) {
		if (fork() != 0)
			_exit(0);
		close(keeper);
		code = worker_run(config, channel);
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
fork_workers(struct config *config, int channel)
{
	int fds[CHANNEL_FDS_MAX];
	struct message m;
	size_t count;

	while (channel_receive(channel, &m, sizeof(m), 1, fds, &count) > 0) {
		if (m.kind == MESSAGE_WORKER && count == 1)
			fork_worker(config, channel, fds[0]);
		while (count > 0)
			close(fds[--count]);
	}
}

static int
keep(const char *path, int channel)
{
	struct message failed = { .kind = MESSAGE_FAILED };
	struct config *config;

	set_signals();
	channel = keep_only(channel);
	if (channel < 0)
		return (EXIT_RUNTIME);
	config = config_read_or_say(path, NULL);
	failed.u.code = config == NULL ? EXIT_BAD_CONFIG : try_plugins(config);
	if (failed.u.code != EXIT_FINE)
		(void)channel_send(channel, &failed, sizeof(failed), NULL, 0);
	else if (tell_plan(channel, config) == 0)
		fork_workers(config, channel);
	config_free(config);
	close(channel);
	return (failed.u.code);
}

int
keeper_start(const char *path, int *ret_channel)
{
	int ends[2], saved;
	pid_t pid;

	if (channel_pair(ends) != 0)
		return (-1);
	pid = fork();
	if (pid == 0)
		exit(keep(path, ends[1]));
	saved = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		errno = saved;
		return (-1);
	}
	*ret_channel = ends[0];
	return (pid);
}
