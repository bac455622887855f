/* SPDX-License-Identifier: MIT */
/*
 * admin_parts -- the insides of the admin process, for admin*.c alone.
 *
 *	admin.c		the process: the supervisor, the workers
 *	admin_client.c	who asks: a request in, an answer out, deadlines
 *	admin_answer.c	the table of requests
 *	admin_reload.c	what comes of a reload
 *	admin_metrics.c	counters for Prometheus
 *	admin_ready.c	is it ready, and why not
 *	admin_tail.c	events as they happen
 *	admin_http.c	the same over HTTP
 *
 * What always holds: a client that does not read costs ADMIN_HIGH bytes and is
 * cut after a while; at most one client at a time has the workers asked.
 */
#ifndef APP_ADMIN_PARTS_H
#define APP_ADMIN_PARTS_H

#include "app/inquiry.h"
#include "app/message.h"
#include "base/board.h"
#include "base/buf.h"
#include "base/spool.h"
#include "net/conn.h"
#include "net/loop.h"
#include "net/sock.h"

#define ADMIN_CLIENTS_MAX 64
#define ADMIN_REQUEST_SIZE 4096
#define ADMIN_HIGH ((size_t)256 * 1024)	/* of an answer, in memory */

struct fullness;

/* A worker. */
struct admin_seat {
	struct admin_seat *prev, *next;
	struct admin *admin;
	uint32_t generation;
	int32_t pid;
	int channel;
	struct watch watch;
	const struct board *board;	/* NULL: none */
	bool asked;			/* and has not answered yet */
	struct spool spool;		/* of its tap; not mapped: none */
};

/* What a client waits for. */
enum admin_wait { WAIT_NOTHING, WAIT_RELOAD, WAIT_TURN, WAIT_WORKERS,
	WAIT_EVENTS };

/* What a client wants to see; NULL: all.  They point into its request. */
struct admin_filter {
	const char *event, *host, *tunnel;
	bool text;			/* lines for people, not JSON */
};

struct admin_client {
	struct admin_client *prev, *next;
	struct admin *admin;
	struct conn *conn;
	struct timer timer;		/* nothing moved for too long */
	bool http;			/* it came by that listener */
	size_t got;
	char request[ADMIN_REQUEST_SIZE + 1];
	struct buf out;
	enum admin_wait wait;
	uint32_t reloads, failures;	/* when it asked for one */
	struct inquiry *inquiry;	/* for the workers */
	struct admin_filter filter;
	uint64_t skipped;		/* lines, because it is slow */
	bool found;			/* one of them has it */
	bool answered;			/* all of it is in `out` */
	bool lost;			/* memory was out */
};

struct admin {
	struct loop *loop;
	int channel;			/* -1: the supervisor is gone */
	struct watch watch;
	struct plan_admin plan;
	int fds[2];			/* UNIX socket, HTTP; -1 */
	struct acceptor *acceptors[2];
	struct message_state state;
	struct buf errors;		/* of the reload that failed last */
	struct admin_seat *seats;
	struct board past;		/* of workers that are gone */
	struct fullness *fullness;	/* of the limits */
	struct admin_client *clients;
	unsigned client_count;
	struct admin_client *asker;	/* whose turn it is; NULL: nobody's, */
	bool round;			/* or it is gone already */
	uint32_t serial;
	unsigned tails;			/* clients that wait for events */
	struct timer patience;		/* with workers */
	struct timer farewell;		/* the supervisor is gone */
};

/* The table of requests: answer one line (its words are cut out). */
void admin_answer(struct admin_client *client, char *line);

/* A whole HTTP request head. */
void admin_http(struct admin_client *client);

/* Metrics, appended to an answer. */
void admin_metrics(struct admin_client *client);

/* All counters: of those that live, and of the past. */
void admin_sum(const struct admin *admin, struct board *ret);

/* --- admin_ready.c --- */

/* Why new clients are not served. */
struct admin_reason {
	const char *name;		/* "draining": one word */
	char why[160];
};

/* The next of all reasons; false: there is no other.  *at: 0 at first. */
bool admin_unready(const struct admin *admin, unsigned *at,
    struct admin_reason *ret);

/* Is there none? */
bool admin_ready(const struct admin *admin);

/* Have all workers asked what client->inquiry says, when its turn comes. */
void admin_ask(struct admin_client *client);

/* Pieces of why a reload failed; and what came of one, for who asked. */
void admin_errors(struct admin *admin, const struct message_errors *piece);
void admin_reloaded(struct admin_client *client);

/* A client went away, or has room again. */
void admin_forget(struct admin_client *client);
void admin_resume(struct admin_client *client);

/* From here on, show a client events: its words "event=ws.*", "host=...",
 * "tunnel=...", of which the first may be NULL. */
void admin_tail(struct admin_client *client, char *word, char *rest);
void admin_tail_end(struct admin_client *client);

/* There is another worker; it may have lines; it is gone. */
void admin_tap(struct admin_seat *seat);
void admin_take_lines(struct admin_seat *seat);
void admin_untap(struct admin_seat *seat);

/* --- admin_client.c --- */

void client_accept(struct admin *admin, int fd, bool http);
void client_close(struct admin_client *client);

/* Add to the answer. */
void client_say(struct admin_client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void client_put(struct admin_client *client, const void *bytes, size_t n);

/* That was all: the last line, why not NULL: it failed.  Then, and now and
 * then before: send it. */
void client_end(struct admin_client *client, const char *why);
void client_send(struct admin_client *client);

#endif
