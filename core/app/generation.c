/* SPDX-License-Identifier: MIT */
#include "app/generation.h"

#include "app/bench.h"
#include "app/cli.h"
#include "app/complaint.h"
#include "app/handover.h"
#include "app/house.h"
#include "app/warden.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 60000		/* for PLANNING and STARTING */

struct generation {
	const struct generation_owner *owner;
	struct loop *loop;
	unsigned number;
	enum generation_state state;
	struct house house;		/* the keeper, and the plan */
	struct bench bench;		/* the workers */
	struct warden warden;
	struct handover handover;	/* to the next one */
	struct complaint complaint;
	struct timer patience;		/* until CURRENT */
	bool pressed;
	bool told_gone;
	struct timer gone;
};

/* ------------------------------------------------------------------ */
/* The end								*/

static void
say_gone(void *arg)
{
	struct generation *g = arg;

	if (handover_pending(&g->handover)) {
		handover_stop(&g->handover);
		g->owner->left(g->owner->arg, g);
	}
	g->owner->gone(g->owner->arg, g);
}

/* Not from inside: the owner will free us. */
static void
look_whether_gone(struct generation *g)
{
	if (g->state != OLD && g->state != FAILED)
		return;
	if (!house_is_empty(&g->house) || bench_workers(&g->bench) != 0 ||
	    g->told_gone)
		return;
	g->told_gone = true;
	timer_start(g->loop, &g->gone, 0, say_gone, g);
}

/* It may hang in a plugin, and not see that nobody needs it any more. */
static void
kill_planner(const struct generation *g)
{
	if (g->state == PLANNING)
		house_kill(&g->house);
}

/* Nothing is started any more. */
static void
retire(struct generation *g, enum generation_state state)
{
	g->state = state;
	timer_stop(&g->patience);
	house_close(&g->house);
	bench_stay_empty(&g->bench);
}

static void
fail(struct generation *g, int code)
{
	if (g->state == FAILED || g->state == OLD)
		return;
	retire(g, FAILED);
	generation_cut(g);
	complaint_hear(&g->complaint);
	g->owner->failed(g->owner->arg, g, code);
	complaint_forget(&g->complaint);
	look_whether_gone(g);
}

void
generation_fail(struct generation *g, const char *why, int code)
{
	complaint_say(&g->complaint, "%s", why);
	fail(g, code);
}

const char *
generation_errors(const struct generation *g)
{
	return (complaint_text(&g->complaint));
}

/* ------------------------------------------------------------------ */
/* Workers								*/

static void
worker_serves(void *arg, struct seat *seat)
{
	struct generation *g = arg;

	g->owner->worker(g->owner->arg, g, seat->pid, seat->prefix, NULL);
	if (g->state != STARTING || !bench_serves(&g->bench))
		return;
	g->state = CURRENT;
	timer_stop(&g->patience);
	complaint_hear(&g->complaint);
	complaint_forget(&g->complaint);
	g->owner->serves(g->owner->arg, g);
}

static void
worker_left(void *arg)
{
	struct generation *g = arg;

	handover_left(&g->handover);
}

static void
replace(struct generation *g, struct seat *seat)
{
	if (g->state != STARTING && g->state != CURRENT)
		return;
	if (house_is_open(&g->house))
		seat_again(seat);
	else
		g->owner->lacks(g->owner->arg, g);
}

static void
worker_unborn(void *arg, struct seat *seat)
{
	struct generation *g = arg;

	if (g->state == STARTING)
		generation_fail(g, "a worker died before it had begun",
		    EXIT_RUNTIME);
	replace(g, seat);
	look_whether_gone(g);
}

/* Its process is gone. */
static void
worker_ended(struct generation *g, struct seat *seat, int status)
{
	bool served = seat->state == SERVING;
	char why[SEAT_WHY_SIZE];

	seat_death(status, g->state == CURRENT, why);
	if (why[0] != '\0')
		complaint_say(&g->complaint, "worker %d ended: %s",
		    (int)seat->pid, why);
	g->owner->worker(g->owner->arg, g, seat->pid, seat->prefix, why);
	seat_ended(seat, status);
	if (g->state == STARTING && !served)
		fail(g, WIFEXITED(status) && WEXITSTATUS(status) != 0 ?
		    WEXITSTATUS(status) : EXIT_RUNTIME);
	replace(g, seat);
	look_whether_gone(g);
}

static int
fork_worker(void *arg, int channel)
{
	const struct generation *g = arg;

	return (house_fork(&g->house, channel));
}

void
generation_go(struct generation *g, struct outbox *logger)
{
	const struct plan *plan = generation_plan(g);
	struct seat_owner owner = { .arg = g, .loop = g->loop,
	    .generation = g->number, .plan = plan,
	    .gates = g->owner->gates, .census = g->owner->census,
	    .prefix = g->owner->prefix, .logger = logger,
	    .warden = &g->warden, .complaint = &g->complaint,
	    .fork = fork_worker, .serves = worker_serves,
	    .left = worker_left, .unborn = worker_unborn };

	g->state = STARTING;
	if (bench_begin(&g->bench, &owner, plan->workers) != 0)
		generation_fail(g, "out of memory", EXIT_RUNTIME);
}

static void
plugin_news(void *arg, const struct blame *blame)
{
	struct generation *g = arg;

	g->owner->plugin(g->owner->arg, g, blame);
}

