/* SPDX-License-Identifier: MIT */
#include "app/supervisor.h"

#include "app/clerk.h"
#include "app/cli.h"
#include "app/desk.h"
#include "app/gates.h"
#include "app/succession.h"
#include "base/census.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/notify.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct supervisor {
	const char *path;
	struct loop *loop;
	struct gates *gates;
	struct census *census;
	struct desk *desk;
	struct message_state state;	/* as the desk was told */
	struct clerk *clerk;
	struct succession *succession;
	struct notify notify;
	struct timer watchdog;
	int code;
};

/* ------------------------------------------------------------------ */
/* What is told of generations						*/

static const struct message_state *
note_state(struct supervisor *s)
{
	succession_state(s->succession, &s->state);
	return (&s->state);
}

static void
changed(void *arg)
{
	struct supervisor *s = arg;

	desk_tell(s->desk, note_state(s));
}

static void
say_ready(struct supervisor *s, const struct generation *current)
{
	unsigned workers = generation_workers(current);

	notify_say(&s->notify, "READY=1\nSTATUS=generation %u, %u worker%s",
	    generation_number(current), workers, workers == 1 ? "" : "s");
}

static void
reading(void *arg)
{
	struct supervisor *s = arg;

	notify_say(&s->notify, "RELOADING=1\nMONOTONIC_USEC=%llu\n"
	    "STATUS=reading the configuration",
	    (unsigned long long)loop_now_us(s->loop));
}

static void
say_gates(struct supervisor *s, const struct plan *plan)
{
	char name[GATES_NAME_SIZE];
	size_t i;

	for (i = 0; i < plan->listen_count; i++)
		log_say(FRL_NOTICE, "listening on %s", gates_name(s->gates,
		    &plan->listens[i], name));
}

static void
settled(void *arg, const struct generation *current, bool first)
{
	unsigned workers = generation_workers(current);
	struct supervisor *s = arg;

	s->state.reloads += !first;
	s->state.failed = false;
	desk_take(s->desk, note_state(s));
	/* Who reads that finds all of it so. */
	if (first)
		say_gates(s, generation_plan(current));
	else
		log_say(FRL_NOTICE, "generation %u serves; %u worker%s",
		    generation_number(current), workers,
		    workers == 1 ? "" : "s");
	say_ready(s, current);
}

static void
refused(void *arg, const struct generation *current, const char *errors)
{
	struct supervisor *s = arg;

	desk_tell_errors(s->desk, errors);
	s->state.failures++;
	s->state.failed = true;
	say_ready(s, current);
}

static void
worker_changed(void *arg, struct generation *g, pid_t pid, const char *why)
{
	struct supervisor *s = arg;

	if (why == NULL && desk_channel(s->desk) >= 0)
		generation_introduce(g, pid, desk_channel(s->desk));
	if (why != NULL && why[0] != '\0') {
		s->state.deaths++;
		changed(s);
	}
}

static void
failed(void *arg, int code)
{
	struct supervisor *s = arg;

	s->code = code;
}

static void
over(void *arg)
{
	struct supervisor *s = arg;

	clerk_finish(s->clerk);
}

/* 0, or -1, which was said. */
static int
begin(struct supervisor *s)
{
	struct succession_owner owner = { .arg = s, .loop = s->loop,
	    .path = s->path, .gates = s->gates, .census = s->census,
	    .desk = s->desk, .clerk = s->clerk, .changed = changed,
	    .reading = reading, .settled = settled, .refused = refused,
	    .worker = worker_changed, .failed = failed, .over = over };
	struct err err;

	s->succession = succession_create(&owner);
	if (s->succession == NULL)
		err_set(&err, "out of memory");
	else if (succession_begin(s->succession, &err) == 0)
		return (0);
	log_say(FRL_ERROR, "%s", err.text);
	return (-1);
}

/* ------------------------------------------------------------------ */
/* The logger								*/

static void
logger_opened(void *arg, uint32_t generation, const char *why)
{
	struct supervisor *s = arg;

	succession_opened(s->succession, generation, why);
}

static void
logger_replaced(void *arg)
{
	struct supervisor *s = arg;

	succession_tell_logger(s->succession);
}

