/* SPDX-License-Identifier: MIT */
#include "app/supervisor.h"

#include "app/cli.h"
#include "app/desk.h"
#include "app/gates.h"
#include "app/generation.h"
#include "app/herald.h"
#include "app/logger.h"
#include "base/census.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/notify.h"
#include "net/outfile.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

/* The hard limit of generations (limits.generations) and one that starts. */
#define GENERATIONS_MAX 65

#define LOGGER_AGAIN_MS 1000	/* between two starts */
#define STOPS_PATIENT 4		/* then who does not leave is killed */

struct supervisor {
	const char *path;
	struct loop *loop;
	struct gates *gates;
	struct census *census;
	struct generation_owner owner;
	uint32_t prefix;		/* of tunnels' ids, of the last worker */
	struct generation *list[GENERATIONS_MAX];	/* oldest first */
	unsigned count, number;
	struct generation *current;	/* or NULL */
	struct herald *herald;		/* of current; or NULL */
	struct generation *next;	/* is starting; or NULL */
	struct generation *leaving;	/* replaced, but may still be at its
					 * doors; or NULL */
	bool again;			/* and reload once more behind it */
	unsigned stops;			/* SIGTERM came so often */
	int code;
	pid_t logger;			/* 0: it has ended */
	uint64_t logger_born_us;
	int channel;			/* of it; -1: closed */
	struct outbox to_logger;
	struct watch watch;
	struct timer logger_again;
	uint32_t opening;		/* logs of `next` to be answered */
	struct desk *desk;
	struct message_state state;	/* as the desk was told */
	struct notify notify;
	struct timer watchdog;
};

static void	logger_said(void *, bool, bool);
static void	replace_logger(void *);

/* ------------------------------------------------------------------ */
/* Generations								*/

static const struct message_state *
note_state(struct supervisor *s)
{
	struct message_state *state = &s->state;

	state->generation = s->current == NULL ? 0 :
	    generation_number(s->current);
	state->workers = s->current == NULL ? 0 :
	    generation_plan(s->current)->workers;
	state->starting = s->next != NULL || s->leaving != NULL || s->again;
	state->stopping = s->stops != 0;
	return (state);
}

static void
tell_desk(struct supervisor *s)
{
	desk_tell(s->desk, note_state(s));
}

/* -1 and a sentence. */
static int
begin(struct supervisor *s, struct err *err)
{
	if (s->count == GENERATIONS_MAX)
		return (err_set(err, "too many generations are draining"));
	s->opening = 0;
	s->next = generation_start(s->loop, s->path, ++s->number, &s->owner,
	    err);
	if (s->next == NULL)
		return (-1);
	s->list[s->count++] = s->next;
	return (0);
}

static void
say_ready(struct supervisor *s)
{
	notify_say(&s->notify, "READY=1\nSTATUS=generation %u, %u worker%s",
	    generation_number(s->current), generation_workers(s->current),
	    generation_workers(s->current) == 1 ? "" : "s");
}

static void
say_not_taken(struct supervisor *s, const char *errors)
{
	log_say(FRL_ERROR, "%s was not taken over; generation %u goes on",
	    s->path, generation_number(s->current));
	herald_reload(s->herald, errors);
	desk_tell_errors(s->desk, errors);
	s->state.failures++;
	s->state.failed = true;
	say_ready(s);
}

