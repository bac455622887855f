/* SPDX-License-Identifier: MIT */
#include "app/teller.h"

#include "app/inquiry.h"
#include "app/server.h"
#include "base/board.h"
#include "base/log.h"
#include "flow/tunnel_watch.h"
#include "net/channel.h"
#include "net/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS_PER_TURN 32
#define PULSE_MS 1000		/* numbers that nobody counts as they change */

struct teller {
	struct server *server;
	int channel;			/* -1: nobody asks */
	struct watch watch;
	struct timer pulse;
	struct board *board;		/* NULL: none yet */
	bool listing;
	uint32_t serial;		/* of the inquiry at hand */
	bool waits;			/* `out` does, for the other end */
	struct inquiry out;
};

static void	told(void *, bool, bool);

struct teller *
teller_create(struct server *server)
{
	struct teller *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return (NULL);
	t->server = server;
	t->channel = -1;
	return (t);
}

static void
hang_up(struct teller *t)
{
	watch_stop(&t->watch);
	if (t->channel >= 0)
		close(t->channel);
	t->channel = -1;
	t->listing = t->waits = false;
	server_untap(t->server);
}

static void
beat(void *arg)
{
	struct teller *t = arg;

	server_count(t->server, t->board);
	timer_start(server_loop(t->server), &t->pulse, PULSE_MS, beat, t);
}

static void
take_board(struct teller *t, int fd)
{
	t->board = board_map(fd, 1);
	if (t->board == NULL) {
		log_say(FRL_WARNING, "worker %d: no counters for the admin "
		    "process: %s", (int)getpid(), strerror(errno));
		return;
	}
	server_use_board(t->server, t->board);
	beat(t);
}

void
teller_meet(struct teller *t, int channel, int board)
{
	hang_up(t);
	if (t->board == NULL)
		take_board(t, board);
	close(board);
	t->channel = channel;
	watch_set(server_loop(t->server), &t->watch, channel, 1, told, t);
}

/* ------------------------------------------------------------------ */
/* Answering								*/

/* `out` leaves, or waits. */
static void
send_out(struct teller *t)
{
	t->waits = channel_send(t->channel, &t->out,
	    INQUIRY_SIZE(t->out.len), NULL, 0) != 0;
	if (t->waits && errno != EAGAIN && errno != ENOBUFS)
		hang_up(t);
}

static void
answer(struct teller *t, enum inquiry_kind kind, size_t len)
{
	t->out.kind = (uint32_t)kind;
	t->out.serial = t->serial;
	t->out.len = (uint32_t)len;
	send_out(t);
}

static void
list_some(struct teller *t)
{
	size_t n;
	int i;

	if (t->waits)
		send_out(t);
	for (i = 0; i < ROWS_PER_TURN && t->listing && !t->waits; i++) {
		n = tunnels_walk(server_list(t->server), t->out.text,
		    sizeof(t->out.text));
		t->listing = n != 0;
		answer(t, n != 0 ? INQUIRY_ROW : INQUIRY_LISTED, n);
	}
}

/* A full channel says it just as well. */
static void
kick(void *arg)
{
	struct inquiry lines = { .kind = INQUIRY_LINES };
	struct teller *t = arg;

	if (t->channel >= 0)
		(void)channel_send(t->channel, &lines, INQUIRY_SIZE(0), NULL,
		    0);
}

/* What asks for no answer. */
static bool
heed_tap(struct teller *t, const struct inquiry *inquiry, const int *fds,
    size_t count)
{
	switch (inquiry->kind) {
	case INQUIRY_TAP:
		if (count == 1 && server_tap(t->server, fds[0], kick, t) != 0)
			log_say(FRL_WARNING, "worker %d: no memory for "
			    "`fairlead tail`", (int)getpid());
		return (true);
	case INQUIRY_UNTAP:
		server_untap(t->server);
		return (true);
	case INQUIRY_TOOK:
		server_logged(t->server);
		return (true);
	default:
		return (false);
	}
}

static void
heed(struct teller *t, const struct inquiry *inquiry)
{
	char id[64];

	t->serial = inquiry->serial;
	t->listing = t->waits = false;
	if (inquiry->kind == INQUIRY_LIST) {
		tunnels_walk_begin(server_list(t->server));
		t->listing = true;
	} else if (inquiry->kind == INQUIRY_CLOSE &&
	    inquiry->len < sizeof(id)) {
		memcpy(id, inquiry->text, inquiry->len);
		id[inquiry->len] = '\0';
		t->out.found = tunnels_close(server_list(t->server), id);
		answer(t, INQUIRY_CLOSED, 0);
	}
}

static void
told(void *arg, bool readable, bool writable)
{
	int fds[CHANNEL_FDS_MAX], n = -1;
	struct teller *t = arg;
	struct inquiry inquiry;
	size_t count;

	(void)writable;
	errno = EAGAIN;
	while (readable && (n = channel_receive(t->channel, &inquiry,
	    sizeof(inquiry), 0, fds, &count)) > 0) {
		if ((size_t)n == INQUIRY_SIZE(inquiry.len) &&
		    !heed_tap(t, &inquiry, fds, count))
			heed(t, &inquiry);
		while (count > 0)
			close(fds[--count]);
		if (t->channel < 0)
			return;
	}
	if (n == 0 || errno != EAGAIN) {
		hang_up(t);
		return;
	}
	list_some(t);
	if (t->channel >= 0)
		watch_set(server_loop(t->server), &t->watch, t->channel,
		    t->listing || t->waits ? 3 : 1, told, t);
}

void
teller_free(struct teller *t)
{
	if (t == NULL)
		return;
	hang_up(t);
	timer_stop(&t->pulse);
	if (t->board != NULL) {
		server_count(t->server, t->board);
		server_use_board(t->server, NULL);
		board_unmap(t->board);
	}
	free(t);
}
