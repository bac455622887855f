/* SPDX-License-Identifier: MIT */
/*
 * loop -- the event loop, over libev.
 *
 * Knows nothing of what is watched.  A watcher's function is the last thing
 * that is done with the watcher, so it may stop it, start it anew or free the
 * memory it lives in.
 *
 * What time it is, it asks a clock (net/clock.h); how signals come, it leaves
 * to net/signals.h.
 */
#include <ev.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/evmem.h"
#include "net/loop.h"
#include "net/signals.h"

#define EXACT_MS 1000
#define LATER (-1)		/* libev's priority: behind what is 0 */
#define FD_RESERVE_MAX 65536	/* descriptors prepared for, at most */

/* Bytes of libev's arrays for one: its entry (16), the change to it (4), its
 * event (12), and pending entries (16) of its watcher and of five timers (16
 * each); all of it twice, because arrays grow by doubling. */
#define FD_RESERVE_BYTES 512

_Static_assert(sizeof(struct ev_timer) <= sizeof(((struct timer *)0)->watcher),
    "a timer has no room for an ev_timer");
_Static_assert(sizeof(struct ev_io) <= sizeof(((struct watch *)0)->watcher),
    "a watch has no room for an ev_io");
_Static_assert(_Alignof(struct ev_timer) <= _Alignof(uint64_t) &&
    _Alignof(struct ev_io) <= _Alignof(uint64_t),
    "a libev watcher is aligned more strictly than its room");

struct loop {
	struct ev_loop *ev;
	bool stopped;
	struct clock clock;
	struct ev_check turns_end;
	void (*turns_end_fn)(void *arg);
	struct ev_io wake;		/* of an eventfd; see about_to_wait() */
	struct signals signals;
};

static struct ev_timer *
timer_ev(struct timer *timer)
{
	return ((struct ev_timer *)(void *)timer->watcher.bytes);
}

static struct ev_io *
watch_ev(struct watch *watch)
{
	return ((struct ev_io *)(void *)watch->watcher.bytes);
}

/* ------------------------------------------------------------------ */
/* Timers								*/

static void
timer_fired(struct ev_loop *ev, struct ev_timer *w, int events)
{
	struct timer *timer = (struct timer *)(void *)((char *)w -
	    offsetof(struct timer, watcher));
	struct loop *loop = timer->loop;	/* which outlives it */

	(void)ev;
	(void)events;
	clock_event_begins(&loop->clock);
	timer->fn(w->data);
	clock_event_ends(&loop->clock);
}

void
timer_start(struct loop *loop, struct timer *timer, uint64_t ms,
    void (*fn)(void *arg), void *arg)
{
	struct ev_timer *w = timer_ev(timer);

	timer_stop(timer);
	ev_timer_init(w, timer_fired, (double)ms / 1000.0, 0.0);
	w->data = arg;
	timer->fn = fn;
	timer->loop = loop;
	if (ms == 0) {
		/* Behind the callback that is running, with no system call in
		 * between. */
		ev_feed_event(loop->ev, w, EV_TIMER);
		return;
	}
	/* Bytes that came in time are seen first, however late it is when we
	 * get to look. */
	ev_set_priority(w, LATER);
	/* libev counts from when the turn began, which may be a while ago;
	 * that counts where the time is short. */
	if (ms < EXACT_MS)
		ev_now_update(loop->ev);
	ev_timer_start(loop->ev, w);
}

void
timer_stop(struct timer *timer)
{

	if (timer->loop != NULL)
		ev_timer_stop(timer->loop->ev, timer_ev(timer));
}

bool
timer_running(const struct timer *timer)
{
	const struct ev_timer *w =
	    (const struct ev_timer *)(const void *)timer->watcher.bytes;

	/* One that expired but was not told yet is no longer active, but
	 * pending: its function will still run. */
	return (timer->loop != NULL &&
	    (ev_is_active(w) || ev_is_pending(w)));
}

/* ------------------------------------------------------------------ */
/* Descriptors								*/

static void
watch_fired(struct ev_loop *ev, struct ev_io *w, int events)
{
	struct watch *watch = (struct watch *)(void *)((char *)w -
	    offsetof(struct watch, watcher));
	struct loop *loop = watch->loop;	/* which outlives it */

	(void)ev;
	/* libev has stopped a watcher that it could not arm. */
	if (events & EV_ERROR)
		events = 0;
	clock_event_begins(&loop->clock);
	watch->fn(w->data, (events & EV_READ) != 0, (events & EV_WRITE) != 0);
	clock_event_ends(&loop->clock);
}

/* Is it this that is watched already? */
static bool
is_watched(const struct watch *watch, const struct ev_io *w, int fd,
    int events)
{
	return (watch->loop != NULL && ev_is_active(w) && w->fd == fd &&
	    (w->events & (EV_READ | EV_WRITE)) == events);
}

void
watch_set(struct loop *loop, struct watch *watch, int fd, int wants,
    void (*fn)(void *arg, bool readable, bool writable), void *arg)
{
	struct ev_io *w = watch_ev(watch);
	int events = ((wants & 1) ? EV_READ : 0) | ((wants & 2) ? EV_WRITE : 0);

	if (wants == 0) {
		watch_stop(watch);
		return;
	}
	watch->fn = fn;
	w->data = arg;
	if (is_watched(watch, w, fd, events))
		return;
	if (watch->loop == NULL) {
		ev_io_init(w, watch_fired, fd, events);
	} else if (ev_is_active(w) && w->fd == fd) {
		/* Still the same open file: spare a call to epoll_ctl(2). */
		ev_io_stop(watch->loop->ev, w);
		ev_io_modify(w, events);
	} else {
		ev_io_stop(watch->loop->ev, w);
		ev_io_set(w, fd, events);
	}
	watch->loop = loop;
	ev_io_start(loop->ev, w);
}

