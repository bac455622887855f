/* SPDX-License-Identifier: MIT */
#include "app/admin.h"

#include "app/admin_parts.h"
#include "app/cli.h"
#include "app/fullness.h"
#include "app/process.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define PATIENCE_MS 5000	/* with a worker that does not answer */
#define FAREWELL_MS 1000

/* ------------------------------------------------------------------ */
/* Counters								*/

void
admin_sum(const struct admin *a, struct board *ret)
{
	const struct admin_seat *seat;

	board_copy(ret, &a->past);
	DL_FOREACH(a->seats, seat)
		if (seat->board != NULL)
			board_sum(ret, seat->board, 0);
}

/* ------------------------------------------------------------------ */
/* Asking workers							*/

static void	next_turn(struct admin *);
static void	worker_said(void *, bool, bool);

static void
watch_seats(struct admin *a, int wants)
{
	struct admin_seat *seat;

	DL_FOREACH(a->seats, seat)
		watch_set(a->loop, &seat->watch, seat->channel, wants,
		    worker_said, seat);
}

static void
end_turn(struct admin *a)
{
	struct admin_client *client = a->asker;

	timer_stop(&a->patience);
	a->asker = NULL;
	a->round = false;
	watch_seats(a, 1);
	if (client != NULL) {
		client->wait = WAIT_NOTHING;
		client_end(client, client->inquiry->kind == INQUIRY_CLOSE &&
		    !client->found ? "there is no such tunnel; `fairlead "
		    "tunnels` names them" : NULL);
		client_send(client);
	}
	next_turn(a);
}

static void
look_whether_answered(struct admin *a)
{
	const struct admin_seat *seat;

	if (!a->round)
		return;
	DL_FOREACH(a->seats, seat)
		if (seat->asked)
			return;
	end_turn(a);
}

static void
patience_ends(void *arg)
{
	struct admin *a = arg;
	struct admin_seat *seat;

	DL_FOREACH(a->seats, seat) {
		if (!seat->asked)
			continue;
		seat->asked = false;
		if (a->asker != NULL)
			client_say(a->asker, "{\"item\":\"silent\",\"pid\":%d,"
			    "\"generation\":%u}\n", (int)seat->pid,
			    (unsigned)seat->generation);
	}
	end_turn(a);
}

static void
begin_turn(struct admin *a, struct admin_client *client)
{
	struct admin_seat *seat;
	bool any = false;

	client->wait = WAIT_WORKERS;
	client->inquiry->serial = ++a->serial;
	a->asker = client;
	a->round = true;
	DL_FOREACH(a->seats, seat) {
		seat->asked = channel_send(seat->channel, client->inquiry,
		    INQUIRY_SIZE(client->inquiry->len), NULL, 0) == 0;
		any |= seat->asked;
	}
	/* Not in here: the client is at its request. */
	timer_start(a->loop, &a->patience, any ? PATIENCE_MS : 0,
	    patience_ends, a);
}

static void
next_turn(struct admin *a)
{
	struct admin_client *client;

	if (a->round)
		return;
	DL_FOREACH(a->clients, client)
		if (client->wait == WAIT_TURN)
			break;
	if (client != NULL)
		begin_turn(a, client);
}

void
admin_ask(struct admin_client *client)
{
	client->wait = WAIT_TURN;
	next_turn(client->admin);
}

void
admin_forget(struct admin_client *client)
{
	struct admin *a = client->admin;

	if (a->asker != client)
		return;
	/* The workers go on; what they say is thrown away. */
	a->asker = NULL;
	watch_seats(a, 1);
	timer_start(a->loop, &a->patience, PATIENCE_MS, patience_ends, a);
}

void
admin_resume(struct admin_client *client)
{
	struct admin *a = client->admin;

	if (a->asker != client)
		return;
	watch_seats(a, 1);
	timer_start(a->loop, &a->patience, PATIENCE_MS, patience_ends, a);
}

static void
heed(struct admin_seat *seat, const struct inquiry *answer)
{
	struct admin *a = seat->admin;
	struct admin_client *client = a->asker;

	if (!seat->asked || answer->serial != a->serial)
		return;
	if (answer->kind != INQUIRY_ROW)
		seat->asked = false;
	if (client == NULL)
		return;
	if (answer->kind == INQUIRY_CLOSED)
		client->found |= answer->found != 0;
	if (answer->kind == INQUIRY_ROW) {
		client_put(client, answer->text, answer->len);
		client_put(client, "\n", 1);
	}
	timer_start(a->loop, &a->patience, PATIENCE_MS, patience_ends, a);
	if (buf_len(&client->out) < ADMIN_HIGH)
		return;
	client_send(client);
	if (a->asker == client && buf_len(&client->out) >= ADMIN_HIGH) {
		watch_seats(a, 0);	/* until it has read */
		timer_stop(&a->patience);
	}
}

/* ------------------------------------------------------------------ */
/* Workers								*/

static void
lose_seat(struct admin_seat *seat)
{
	struct admin *a = seat->admin;

	watch_stop(&seat->watch);
	admin_take_lines(seat);
	admin_untap(seat);
	close(seat->channel);
	if (seat->board != NULL) {
		board_sum(&a->past, seat->board, 1);
		board_unmap((void *)(uintptr_t)seat->board);
	}
	DL_DELETE(a->seats, seat);
	free(seat);
	look_whether_answered(a);
}

