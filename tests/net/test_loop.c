/* SPDX-License-Identifier: MIT */
/*
 * loop -- timers, watches and signals.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/loop.h"

struct probe {
	struct loop *loop;
	struct timer timer;
	struct watch watch;
	unsigned calls, readable, writable;
	unsigned *order, place;
	struct probe *other;	/* to be stopped by this one */
	int signo;
};

static void
probe_fired(void *arg)
{
	struct probe *p = arg;

	p->calls++;
	if (p->order != NULL)
		p->place = ++*p->order;
	if (p->other != NULL)
		timer_stop(&p->other->timer);
}

static void
probe_ready(void *arg, bool readable, bool writable)
{
	struct probe *p = arg;

	p->calls++;
	p->readable += readable;
	p->writable += writable;
	if (p->other != NULL)
		watch_stop(&p->other->watch);
}

static void
test_timers(void **state)
{
	struct probe p[3] = { { .calls = 0 } };
	struct loop *loop = loop_create();
	unsigned order = 0, i;
	uint64_t begin;

	(void)state;
	assert_non_null(loop);
	begin = loop_now_us(loop);
	for (i = 0; i < 3; i++) {
		p[i].order = &order;
		assert_false(timer_running(&p[i].timer));
		timer_start(loop, &p[i].timer, (3 - i) * 20, probe_fired,
		    &p[i]);
		assert_true(timer_running(&p[i].timer));
	}
	while (order < 3)
		loop_turn(loop, true);
	assert_true(loop_now_us(loop) - begin >= 59000);
	assert_int_equal(p[0].place, 3);
	assert_int_equal(p[2].place, 1);
	assert_false(timer_running(&p[0].timer));
	loop_free(loop);
}

/* Not from inside the start, but at the next turn, which does not wait. */
static void
test_timer_at_once(void **state)
{
	struct loop *loop = loop_create();
	struct probe p = { .calls = 0 };

	(void)state;
	timer_start(loop, &p.timer, 0, probe_fired, &p);
	assert_int_equal(p.calls, 0);
	loop_turn(loop, true);
	assert_int_equal(p.calls, 1);
	loop_turn(loop, false);
	assert_int_equal(p.calls, 1);
	loop_free(loop);
}

/* Time that passed outside of the loop does not shorten a timer. */
static void
test_timer_counts_from_now(void **state)
{
	struct loop *loop = loop_create();
	struct probe p = { .calls = 0 };
	uint64_t begin;

	(void)state;
	loop_turn(loop, false);
	usleep(60000);
	begin = loop_now_us(loop);
	timer_start(loop, &p.timer, 50, probe_fired, &p);
	while (p.calls == 0)
		loop_turn(loop, true);
	assert_true(loop_now_us(loop) - begin >= 49000);
	loop_free(loop);
}

static void
test_timer_restart(void **state)
{
	struct loop *loop = loop_create();
	struct probe p = { .calls = 0 }, q = { .calls = 0 };

	(void)state;
	timer_stop(&p.timer);	/* never started: nothing */
	timer_start(loop, &p.timer, 3600000, probe_fired, &p);
	timer_start(loop, &p.timer, 1, probe_fired, &q);
	while (q.calls == 0)
		loop_turn(loop, true);
	assert_int_equal(p.calls, 0);
	timer_start(loop, &p.timer, 0, probe_fired, &p);
	timer_stop(&p.timer);
	assert_false(timer_running(&p.timer));
	loop_turn(loop, false);
	assert_int_equal(p.calls, 0);
	timer_start(loop, &p.timer, UINT64_MAX, probe_fired, &p);
	loop_turn(loop, false);
	assert_int_equal(p.calls, 0);
	timer_stop(&p.timer);
	loop_free(loop);
}

/* A timer that is already due can still be stopped by its neighbour. */
static void
test_timer_stops_timer(void **state)
{
	struct loop *loop = loop_create();
	struct probe p = { .calls = 0 }, q = { .calls = 0, .other = &p };

	(void)state;
	p.other = &q;
	timer_start(loop, &p.timer, 0, probe_fired, &p);
	timer_start(loop, &q.timer, 0, probe_fired, &q);
	loop_turn(loop, true);
	loop_turn(loop, false);
	assert_int_equal(p.calls + q.calls, 1);
	loop_free(loop);
}