void
watch_stop(struct watch *watch)
{

	if (watch->loop != NULL)
		ev_io_stop(watch->loop->ev, watch_ev(watch));
}

/* ------------------------------------------------------------------ */
/* The loop								*/

/* What descriptors there will be, at most. */
static int
most_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur > FD_RESERVE_MAX)
		return (FD_RESERVE_MAX);
	return ((int)limit.rlim_cur);
}

/*
 * libev's largest table grows now, to what it will ever need.  A watcher that
 * is stopped before the turn never reaches epoll.
 */
static void
grow(struct loop *loop, int descriptors)
{
	struct ev_io w;

	if (descriptors < 1)
		return;
	memset(&w, 0, sizeof(w));
	ev_io_init(&w, NULL, descriptors - 1, EV_READ);
	ev_io_start(loop->ev, &w);
	ev_io_stop(loop->ev, &w);
}

/*
 * libev arms watchers after it has looked for pending events and before it
 * waits: that one could not be armed would be told only when something else
 * happens.
 */
static void
about_to_wait(struct ev_loop *ev) EV_NOEXCEPT
{
	const struct loop *loop = ev_userdata(ev);

	if (ev_pending_count(ev) != 0)
		(void)eventfd_write(loop->wake.fd, 1);
}

static void
woken(struct ev_loop *ev, struct ev_io *w, int events)
{
	eventfd_t count;

	(void)ev;
	(void)events;
	(void)eventfd_read(w->fd, &count);
}

/* It watches for as long as the loop lives, and does not keep it running. */
static int
wake_begin(struct loop *loop)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd == -1)
		return (-1);
	ev_io_init(&loop->wake, woken, fd, EV_READ);
	ev_io_start(loop->ev, &loop->wake);
	ev_run(loop->ev, EVRUN_NOWAIT);
	if (!ev_is_active(&loop->wake)) {
		close(fd);
		return (-1);
	}
	ev_unref(loop->ev);
	ev_set_userdata(loop->ev, loop);
	ev_set_loop_release_cb(loop->ev, about_to_wait, NULL);
	return (0);
}

static void
wake_end(struct loop *loop)
{

	ev_ref(loop->ev);
	ev_io_stop(loop->ev, &loop->wake);
	close(loop->wake.fd);
}

struct loop *
loop_create(void)
{
	int descriptors = most_descriptors();
	struct loop *loop;

	if (evmem_begin((size_t)descriptors * FD_RESERVE_BYTES) != 0 ||
	    (loop = calloc(1, sizeof(*loop))) == NULL)
		return (NULL);
	signals_init(&loop->signals);
	loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (loop->ev == NULL) {
		free(loop);
		return (NULL);
	}
	grow(loop, descriptors);
	if (wake_begin(loop) != 0) {
		ev_loop_destroy(loop->ev);
		free(loop);
		return (NULL);
	}
	return (loop);
}

void
loop_free(struct loop *loop)
{

	if (loop == NULL)
		return;
	signals_close(&loop->signals);
	wake_end(loop);
	ev_loop_destroy(loop->ev);
	free(loop);
}

void
loop_run(struct loop *loop)
{

	/* libev returns when nothing is watched; we do not. */
	ev_ref(loop->ev);
	while (!loop->stopped)
		ev_run(loop->ev, 0);
	ev_unref(loop->ev);
	loop->stopped = false;
}

void
loop_stop(struct loop *loop)
{

	loop->stopped = true;
	ev_break(loop->ev, EVBREAK_ALL);
}

void
loop_turn(struct loop *loop, bool wait)
{

	/* What was started with 0 ms outside of a turn is one by itself. */
	if (ev_pending_count(loop->ev) != 0) {
		ev_invoke_pending(loop->ev);
		wait = false;
	}
	ev_run(loop->ev, wait ? EVRUN_ONCE : EVRUN_NOWAIT);
}

static void
turns_end_fired(struct ev_loop *ev, struct ev_check *w, int events)
{
	struct loop *loop = (struct loop *)(void *)((char *)w -
	    offsetof(struct loop, turns_end));

	(void)ev;
	(void)events;
	clock_event_begins(&loop->clock);
	loop->turns_end_fn(w->data);
	clock_event_ends(&loop->clock);
}

void
loop_at_turns_end(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct ev_check *w = &loop->turns_end;

	/* It keeps no loop running: libev does not count it. */
	if (ev_is_active(w)) {
		ev_ref(loop->ev);
		ev_check_stop(loop->ev, w);
	}
	loop->turns_end_fn = fn;
	if (fn == NULL)
		return;
	ev_check_init(w, turns_end_fired);
	ev_set_priority(w, EV_MINPRI);
	w->data = arg;
	ev_check_start(loop->ev, w);
	ev_unref(loop->ev);
}

int
loop_signals(struct loop *loop, const int *signals,
    void (*fn)(void *arg, int signo), void *arg)
{

	return (signals_add(&loop->signals, loop, signals, fn, arg));
}

/* ------------------------------------------------------------------ */
/* What time it is							*/

uint64_t
loop_now_us(const struct loop *loop)
{

	(void)loop;
	return (clock_now_us());
}

uint64_t
loop_wall_us(const struct loop *loop)
{

	(void)loop;
	return (clock_wall_us());
}

uint64_t
loop_event_us(struct loop *loop)
{

	return (clock_event_us(&loop->clock));
}

uint64_t
loop_event_now_us(struct loop *loop)
{

	return (clock_event_now_us(&loop->clock));
}

uint64_t
loop_event_wall_us(struct loop *loop)
{

	return (clock_event_wall_us(&loop->clock));
}