static void
worker_said(void *arg, bool readable, bool writable)
{
	struct admin_seat *seat = arg;
	int fds[CHANNEL_FDS_MAX], n;
	struct inquiry answer;
	size_t count;

	(void)readable;
	(void)writable;
	n = channel_receive(seat->channel, &answer, sizeof(answer), 0, fds,
	    &count);
	while (count > 0)
		close(fds[--count]);
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		lose_seat(seat);
		return;
	}
	if (n < (int)INQUIRY_SIZE(0) || (size_t)n != INQUIRY_SIZE(answer.len))
		return;
	heed(seat, &answer);
	admin_take_lines(seat);
	look_whether_answered(seat->admin);
}

/* fds: take. */
static void
add_seat(struct admin *a, const struct message *m, const int *fds)
{
	struct admin_seat *seat = calloc(1, sizeof(*seat));

	if (seat == NULL) {
		log_say(FRL_ERROR, "admin: out of memory for a worker");
		close(fds[0]);
		close(fds[1]);
		return;
	}
	seat->admin = a;
	seat->generation = m->u.seat.generation;
	seat->pid = m->u.seat.pid;
	seat->channel = fds[0];
	seat->board = board_map(fds[1], 0);
	close(fds[1]);
	DL_APPEND(a->seats, seat);
	watch_set(a->loop, &seat->watch, seat->channel, 1, worker_said, seat);
	if (a->tails != 0)
		admin_tap(seat);
}

/* ------------------------------------------------------------------ */
/* The supervisor							*/

static void
came_by_socket(void *arg, int fd, const struct addr *peer)
{
	(void)peer;
	client_accept(arg, fd, false);
}

static void
came_by_http(void *arg, int fd, const struct addr *peer)
{
	(void)peer;
	client_accept(arg, fd, true);
}

static void
close_doors(struct admin *a)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (a->acceptors[i] != NULL)
			acceptor_stop(a->acceptors[i]);
		if (a->fds[i] >= 0)
			close(a->fds[i]);
		a->acceptors[i] = NULL;
		a->fds[i] = -1;
	}
}

static void
open_doors(struct admin *a, const struct message *m, const int *fds,
    size_t count)
{
	size_t i;

	close_doors(a);
	a->plan = m->u.desk;
	for (i = 0; i < count && i < 2; i++) {
		a->fds[i] = fds[i];
		a->acceptors[i] = acceptor_start(a->loop, fds[i], i == 0 ?
		    came_by_socket : came_by_http, a);
		if (a->acceptors[i] == NULL)
			log_say(FRL_ERROR, "admin: out of memory");
	}
}

static void
note_state(struct admin *a, const struct message_state *state)
{
	struct admin_client *client, *next;

	a->state = *state;
	if (state->starting)
		return;
	DL_FOREACH_SAFE(a->clients, client, next) {
		if (client->wait != WAIT_RELOAD ||
		    (client->reloads == state->reloads &&
		    client->failures == state->failures && !state->stopping))
			continue;
		admin_reloaded(client);
	}
}

static bool
obey(struct admin *a, const struct message *m, const int *fds, size_t count)
{
	if (m->kind == MESSAGE_DESK)
		open_doors(a, m, fds, count);
	else if (m->kind == MESSAGE_SEAT && count == 2)
		add_seat(a, m, fds);
	else if (m->kind == MESSAGE_ERRORS)
		admin_errors(a, &m->u.errors);
	else if (m->kind == MESSAGE_STATE)
		note_state(a, &m->u.state);
	return (m->kind == MESSAGE_DESK || m->kind == MESSAGE_SEAT);
}

static void
leave(void *arg)
{
	struct admin *a = arg;

	loop_stop(a->loop);
}

static void
told(void *arg, bool readable, bool writable)
{
	struct admin *a = arg;
	int fds[CHANNEL_FDS_MAX], n;
	struct message m;
	size_t count;

	(void)readable;
	(void)writable;
	while ((n = channel_receive(a->channel, &m, sizeof(m), 0, fds,
	    &count)) > 0)
		if (!obey(a, &m, fds, count))
			while (count > 0)
				close(fds[--count]);
	if (n < 0 && errno == EAGAIN)
		return;
	watch_stop(&a->watch);
	close(a->channel);
	a->channel = -1;
	close_doors(a);
	/* Last answers. */
	timer_start(a->loop, &a->farewell, a->clients == NULL ? 0 :
	    FAREWELL_MS, leave, a);
}

static int
serve(int channel, void *arg)
{
	struct admin *a = calloc(1, sizeof(*a));

	if (a != NULL && (a->fullness = fullness_create(arg)) != NULL)
		a->loop = loop_create();
	if (a == NULL || a->loop == NULL) {
		log_say(FRL_ERROR, "admin: out of memory or descriptors");
		if (a != NULL)
			fullness_free(a->fullness);
		free(a);
		return (EXIT_RUNTIME);
	}
	a->channel = channel;
	a->fds[0] = a->fds[1] = -1;
	watch_set(a->loop, &a->watch, channel, 1, told, a);
	loop_run(a->loop);
	timer_stop(&a->farewell);
	while (a->clients != NULL)
		client_close(a->clients);
	while (a->seats != NULL)
		lose_seat(a->seats);
	timer_stop(&a->patience);
	buf_free(&a->errors);
	loop_free(a->loop);
	fullness_free(a->fullness);
	free(a);
	return (EXIT_FINE);
}

pid_t
admin_start(const struct census *census, int *ret_channel)
{
	return (process_start(serve, (void *)(uintptr_t)census, -1,
	    ret_channel));
}
