/* SPDX-License-Identifier: MIT */
/*
 * message -- what the processes of one proxy say to each other.
 *
 *	supervisor                 keeper              worker
 *	    |------ fork ------------>|
 *	    |<----- PLAN, LISTEN.. ---|  (or FAILED)
 *	    |------ WORKER + channel->|---- fork ------->|
 *	    |<-------------------------------- HELLO ----|
 *	    |------------ SOCKETS.. OPEN --------------->|
 *	    |<-------------------------------- SERVING --|
 *	    |------------ DRAIN, CUT, REOPEN ----------->|
 *
 * A channel that closes says that its other end is gone: a keeper leaves, a
 * worker accepts nobody any more and drains.
 */
#ifndef APP_MESSAGE_H
#define APP_MESSAGE_H

#include "app/plan.h"
#include "net/channel.h"

enum message_kind {
	MESSAGE_PLAN,
	MESSAGE_LISTEN,		/* one of the plan's, in order */
	MESSAGE_FAILED,		/* why was said on stderr */
	MESSAGE_WORKER,		/* with the worker's end of its channel */
	MESSAGE_HELLO,
	MESSAGE_SOCKETS,	/* with them: listen[i] is what the i-th
				 * belongs to */
	MESSAGE_OPEN,		/* that was all: serve */
	MESSAGE_SERVING,
	MESSAGE_DRAIN,
	MESSAGE_CUT,		/* last words now; again: cut */
	MESSAGE_REOPEN
};

struct message {
	uint32_t kind;
	union {
		struct plan plan;		/* without its list */
		struct plan_listen listen;
		int32_t code;			/* FAILED: to exit with */
		int32_t pid;			/* HELLO */
		uint32_t sockets[CHANNEL_FDS_MAX];
		struct {
			bool reload;		/* else it is all over */
			uint64_t ms;		/* 0: as long as it takes */
		} drain;
	} u;
};

#endif
