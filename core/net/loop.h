/* SPDX-License-Identifier: MIT */
/*
 * loop -- the event loop, timers and signals; with sock, conn and resolve the
 * only place that knows libev, whose types do not leave net/.
 *
 * Callbacks never run from inside the call that started them.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* A timer lives inside its owner's struct; zeroed memory is a timer that is
 * not running. */
struct timer {
	void (*fn)(void *arg);
	struct loop *loop;	/* NULL: it was never started */
	union {
		uint64_t align;
		unsigned char bytes[48];
	} watcher;		/* an ev_timer, checked in loop.c */
};

/* A watcher of one descriptor, likewise; zeroed memory watches nothing. */
struct watch {
	void (*fn)(void *arg, bool readable, bool writable);
	struct loop *loop;	/* NULL: nothing was ever watched */
	union {
		uint64_t align;
		unsigned char bytes[48];
	} watcher;		/* an ev_io */
};

/* NULL without memory or descriptors. */
struct loop *loop_create(void);

/* Everything started on it must have been stopped. */
void loop_free(struct loop *loop);

/* Run until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Run one turn; with wait, sleep until something happens.  For tests. */
void loop_turn(struct loop *loop, bool wait);

/* Call fn(arg) once a turn, when everything else of the turn is done, before
 * the loop waits again.  One per loop; NULL ends it. */
void loop_at_turns_end(struct loop *loop, void (*fn)(void *arg), void *arg);

/* Microseconds: of a clock that never jumps; of the same, as the kernel noted
 * it some milliseconds ago, which is much cheaper; of the wall clock. */
uint64_t loop_now_us(const struct loop *loop);
uint64_t loop_recent_us(const struct loop *loop);
uint64_t loop_wall_us(const struct loop *loop);

/* Call fn(arg) in ms milliseconds, behind the descriptors of that turn: if one
 * of them stops the timer, it was in time, also where the whole process had
 * no processor for a while.  0: as soon as the callback that is running has
 * returned (so whoever starts it anew from there each time starves all
 * others).  A running timer is started anew. */
void timer_start(struct loop *loop, struct timer *timer, uint64_t ms,
    void (*fn)(void *arg), void *arg);
void timer_stop(struct timer *timer);
bool timer_running(const struct timer *timer);

/*
 * Watch a descriptor; wants is 1 (read) | 2 (write), 0 stops.  Changing
 * nothing costs nothing.  fn gets two times false where the kernel has no room
 * to watch it (epoll_ctl: ENOMEM, ENOSPC): then it is not watched any more.
 */
void watch_set(struct loop *loop, struct watch *watch, int fd, int wants,
    void (*fn)(void *arg, bool readable, bool writable), void *arg);
void watch_stop(struct watch *watch);

/* Call fn(arg, signo) on the loop for each of these signals (0 ends the
 * list); at most 8 in all.  0, or -1. */
int loop_signals(struct loop *loop, const int *signals,
    void (*fn)(void *arg, int signo), void *arg);

#endif
