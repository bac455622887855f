/* SPDX-License-Identifier: MIT */
#include "app/generation.h"

#include "app/cli.h"
#include "app/keeper.h"
#include "app/spools.h"
#include "base/board.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN_MS 1000		/* between two starts of one worker */

enum worker_state { ABSENT, BORN, SERVING };

struct seat {
	struct generation *generation;
	unsigned slot;
	enum worker_state state;
	pid_t pid;			/* 0: it has not said hello */
	int channel;			/* -1: none */
	struct watch watch;
	struct timer again;
	struct spools_kept spools;
	int board;			/* its counters; -1: none yet */
	uint64_t born_us;
};

struct generation {
	const struct generation_owner *owner;
	struct loop *loop;
	const struct gates *gates;
	unsigned number;
	enum generation_state state;
	struct plan plan;
	uint32_t listens, logs;		/* of the plan, so far */
	int logger;			/* a channel; -1 */
	pid_t keeper;			/* 0: it has ended */
	int channel;			/* of the keeper; -1: closed */
	struct watch watch;
	struct seat *seats;		/* plan.workers */
	bool told_gone;
	struct timer gone;
};

static void seat_start(struct seat *seat);

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

/* Nothing is started any more. */
static void
retire(struct generation *g, enum generation_state state)
{
	unsigned i;

	g->state = state;
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
	g->owner->failed(g->owner->arg, g, code);
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
		for (k = 0; (fd = gates_socket(g->gates, &g->plan, i,
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
	return (message_send(seat->channel, &m, NULL, 0));
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
	g->owner->serves(g->owner->arg, g);
}

/* The worker will not be heard of again; its process may still be there. */
static void
lose_worker(struct seat *seat)
{
	close_channel(&seat->watch, &seat->channel);
	if (seat->pid == 0) {		/* it died before its hello */
		seat->state = ABSENT;
		spools_forget(&seat->spools);
		if (seat->generation->state == STARTING)
			fail(seat->generation, EXIT_RUNTIME);
		look_whether_gone(seat->generation);
	}
}

static void
worker_said(void *arg, bool readable, bool writable)
{
	struct seat *seat = arg;
	int fds[CHANNEL_FDS_MAX], n;
	struct message m;
	size_t count;

	(void)readable;
	(void)writable;
	while ((n = channel_receive(seat->channel, &m, sizeof(m), 0, fds,
	    &count)) > 0) {
		while (count > 0)
			close(fds[--count]);
		if (m.kind == MESSAGE_HELLO)
			seat->pid = m.u.pid;
		else if (m.kind == MESSAGE_SERVING)
			note_serving(seat);
		if (seat->channel < 0)
			return;
	}
	if (n == 0 || errno != EAGAIN)
		lose_worker(seat);
}

static void
start_fired(void *arg)
{
	seat_start(arg);
}

static void
seat_start(struct seat *seat)
{
	struct generation *g = seat->generation;
	struct message m = { .kind = MESSAGE_WORKER };
	int ends[2], bell;

	seat->born_us = loop_now_us(g->loop);
	if (channel_pair(ends) != 0) {
		log_say(FRL_ERROR, "cannot start a worker: %s",
		    strerror(errno));
		timer_start(g->loop, &seat->again, AGAIN_MS, start_fired,
		    seat);
		return;
	}
	seat->state = BORN;
	seat->pid = 0;
	seat->channel = ends[0];
	if (message_send(g->channel, &m, &ends[1], 1) == 0 &&
	    (bell = spools_make(&seat->spools, g->plan.log_count)) >= 0 &&
	    spools_send(&seat->spools, bell, ends[0]) == 0 &&
	    spools_tell(&seat->spools, g->number, g->logger) == 0)
		(void)send_sockets(seat);
	close(ends[1]);
	/* What failed shows as the channel's end. */
	watch_set(g->loop, &seat->watch, ends[0], 1, worker_said, seat);
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
		seat_start(&g->seats[i]);
	}
	return (0);
}

static void
forget_board(struct seat *seat)
{
	if (seat->board >= 0)
		close(seat->board);
	seat->board = -1;
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
generation_go(struct generation *g, int logger)
{
	g->logger = logger;
	if (start_workers(g) != 0)
		fail(g, EXIT_RUNTIME);
}

void
generation_fail(struct generation *g, int code)
{
	fail(g, code);
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
		fail(g, EXIT_RUNTIME);
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
		fail(g, EXIT_RUNTIME);
		return;
	}
	log_say(FRL_ERROR, "the keeper of generation %u has died; its workers "
	    "are not replaced until the next reload", g->number);
}

/* ------------------------------------------------------------------ */

struct generation *
generation_start(struct loop *loop, const char *path, unsigned number,
    const struct gates *gates, const struct generation_owner *owner)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (g != NULL) {
		g->keeper = keeper_start(path, &g->channel);
		if (g->keeper < 0) {
			free(g);
			g = NULL;
		}
	}
	if (g == NULL) {
		log_say(FRL_ERROR, "cannot start a generation of workers: %s",
		    strerror(errno));
		return (NULL);
	}
	g->loop = loop;
	g->number = number;
	g->gates = gates;
	g->owner = owner;
	g->logger = -1;
	watch_set(loop, &g->watch, g->channel, 1, keeper_said, g);
	return (g);
}

void
generation_tell_logger(struct generation *g, int logger)
{
	unsigned i;

	g->logger = logger;
	for (i = 0; g->seats != NULL && i < g->plan.workers; i++)
		if (g->seats[i].spools.count != 0)
			(void)spools_tell(&g->seats[i].spools, g->number,
			    logger);
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

void
generation_drain(struct generation *g, bool reload, uint64_t ms)
{
	struct message m = { .kind = MESSAGE_DRAIN };

	m.u.drain.reload = reload;
	m.u.drain.ms = ms;
	if (g->state != OLD && g->state != FAILED)
		retire(g, OLD);
	tell_all(g, &m);
	look_whether_gone(g);
}

void
generation_cut(struct generation *g)
{
	struct message m = { .kind = MESSAGE_CUT };

	tell_all(g, &m);
}

static void
say_death(const struct seat *seat, int status)
{
	struct generation *g = seat->generation;
	char why[128] = "";

	if (WIFSIGNALED(status))
		(void)snprintf(why, sizeof(why), "killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0 || g->state == CURRENT)
		(void)snprintf(why, sizeof(why), "exit status %d",
		    WEXITSTATUS(status));
	if (why[0] != '\0')
		log_say(FRL_ERROR, "worker %d ended: %s", (int)seat->pid, why);
	g->owner->worker(g->owner->arg, g, seat->pid, why);
}

/* Its process is gone. */
static void
worker_ended(struct seat *seat, int status)
{
	struct generation *g = seat->generation;
	uint64_t lived = loop_now_us(g->loop) - seat->born_us;
	bool served = seat->state == SERVING;

	say_death(seat, status);
	close_channel(&seat->watch, &seat->channel);
	spools_forget(&seat->spools);
	forget_board(seat);
	seat->state = ABSENT;
	seat->pid = 0;
	if (g->state == STARTING && !served) {
		fail(g, WIFEXITED(status) && WEXITSTATUS(status) != 0 ?
		    WEXITSTATUS(status) : EXIT_RUNTIME);
	} else if ((g->state == STARTING || g->state == CURRENT) &&
	    g->channel >= 0) {
		if (lived >= AGAIN_MS * 1000)
			seat_start(seat);
		else
			timer_start(g->loop, &seat->again, AGAIN_MS -
			    lived / 1000, start_fired, seat);
	}
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
	for (i = 0; g->seats != NULL && i < g->plan.workers; i++) {
		timer_stop(&g->seats[i].again);
		close_channel(&g->seats[i].watch, &g->seats[i].channel);
		spools_forget(&g->seats[i].spools);
		forget_board(&g->seats[i]);
	}
	free(g->seats);
	free(g->plan.listens);
	free(g->plan.logs);
	free(g);
}