static void
logger_finished(void *arg, int status)
{
	struct supervisor *s = arg;

	if (status != 0 && s->code == EXIT_FINE)
		s->code = EXIT_RUNTIME;
	loop_stop(s->loop);
}

static struct clerk *
make_clerk(struct supervisor *s)
{
	struct clerk_owner owner = { .arg = s, .opened = logger_opened,
	    .replaced = logger_replaced, .finished = logger_finished };

	return (clerk_create(s->loop, &owner));
}

/* ------------------------------------------------------------------ */
/* Signals								*/

static void
stop(struct supervisor *s, unsigned times)
{
	notify_say(&s->notify, "STOPPING=1\nSTATUS=draining");
	succession_stop(s->succession, times);
}

static void
reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!desk_reap(s->desk, pid, status) &&
		    !clerk_reap(s->clerk, pid, status))
			(void)succession_reap(s->succession, pid, status);
}

static void
signalled(void *arg, int signo)
{
	struct supervisor *s = arg;

	switch (signo) {
	case SIGCHLD:
		reap(s);
		break;
	case SIGHUP:
		succession_reload(s->succession);
		break;
	case SIGUSR1:
		clerk_reopen(s->clerk);
		break;
	default:
		stop(s, signo == SIGINT ? 2 : 1);
		break;
	}
}

/* As long as this loop turns. */
static void
feed_watchdog(void *arg)
{
	struct supervisor *s = arg;

	notify_say(&s->notify, "WATCHDOG=1");
	timer_start(s->loop, &s->watchdog, s->notify.watchdog_ms / 2,
	    feed_watchdog, s);
}

/* ------------------------------------------------------------------ */
/* The admin process							*/

static void
desk_started(void *arg, int channel)
{
	struct supervisor *s = arg;

	succession_introduce(s->succession, channel);
}

static void
desk_asks_reload(void *arg)
{
	struct supervisor *s = arg;

	succession_reload(s->succession);
}

static void
desk_asks_stop(void *arg)
{
	stop(arg, 1);
}

static struct desk *
make_desk(struct supervisor *s)
{
	struct desk_owner owner = { .arg = s, .started = desk_started,
	    .reload = desk_asks_reload, .stop = desk_asks_stop };

	s->state.pid = (int32_t)getpid();
	s->state.began_us = loop_wall_us(s->loop);
	return (desk_create(s->loop, s->census, &owner));
}

/* ------------------------------------------------------------------ */

/* All that is there before the first process is.  0, or -1, which was said. */
static int
prepare(struct supervisor *s)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1,
		SIGCHLD, 0 };
	struct err err;

	signal(SIGPIPE, SIG_IGN);
	/* Workers are their keeper's grandchildren, and come to us. */
	if (s->loop == NULL || s->gates == NULL || s->census == NULL ||
	    (s->desk = make_desk(s)) == NULL ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 ||
	    loop_signals(s->loop, signals, signalled, s) != 0) {
		log_say(FRL_ERROR, "cannot begin: %s", strerror(errno));
		return (-1);
	}
	if (privileges_reduce(&err) == 0)
		return (0);
	log_say(FRL_ERROR, "%s", err.text);
	return (-1);
}

static void
serve(struct supervisor *s)
{
	notify_open(&s->notify);
	if (s->notify.watchdog_ms >= 2)
		feed_watchdog(s);
	if (begin(s) != 0)
		return;
	s->code = EXIT_FINE;
	loop_run(s->loop);
}

int
supervisor_run(const char *path)
{
	struct supervisor s = { .path = path, .loop = loop_create(),
	    .gates = gates_create(), .census = census_create(),
	    .notify.fd = -1, .code = EXIT_RUNTIME };

	if (prepare(&s) == 0 && (s.clerk = make_clerk(&s)) != NULL)
		serve(&s);
	timer_stop(&s.watchdog);
	notify_close(&s.notify);
	succession_free(s.succession);
	clerk_free(s.clerk);
	desk_free(s.desk);
	census_free(s.census);
	gates_free(s.gates);
	loop_free(s.loop);
	return (s.code);
}
