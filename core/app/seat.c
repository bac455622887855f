/* SPDX-License-Identifier: MIT */
#include "app/seat.h"

#include "app/complaint.h"
#include "app/gates.h"
#include "base/board.h"
#include "base/census.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN_MS 1000		/* between two starts of one worker */
#define SAID_MAX 4		/* messages of a worker, a turn */

static void	start(struct seat *);

/* ------------------------------------------------------------------ */
/* The end								*/

static void
leave_door(struct seat *seat)
{
	if (seat->at_door)
		seat->owner->left(seat->owner->arg);
	seat->at_door = false;
}

static void
close_channel(struct seat *seat)
{
	watch_stop(&seat->watch);
	if (seat->channel >= 0)
		close(seat->channel);
	seat->channel = -1;
}

static void
clear(struct seat *seat)
{
	leave_door(seat);
	close_channel(seat);
	spools_forget(&seat->spools);
	warden_forget(&seat->ward);
	if (seat->board >= 0)
		close(seat->board);
	seat->board = -1;
	census_dismiss(seat->owner->census, seat->row);
	seat->row = -1;
	seat->state = ABSENT;
	seat->pid = 0;
}

/* The worker will not be heard of again; its process may still be there. */
static void
lose(struct seat *seat)
{
	leave_door(seat);
	close_channel(seat);
	if (seat->pid != 0)
		return;
	clear(seat);
	seat->owner->unborn(seat->owner->arg, seat);
}

void
seat_death(int status, bool missed, char ret[SEAT_WHY_SIZE])
{
	ret[0] = '\0';
	if (WIFSIGNALED(status))
		(void)snprintf(ret, SEAT_WHY_SIZE, "killed by signal %d "
		    "(%s)%s", WTERMSIG(status), strsignal(WTERMSIG(status)),
		    WTERMSIG(status) == SIGSYS ? ": no worker may make it "
		    "(security.system_calls)" : "");
	else if (WEXITSTATUS(status) != 0 || missed)
		(void)snprintf(ret, SEAT_WHY_SIZE, "exit status %d",
		    WEXITSTATUS(status));
}

void
seat_ended(struct seat *seat, int status)
{
	warden_ended(seat->owner->warden, &seat->ward, status);
	clear(seat);
}

void
seat_free(struct seat *seat)
{
	timer_stop(&seat->again);
	seat->at_door = false;
	clear(seat);
}

/* ------------------------------------------------------------------ */
/* What it says								*/

static void
hear(struct seat *seat, const struct message *m)
{
	switch (m->kind) {
	case MESSAGE_HELLO:
		/* Once: later a plugin may be who says so. */
		if (seat->pid == 0)
			seat->pid = m->u.pid;
		break;
	case MESSAGE_SERVING:
		if (seat->state != BORN)
			break;
		seat->state = SERVING;
		seat->owner->serves(seat->owner->arg, seat);
		break;
	case MESSAGE_LEFT:
		leave_door(seat);
		break;
	default:
		break;
	}
}

static void
said(void *arg, bool readable, bool writable)
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
		hear(seat, &m);
		if (seat->channel < 0)
			return;
	}
	if (n == 0 || (n < 0 && errno != EAGAIN))
		lose(seat);
}

bool
seat_has(struct seat *seat, pid_t pid)
{
	if (seat->channel >= 0 && seat->pid == 0)
		said(seat, true, false);	/* its hello */
	return (seat->state != ABSENT && seat->pid == pid);
}

/* ------------------------------------------------------------------ */
/* The start								*/

/* Sockets in messages of as many as one can carry. */
static int
send_sockets(const struct seat *seat)
{
	const struct seat_owner *owner = seat->owner;
	struct message m = { .kind = MESSAGE_SOCKETS };
	int fds[CHANNEL_FDS_MAX], fd;
	size_t n = 0, i;
	unsigned k;

	for (i = 0; i < owner->plan->listen_count; i++) {
		for (k = 0; (fd = gates_socket(owner->gates, owner->plan, i,
		    seat->slot, k)) >= 0; k++) {
			m.u.sockets[n] = (uint32_t)i;
			fds[n++] = fd;
			if (n < CHANNEL_FDS_MAX)
				continue;
			if (message_send(seat->channel, &m, fds, n) != 0)
				return (-1);
			n = 0;
		}
	}
	return (n == 0 ? 0 : message_send(seat->channel, &m, fds, n));
}

