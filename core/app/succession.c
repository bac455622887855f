/* SPDX-License-Identifier: MIT */
#include "app/succession.h"

#include "app/clerk.h"
#include "app/cli.h"
#include "app/desk.h"
#include "app/herald.h"
#include "base/log.h"

#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* The hard limit of generations (limits.generations) and one that starts. */
#define GENERATIONS_MAX 65

#define STOPS_PATIENT 4		/* then who does not leave is killed */

struct succession {
	struct succession_owner owner;
	struct generation_owner theirs;	/* of each generation */
	uint32_t prefix;		/* of the last worker's tunnels */
	struct generation *list[GENERATIONS_MAX];	/* oldest first */
	unsigned count, number;
	struct generation *current;	/* or NULL */
	struct herald *herald;		/* of current; or NULL */
	struct generation *next;	/* is starting; or NULL */
	uint32_t opening;		/* its logs that are to be answered */
	struct generation *leaving;	/* or NULL */
	bool again;			/* and reload once more behind it */
	unsigned stops;			/* it was told to so often */
};

/* ------------------------------------------------------------------ */
/* Reloads								*/

/* -1 and a sentence. */
int
succession_begin(struct succession *s, struct err *err)
{
	if (s->count == GENERATIONS_MAX)
		return (err_set(err, "too many generations are draining"));
	s->opening = 0;
	s->next = generation_start(s->owner.loop, s->owner.path, ++s->number,
	    &s->theirs, err);
	if (s->next == NULL)
		return (-1);
	s->list[s->count++] = s->next;
	return (0);
}

static void
refuse(struct succession *s, const char *errors)
{
	log_say(FRL_ERROR, "%s was not taken over; generation %u goes on",
	    s->owner.path, generation_number(s->current));
	herald_reload(s->herald, errors);
	s->owner.refused(s->owner.arg, s->current, errors);
}

/* Reloads that come while one is under way are one. */
void
succession_reload(struct succession *s)
{
	struct err err;

	if (s->stops != 0)
		return;
	s->again = s->next != NULL || s->leaving != NULL;
	if (!s->again) {
		log_say(FRL_NOTICE, "reloading %s", s->owner.path);
		s->owner.reading(s->owner.arg);
		if (succession_begin(s, &err) != 0) {
			log_say(FRL_ERROR, "%s", err.text);
			refuse(s, err.text);
		}
	}
	s->owner.changed(s->owner.arg);
}

/* One is over. */
static void
reload_again(struct succession *s)
{
	if (s->again)
		succession_reload(s);
	s->owner.changed(s->owner.arg);
}

/* ------------------------------------------------------------------ */
/* The next one								*/

static void
keep_gates(struct succession *s)
{
	const struct plan *plans[2];
	size_t n = 0;

	if (s->current != NULL)
		plans[n++] = generation_plan(s->current);
	if (s->next != NULL && generation_state(s->next) == STARTING)
		plans[n++] = generation_plan(s->next);
	gates_keep(s->owner.gates, plans, n);
}

/* The logger cannot become somebody else a second time. */
static bool
is_same_user(const struct succession *s, const struct generation *g)
{
	return (s->current == NULL ||
	    privileges_equal(&generation_plan(s->current)->as,
	    &generation_plan(g)->as));
}

static void
open_logs(struct succession *s, const struct generation *g)
{
	/* A logger in place of another: lines wait for it. */
	clerk_open_logs(s->owner.clerk, generation_plan(g),
	    generation_number(g), generation_state(g) != PLANNING);
}

static void
planned(void *arg, struct generation *g)
{
	const struct plan *plan = generation_plan(g);
	struct succession *s = arg;
	struct err err;

	if (!is_same_user(s, g)) {
		err_set(&err, "security.user and security.group do not "
		    "change by a reload: restart to become %s",
		    plan->as.change ? plan->as.name : "who started this");
		generation_fail(g, err.text, EXIT_BAD_CONFIG);
		return;
	}
	if (gates_open(s->owner.gates, plan, &err) != 0 ||
	    desk_open(s->owner.desk, &plan->admin, &err) != 0) {
		generation_fail(g, err.text, EXIT_CANNOT_BIND);
		return;
	}
	s->opening = plan->log_count;
	open_logs(s, g);
}

