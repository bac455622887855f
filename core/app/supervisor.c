/* SPDX-License-Identifier: MIT */
#include "app/supervisor.h"

#include "app/cli.h"
#include "app/gates.h"
#include "app/generation.h"
#include "base/log.h"
#include "net/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The hard limit of generations (limits.generations) and one that starts. */
#define GENERATIONS_MAX 65

struct supervisor {
	const char *path;
	struct loop *loop;
	struct gates *gates;
	struct generation_owner owner;
	struct generation *list[GENERATIONS_MAX];	/* oldest first */
	unsigned count, number;
	struct generation *current;	/* or NULL */
	struct generation *next;	/* is starting; or NULL */
	bool again;			/* and reload once more behind it */
	unsigned stops;			/* SIGTERM came so often */
	int code;
};

/* ------------------------------------------------------------------ */
/* Generations								*/

static void
begin(struct supervisor *s)
{
	if (s->count == GENERATIONS_MAX) {
		log_say(FRL_ERROR, "too many generations are draining: not "
		    "reloaded");
		return;
	}
	s->next = generation_start(s->loop, s->path, ++s->number, s->gates,
	    &s->owner);
	if (s->next != NULL)
		s->list[s->count++] = s->next;
}

/* Reloads that come while one is under way are one. */
static void
reload(struct supervisor *s)
{
	if (s->stops != 0)
		return;
	s->again = s->next != NULL;
	if (s->next == NULL) {
		log_say(FRL_NOTICE, "reloading %s", s->path);
		begin(s);
	}
}

static void
reload_again(struct supervisor *s)
{
	if (s->again)
		reload(s);
}

static void
keep_gates(struct supervisor *s)
{
	const struct plan *plans[2];
	size_t n = 0;

	if (s->current != NULL)
		plans[n++] = generation_plan(s->current);
	if (s->next != NULL && generation_state(s->next) == STARTING)
		plans[n++] = generation_plan(s->next);
	gates_keep(s->gates, plans, n);
}

static int
planned(void *arg, struct generation *g)
{
	struct supervisor *s = arg;
	struct err err;

	if (gates_open(s->gates, generation_plan(g), &err) == 0)
		return (EXIT_FINE);
	log_say(FRL_ERROR, "%s", err.text);
	return (EXIT_CANNOT_BIND);
}

/* Above the limit the oldest has had its time. */
static void
press_oldest(struct supervisor *s)
{
	uint32_t limit = generation_plan(s->current)->generations;
	unsigned i;

	for (i = 0; s->count - i > limit; i++)
		if (s->list[i] != s->current)
			generation_cut(s->list[i]);
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
serves(void *arg, struct generation *g)
{
	struct supervisor *s = arg;
	struct generation *old = s->current;

	s->current = g;
	s->next = NULL;
	if (old == NULL)
		say_gates(s, generation_plan(g));
	else {
		log_say(FRL_NOTICE, "generation %u serves; %u worker%s",
		    generation_number(g), generation_workers(g),
		    generation_workers(g) == 1 ? "" : "s");
		generation_drain(old, true,
		    generation_plan(g)->reload_drain_ms);
	}
	keep_gates(s);
	press_oldest(s);
	reload_again(s);
}

static void
failed(void *arg, struct generation *g, int code)
{
	struct supervisor *s = arg;

	if (g == s->next)
		s->next = NULL;
	keep_gates(s);
	if (s->stops != 0)
		return;
	if (s->current == NULL) {
		s->code = code;
		s->stops = 1;
		return;
	}
	log_say(FRL_ERROR, "%s was not taken over; generation %u goes on",
	    s->path, generation_number(s->current));
	reload_again(s);
}

static void
gone(void *arg, struct generation *g)
{
	struct supervisor *s = arg;
	unsigned i, n = 0;

	for (i = 0; i < s->count; i++)
		if (s->list[i] != g)
			s->list[n++] = s->list[i];
	s->count = n;
	if (s->current == g)
		s->current = NULL;
	generation_free(g);
	if (s->stops != 0 && s->count == 0)
		loop_stop(s->loop);
}

/* ------------------------------------------------------------------ */
/* Signals								*/

static void
stop(struct supervisor *s, unsigned times)
{
	uint64_t ms = s->current == NULL ? 0 :
	    generation_plan(s->current)->drain_ms;
	unsigned i, n = s->count;

	s->stops += times;
	s->next = NULL;
	gates_keep(s->gates, NULL, 0);	/* clients are refused from here on */
	for (i = 0; i < n; i++) {
		generation_drain(s->list[i], false, ms);
		if (s->stops > 1)
			generation_cut(s->list[i]);
	}
	if (n == 0)
		loop_stop(s->loop);
}

static void
reap(struct supervisor *s)
{
	int status;
	pid_t pid;
	unsigned i;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (i = 0; i < s->count; i++)
			if (generation_reap(s->list[i], pid, status))
				break;
}

static void
signalled(void *arg, int signo)
{
	struct supervisor *s = arg;
	unsigned i;

	switch (signo) {
	case SIGCHLD:
		reap(s);
		break;
	case SIGHUP:
		reload(s);
		break;
	case SIGUSR1:
		for (i = 0; i < s->count; i++)
			generation_reopen(s->list[i]);
		break;
	default:
		stop(s, signo == SIGINT ? 2 : 1);
		break;
	}
}

int
supervisor_run(const char *path)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1,
		SIGCHLD, 0 };
	struct supervisor s = { .path = path, .loop = loop_create(),
	    .gates = gates_create() };

	s.owner = (struct generation_owner){ .arg = &s, .planned = planned,
	    .serves = serves, .failed = failed, .gone = gone };
	s.code = EXIT_RUNTIME;
	signal(SIGPIPE, SIG_IGN);
	/* Workers are their keeper's grandchildren, and come to us. */
	if (s.loop == NULL || s.gates == NULL ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 ||
	    loop_signals(s.loop, signals, signalled, &s) != 0) {
		log_say(FRL_ERROR, "cannot begin: %s", strerror(errno));
	} else {
		s.code = EXIT_FINE;
		begin(&s);
		if (s.next == NULL)
			s.code = EXIT_RUNTIME;
		else
			loop_run(s.loop);
	}
	gates_free(s.gates);
	loop_free(s.loop);
	return (s.code);
}