/* That was all. */
static int
send_open(const struct seat *seat)
{
	struct message m = { .kind = MESSAGE_OPEN };
	int fd = STDERR_FILENO;

	m.u.row = seat->row;
	return (message_send(seat->channel, &m, &fd, 1));
}

/* Everything that it needs, and then itself: without that it would wait for
 * ever.  0, or -1 and errno. */
static int
order(struct seat *seat, int worker)
{
	const struct seat_owner *owner = seat->owner;
	int bell = spools_make(&seat->spools, owner->plan->log_count);

	seat->row = census_admit(owner->census, owner->generation);
	if (seat->row < 0)
		log_say(FRL_WARNING, "too many workers: `limits` are of "
		    "another one's own");
	return (bell < 0 ||
	    spools_send(&seat->spools, bell, seat->channel) != 0 ||
	    warden_meet(owner->warden, &seat->ward, seat->channel,
	    seat->prefix = ++*owner->prefix) != 0 ||
	    send_sockets(seat) != 0 || send_open(seat) != 0 ||
	    spools_tell(&seat->spools, owner->generation,
	    owner->logger) != 0 ||
	    owner->fork(owner->arg, worker) != 0 ? -1 : 0);
}

static void
start_fired(void *arg)
{
	start(arg);
}

static void
start(struct seat *seat)
{
	const struct seat_owner *owner = seat->owner;
	int ends[2], failed;

	seat->born_us = loop_now_us(owner->loop);
	failed = channel_pair(ends);
	if (failed == 0) {
		seat->channel = ends[0];
		failed = order(seat, ends[1]);
		if (failed != 0)
			complaint_say(owner->complaint, "cannot start a "
			    "worker: %s", strerror(errno));
		close(ends[1]);
	}
	if (failed == 0) {
		seat->state = BORN;
		watch_set(owner->loop, &seat->watch, ends[0], 1, said, seat);
		return;
	}
	clear(seat);
	timer_start(owner->loop, &seat->again, AGAIN_MS, start_fired, seat);
}

void
seat_begin(struct seat *seat, const struct seat_owner *owner, unsigned slot)
{
	*seat = (struct seat){ .owner = owner, .slot = slot, .channel = -1,
	    .board = -1, .row = -1 };
	start(seat);
}

void
seat_again(struct seat *seat)
{
	struct loop *loop = seat->owner->loop;
	uint64_t lived = loop_now_us(loop) - seat->born_us;

	if (lived >= AGAIN_MS * 1000)
		start(seat);
	else
		timer_start(loop, &seat->again, AGAIN_MS - lived / 1000,
		    start_fired, seat);
}

void
seat_stay_empty(struct seat *seat)
{
	timer_stop(&seat->again);
}

/* ------------------------------------------------------------------ */
/* While it is there							*/

void
seat_tell(const struct seat *seat, const struct message *m)
{
	if (seat->channel >= 0)
		(void)message_send(seat->channel, m, NULL, 0);
}

void
seat_tell_logger(const struct seat *seat)
{
	if (seat->spools.count != 0)
		(void)spools_tell(&seat->spools, seat->owner->generation,
		    seat->owner->logger);
}

/* A worker and the admin process get a channel between them. */
static int
connect_admin(struct seat *seat, int admin)
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
	m.u.seat.generation = seat->owner->generation;
	m.u.seat.pid = (int32_t)seat->pid;
	fds[0] = ends[1];
	if (failed == 0)
		failed = message_send(admin, &m, fds, 2);
	close(ends[0]);
	close(ends[1]);
	return (failed);
}

void
seat_introduce(struct seat *seat, int admin)
{
	if (seat->state != SERVING || seat->channel < 0)
		return;
	if (connect_admin(seat, admin) != 0)
		log_say(FRL_ERROR, "worker %d cannot be asked about: %s",
		    (int)seat->pid, strerror(errno));
}

bool
seat_hands_over(struct seat *seat)
{
	seat->at_door = seat->channel >= 0;
	return (seat->at_door);
}

void
seat_look(struct seat *seat)
{
	if (seat->state != ABSENT)
		warden_look(seat->owner->warden, &seat->ward, seat->pid);
}
