/* SPDX-License-Identifier: MIT */
#include "app/generation.h"

#include "app/cli.h"
#include "app/complaint.h"
#include "app/handover.h"
#include "app/keeper.h"
#include "app/spools.h"
#include "app/warden.h"
#include "base/board.h"
#include "base/census.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN_MS 1000		/* between two starts of one worker */
#define START_MS 60000		/* for PLANNING and STARTING */
#define SAID_MAX 4		/* messages of a worker, a turn */

enum worker_state { ABSENT, BORN, SERVING };

struct seat {
	struct generation *generation;
	unsigned slot;
	enum worker_state state;
	bool at_door;			/* in a handover: lets clients in */
	pid_t pid;			/* 0: it has not said hello */
	int channel;			/* -1: none */
	struct watch watch;
	struct timer again;
	struct spools_kept spools;
	struct ward ward;
	int board;			/* its counters; -1: none yet */
	int row;			/* of the census; -1: none */
	uint64_t born_us;
};

struct generation {
	const struct generation_owner *owner;
	struct loop *loop;
	unsigned number;
	enum generation_state state;
	struct plan plan;
	uint32_t listens, logs;		/* of the plan, so far */
	struct outbox *logger;
	pid_t keeper;			/* 0: it has ended */
	int channel;			/* of the keeper; -1: closed */
	struct watch watch;
	struct seat *seats;		/* plan.workers */
	bool pressed;
	bool told_gone;
	struct timer gone;
	struct timer patience;		/* until CURRENT */
	struct complaint complaint;
	struct handover handover;	/* to the next one */
	struct warden warden;
	struct timer look;
};

static void	seat_start(struct seat *);
static void	start_fired(void *);
static void	tell_all(struct generation *, const struct message *);

/* ------------------------------------------------------------------ */
/* The end								*/

static void
close_channel(struct watch *watch, int *channel)
{
	watch_stop(watch);
	if (*channel >= 0)
		close(*channel);
	*channel = -1;
}

static bool
is_empty(const struct generation *g)
{
	unsigned i;

	if (g->keeper != 0)
		return (false);
	for (i = 0; g->seats != NULL && i < g->plan.workers; i++)
		if (g->seats[i].state != ABSENT)
			return (false);
	return (true);
}

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
	if (!is_empty(g) || g->told_gone)
		return;
	g->told_gone = true;
	timer_start(g->loop, &g->gone, 0, say_gone, g);
}

/* It may hang in a plugin, and not see that nobody needs it any more. */
static void
kill_planner(const struct generation *g)
{
	if (g->state == PLANNING && g->keeper != 0)
		(void)kill(g->keeper, SIGKILL);
}