/* Reloads that come while one is under way are one. */
static void
reload(struct supervisor *s)
{
	struct err err;

	if (s->stops != 0)
		return;
	s->again = s->next != NULL || s->leaving != NULL;
	if (!s->again) {
		log_say(FRL_NOTICE, "reloading %s", s->path);
		notify_say(&s->notify, "RELOADING=1\nMONOTONIC_USEC=%llu\n"
		    "STATUS=reading the configuration",
		    (unsigned long long)loop_now_us(s->loop));
		if (begin(s, &err) != 0) {
			log_say(FRL_ERROR, "%s", err.text);
			say_not_taken(s, err.text);
		}
	}
	tell_desk(s);
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

static void
open_some(struct supervisor *s, struct generation *g, bool standard)
{
	const struct plan *plan = generation_plan(g);
	struct message m = { .kind = MESSAGE_OPEN_LOG };
	uint32_t i;

	for (i = 0; i < plan->log_count; i++) {
		if (outfile_is_standard(plan->logs[i].file) != standard)
			continue;
		m.u.open.generation = generation_number(g);
		m.u.open.number = i;
		m.u.open.u.log = plan->logs[i];
		/* A logger in place of another: lines wait for it. */
		m.u.open.anyway = generation_state(g) != PLANNING;
		(void)message_post(&s->to_logger, &m, NULL, 0);
	}
}

/*
 * The pipe or terminal that we were given is ours, and may not be opened anew
 * by somebody else (net/outfile); files belong to the user that rotates them.
 */
static void
open_logs(struct supervisor *s, struct generation *g)
{
	struct message m = { .kind = MESSAGE_BECOME };

	open_some(s, g, true);
	m.u.as = generation_plan(g)->as;
	if (m.u.as.change)
		(void)message_send(s->channel, &m, NULL, 0);
	open_some(s, g, false);
}

/* The logger cannot become somebody else a second time. */
static bool
is_same_user(const struct supervisor *s, const struct generation *g)
{
	return (s->current == NULL ||
	    privileges_equal(&generation_plan(s->current)->as,
	    &generation_plan(g)->as));
}

static void
planned(void *arg, struct generation *g)
{
	struct supervisor *s = arg;
	struct err err;

	if (!is_same_user(s, g)) {
		err_set(&err, "security.user and security.group do not "
		    "change by a reload: restart to become %s",
		    generation_plan(g)->as.change ?
		    generation_plan(g)->as.name : "who started this");
		generation_fail(g, err.text, EXIT_BAD_CONFIG);
		return;
	}
	if (gates_open(s->gates, generation_plan(g), &err) != 0 ||
	    desk_open(s->desk, &generation_plan(g)->admin, &err) != 0) {
		generation_fail(g, err.text, EXIT_CANNOT_BIND);
		return;
	}
	s->opening = generation_plan(g)->log_count;
	open_logs(s, g);
}

/* One log of a generation that starts is open (why ""), or not. */
static void
opened(struct supervisor *s, uint32_t generation, const char *why)
{
	bool fine = why[0] == '\0';

	if (s->next == NULL || generation_number(s->next) != generation ||
	    generation_state(s->next) != PLANNING || s->opening == 0) {
		if (!fine)
			log_say(FRL_ERROR, "%s", why);
		return;
	}
	if (!fine)
		generation_fail(s->next, why, EXIT_BAD_CONFIG);
	if (!fine || --s->opening != 0)
		return;
	if (s->current == NULL)
		s->herald = herald_create(s->loop, generation_plan(s->next),
		    generation, &s->to_logger);
	generation_go(s->next, &s->to_logger);
}

/* ------------------------------------------------------------------ */
/* The logger								*/

static int
start_logger(struct supervisor *s)
{
	pid_t pid = logger_start(&s->channel);

	if (pid < 0) {
		log_say(FRL_ERROR, "cannot start the logger: %s",
		    strerror(errno));
		s->channel = -1;
		return (-1);
	}
	s->logger = pid;
	s->logger_born_us = loop_now_us(s->loop);
	outbox_open(&s->to_logger, s->loop, s->channel);
	watch_set(s->loop, &s->watch, s->channel, 1, logger_said, s);
	return (0);
}

static void
close_logger(struct supervisor *s)
{
	watch_stop(&s->watch);
	outbox_close(&s->to_logger);
	if (s->channel >= 0)
		close(s->channel);
	s->channel = -1;
}

static void
logger_said(void *arg, bool readable, bool writable)
{
	struct supervisor *s = arg;
	int fds[CHANNEL_FDS_MAX], n;
	struct message m;
	size_t count;

	(void)readable;
	(void)writable;
	while ((n = channel_receive(s->channel, &m, sizeof(m), 0, fds,
	    &count)) > 0) {
		while (count > 0)
			close(fds[--count]);
		if (m.kind == MESSAGE_OPENED)
			opened(s, m.u.open.generation, m.u.open.u.why.text);
	}
	if (n == 0 || errno != EAGAIN)
		close_logger(s);	/* reap() will see why */
}

/* Of one that is planning, are the logs asked for? */
static bool
is_opening(const struct supervisor *s, const struct generation *g)
{
	return (g != NULL && g == s->next && s->opening != 0 &&
	    generation_state(g) == PLANNING);
}

static bool
has_logs(const struct supervisor *s, const struct generation *g)
{
	return (is_opening(s, g) || g == s->current ||
	    generation_workers(g) != 0);
}

/* What the last one had not written is still in the spools. */
static void
replace_logger(void *arg)
{
	struct supervisor *s = arg;
	unsigned i;

	if (start_logger(s) != 0) {
		timer_start(s->loop, &s->logger_again, LOGGER_AGAIN_MS,
		    replace_logger, s);
		return;
	}
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

static void
logger_died(struct supervisor *s, int status)
{
	uint64_t lived = (loop_now_us(s->loop) - s->logger_born_us) / 1000;

	log_say(FRL_ERROR, "the logger died (status %d); starting another",
	    status);
	close_logger(s);
	if (lived >= LOGGER_AGAIN_MS)
		replace_logger(s);
	else
		timer_start(s->loop, &s->logger_again, LOGGER_AGAIN_MS - lived,
		    replace_logger, s);
}

/* Nobody serves any more: let the logger write what there is. */
static void
finish(struct supervisor *s)
{
	timer_stop(&s->logger_again);
	close_logger(s);
	if (s->logger == 0)
		loop_stop(s->loop);
}

static void
logger_ended(struct supervisor *s, int status)
{
	s->logger = 0;
	if (s->stops == 0 || s->count != 0) {
		logger_died(s, status);
		return;
	}
	if (status != 0 && s->code == EXIT_FINE)
		s->code = EXIT_RUNTIME;
	loop_stop(s->loop);
}

/* ------------------------------------------------------------------ */

/* Above the limit the oldest has had its time. */
static void
press_oldest(struct supervisor *s)
{
	uint32_t limit = generation_plan(s->current)->generations;
	unsigned i;

	for (i = 0; s->count - i > limit; i++)
		if (s->list[i] != s->current)
			generation_press(s->list[i]);
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

/* Before the old generation's logs are closed. */
static void
take_over_herald(struct supervisor *s, bool first)
{
	if (first) {
		herald_start(s->herald);
		return;
	}
	herald_free(s->herald);
	s->herald = herald_create(s->loop, generation_plan(s->current),
	    generation_number(s->current), &s->to_logger);
}

static void
worker_changed(void *arg, struct generation *g, pid_t pid, const char *why)
{
	struct supervisor *s = arg;

	herald_worker(s->herald, pid, generation_number(g), why, why == NULL);
	if (why == NULL && desk_channel(s->desk) >= 0)
		generation_introduce(g, pid, desk_channel(s->desk));
	if (why != NULL && why[0] != '\0') {
		s->state.deaths++;
		tell_desk(s);
	}
}

/* The file says how it goes on; where it is bad, that is said. */
static void
lacks(void *arg, struct generation *g)
{
	struct supervisor *s = arg;

	if (g == s->current)
		reload(s);
}

static void
plugin_told(void *arg, struct generation *g, const struct blame *blame)
{
	struct supervisor *s = arg;

	(void)g;
	herald_plugin(s->herald, blame);
}

/* Whoever connects from here on gets the current one. */
static void
settle(struct supervisor *s, bool first)
{
	unsigned workers = generation_workers(s->current);

	s->state.reloads += !first;
	s->state.failed = false;
	desk_take(s->desk, note_state(s));
	/* Who reads that finds all of it so. */
	if (first)
		say_gates(s, generation_plan(s->current));
	else {
		log_say(FRL_NOTICE, "generation %u serves; %u worker%s",
		    generation_number(s->current), workers,
		    workers == 1 ? "" : "s");
		herald_reload(s->herald, NULL);
	}
	say_ready(s);
	reload_again(s);
	tell_desk(s);
}

static void
serves(void *arg, struct generation *g)
{
	struct supervisor *s = arg;

	s->leaving = s->current;
	s->current = g;
	s->next = NULL;
	take_over_herald(s, s->leaving == NULL);
	if (s->leaving != NULL)
		generation_drain(s->leaving, true,
		    generation_plan(g)->reload_drain_ms);
	keep_gates(s);
	press_oldest(s);
	if (s->leaving == NULL)
		settle(s, true);
}

static void
left(void *arg, struct generation *old)
{
	struct supervisor *s = arg;

	if (old != s->leaving || s->stops != 0)
		return;
	s->leaving = NULL;
	settle(s, false);
}

static void
failed(void *arg, struct generation *g, int code)
{
	struct supervisor *s = arg;

	if (g == s->next)
		s->next = NULL;
	keep_gates(s);
	desk_leave(s->desk);
	if (s->stops != 0)
		return;
	if (s->current == NULL) {
		s->code = code;
		s->stops = 1;
		return;
	}
	say_not_taken(s, generation_errors(g));
	reload_again(s);
	tell_desk(s);
}

static void
gone(void *arg, struct generation *g)
{
	struct supervisor *s = arg;
	struct message m = { .kind = MESSAGE_CLOSE_LOGS };
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
	m.u.generation = generation_number(g);
	(void)message_post(&s->to_logger, &m, NULL, 0);
	generation_free(g);
	if (s->stops != 0 && s->count == 0)
		finish(s);
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
	notify_say(&s->notify, "STOPPING=1\nSTATUS=draining");
	s->next = s->leaving = NULL;
	s->again = false;
	tell_desk(s);
	gates_keep(s->gates, NULL, 0);	/* clients are refused from here on */
	for (i = 0; i < n; i++) {
		generation_drain(s->list[i], false, ms);
		if (s->stops > 1)
			generation_cut(s->list[i]);
		if (s->stops > STOPS_PATIENT)
			generation_kill(s->list[i]);
	}
	if (n == 0)
		finish(s);
	if (n == 0 && s->stops > STOPS_PATIENT && s->logger != 0)
		(void)kill(s->logger, SIGKILL);
}

static void
reap(struct supervisor *s)
{
	int status;
	pid_t pid;
	unsigned i;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (desk_reap(s->desk, pid, status))
			continue;
		if (pid == s->logger)
			logger_ended(s, status);
		for (i = 0; i < s->count; i++)
			if (generation_reap(s->list[i], pid, status))
				break;
	}
}

static void
signalled(void *arg, int signo)
{
	const struct message reopen = { .kind = MESSAGE_REOPEN };
	struct supervisor *s = arg;

	switch (signo) {
	case SIGCHLD:
		reap(s);
		break;
	case SIGHUP:
		reload(s);
		break;
	case SIGUSR1:
		(void)message_post(&s->to_logger, &reopen, NULL, 0);
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
	unsigned i;

	for (i = 0; i < s->count; i++)
		generation_introduce(s->list[i], 0, channel);
}

static void
desk_asks_reload(void *arg)
{
	reload(arg);
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

static uint32_t
draw_prefix(void)
{
	uint32_t prefix;

	if (getrandom(&prefix, sizeof(prefix), 0) != (ssize_t)sizeof(prefix))
		prefix = (uint32_t)getpid() << 8;
	return (prefix & ~(uint32_t)0xff);
}

int
supervisor_run(const char *path)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1,
		SIGCHLD, 0 };
	struct supervisor s = { .path = path, .loop = loop_create(),
	    .gates = gates_create(), .census = census_create() };
	struct err err;

	s.owner = (struct generation_owner){ .arg = &s, .gates = s.gates,
	    .census = s.census, .prefix = &s.prefix, .planned = planned,
	    .serves = serves, .left = left, .worker = worker_changed,
	    .lacks = lacks, .plugin = plugin_told, .failed = failed,
	    .gone = gone };
	s.prefix = draw_prefix();
	s.code = EXIT_RUNTIME;
	s.channel = s.to_logger.channel = s.notify.fd = -1;
	signal(SIGPIPE, SIG_IGN);
	/* Workers are their keeper's grandchildren, and come to us. */
	if (s.loop == NULL || s.gates == NULL || s.census == NULL ||
	    (s.desk = make_desk(&s)) == NULL ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 ||
	    loop_signals(s.loop, signals, signalled, &s) != 0) {
		log_say(FRL_ERROR, "cannot begin: %s", strerror(errno));
	} else if (privileges_reduce(&err) != 0) {
		log_say(FRL_ERROR, "%s", err.text);
	} else if (start_logger(&s) == 0) {
		s.code = EXIT_FINE;
		notify_open(&s.notify);
		if (s.notify.watchdog_ms >= 2)
			feed_watchdog(&s);
		if (begin(&s, &err) == 0)
			loop_run(s.loop);
		else {
			log_say(FRL_ERROR, "%s", err.text);
			s.code = EXIT_RUNTIME;
		}
	}
	timer_stop(&s.watchdog);
	timer_stop(&s.logger_again);
	notify_close(&s.notify);
	close_logger(&s);
	desk_free(s.desk);
	census_free(s.census);
	gates_free(s.gates);
	loop_free(s.loop);
	return (s.code);
}