static void
make_herald(struct succession *s, const struct generation *g)
{
	herald_free(s->herald);
	s->herald = herald_create(s->owner.loop, generation_plan(g),
	    generation_number(g), clerk_outbox(s->owner.clerk));
}

/* Of one that is planning, are the logs asked for? */
static bool
is_opening(const struct succession *s, const struct generation *g)
{
	return (g != NULL && g == s->next && s->opening != 0 &&
	    generation_state(g) == PLANNING);
}

void
succession_opened(struct succession *s, uint32_t generation, const char *why)
{
	bool fine = why[0] == '\0';

	if (!is_opening(s, s->next) ||
	    generation_number(s->next) != generation) {
		if (!fine)
			log_say(FRL_ERROR, "%s", why);
		return;
	}
	if (!fine)
		generation_fail(s->next, why, EXIT_BAD_CONFIG);
	if (!fine || --s->opening != 0)
		return;
	if (s->current == NULL)
		make_herald(s, s->next);
	generation_go(s->next, clerk_outbox(s->owner.clerk));
}

static bool
has_logs(const struct succession *s, const struct generation *g)
{
	return (is_opening(s, g) || g == s->current ||
	    generation_workers(g) != 0);
}

void
succession_tell_logger(struct succession *s)
{
	unsigned i;

	for (i = 0; i < s->count; i++) {
		if (!has_logs(s, s->list[i]))
			continue;
		open_logs(s, s->list[i]);
		generation_tell_logger(s->list[i]);
	}
	if (is_opening(s, s->next))	/* all are answered by this one */
		s->opening = generation_plan(s->next)->log_count;
	herald_tell_logger(s->herald);
}

/* ------------------------------------------------------------------ */
/* The current one							*/

/* Above the limit the oldest has had its time. */
static void
press_oldest(struct succession *s)
{
	uint32_t limit = generation_plan(s->current)->generations;
	unsigned i;

	for (i = 0; s->count - i > limit; i++)
		if (s->list[i] != s->current)
			generation_press(s->list[i]);
}

static void
settle(struct succession *s, bool first)
{
	s->owner.settled(s->owner.arg, s->current, first);
	if (!first)
		herald_reload(s->herald, NULL);
	reload_again(s);
}

static void
serves(void *arg, struct generation *g)
{
	struct succession *s = arg;

	s->leaving = s->current;
	s->current = g;
	s->next = NULL;
	if (s->leaving == NULL)
		herald_start(s->herald);
	else {
		make_herald(s, g);	/* before the old logs are closed */
		generation_drain(s->leaving, true,
		    generation_plan(g)->reload_drain_ms);
	}
	keep_gates(s);
	press_oldest(s);
	if (s->leaving == NULL)
		settle(s, true);
}

static void
left(void *arg, struct generation *old)
{
	struct succession *s = arg;

	if (old != s->leaving || s->stops != 0)
		return;
	s->leaving = NULL;
	settle(s, false);
}

static void
worker_changed(void *arg, struct generation *g, pid_t pid, uint32_t prefix,
    const char *why)
{
	struct succession *s = arg;

	herald_worker(s->herald, pid, generation_number(g), prefix, why);
	s->owner.worker(s->owner.arg, g, pid, why);
}

/* The file says how it goes on; where it is bad, that is said. */
static void
lacks(void *arg, struct generation *g)
{
	struct succession *s = arg;

	if (g == s->current)
		succession_reload(s);
}

static void
plugin_told(void *arg, struct generation *g, const struct blame *blame)
{
	struct succession *s = arg;

	(void)g;
	herald_plugin(s->herald, blame);
}

/* ------------------------------------------------------------------ */
/* The end								*/

static void
failed(void *arg, struct generation *g, int code)
{
	struct succession *s = arg;

	if (g == s->next)
		s->next = NULL;
	keep_gates(s);
	desk_leave(s->owner.desk);
	if (s->stops != 0)
		return;
	if (s->current == NULL) {
		s->stops = 1;
		s->owner.failed(s->owner.arg, code);
		return;
	}
	refuse(s, generation_errors(g));
	reload_again(s);
}