/* Nothing is started any more. */
static void
retire(struct generation *g, enum generation_state state)
{
	unsigned i;

	g->state = state;
	timer_stop(&g->patience);
	close_channel(&g->watch, &g->channel);
	for (i = 0; g->seats != NULL && i < g->plan.workers; i++)
		timer_stop(&g->seats[i].again);
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

/* ------------------------------------------------------------------ */
/* Workers								*/

/* Sockets in messages of as many as one can carry. */
static int
send_sockets(const struct seat *seat)
{
	const struct generation *g = seat->generation;
	struct message m = { .kind = MESSAGE_SOCKETS };
	int fds[CHANNEL_FDS_MAX], fd;
	size_t n = 0, i;
	unsigned k;

	for (i = 0; i < g->plan.listen_count; i++) {
		for (k = 0; (fd = gates_socket(g->owner->gates, &g->plan, i,
		    seat->slot, k)) >= 0; k++) {
			m.u.sockets[n] = (uint32_t)i;
			fds[n++] = fd;
			if (n < CHANNEL_FDS_MAX)
				continue;
			if (message_send(seat->channel, &m, fds,
			    n) != 0)
				return (-1);
			n = 0;
		}
	}
	if (n != 0 && message_send(seat->channel, &m, fds, n) != 0)
		return (-1);
	m.kind = MESSAGE_OPEN;
	m.u.row = seat->row;
	fds[0] = STDERR_FILENO;
	return (message_send(seat->channel, &m, fds, 1));
}

static void
note_serving(struct seat *seat)
{
	struct generation *g = seat->generation;
	unsigned i;

	seat->state = SERVING;
	g->owner->worker(g->owner->arg, g, seat->pid, NULL);
	if (g->state != STARTING)
		return;
	for (i = 0; i < g->plan.workers; i++)
		if (g->seats[i].state != SERVING)
			return;
	g->state = CURRENT;
	timer_stop(&g->patience);
	complaint_hear(&g->complaint);
	complaint_forget(&g->complaint);
	g->owner->serves(g->owner->arg, g);
}

/* Another one sits down, a second after the last one did. */
static void
replace(struct seat *seat)
{
	struct generation *g = seat->generation;
	uint64_t lived = loop_now_us(g->loop) - seat->born_us;

	if (g->state != STARTING && g->state != CURRENT)
		return;
	if (g->channel < 0)
		g->owner->lacks(g->owner->arg, g);
	else if (lived >= AGAIN_MS * 1000)
		seat_start(seat);
	else
		timer_start(g->loop, &seat->again, AGAIN_MS - lived / 1000,
		    start_fired, seat);
}

static void
forget_board(struct seat *seat)
{
	if (seat->board >= 0)
		close(seat->board);
	seat->board = -1;
}

static void
leave_door(struct seat *seat)
{
	if (seat->at_door)
		handover_left(&seat->generation->handover);
	seat->at_door = false;
}

static void
empty_seat(struct seat *seat)
{
	struct generation *g = seat->generation;

	leave_door(seat);
	close_channel(&seat->watch, &seat->channel);
	spools_forget(&seat->spools);
	warden_forget(&seat->ward);
	forget_board(seat);
	census_dismiss(g->owner->census, seat->row);
	seat->row = -1;
	seat->state = ABSENT;
	seat->pid = 0;
}

/* The worker will not be heard of again; its process may still be there. */
static void
lose_worker(struct seat *seat)
{
	leave_door(seat);
	close_channel(&seat->watch, &seat->channel);
	if (seat->pid == 0) {		/* it died before its hello */
		empty_seat(seat);
		if (seat->generation->state == STARTING)
			generation_fail(seat->generation, "a worker died "
			    "before it had begun", EXIT_RUNTIME);
		replace(seat);
		look_whether_gone(seat->generation);
	}
}

static void
worker_said(void *arg, bool readable, bool writable)
{
	struct seat *seat = arg;
	int fds[CHANNEL_FDS_MAX], n = 1, left = SAID_MAX;
	struct message m;
	size_t count;

	(void)readable;
	(void)writable;
	while (left-- > 0 && (n = channel_receive(seat->channel, &m,
	    sizeof(m), 0, fds, &count)) > 0) {
		while (count > 0)
			close(fds[--count]);
		/* Once: later a plugin may be who says so. */
		if (m.kind == MESSAGE_HELLO && seat->pid == 0)
			seat->pid = m.u.pid;
		else if (m.kind == MESSAGE_SERVING && seat->state == BORN)
			note_serving(seat);
		else if (m.kind == MESSAGE_LEFT)
			leave_door(seat);
		if (seat->channel < 0)
			return;
	}
	if (n == 0 || (n < 0 && errno != EAGAIN))
		lose_worker(seat);
}

static void
start_fired(void *arg)
{
	seat_start(arg);
}

/* Everything that it needs, and then itself: without that it would wait for
 * ever.  0, or -1 and errno. */
static int
order_worker(struct seat *seat, int worker)
{
	struct generation *g = seat->generation;
	struct message m = { .kind = MESSAGE_WORKER };
	int bell = spools_make(&seat->spools, g->plan.log_count);

	seat->row = census_admit(g->owner->census, g->number);
	if (seat->row < 0)
		log_say(FRL_WARNING, "too many workers: `limits` are of "
		    "another one's own");
	return (bell < 0 ||
	    spools_send(&seat->spools, bell, seat->channel) != 0 ||
	    warden_meet(&g->warden, &seat->ward, seat->channel,
	    ++*g->owner->prefix) != 0 ||
	    send_sockets(seat) != 0 ||
	    spools_tell(&seat->spools, g->number, g->logger) != 0 ||
	    message_send(g->channel, &m, &worker, 1) != 0 ? -1 : 0);
}

static void
seat_start(struct seat *seat)
{
	struct generation *g = seat->generation;
	int ends[2], failed;

	seat->born_us = loop_now_us(g->loop);
	failed = channel_pair(ends);
	if (failed == 0) {
		seat->channel = ends[0];
		failed = order_worker(seat, ends[1]);
		if (failed != 0)
			complaint_say(&g->complaint, "cannot start a worker: "
			    "%s", strerror(errno));
		close(ends[1]);
	}
	if (failed == 0) {
		seat->state = BORN;
		watch_set(g->loop, &seat->watch, ends[0], 1, worker_said,
		    seat);
		return;
	}
	empty_seat(seat);
	timer_start(g->loop, &seat->again, AGAIN_MS, start_fired, seat);
}

/* What do the plugins do? */
static void
look(void *arg)
{
	struct generation *g = arg;
	unsigned i;

	for (i = 0; i < g->plan.workers; i++)
		if (g->seats[i].state != ABSENT)
			warden_look(&g->warden, &g->seats[i].ward,
			    g->seats[i].pid);
	timer_start(g->loop, &g->look, HANG_LOOK_MS, look, g);
}

static int
start_workers(struct generation *g)
{
	unsigned i;

	g->seats = calloc(g->plan.workers, sizeof(*g->seats));
	if (g->seats == NULL)
		return (-1);
	g->state = STARTING;
	for (i = 0; i < g->plan.workers; i++) {
		g->seats[i].generation = g;
		g->seats[i].slot = i;
		g->seats[i].channel = g->seats[i].board = -1;
		g->seats[i].row = -1;
		seat_start(&g->seats[i]);
	}
	look(g);
	return (0);
}

/* A worker and the admin process get a channel between them. */
static int
introduce(struct seat *seat, int admin)
{
	struct message m = { .kind = MESSAGE_ADMIN };
	int ends[2], fds[2], failed;

	if (seat->board < 0 && (seat->board = board_memory()) < 0)
		return (-1);
	if (channel_pair(ends) != 0)
		return (-1);
	fds[0] = ends[0];
	fds[1] = seat->board;
	failed = message_send(seat->channel, &m, fds, 2);
	m.kind = MESSAGE_SEAT;
	m.u.seat.generation = seat->generation->number;
	m.u.seat.pid = (int32_t)seat->pid;
	fds[0] = ends[1];
	if (failed == 0)
		failed = message_send(admin, &m, fds, 2);
	close(ends[0]);
	close(ends[1]);
	return (failed);
}

void
generation_introduce(struct generation *g, pid_t pid, int admin)
{
	unsigned i;

	for (i = 0; g->seats != NULL && i < g->plan.workers; i++) {
		struct seat *seat = &g->seats[i];

		if (seat->state != SERVING || seat->channel < 0 ||
		    (pid != 0 && pid != seat->pid))
			continue;
		if (introduce(seat, admin) != 0)
			log_say(FRL_ERROR, "worker %d cannot be asked about: "
			    "%s", (int)seat->pid, strerror(errno));
	}
}

/* ------------------------------------------------------------------ */
/* The keeper								*/

void
generation_go(struct generation *g, struct outbox *logger)
{
	g->logger = logger;
	if (start_workers(g) != 0)
		generation_fail(g, "out of memory", EXIT_RUNTIME);
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

static int
take_plan(struct generation *g, const struct plan *plan)
{
	g->plan = *plan;
	g->plan.listens = calloc(plan->listen_count,
	    sizeof(*g->plan.listens));
	g->plan.logs = calloc(plan->log_count, sizeof(*g->plan.logs));
	return (g->plan.listens == NULL || g->plan.logs == NULL ? -1 : 0);
}

/* The items of its lists come one by one. */
static void
take_item(struct generation *g, const struct message *m)
{
	if (m->kind == MESSAGE_LISTEN && g->listens < g->plan.listen_count)
		g->plan.listens[g->listens++] = m->u.listen;
	else if (m->kind == MESSAGE_LOG && g->logs < g->plan.log_count) {
		g->plan.logs[g->logs++] = m->u.log;
		if (g->logs == g->plan.log_count)
			g->owner->planned(g->owner->arg, g);
	}
}

static void
keeper_says(struct generation *g, const struct message *m)
{
	if (g->state != PLANNING)
		return;
	if (m->kind == MESSAGE_FAILED)
		fail(g, m->u.code);
	else if (m->kind == MESSAGE_PLAN && take_plan(g, &m->u.plan) != 0)
		generation_fail(g, "out of memory", EXIT_RUNTIME);
	else
		take_item(g, m);
}

static void
keeper_said(void *arg, bool readable, bool writable)
{
	struct generation *g = arg;
	int fds[CHANNEL_FDS_MAX], n;
	struct message m;
	size_t count;
	unsigned i;

	(void)readable;
	(void)writable;
	while ((n = channel_receive(g->channel, &m, sizeof(m), 0, fds,
	    &count)) > 0) {
		while (count > 0)
			close(fds[--count]);
		keeper_says(g, &m);
		if (g->channel < 0)
			return;
	}
	if (n < 0 && errno == EAGAIN)
		return;
	close_channel(&g->watch, &g->channel);
	if (g->state != CURRENT) {
		generation_fail(g, "the process that read the configuration "
		    "has died", EXIT_RUNTIME);
		return;
	}
	log_say(FRL_ERROR, "the keeper of generation %u has died", g->number);
	for (i = 0; i < g->plan.workers; i++)
		if (g->seats[i].state == ABSENT) {
			timer_stop(&g->seats[i].again);
			replace(&g->seats[i]);
		}
}

/* A plugin hangs, or a disk. */
static void
too_late(void *arg)
{
	struct generation *g = arg;
	unsigned i;

	complaint_say(&g->complaint, "generation %u does not serve after %d s: "
	    "%s",
	    g->number, START_MS / 1000, g->state == PLANNING ?
	    "its configuration is still being read, or a log opened" :
	    "its workers are not there, or a plugin hangs in load()");
	for (i = 0; g->seats != NULL && i < g->plan.workers; i++)
		if (g->seats[i].state == BORN && g->seats[i].pid != 0)
			(void)kill(g->seats[i].pid, SIGKILL);
	kill_planner(g);
	fail(g, EXIT_RUNTIME);
}

/* ------------------------------------------------------------------ */

static void
plugin_news(void *arg, const struct blame *blame)
{
	struct generation *g = arg;

	g->owner->plugin(g->owner->arg, g, blame);
}

static void
plugin_barred(void *arg, const struct bar *bar)
{
	struct message m = { .kind = MESSAGE_BAR };

	m.u.bar = *bar;
	tell_all(arg, &m);
}

/* 0, or -1 and errno. */
static int
start_keeper(struct generation *g, const char *path)
{
	int heard, saved;

	if (complaint_open(&g->complaint, g->loop, &heard) != 0)
		return (-1);
	g->keeper = keeper_start(path, g->owner->census, heard, &g->channel);
	saved = errno;
	close(heard);
	errno = saved;
	return (g->keeper < 0 ? -1 : 0);
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
	watch_set(loop, &g->watch, g->channel, 1, keeper_said, g);
	timer_start(loop, &g->patience, START_MS, too_late, g);
	return (g);
}

void
generation_tell_logger(struct generation *g)
{
	unsigned i;

	for (i = 0; g->seats != NULL && i < g->plan.workers; i++)
		if (g->seats[i].spools.count != 0)
			(void)spools_tell(&g->seats[i].spools, g->number,
			    g->logger);
}

enum generation_state
generation_state(const struct generation *g)
{
	return (g->state);
}

const struct plan *
generation_plan(const struct generation *g)
{
	return (&g->plan);
}

unsigned
generation_number(const struct generation *g)
{
	return (g->number);
}

unsigned
generation_workers(const struct generation *g)
{
	unsigned i, n = 0;

	for (i = 0; g->seats != NULL && i < g->plan.workers; i++)
		n += g->seats[i].state != ABSENT;
	return (n);
}

static void
tell_all(struct generation *g, const struct message *m)
{
	unsigned i;

	for (i = 0; g->seats != NULL && i < g->plan.workers; i++)
		if (g->seats[i].channel >= 0)
			(void)message_send(g->seats[i].channel, m, NULL, 0);
}

static void
doors_left(void *arg)
{
	struct generation *g = arg;
	unsigned i;

	for (i = 0; g->seats != NULL && i < g->plan.workers; i++)
		if (g->seats[i].at_door)
			log_say(FRL_WARNING, "worker %d of generation %u does "
			    "not say that it lets nobody in any more",
			    (int)g->seats[i].pid, g->number);
	g->owner->left(g->owner->arg, g);
}

static void
begin_handover(struct generation *g)
{
	unsigned i, n = 0;

	for (i = 0; g->seats != NULL && i < g->plan.workers; i++) {
		g->seats[i].at_door = g->seats[i].channel >= 0;
		n += g->seats[i].at_door;
	}
	handover_begin(&g->handover, g->loop, n, doors_left, g);
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
		begin_handover(g);
	tell_all(g, &m);
	look_whether_gone(g);
}

void
generation_cut(struct generation *g)
{
	struct message m = { .kind = MESSAGE_CUT };

	tell_all(g, &m);
}

void
generation_kill(struct generation *g)
{
	unsigned i;

	for (i = 0; g->seats != NULL && i < g->plan.workers; i++)
		if (g->seats[i].state != ABSENT && g->seats[i].pid != 0)
			(void)kill(g->seats[i].pid, SIGKILL);
	if (g->keeper != 0)
		(void)kill(g->keeper, SIGKILL);
}

void
generation_press(struct generation *g)
{
	if (!g->pressed)
		generation_cut(g);
	g->pressed = true;
}

static void
say_death(const struct seat *seat, int status)
{
	struct generation *g = seat->generation;
	char why[128] = "";

	if (WIFSIGNALED(status))
		(void)snprintf(why, sizeof(why), "killed by signal %d (%s)%s",
		    WTERMSIG(status), strsignal(WTERMSIG(status)),
		    WTERMSIG(status) == SIGSYS ? ": no worker may make it "
		    "(security.system_calls)" : "");
	else if (WEXITSTATUS(status) != 0 || g->state == CURRENT)
		(void)snprintf(why, sizeof(why), "exit status %d",
		    WEXITSTATUS(status));
	if (why[0] != '\0')
		complaint_say(&g->complaint, "worker %d ended: %s",
		    (int)seat->pid, why);
	g->owner->worker(g->owner->arg, g, seat->pid, why);
}

/* Its process is gone. */
static void
worker_ended(struct seat *seat, int status)
{
	struct generation *g = seat->generation;
	bool served = seat->state == SERVING;

	say_death(seat, status);
	warden_ended(&g->warden, &seat->ward, status);
	empty_seat(seat);
	if (g->state == STARTING && !served)
		fail(g, WIFEXITED(status) && WEXITSTATUS(status) != 0 ?
		    WEXITSTATUS(status) : EXIT_RUNTIME);
	replace(seat);
	look_whether_gone(g);
}

bool
generation_reap(struct generation *g, pid_t pid, int status)
{
	unsigned i;

	if (pid == g->keeper) {
		g->keeper = 0;
		look_whether_gone(g);
		return (true);
	}
	for (i = 0; g->seats != NULL && i < g->plan.workers; i++) {
		struct seat *seat = &g->seats[i];

		if (seat->channel >= 0 && seat->pid == 0)
			worker_said(seat, true, false);	/* its hello */
		if (seat->state != ABSENT && seat->pid == pid) {
			worker_ended(seat, status);
			return (true);
		}
	}
	return (false);
}

void
generation_free(struct generation *g)
{
	unsigned i;

	close_channel(&g->watch, &g->channel);
	timer_stop(&g->gone);
	timer_stop(&g->patience);
	timer_stop(&g->look);
	handover_stop(&g->handover);
	complaint_close(&g->complaint);
	for (i = 0; g->seats != NULL && i < g->plan.workers; i++) {
		timer_stop(&g->seats[i].again);
		close_channel(&g->seats[i].watch, &g->seats[i].channel);
		warden_forget(&g->seats[i].ward);
		spools_forget(&g->seats[i].spools);
		forget_board(&g->seats[i]);
	}
	free(g->seats);
	free(g->plan.listens);
	free(g->plan.logs);
	free(g);
}
