/* SPDX-License-Identifier: MIT */
/* channel, outbox: messages come whole, in order, with their descriptors, and
 * nobody waits for a slow other end. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/channel.h"
#include "net/outbox.h"

struct fixture {
	int ends[2];
	struct loop *loop;
	struct outbox outbox;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(channel_pair(f->ends), 0);
	f->loop = loop_create();
	assert_non_null(f->loop);
	f->outbox.channel = -1;
	*state = f;
	return (0);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	outbox_close(&f->outbox);
	close(f->ends[0]);
	if (f->ends[1] >= 0)
		close(f->ends[1]);
	loop_free(f->loop);
	free(f);
	return (0);
}

static unsigned
open_descriptors(void)
{
	unsigned n = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return (n);
}

static void
test_messages_are_kept_apart(void **state)
{
	struct fixture *f = *state;
	int fds[CHANNEL_FDS_MAX];
	char text[16];
	size_t count;

	assert_int_equal(channel_send(f->ends[0], "one", 3, NULL, 0), 0);
	assert_int_equal(channel_send(f->ends[0], "three", 5, NULL, 0), 0);
	assert_int_equal(channel_receive(f->ends[1], text, sizeof(text), 0,
	    fds, &count), 3);
	assert_int_equal(count, 0);
	assert_int_equal(channel_receive(f->ends[1], text, sizeof(text), 0,
	    fds, &count), 5);
	assert_int_equal(channel_receive(f->ends[1], text, sizeof(text), 0,
	    fds, &count), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
test_descriptors(void **state)
{
	struct fixture *f = *state;
	int fds[CHANNEL_FDS_MAX], pipes[2], got[CHANNEL_FDS_MAX];
	size_t count, i;
	char c;

	assert_int_equal(pipe(pipes), 0);
	for (i = 0; i < CHANNEL_FDS_MAX; i++)
		fds[i] = pipes[1];
	assert_int_equal(channel_send(f->ends[0], "x", 1, fds,
	    CHANNEL_FDS_MAX), 0);
	assert_int_equal(channel_receive(f->ends[1], &c, 1, 1, got, &count),
	    1);
	assert_int_equal(count, CHANNEL_FDS_MAX);
	for (i = 0; i < count; i++) {
		assert_int_equal(fcntl(got[i], F_GETFD), FD_CLOEXEC);
		assert_int_equal(write(got[i], "y", 1), 1);
		assert_int_equal(read(pipes[0], &c, 1), 1);
		close(got[i]);
	}
	assert_int_equal(channel_send(f->ends[0], "x", 1, fds,
	    CHANNEL_FDS_MAX + 1), -1);
	assert_int_equal(errno, EINVAL);
	close(pipes[0]);
	close(pipes[1]);
}

/* A message that does not fit is no message, and leaves no descriptor. */
static void
test_too_long(void **state)
{
	struct fixture *f = *state;
	int got[CHANNEL_FDS_MAX];
	unsigned before = open_descriptors();
	size_t count;
	char c;

	assert_int_equal(channel_send(f->ends[0], "long", 4, f->ends, 1), 0);
	assert_int_equal(channel_receive(f->ends[1], &c, 1, 0, got, &count),
	    -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(count, 0);
	assert_int_equal(open_descriptors(), before);
}

static void
test_other_end_is_gone(void **state)
{
	struct fixture *f = *state;
	int got[CHANNEL_FDS_MAX];
	size_t count;
	char c;

	assert_int_equal(channel_send(f->ends[1], "x", 1, NULL, 0), 0);
	close(f->ends[1]);
	f->ends[1] = -1;
	/* What it said before is heard. */
	assert_int_equal(channel_receive(f->ends[0], &c, 1, 1, got, &count),
	    1);
	assert_int_equal(channel_receive(f->ends[0], &c, 1, 1, got, &count),
	    0);
	assert_int_equal(channel_send(f->ends[0], "x", 1, NULL, 0), -1);
	assert_int_equal(errno, EPIPE);
}

/* ------------------------------------------------------------------ */

static void
receive_numbers(struct fixture *f, uint32_t from, uint32_t to)
{
	int got[CHANNEL_FDS_MAX];
	uint32_t number;
	size_t count;

	while (from < to) {
		if (channel_receive(f->ends[1], &number, sizeof(number), 0,
		    got, &count) < 0) {
			assert_int_equal(errno, EAGAIN);
			loop_turn(f->loop, true);
			continue;
		}
		assert_int_equal(number, from++);
		assert_int_equal(count, 1);
		close(got[0]);
	}
}

/* Far more than a socket holds, each with a descriptor. */
static void
test_outbox_loses_nothing(void **state)
{
	struct fixture *f = *state;
	unsigned before = open_descriptors();
	uint32_t i;

	outbox_open(&f->outbox, f->loop, f->ends[0]);
	for (i = 0; i < 500; i++)
		assert_int_equal(outbox_send(&f->outbox, &i, sizeof(i),
		    f->ends, 1), 0);
	assert_non_null(f->outbox.items);
	receive_numbers(f, 0, 250);
	for (; i < 600; i++)
		assert_int_equal(outbox_send(&f->outbox, &i, sizeof(i),
		    f->ends, 1), 0);
	receive_numbers(f, 250, 600);
	assert_null(f->outbox.items);
	assert_int_equal(open_descriptors(), before);
}

static void
test_outbox_of_who_is_gone(void **state)
{
	struct fixture *f = *state;
	unsigned before;
	uint32_t i;

	assert_int_equal(outbox_send(&f->outbox, "x", 1, NULL, 0), 0);
	outbox_open(&f->outbox, f->loop, f->ends[0]);
	before = open_descriptors();
	for (i = 0; i < 400; i++)
		assert_int_equal(outbox_send(&f->outbox, &i, sizeof(i),
		    f->ends, 1), 0);
	assert_true(open_descriptors() > before);
	close(f->ends[1]);
	f->ends[1] = -1;
	while (f->outbox.items != NULL)
		loop_turn(f->loop, true);
	assert_int_equal(open_descriptors(), before - 1);
	assert_int_equal(outbox_send(&f->outbox, "x", 1, NULL, 0), 0);
}

static void
test_outbox_forgets(void **state)
{
	struct fixture *f = *state;
	unsigned before = open_descriptors();
	uint32_t i;

	outbox_open(&f->outbox, f->loop, f->ends[0]);
	for (i = 0; i < 400; i++)
		assert_int_equal(outbox_send(&f->outbox, &i, sizeof(i),
		    f->ends, 1), 0);
	outbox_close(&f->outbox);
	outbox_close(&f->outbox);
	assert_int_equal(open_descriptors(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_messages_are_kept_apart),
		TEST(test_descriptors),
		TEST(test_too_long),
		TEST(test_other_end_is_gone),
		TEST(test_outbox_loses_nothing),
		TEST(test_outbox_of_who_is_gone),
		TEST(test_outbox_forgets),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