static void
stop_timer(void *arg, bool readable, bool writable)
{
	struct probe *p = arg;

	(void)writable;
	p->readable += readable;
	timer_stop(&p->timer);
	watch_stop(&p->watch);
}

/* Bytes that were there before we looked were in time, also where the timer
 * is over since. */
static void
test_watch_before_timer(void **state)
{
	struct loop *loop = loop_create();
	struct probe p = { .calls = 0 };
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	watch_set(loop, &p.watch, ends[0], 1, stop_timer, &p);
	timer_start(loop, &p.timer, 10, probe_fired, &p);
	loop_turn(loop, false);
	assert_int_equal(write(ends[1], "x", 1), 1);
	usleep(20000);
	while (p.readable + p.calls == 0)
		loop_turn(loop, true);
	assert_int_equal(p.readable, 1);
	assert_int_equal(p.calls, 0);
	assert_false(timer_running(&p.timer));
	close(ends[0]);
	close(ends[1]);
	loop_free(loop);
}

static void
free_me(void *arg)
{

	free(arg);
}

static void
test_timer_freed_inside(void **state)
{
	struct loop *loop = loop_create();
	struct timer *timer = calloc(1, sizeof(*timer));

	(void)state;
	assert_non_null(timer);
	timer_start(loop, timer, 0, free_me, timer);
	loop_turn(loop, true);
	loop_free(loop);
}

