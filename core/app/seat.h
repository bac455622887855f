/* SPDX-License-Identifier: MIT */
/*
 * seat -- the place of one worker in a generation, and whoever sits there.
 *
 *	ABSENT --start--> BORN --SERVING--> SERVING --process ended--> ABSENT
 *	   |                |
 *	   |                +-- ended before its hello: "unborn" --> ABSENT
 *	   +-- cannot be started: once more a second later
 *
 * It gives a worker all that it needs before anybody forks it, hears it, and
 * clears up behind it.  It knows neither what state its generation is in nor
 * whether a worker that ended is missed: the generation decides, and says
 * seat_again().
 *
 * What always holds: a worker has a pid from its hello on, and is ABSENT only
 * when its process was waited for (or died unborn); a seat starts one worker a
 * second at most.
 */
#ifndef APP_SEAT_H
#define APP_SEAT_H

#include "app/message.h"
#include "app/spools.h"
#include "app/warden.h"
#include "net/loop.h"
#include "net/outbox.h"

#include <stdbool.h>
#include <sys/types.h>

enum seat_state { ABSENT, BORN, SERVING };

#define SEAT_WHY_SIZE 128

struct census;
struct complaint;
struct gates;
struct seat;

/* What all seats of a generation share (borrow), and news for it. */
struct seat_owner {
	void *arg;
	struct loop *loop;
	unsigned generation;
	const struct plan *plan;
	const struct gates *gates;
	struct census *census;
	uint32_t *prefix;		/* of the last worker's tunnels */
	struct outbox *logger;
	struct warden *warden;
	struct complaint *complaint;
	/* Have a worker forked that has this end of its channel (borrow).  0,
	 * or -1 and errno. */
	int (*fork)(void *arg, int channel);
	void (*serves)(void *arg, struct seat *seat);
	/* After seat_hands_over(): it lets nobody in any more. */
	void (*left)(void *arg);
	/* It died before its hello; nobody will say so but this. */
	void (*unborn)(void *arg, struct seat *seat);
};

struct seat {
	const struct seat_owner *owner;
	unsigned slot;
	enum seat_state state;
	bool at_door;			/* in a handover: lets clients in */
	pid_t pid;			/* 0: it has not said hello */
	int channel;			/* -1: none */
	struct watch watch;
	struct timer again;
	struct spools_kept spools;
	struct ward ward;
	int board;			/* its counters; -1: none yet */
	int row;			/* of the census; -1: none */
	uint64_t born_us;
};

/* A seat, and its first worker.  owner: borrow. */
void seat_begin(struct seat *seat, const struct seat_owner *owner,
    unsigned slot);

/* Another worker sits down: now, or a second after the last one did. */
void seat_again(struct seat *seat);

/* Or none, after all. */
void seat_stay_empty(struct seat *seat);

/* Whoever sits there is told; who is gone needs no message. */
void seat_tell(const struct seat *seat, const struct message *message);

/* Another logger has taken over. */
void seat_tell_logger(const struct seat *seat);

/* Make it known to the admin process (a channel), and that to it, if it
 * serves. */
void seat_introduce(struct seat *seat, int admin);

/* Will it let anybody in yet?  Then left() says when it does not. */
bool seat_hands_over(struct seat *seat);

/* What do the plugins do to it?  Every HANG_LOOK_MS. */
void seat_look(struct seat *seat);

/* Is that the process that sits here? */
bool seat_has(struct seat *seat, pid_t pid);

/* Why a process ended: written to ret; "" where that was to be expected, which
 * an exit is not if the worker is missed. */
void seat_death(int status, bool missed, char ret[SEAT_WHY_SIZE]);

/* Its process was waited for. */
void seat_ended(struct seat *seat, int status);

/* Says nothing to its owner. */
void seat_free(struct seat *seat);

#endif
