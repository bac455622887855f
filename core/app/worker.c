/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/config.h"
#include "app/crash.h"
#include "app/descriptors.h"
#include "app/message.h"
#include "app/server.h"
#include "app/teller.h"
#include "app/worker.h"
#include "base/log.h"
#include "flow/tunnel_events.h"
#include "net/loop.h"

struct worker_seat {
	int channel;
	uint64_t drain_ms;		/* if the supervisor vanishes */
	const struct guard_options *guard;
	struct server *server;
	struct teller *teller;		/* or NULL */
	struct watch watch, room_watch;
	struct server_socket *sockets;
	size_t count;
	int bell, room;			/* of the logger; -1 */
	int err;			/* stderr, once it serves; -1 */
	struct crumbs *crumbs;
	struct bars bars;
	struct sink_logger loggers[EVENTS_SINKS_MAX];
};

static int
say(struct worker_seat *seat, enum message_kind kind)
{
	struct message m = { .kind = (uint32_t)kind };

	if (kind == MESSAGE_HELLO)
		m.u.pid = getpid();
	return (message_send(seat->channel, &m, NULL, 0));
}

static int
add_sockets(struct worker_seat *seat, const struct message *m,
    const int *fds, size_t count)
{
	struct server_socket *more;
	size_t i;

	more = realloc(seat->sockets, (seat->count + count) * sizeof(*more));
	if (more == NULL)
		return (-1);
	seat->sockets = more;
	for (i = 0; i < count; i++) {
		more[seat->count].listen = m->u.sockets[i];
		more[seat->count++].fd = fds[i];
	}
	return (0);
}

/* A full pipe says it just as well. */
static void
ring(void *arg)
{
	struct worker_seat *seat = arg;
	ssize_t n = write(seat->bell, "", 1);

	(void)n;
}

static int
add_spools(struct worker_seat *seat, const int *fds, size_t count)
{
	size_t i;

	if (count < SPOOLS_MEMORY || count > SPOOLS_FDS || seat->bell >= 0)
		return (-1);
	seat->bell = fds[SPOOLS_BELL];
	seat->room = fds[SPOOLS_ROOM];
	for (i = SPOOLS_MEMORY; i < count; i++)
		seat->loggers[i - SPOOLS_MEMORY] = (struct sink_logger){
		    fds[i], ring, seat };
	return (0);
}

static int
add_crumbs(struct worker_seat *seat, const int *fds, size_t count)
{
	if (count != 1 || seat->crumbs != NULL)
		return (-1);
	seat->crumbs = crumbs_map(fds[0]);
	close(fds[0]);
	return (seat->crumbs == NULL ? -1 : 0);
}

/* Before there is a loop. */
static int
take_sockets(struct worker_seat *seat, int32_t *ret_row)
{
	int fds[CHANNEL_FDS_MAX];
	struct message m;
	size_t count;

	for (;;) {
		if (channel_receive(seat->channel, &m, sizeof(m), 1, fds,
		    &count) <= 0)
			return (-1);
		if (m.kind == MESSAGE_OPEN) {
			*ret_row = m.u.row;
			seat->err = count == 1 ? fds[0] : -1;
			return (0);
		}
		if (m.kind == MESSAGE_BAR)
			bars_put(&seat->bars, &m.u.bar);
		if ((m.kind == MESSAGE_CRUMBS &&
		    add_crumbs(seat, fds, count) != 0) ||
		    (m.kind == MESSAGE_SOCKETS &&
		    add_sockets(seat, &m, fds, count) != 0) ||
		    (m.kind == MESSAGE_SPOOLS &&
		    add_spools(seat, fds, count) != 0))
			return (-1);
	}
}

static void
obey(struct worker_seat *seat, const struct message *m)
{
	if (m->kind == MESSAGE_BAR)
		bars_put(&seat->bars, &m->u.bar);
	else if (m->kind == MESSAGE_CUT)
		server_drain(seat->server, "signal");
	else if (m->kind == MESSAGE_DRAIN) {
		server_leave(seat->server, m->u.drain.reload ? "reload" :
		    "signal", m->u.drain.reload ? FRL_WHY_RELOAD :
		    FRL_WHY_DRAIN, m->u.drain.ms);
		(void)say(seat, MESSAGE_LEFT);
	}
}

