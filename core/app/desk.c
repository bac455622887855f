/* SPDX-License-Identifier: MIT */
#include "app/desk.h"

#include "app/admin.h"
#include "base/log.h"
#include "net/sock.h"
#include "net/unixsock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN_MS 1000		/* between two starts */

/* Where it is asked, by one plan. */
struct place {
	struct plan_admin plan;
	int socket, http;			/* -1: no */
	struct unixsock_mark mark;
};

struct desk {
	struct loop *loop;
	const struct census *census;
	struct desk_owner owner;
	struct place now, next;
	struct message_state state;
	pid_t pid;				/* 0: none */
	int channel;				/* -1: none */
	struct watch watch;
	struct timer again;
};

static void	said(void *, bool, bool);

static const struct place nowhere = { .socket = -1, .http = -1 };

struct desk *
desk_create(struct loop *loop, const struct census *census,
    const struct desk_owner *owner)
{
	struct desk *desk = calloc(1, sizeof(*desk));

	if (desk == NULL)
		return (NULL);
	desk->loop = loop;
	desk->census = census;
	desk->owner = *owner;
	desk->now = desk->next = nowhere;
	desk->channel = -1;
	return (desk);
}

/* ------------------------------------------------------------------ */
/* Places								*/

/* Close what another place does not have, too. */
static void
close_place(struct place *place, const struct place *kept)
{
	if (place->socket >= 0 && place->socket != kept->socket) {
		unixsock_remove(place->plan.socket, &place->mark);
		close(place->socket);
	}
	if (place->http >= 0 && place->http != kept->http)
		close(place->http);
	*place = nowhere;
}

static int
open_socket(struct place *place, const struct place *now, struct err *err)
{
	if (strcmp(place->plan.socket, now->plan.socket) == 0) {
		place->socket = now->socket;
		place->mark = now->mark;
	}
	if (place->socket < 0)
		place->socket = unixsock_listen(place->plan.socket, 0600,
		    &place->mark, err);
	return (place->socket < 0 ? -1 : 0);
}

static int
open_http(struct place *place, const struct place *now, struct err *err)
{
	if (now->http >= 0 && addr_equal(&now->plan.http, &place->plan.http))
		place->http = now->http;
	else
		place->http = sock_listen(&place->plan.http, false, err);
	return (place->http < 0 ? -1 : 0);
}

int
desk_open(struct desk *desk, const struct plan_admin *plan, struct err *err)
{
	struct place *next = &desk->next;

	desk_leave(desk);
	next->plan = *plan;
	if (plan->socket[0] == '\0')
		return (0);
	if (open_socket(next, &desk->now, err) == 0 &&
	    (!plan->has_http || open_http(next, &desk->now, err) == 0))
		return (0);
	desk_leave(desk);
	return (-1);
}

void
desk_leave(struct desk *desk)
{
	close_place(&desk->next, &desk->now);
}

/* ------------------------------------------------------------------ */
/* The process								*/

/* One that misses anything would tell it wrong for ever: another one, which is
 * told all of it, takes its place (desk_reap()). */
static void
send_or_replace(const struct desk *desk, const struct message *m,
    const int *fds, size_t count)
{
	if (message_send(desk->channel, m, fds, count) != 0 &&
	    desk->pid != 0 && errno != EPIPE)
		(void)kill(desk->pid, SIGKILL);
}

static void
send_place(struct desk *desk)
{
	struct message m = { .kind = MESSAGE_DESK };
	int fds[2] = { desk->now.socket, desk->now.http };

	m.u.desk = desk->now.plan;
	send_or_replace(desk, &m, fds, desk->now.http < 0 ? 1 : 2);
}

static void
start(void *arg)
{
	struct desk *desk = arg;
	pid_t pid = admin_start(desk->census, &desk->channel);

	if (pid < 0) {
		desk->channel = -1;
		log_say(FRL_ERROR, "cannot start the admin process: %s",
		    strerror(errno));
		timer_start(desk->loop, &desk->again, AGAIN_MS, start, desk);
		return;
	}
	desk->pid = pid;
	watch_set(desk->loop, &desk->watch, desk->channel, 1, said, desk);
	/* Whoever waits at its doors is answered when it knows all of it. */
	desk->owner.started(desk->owner.arg, desk->channel);
	desk_tell(desk, &desk->state);
	send_place(desk);
}

static void
close_channel(struct desk *desk)
{
	watch_stop(&desk->watch);
	if (desk->channel >= 0)
		close(desk->channel);
	desk->channel = -1;
}

static void
said(void *arg, bool readable, bool writable)
{
	struct desk *desk = arg;
	int fds[CHANNEL_FDS_MAX], n = 0;
	struct message m;
	size_t count;

	(void)readable;
	(void)writable;
	while (desk->channel >= 0 && (n = channel_receive(desk->channel, &m,
	    sizeof(m), 0, fds, &count)) > 0) {
		while (count > 0)
			close(fds[--count]);
		if (m.kind == MESSAGE_ASKED_RELOAD)
			desk->owner.reload(desk->owner.arg);
		else if (m.kind == MESSAGE_ASKED_STOP)
			desk->owner.stop(desk->owner.arg);
	}
	if (desk->channel >= 0 && (n == 0 || errno != EAGAIN))
		close_channel(desk);	/* desk_reap() will see why */
}

bool
desk_reap(struct desk *desk, pid_t pid, int status)
{
	if (desk->pid == 0 || pid != desk->pid)
		return (false);
	desk->pid = 0;
	close_channel(desk);
	if (desk->now.socket < 0)
		return (true);		/* it was sent home */
	log_say(FRL_ERROR, "the admin process died (status %d); starting "
	    "another", status);
	timer_start(desk->loop, &desk->again, AGAIN_MS, start, desk);
	return (true);
}

void
desk_take(struct desk *desk, const struct message_state *state)
{
	struct place old = desk->now;

	desk->now = desk->next;
	desk->next = nowhere;
	close_place(&old, &desk->now);
	timer_stop(&desk->again);
	/* Before the place: whoever comes there is told of this state. */
	desk_tell(desk, state);
	if (desk->now.socket < 0)
		close_channel(desk);
	else if (desk->channel >= 0)
		send_place(desk);
	else
		start(desk);
}

void
desk_tell(struct desk *desk, const struct message_state *state)
{
	struct message m = { .kind = MESSAGE_STATE };

	desk->state = *state;
	m.u.state = *state;
	if (desk->channel >= 0)
		send_or_replace(desk, &m, NULL, 0);
}

/* A piece that does not fit into the channel is missed, and all behind it. */
void
desk_tell_errors(const struct desk *desk, const char *errors)
{
	struct message m = { .kind = MESSAGE_ERRORS };
	size_t left = strlen(errors), n;

	for (; desk->channel >= 0 && left > 0; left -= n) {
		n = left < sizeof(m.u.errors.text) ? left :
		    sizeof(m.u.errors.text);
		memcpy(m.u.errors.text, errors, n);
		m.u.errors.len = (uint32_t)n;
		(void)message_send(desk->channel, &m, NULL, 0);
		m.u.errors.at += (uint32_t)n;
		errors += n;
	}
}

int
desk_channel(const struct desk *desk)
{
	return (desk->channel);
}

void
desk_free(struct desk *desk)
{
	if (desk == NULL)
		return;
	timer_stop(&desk->again);
	close_channel(desk);
	if (desk->pid != 0) {
		kill(desk->pid, SIGKILL);
		(void)waitpid(desk->pid, NULL, 0);
	}
	desk_leave(desk);
	close_place(&desk->now, &nowhere);
	free(desk);
}
