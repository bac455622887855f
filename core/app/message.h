/* SPDX-License-Identifier: MIT */
/*
 * message -- what the processes of one proxy say to each other.
 *
 *	logger            supervisor                 keeper           worker
 *	  |<----- fork ------- |------ fork ---------->|
 *	  |                    |<- PLAN LISTEN.. LOG.. | (or FAILED)
 *	  |<- BECOME OPEN_LOG..|                       |
 *	  |----- OPENED.. ---->|                       |
 *	  |<---- SPOOLS -------|-- WORKER + channel -->|---- fork ------>|
 *	  |                    |<----------------------------- HELLO ----|
 *	  |                    |-- SPOOLS CRUMBS BAR.. SOCKETS.. OPEN -->|
 *	  |                    |<----------------------------- SERVING --|
 *	  |<--- REOPEN --------|--------- BAR, DRAIN, CUT -------------->|
 *	  |                    |<----------------------------- LEFT -----|
 *	  |<-------------------- a byte: there are lines ----------------|
 *	  |--------------------- a byte: there is room ----------------->|
 *
 * A channel that closes says that its other end is gone: a keeper leaves, a
 * worker accepts nobody any more and drains, the logger goes on until its
 * last worker has closed its pipe.
 */
#ifndef APP_MESSAGE_H
#define APP_MESSAGE_H

#include "app/plan.h"
#include "base/err.h"
#include "flow/bars.h"
#include "flow/events.h"
#include "net/channel.h"
#include "net/outbox.h"

enum message_kind {
	MESSAGE_PLAN,
	MESSAGE_LISTEN,		/* one of the plan's, in order */
	MESSAGE_LOG,		/* likewise; then the plan is whole */
	MESSAGE_FAILED,		/* why was said on stderr (complaint.h) */
	MESSAGE_OPEN_LOG,
	MESSAGE_OPENED,		/* or not */
	MESSAGE_CLOSE_LOGS,	/* of that generation */
	MESSAGE_WORKER,		/* with the worker's end of its channel */
	MESSAGE_HELLO,
	MESSAGE_SPOOLS,		/* with enum spools_fd */
	MESSAGE_CRUMBS,		/* with the memory of its page */
	MESSAGE_BAR,		/* also later */
	MESSAGE_SOCKETS,	/* with them: sockets[i] is the listener that
				 * the i-th belongs to */
	MESSAGE_OPEN,		/* that was all, and a row: serve; with the
				 * stderr to have from then on */
	MESSAGE_SERVING,
	MESSAGE_DRAIN,
	MESSAGE_LEFT,		/* it lets nobody in any more */
	MESSAGE_CUT,		/* last words now; again: cut */
	MESSAGE_REOPEN,		/* the logs */
	MESSAGE_BECOME,		/* that user, from now on */
	/* Of the admin process; see desk.h. */
	MESSAGE_DESK,		/* with where it is asked: a UNIX socket, HTTP */
	MESSAGE_SEAT,		/* with a channel to a worker, its board */
	MESSAGE_STATE,
	MESSAGE_ERRORS,		/* why a reload failed: a piece */
	MESSAGE_ASKED_RELOAD,
	MESSAGE_ASKED_STOP,
	MESSAGE_ADMIN		/* to a worker: its ends of MESSAGE_SEAT */
};

/* How things are, for whoever asks. */
struct message_state {
	int32_t pid;			/* of the supervisor */
	uint64_t began_us;		/* since 1970 */
	uint32_t generation;		/* that serves; 0: none does yet */
	uint32_t workers;		/* it should have */
	bool starting, stopping;
	bool failed;			/* the latest reload did */
	uint32_t reloads, failures;	/* that served, or did not */
	uint32_t deaths;		/* of workers, against their will */
};

/* Texts are longer than messages. */
struct message_errors {
	uint32_t at, len;		/* where this piece belongs */
	char text[2048];
};

/* The descriptors of MESSAGE_SPOOLS. */
enum spools_fd {
	SPOOLS_BELL,		/* a pipe: its end of whom it is sent to */
	SPOOLS_ROOM,		/* likewise */
	SPOOLS_MEMORY		/* and one for each log */
};

#define SPOOLS_FDS (SPOOLS_MEMORY + EVENTS_SINKS_MAX)

struct message {
	uint32_t kind;
	union {
		struct plan plan;		/* without its lists */
		struct plan_listen listen;
		struct plan_log log;
		int32_t code;			/* FAILED: to exit with */
		struct {
			uint32_t generation;
			uint32_t number;	/* of the plan's logs */
			bool anyway;		/* OPEN_LOG: also later */
			union {
				struct plan_log log;	/* OPEN_LOG */
				struct err why;		/* OPENED: "", or
							 * it is not */
			} u;
		} open;
		struct privileges as;		/* BECOME */
		int32_t pid;			/* HELLO */
		uint32_t generation;		/* SPOOLS, CLOSE_LOGS */
		struct bar bar;
		uint32_t sockets[CHANNEL_FDS_MAX];
		int32_t row;			/* of the census; -1: none */
		struct {
			bool reload;		/* else it is all over */
			uint64_t ms;		/* 0: as long as it takes */
		} drain;
		struct plan_admin desk;
		struct {
			uint32_t generation;
			int32_t pid;
		} seat;
		struct message_state state;
		struct message_errors errors;
	} u;
};

/* As channel_send(). */
int message_send(int channel, const struct message *message, const int *fds,
    size_t count);

/* As outbox_send(). */
int message_post(struct outbox *outbox, const struct message *message,
    const int *fds, size_t count);

#endif