static void
plugin_barred(void *arg, const struct bar *bar)
{
	const struct generation *g = arg;
	struct message m = { .kind = MESSAGE_BAR };

	m.u.bar = *bar;
	bench_tell(&g->bench, &m);
}

/* ------------------------------------------------------------------ */
/* The keeper								*/

static void
keeper_planned(void *arg)
{
	struct generation *g = arg;

	if (g->state == PLANNING)
		g->owner->planned(g->owner->arg, g);
}

static void
keeper_failed(void *arg, const char *why, int code)
{
	struct generation *g = arg;

	if (g->state != PLANNING)
		return;
	if (why != NULL)
		complaint_say(&g->complaint, "%s", why);
	fail(g, code);
}

static void
keeper_died(void *arg)
{
	struct generation *g = arg;
	unsigned i;

	if (g->state != CURRENT) {
		generation_fail(g, "the process that read the configuration "
		    "has died", EXIT_RUNTIME);
		return;
	}
	log_say(FRL_ERROR, "the keeper of generation %u has died", g->number);
	bench_stay_empty(&g->bench);
	for (i = 0; i < g->bench.count; i++)
		if (g->bench.seats[i].state == ABSENT)
			replace(g, &g->bench.seats[i]);
}

/* 0, or -1 and errno. */
static int
start_keeper(struct generation *g, const char *path)
{
	struct house_owner owner = { .arg = g, .loop = g->loop,
	    .census = g->owner->census, .planned = keeper_planned,
	    .failed = keeper_failed, .died = keeper_died };
	int heard, saved, failed;

	if (complaint_open(&g->complaint, g->loop, &heard) != 0)
		return (-1);
	failed = house_start(&g->house, &owner, path, heard);
	saved = errno;
	close(heard);
	errno = saved;
	return (failed);
}

/* A plugin hangs, or a disk. */
static void
too_late(void *arg)
{
	struct generation *g = arg;

	complaint_say(&g->complaint, "generation %u does not serve after %d "
	    "s: %s", g->number, START_MS / 1000, g->state == PLANNING ?
	    "its configuration is still being read, or a log opened" :
	    "its workers are not there, or a plugin hangs in load()");
	bench_kill_late(&g->bench);
	kill_planner(g);
	fail(g, EXIT_RUNTIME);
}

struct generation *
generation_start(struct loop *loop, const char *path, unsigned number,
    const struct generation_owner *owner, struct err *err)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (g != NULL) {
		g->loop = loop;
		g->owner = owner;
	}
	if (g == NULL || start_keeper(g, path) != 0) {
		err_set(err, "cannot start a generation of workers: %s",
		    strerror(errno));
		if (g != NULL)
			complaint_close(&g->complaint);
		free(g);
		return (NULL);
	}
	g->number = number;
	g->warden.arg = g;
	g->warden.news = plugin_news;
	g->warden.barred = plugin_barred;
	timer_start(loop, &g->patience, START_MS, too_late, g);
	return (g);
}

/* ------------------------------------------------------------------ */
/* Questions								*/

enum generation_state
generation_state(const struct generation *g)
{
	return (g->state);
}

const struct plan *
generation_plan(const struct generation *g)
{
	return (&g->house.plan);
}

unsigned
generation_number(const struct generation *g)
{
	return (g->number);
}

unsigned
generation_workers(const struct generation *g)
{
	return (bench_workers(&g->bench));
}

bool
generation_is_gone(const struct generation *g)
{
	return (g->told_gone);
}

/* ------------------------------------------------------------------ */
/* Orders								*/

void
generation_tell_logger(struct generation *g)
{
	bench_tell_logger(&g->bench);
}

void
generation_introduce(struct generation *g, pid_t pid, int admin)
{
	bench_introduce(&g->bench, pid, admin);
}

static void
doors_left(void *arg)
{
	struct generation *g = arg;

	bench_say_late(&g->bench);
	g->owner->left(g->owner->arg, g);
}

void
generation_drain(struct generation *g, bool reload, uint64_t ms)
{
	struct message m = { .kind = MESSAGE_DRAIN };

	m.u.drain.reload = reload;
	m.u.drain.ms = ms;
	kill_planner(g);
	if (g->state != OLD && g->state != FAILED)
		retire(g, OLD);
	if (reload)
		handover_begin(&g->handover, g->loop,
		    bench_hand_over(&g->bench), doors_left, g);
	bench_tell(&g->bench, &m);
	look_whether_gone(g);
}

void
generation_cut(struct generation *g)
{
	struct message m = { .kind = MESSAGE_CUT };

	bench_tell(&g->bench, &m);
}

void
generation_kill(struct generation *g)
{
	bench_kill(&g->bench);
	house_kill(&g->house);
}

void
generation_press(struct generation *g)
{
	if (!g->pressed)
		generation_cut(g);
	g->pressed = true;
}

bool
generation_reap(struct generation *g, pid_t pid, int status)
{
	struct seat *seat;

	if (house_reap(&g->house, pid)) {
		look_whether_gone(g);
		return (true);
	}
	seat = bench_find(&g->bench, pid);
	if (seat != NULL)
		worker_ended(g, seat, status);
	return (seat != NULL);
}

void
generation_free(struct generation *g)
{
	timer_stop(&g->gone);
	timer_stop(&g->patience);
	handover_stop(&g->handover);
	complaint_close(&g->complaint);
	bench_free(&g->bench);
	house_free(&g->house);
	free(g);
}
