/* SPDX-License-Identifier: MIT */
/*
 * loop -- where the kernel has no room to watch a descriptor.
 *
 * epoll_ctl(2) is this file's: it stands before the C library's, for libev as
 * well.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net/loop.h"

#define FOREVER_MS 30000	/* far less than libev waits for nothing */

/* Additions that are to fail. */
static unsigned full;

__attribute__((visibility("default"))) int
epoll_ctl(int ep, int op, int fd, struct epoll_event *event)
{
	if (op == EPOLL_CTL_ADD && full != 0) {
		full--;
		errno = ENOSPC;
		return (-1);
	}
	return ((int)syscall(SYS_epoll_ctl, ep, op, fd, event));
}

struct probe {
	struct watch watch;
	struct timer timer;
	unsigned told, ready, signals, late;
};

static void
probe_ready(void *arg, bool readable, bool writable)
{
	struct probe *p = arg;

	if (readable || writable)
		p->ready++;
	else
		p->told++;
}

static void
probe_late(void *arg)
{
	struct probe *p = arg;

	p->late++;
}

static void
probe_signal(void *arg, int signo)
{
	struct probe *p = arg;

	(void)signo;
	p->signals++;
}

/* It is told at once, though nothing else happens; and may try again. */
static void
test_told(void **state)
{
	struct loop *loop = loop_create();
	struct probe p = { .told = 0 };
	int fds[2];

	(void)state;
	assert_non_null(loop);
	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	timer_start(loop, &p.timer, FOREVER_MS, probe_late, &p);
	full = 1;
	watch_set(loop, &p.watch, fds[1], 2, probe_ready, &p);
	while (p.told == 0 && p.late == 0)
		loop_turn(loop, true);
	assert_int_equal(p.late, 0);
	assert_int_equal(p.ready, 0);
	assert_int_equal(full, 0);
	watch_set(loop, &p.watch, fds[1], 2, probe_ready, &p);
	while (p.ready == 0 && p.late == 0)
		loop_turn(loop, true);
	assert_int_equal(p.told, 1);
	assert_int_equal(p.late, 0);
	watch_stop(&p.watch);
	timer_stop(&p.timer);
	close(fds[0]);
	close(fds[1]);
	loop_free(loop);
}

/* Signals are heard nevertheless. */
static void
test_signals(void **state)
{
	static const int signals[] = { SIGUSR2, 0 };
	struct loop *loop = loop_create();
	struct probe p = { .told = 0 };

	(void)state;
	assert_non_null(loop);
	timer_start(loop, &p.timer, FOREVER_MS, probe_late, &p);
	full = 2;
	assert_int_equal(loop_signals(loop, signals, probe_signal, &p), 0);
	kill(getpid(), SIGUSR2);
	while (p.signals == 0 && p.late == 0)
		loop_turn(loop, true);
	assert_int_equal(p.late, 0);
	assert_int_equal(full, 0);
	timer_stop(&p.timer);
	loop_free(loop);
}

/* A loop that could not be woken is none. */
static void
test_none(void **state)
{
	(void)state;
	full = 1;
	assert_null(loop_create());
	assert_int_equal(full, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_none),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
