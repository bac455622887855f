/* SPDX-License-Identifier: MIT */
/*
 * bench -- all seats of one generation (seat.h): what is said to all of its
 * workers, asked about all, and watched of all.
 *
 * It does not know which of them is missed, and starts none by itself but the
 * first of each seat.
 *
 * What always holds: all of it is fine with a bench that has no seats yet.
 */
#ifndef APP_BENCH_H
#define APP_BENCH_H

#include "app/seat.h"

#include <stdbool.h>

/* Zeroed: empty. */
struct bench {
	struct seat_owner owner;
	struct seat *seats;
	unsigned count;
	struct timer look;
};

/* So many seats, and their workers.  owner: copy.  -1 without memory. */
int bench_begin(struct bench *bench, const struct seat_owner *owner,
    unsigned count);

void bench_tell(const struct bench *bench, const struct message *message);
void bench_tell_logger(const struct bench *bench);

/* As seat_introduce(), of the worker that is pid; 0: of all. */
void bench_introduce(struct bench *bench, pid_t pid, int admin);

/* As seat_hands_over() of all: how many will say left().  Later: complain of
 * those that have not, in a handover of that generation. */
unsigned bench_hand_over(struct bench *bench);
void bench_say_late(const struct bench *bench);

/* Nobody sits down any more. */
void bench_stay_empty(struct bench *bench);

/* Kill those that do not serve yet. */
void bench_kill_late(const struct bench *bench);

/* Kill all. */
void bench_kill(const struct bench *bench);

/* Whose process that is, or NULL. */
struct seat *bench_find(struct bench *bench, pid_t pid);

/* How many workers there are; does each seat have one that serves? */
unsigned bench_workers(const struct bench *bench);
bool bench_serves(const struct bench *bench);

void bench_free(struct bench *bench);

#endif