static void
test_watch(void **state)
{
	struct loop *loop = loop_create();
	struct probe p = { .calls = 0 };
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	watch_set(loop, &p.watch, fds[0], 1, probe_ready, &p);
	loop_turn(loop, false);
	assert_int_equal(p.calls, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	loop_turn(loop, true);
	loop_turn(loop, true);		/* level triggered */
	assert_int_equal(p.readable, 2);
	assert_int_equal(p.writable, 0);
	watch_set(loop, &p.watch, fds[0], 0, probe_ready, &p);
	loop_turn(loop, false);
	assert_int_equal(p.calls, 2);
	watch_set(loop, &p.watch, fds[0], 1, probe_ready, &p);
	loop_turn(loop, true);
	assert_int_equal(p.calls, 3);
	watch_stop(&p.watch);
	watch_stop(&p.watch);
	/* The same watch for another descriptor. */
	watch_set(loop, &p.watch, fds[1], 2, probe_ready, &p);
	loop_turn(loop, true);
	assert_int_equal(p.writable, 1);
	watch_stop(&p.watch);
	close(fds[0]);
	close(fds[1]);
	loop_free(loop);
}

/* The number of a closed descriptor comes again: the new file is watched. */
static void
test_watch_reused_number(void **state)
{
	struct loop *loop = loop_create();
	struct probe p = { .calls = 0 };
	int fds[2], i;

	(void)state;
	for (i = 0; i < 3; i++) {
		p.calls = 0;
		assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
		assert_int_equal(write(fds[1], "x", 1), 1);
		watch_set(loop, &p.watch, fds[0], 1, probe_ready, &p);
		loop_turn(loop, true);
		assert_int_equal(p.calls, 1);
		watch_stop(&p.watch);
		close(fds[0]);
		close(fds[1]);
	}
	loop_free(loop);
}

static void
test_watch_stops_watch(void **state)
{
	struct loop *loop = loop_create();
	struct probe p = { .calls = 0 }, q = { .calls = 0, .other = &p };
	int fds[2];

	(void)state;
	p.other = &q;
	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	watch_set(loop, &p.watch, fds[0], 1, probe_ready, &p);
	watch_set(loop, &q.watch, fds[1], 2, probe_ready, &q);
	loop_turn(loop, true);
	assert_int_equal(p.calls + q.calls, 1);
	watch_stop(&p.watch);
	watch_stop(&q.watch);
	close(fds[0]);
	close(fds[1]);
	loop_free(loop);
}

static void
stop_loop(void *arg)
{
	struct probe *p = arg;

	p->calls++;
	loop_stop(p->loop);
}

static void
test_run_and_stop(void **state)
{
	struct probe p = { .loop = loop_create() };

	(void)state;
	timer_start(p.loop, &p.timer, 5, stop_loop, &p);
	loop_run(p.loop);
	assert_int_equal(p.calls, 1);
	/* It may be run again, and stopped before it runs. */
	timer_start(p.loop, &p.timer, 5, stop_loop, &p);
	loop_run(p.loop);
	assert_int_equal(p.calls, 2);
	loop_stop(p.loop);
	loop_run(p.loop);
	assert_int_equal(p.calls, 2);
	loop_free(p.loop);
}

static void
probe_signal(void *arg, int signo)
{
	struct probe *p = arg;

	p->calls++;
	p->signo = signo;
	loop_stop(p->loop);
}

static void
test_signals(void **state)
{
	const int first[] = { SIGUSR1, 0 }, second[] = { SIGUSR2, SIGHUP, 0 };
	const int many[] = { SIGTERM, SIGINT, SIGQUIT, SIGALRM, SIGWINCH,
		SIGCONT, 0 };
	struct probe p = { .loop = loop_create() }, q = { .loop = p.loop };

	(void)state;
	assert_int_equal(loop_signals(p.loop, first, probe_signal, &p), 0);
	assert_int_equal(loop_signals(p.loop, second, probe_signal, &q), 0);
	assert_int_equal(loop_signals(p.loop, many, probe_signal, &p), -1);
	raise(SIGUSR1);
	assert_int_equal(p.calls, 0);
	loop_run(p.loop);
	assert_int_equal(p.calls, 1);
	assert_int_equal(p.signo, SIGUSR1);
	raise(SIGHUP);
	loop_run(p.loop);
	assert_int_equal(q.calls, 1);
	assert_int_equal(q.signo, SIGHUP);
	loop_free(p.loop);
}

/* Behind what is ready, and behind what that asked for at once. */
static void
asks_at_once(void *arg, bool readable, bool writable)
{
	struct probe *p = arg;

	probe_ready(p, readable, writable);
	p->place = ++*p->order;
	timer_start(p->loop, &p->other->timer, 0, probe_fired, p->other);
	watch_stop(&p->watch);
}

static void
test_turns_end(void **state)
{
	struct loop *loop = loop_create();
	unsigned order = 0;
	struct probe at_once = { .loop = loop, .order = &order };
	struct probe end = { .loop = loop, .order = &order };
	struct probe ready = { .loop = loop, .order = &order,
	    .other = &at_once };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	loop_at_turns_end(loop, probe_fired, &end);
	watch_set(loop, &ready.watch, fds[1], 2, asks_at_once, &ready);
	loop_turn(loop, true);
	assert_int_equal(ready.place, 1);
	assert_int_equal(at_once.place, 2);
	assert_int_equal(end.place, 3);
	loop_turn(loop, false);		/* and in each turn */
	assert_int_equal(end.calls, 2);
	loop_at_turns_end(loop, NULL, NULL);
	loop_turn(loop, false);
	assert_int_equal(end.calls, 2);
	loop_at_turns_end(loop, probe_fired, &end);
	loop_free(loop);
	close(fds[0]);
	close(fds[1]);
}

static void
test_clocks(void **state)
{
	struct loop *loop = loop_create();
	uint64_t now = loop_now_us(loop);

	(void)state;
	assert_true(loop_now_us(loop) >= now);
	/* After 2020. */
	assert_true(loop_wall_us(loop) > UINT64_C(1577836800000000));
	loop_free(loop);
	loop_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_timer_at_once),
		cmocka_unit_test(test_timer_counts_from_now),
		cmocka_unit_test(test_timer_restart),
		cmocka_unit_test(test_timer_stops_timer),
		cmocka_unit_test(test_watch_before_timer),
		cmocka_unit_test(test_timer_freed_inside),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_watch_reused_number),
		cmocka_unit_test(test_watch_stops_watch),
		cmocka_unit_test(test_run_and_stop),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_turns_end),
		cmocka_unit_test(test_clocks),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
