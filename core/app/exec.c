/* SPDX-License-Identifier: MIT */
/*
 * exec -- see exec.h.
 *
 *	doors open --> command runs --> it ended --> its tunnels end by
 *	                                    |        themselves
 *	                                    v            |
 *	                         timeouts.farewell --> drained --> its status
 *
 * It knows no tunnel and no event.  What always holds:
 *
 *	the command has the descriptors, the signal mask and the signal
 *	dispositions that this program was started with (but for SIGCHLD,
 *	which is never ignored: there would be no status);
 *
 *	both are of one process group: what the terminal sends (^C, ^\, ^Z)
 *	reaches the command without us, and it decides what that means.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/config.h"
#include "app/exec.h"
#include "app/server.h"
#include "base/log.h"
#include "net/loop.h"

#define EXIT_NOT_EXECUTABLE 126		/* as sh(1) and env(1) say it */
#define EXIT_NOT_FOUND 127
#define EXIT_KILLED 128			/* plus the signal */

#define LOOK_MS 20			/* are the tunnels gone? */

/*
 * What clients ask for their proxy: curl, wget, Go, requests and most others
 * the first three; Python's websockets ws_proxy, wss_proxy and socks_proxy
 * before them.  Some read small letters, some capitals.
 */
static const char *const proxied[] = {
	"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
	"all_proxy", "ALL_PROXY", "ws_proxy", "WS_PROXY", "wss_proxy",
	"WSS_PROXY",
};

/*
 * What would lead past us.  Where no_proxy is missing or empty, some clients
 * (websocket-client is one) go to localhost directly: it names a host that
 * cannot be (RFC 6761, 6.4).
 */