static void
forget(struct succession *s, struct generation *g)
{
	unsigned i, n = 0;

	for (i = 0; i < s->count; i++)
		if (s->list[i] != g)
			s->list[n++] = s->list[i];
	s->count = n;
	/* The last one, or the first that failed. */
	if (s->current == g || s->current == NULL) {
		if (s->current == g)
			herald_stop(s->herald, "signal");
		herald_free(s->herald);
		s->herald = NULL;
		s->current = NULL;
	}
	clerk_close_logs(s->owner.clerk, generation_number(g));
	generation_free(g);
}

static void
gone(void *arg, struct generation *g)
{
	struct succession *s = arg;

	if (g == s->current && s->count > 1)
		return;			/* the others' end is told there */
	forget(s, g);
	if (s->count == 1 && s->list[0] == s->current &&
	    generation_is_gone(s->current))
		forget(s, s->current);
	if (s->stops != 0 && s->count == 0)
		s->owner.over(s->owner.arg);
}

/*
 * No worker starts from here on.  The logger takes spools in the order in which
 * it got them: behind all others the herald has the last word.  A logger that
 * is to come gets them so (succession_tell_logger()).
 */
static void
move_herald(struct succession *s)
{
	if (clerk_listens(s->owner.clerk))
		make_herald(s, s->current);
}

void
succession_stop(struct succession *s, unsigned times)
{
	uint64_t ms = s->current == NULL ? 0 :
	    generation_plan(s->current)->drain_ms;
	unsigned i, n = s->count;

	if (s->stops == 0 && s->current != NULL)
		move_herald(s);
	s->stops += times;
	s->next = s->leaving = NULL;
	s->again = false;
	s->owner.changed(s->owner.arg);
	gates_keep(s->owner.gates, NULL, 0); /* clients are refused now */
	for (i = 0; i < n; i++) {
		generation_drain(s->list[i], false, ms);
		if (s->stops > 1)
			generation_cut(s->list[i]);
		if (s->stops > STOPS_PATIENT)
			generation_kill(s->list[i]);
	}
	if (n == 0)
		s->owner.over(s->owner.arg);
}

bool
succession_reap(struct succession *s, pid_t pid, int status)
{
	unsigned i;

	for (i = 0; i < s->count; i++)
		if (generation_reap(s->list[i], pid, status))
			return (true);
	return (false);
}

/* ------------------------------------------------------------------ */

void
succession_state(const struct succession *s, struct message_state *ret)
{
	ret->generation = s->current == NULL ? 0 :
	    generation_number(s->current);
	ret->workers = s->current == NULL ? 0 :
	    generation_plan(s->current)->workers;
	ret->starting = s->next != NULL || s->leaving != NULL || s->again;
	ret->stopping = s->stops != 0;
}

void
succession_introduce(struct succession *s, int admin)
{
	unsigned i;

	for (i = 0; i < s->count; i++)
		generation_introduce(s->list[i], 0, admin);
}

static uint32_t
draw_prefix(void)
{
	uint32_t prefix;

	if (getrandom(&prefix, sizeof(prefix), 0) != (ssize_t)sizeof(prefix))
		prefix = (uint32_t)getpid() << 8;
	return (prefix & ~(uint32_t)0xff);
}

struct succession *
succession_create(const struct succession_owner *owner)
{
	struct succession *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return (NULL);
	s->owner = *owner;
	s->prefix = draw_prefix();
	s->theirs = (struct generation_owner){ .arg = s,
	    .gates = owner->gates, .census = owner->census,
	    .prefix = &s->prefix, .planned = planned, .serves = serves,
	    .worker = worker_changed, .left = left, .lacks = lacks,
	    .plugin = plugin_told, .failed = failed, .gone = gone };
	return (s);
}

void
succession_free(struct succession *s)
{
	if (s == NULL)
		return;
	herald_free(s->herald);
	while (s->count > 0)
		generation_free(s->list[--s->count]);
	free(s);
}
