/* SPDX-License-Identifier: MIT */
/*
 * desk -- the supervisor's side of the admin process: the sockets where it is
 * asked, the process that answers, and what that one asks for in turn.
 *
 *	who asks       admin                supervisor                worker
 *	   |             |<----- fork ---------- |                       |
 *	   |             |<----- STATE DESK ---- |                       |
 *	   |             |<----- SEAT -----------| ------ ADMIN -------->|
 *	   |-- a line -->|------ ASKED_RELOAD -->|                       |
 *	   |             |<----- ERRORS.. STATE - |                      |
 *	   |<- JSON -----|                                               |
 *	   |             |------------- inquiries (inquiry.h) ---------->|
 *
 * What people send is read by the admin process alone.  The sockets outlive
 * it, so that one that crashed is replaced and nobody is refused.
 */
#ifndef APP_DESK_H
#define APP_DESK_H

#include "app/message.h"
#include "app/plan.h"
#include "base/err.h"
#include "net/loop.h"

#include <sys/types.h>

struct census;
struct desk;

/* From the loop. */
struct desk_owner {
	void *arg;
	/* There is an admin process, which knows no worker yet. */
	void (*started)(void *arg, int channel);
	void (*reload)(void *arg);
	void (*stop)(void *arg);
};

/* owner: copy; census: borrow.  NULL without memory. */
struct desk *desk_create(struct loop *loop, const struct census *census,
    const struct desk_owner *owner);

/* End the process, close the sockets.  NULL is fine. */
void desk_free(struct desk *desk);

/* Open what a plan wants and is not open yet.  -1 and a sentence. */
int desk_open(struct desk *desk, const struct plan_admin *plan,
    struct err *err);

/* What was opened last is for this moment on, and so is this state; or it is
 * not. */
void desk_take(struct desk *desk, const struct message_state *state);
void desk_leave(struct desk *desk);

/* Things have changed. */
void desk_tell(struct desk *desk, const struct message_state *state);

/* Why a reload failed (lines); before desk_tell() says that it did. */
void desk_tell_errors(const struct desk *desk, const char *errors);

/* The channel to the admin process; -1: there is none. */
int desk_channel(const struct desk *desk);

/* A child process has ended; was it this one? */
bool desk_reap(struct desk *desk, pid_t pid, int status);

#endif