static const char *const cleared[] = { "no_proxy", "socks_proxy" };
static const char *const excepted[] = { "no_proxy=none.invalid",
	"NO_PROXY=none.invalid" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct exec {
	char *const *command;
	uint64_t farewell_ms;
	sigset_t mask;			/* as we were started */
	sigset_t defaults;		/* likewise; of what we ignore */
	struct server *server;
	pid_t pid;			/* 0: not yet, or no longer */
	int status;			/* -1: none yet */
	uint64_t deadline;		/* for its tunnels, once it ended */
	struct timer look;
};

/* ------------------------------------------------------------------ */
/* Its environment							*/

/* "NAME=value": one of these names, in whatever case? */
static bool
is_one_of(const char *entry, const char *const *names, size_t count)
{
	size_t len = strcspn(entry, "="), i;

	for (i = 0; i < count; i++) {
		if (strlen(names[i]) == len &&
		    strncasecmp(names[i], entry, len) == 0)
			return (true);
	}
	return (false);
}

/* One allocation: the pointers, and behind them the texts that are ours. */
static char **
make_environment(const char *door)
{
	const size_t room = sizeof("https_proxy=http://") + strlen(door);
	size_t count = COUNT(proxied) + COUNT(excepted) + 1, at = 0, i;
	char **env, *text;

	for (i = 0; environ[i] != NULL; i++)
		count++;
	env = malloc(count * sizeof(*env) + COUNT(proxied) * room);
	if (env == NULL)
		return (NULL);
	text = (char *)(env + count);
	for (i = 0; environ[i] != NULL; i++) {
		if (!is_one_of(environ[i], proxied, COUNT(proxied)) &&
		    !is_one_of(environ[i], cleared, COUNT(cleared)))
			env[at++] = environ[i];
	}
	for (i = 0; i < COUNT(proxied); i++, text += room) {
		snprintf(text, room, "%s=http://%s", proxied[i], door);
		env[at++] = text;
	}
	for (i = 0; i < COUNT(excepted); i++)
		env[at++] = (char *)(uintptr_t)excepted[i];
	env[at] = NULL;
	return (env);
}

/* ------------------------------------------------------------------ */
/* Its beginning							*/

/* As it was before the server and the loop came: posix_spawn's `attr`. */
static int
set_signals(const struct exec *exec, posix_spawnattr_t *attr)
{
	int error;

	error = posix_spawnattr_setsigmask(attr, &exec->mask);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(attr, &exec->defaults);
	if (error == 0)
		error = posix_spawnattr_setflags(attr,
		    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return (error);
}

/* 0, or an errno.  All our other descriptors are close-on-exec. */
static int
spawn(struct exec *exec)
{
	char **env = make_environment(server_door(exec->server));
	posix_spawnattr_t attr;
	int error;

	if (env == NULL)
		return (ENOMEM);
	error = posix_spawnattr_init(&attr);
	if (error == 0) {
		error = set_signals(exec, &attr);
		if (error == 0)
			error = posix_spawnp(&exec->pid, exec->command[0],
			    NULL, &attr, exec->command, env);
		posix_spawnattr_destroy(&attr);
	}
	free(env);
	if (error != 0)
		exec->pid = 0;
	return (error);
}

static int
say_why(struct exec *exec, int error, struct err *err)
{
	const char *name = exec->command[0], *why = strerror(error);

	exec->status = error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
	if (error == ENOENT && strchr(name, '/') == NULL)
		why = "no folder of PATH has it";
	else if (error == ENOENT)
		why = "there is no such file, or not the interpreter that "
		    "its #! line names";
	else if (error == EACCES)
		why = "it may not be executed; is it a program, and is its "
		    "mode right?";
	else if (error == ENOEXEC)
		why = "it is neither a program for this machine nor a script "
		    "with a #! line";
	return (err_set(err, "cannot run '%s': %s", name, why));
}

/* ------------------------------------------------------------------ */
/* Its end								*/

/*
 * The kernel closed its connections before we heard of its end, so what it
 * sent is on its way to us.  Its tunnels end by themselves when that was
 * passed on and answered; those of children it left behind may not.
 */
static void
look_fired(void *arg)
{
	struct exec *exec = arg;
	struct loop *loop = server_loop(exec->server);
	size_t tunnels = server_tunnels(exec->server);

	if (tunnels != 0 && loop_now_us(loop) < exec->deadline) {
		timer_start(loop, &exec->look, LOOK_MS, look_fired, exec);
		return;
	}
	if (tunnels != 0)
		log_say(FRL_NOTICE, "the command has ended; cutting %zu "
		    "tunnel%s still open", tunnels, tunnels == 1 ? "" : "s");
	if (!server_used(exec->server))
		log_say(FRL_NOTICE, "nothing came to the proxy: '%s' either "
		    "connects nowhere or does not look at http_proxy and "
		    "https_proxy", exec->command[0]);
	server_drain(exec->server, "command ended");
}

static void
child_changed(struct exec *exec)
{
	struct loop *loop = server_loop(exec->server);
	int status;
	pid_t pid;

	if (exec->pid == 0)
		return;
	pid = waitpid(exec->pid, &status, WNOHANG);
	if (pid == 0)
		return;		/* it stopped, or goes on */
	exec->pid = 0;
	if (pid < 0)
		exec->status = EXIT_FAILURE;
	else if (WIFSIGNALED(status))
		exec->status = EXIT_KILLED + WTERMSIG(status);
	else
		exec->status = WEXITSTATUS(status);
	exec->deadline = loop_now_us(loop) + exec->farewell_ms * 1000;
	/* Not at once: connections that wait to be accepted count, too. */
	timer_start(loop, &exec->look, LOOK_MS, look_fired, exec);
}

static void
signalled(void *arg, int signo)
{
	struct exec *exec = arg;

	if (signo == SIGCHLD) {
		child_changed(exec);
	} else if (exec->pid == 0) {
		/* Nobody to pass it on to: whoever sent it means us. */
		timer_stop(&exec->look);
		server_drain(exec->server, "signal");
	} else if (signo == SIGTERM || signo == SIGHUP) {
		kill(exec->pid, signo);
	}
}

/* ------------------------------------------------------------------ */

static int
opened(void *arg, struct server *server, struct err *err)
{
	static const int signals[] = { SIGCHLD, SIGTERM, SIGHUP, SIGINT,
		SIGQUIT, 0 };
	struct exec *exec = arg;
	int error;

	exec->server = server;
	signal(SIGCHLD, SIG_DFL);
	if (loop_signals(server_loop(server), signals, signalled, exec) != 0)
		return (err_set(err, "cannot watch for signals"));
	error = spawn(exec);
	return (error == 0 ? 0 : say_why(exec, error, err));
}

/* Of those that the server will ignore: was it not so before? */
static int
note_default(int signo, sigset_t *defaults)
{
	struct sigaction action;

	if (sigaction(signo, NULL, &action) != 0)
		return (-1);
	if (action.sa_handler != SIG_IGN)
		sigaddset(defaults, signo);
	return (0);
}

int
exec_run(struct config *config, char *const *command)
{
	struct exec exec = { .command = command, .status = -1,
		.farewell_ms = config->timeouts.farewell };
	const struct server_guest guest = { .arg = &exec, .opened = opened };
	int code;

	sigemptyset(&exec.defaults);
	if (sigprocmask(SIG_BLOCK, NULL, &exec.mask) != 0 ||
	    note_default(SIGPIPE, &exec.defaults) != 0 ||
	    note_default(SIGXFSZ, &exec.defaults) != 0) {
		log_say(FRL_ERROR, "cannot read the signal mask: %s",
		    strerror(errno));
		return (EXIT_FAILURE);
	}
	code = server_run(config, &guest);
	return (exec.status >= 0 ? exec.status : code);
}