static void
told(void *arg, bool readable, bool writable)
{
	struct worker_seat *seat = arg;
	int fds[CHANNEL_FDS_MAX], n;
	struct message m;
	size_t count;

	(void)readable;
	(void)writable;
	while ((n = channel_receive(seat->channel, &m, sizeof(m), 0, fds,
	    &count)) > 0) {
		if (m.kind == MESSAGE_ADMIN && count == 2 &&
		    seat->teller != NULL) {
			teller_meet(seat->teller, fds[0], fds[1]);
			continue;
		}
		while (count > 0)
			close(fds[--count]);
		obey(seat, &m);
	}
	if (n < 0 && errno == EAGAIN)
		return;
	/* Nobody leads us any more: serve to the end whom we have. */
	watch_stop(&seat->watch);
	log_say(FRL_ERROR, "worker %d: the supervisor is gone; draining",
	    (int)getpid());
	server_leave(seat->server, "no supervisor", FRL_WHY_DRAIN,
	    seat->drain_ms);
}

/* The logger took lines. */
static void
has_room(void *arg, bool readable, bool writable)
{
	struct worker_seat *seat = arg;
	char bytes[512];
	ssize_t n = read(seat->room, bytes, sizeof(bytes));

	(void)readable;
	(void)writable;
	if (n == 0)			/* supervisor and logger are gone */
		watch_stop(&seat->room_watch);
	server_logged(seat->server);
}

static void
say_missing(void *arg, const char *guard, const char *why)
{
	struct proxy_unguarded record = { .pid = (uint64_t)getpid(),
	    .guard = guard };

	record.reason.data = (const uint8_t *)why;
	record.reason.len = strlen(why);
	server_publish(arg, &proxy_event_unguarded, &record);
}

/* Whoever asked for this generation has heard enough. */
static void
take_stderr(struct worker_seat *seat)
{
	if (seat->err < 0)
		return;
	(void)dup2(seat->err, STDERR_FILENO);
	close(seat->err);
	seat->err = -1;
}

static int
opened(void *arg, struct server *server, struct err *err)
{
	struct worker_seat *seat = arg;

	seat->server = server;
	seat->teller = teller_create(server);
	/* Everything is open and loaded; no client was let in. */
	if (guard_enter(seat->guard, say_missing, server, err) != 0)
		return (-1);
	take_stderr(seat);
	if (say(seat, MESSAGE_SERVING) != 0)
		return (err_set(err, "the supervisor is gone"));
	watch_set(server_loop(server), &seat->watch, seat->channel, 1, told,
	    seat);
	watch_set(server_loop(server), &seat->room_watch, seat->room, 1,
	    has_room, seat);
	return (0);
}

static void
closing(void *arg)
{
	struct worker_seat *seat = arg;

	watch_stop(&seat->watch);
	watch_stop(&seat->room_watch);
	teller_free(seat->teller);
	seat->teller = NULL;
}

static void
leave(const struct worker_seat *seat, size_t logs)
{
	size_t i;

	if (seat->bell < 0)
		return;
	for (i = 0; i < logs; i++)
		close(seat->loggers[i].memory);
	close(seat->bell);
	close(seat->room);
}

int
worker_run(struct config *config, const struct census *census, int channel)
{
	struct worker_seat seat = { .channel = channel,
	    .drain_ms = config->timeouts.drain, .bell = -1, .room = -1,
	    .err = -1, .guard = &config->security };
	struct server_guest guest = { .arg = &seat, .opened = opened,
	    .closing = closing };
	int code = EXIT_RUNTIME;
	int32_t row = -1;

	descriptors_raise(config->limits.tunnels);
	if (say(&seat, MESSAGE_HELLO) == 0 && take_sockets(&seat, &row) == 0 &&
	    seat.crumbs != NULL && crash_watch(seat.crumbs, config) == 0) {
		guest.sockets = seat.sockets;
		guest.socket_count = seat.count;
		guest.loggers = seat.loggers;
		guest.bars = &seat.bars;
		if (row >= 0)
			guest.census = (struct census_seat){ census,
			    (uint32_t)row };
		code = server_run(config, &guest);
	}
	crash_forget();
	crumbs_unmap(seat.crumbs);
	free(seat.sockets);
	/* The logger waits for the pipe's end. */
	leave(&seat, config->sink_count);
	close(channel);
	return (code);
}
