/* SPDX-License-Identifier: MIT */
/* spool: whole lines pass, in order, round the end, over a death, and whatever
 * a mad process writes into the shared page. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/spool.h"

/* Both sides of one spool, as two processes have it. */
struct pair {
	int fd;
	struct spool putter, getter;
};

static int
set_up(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->fd = spool_memory();
	assert_true(p->fd >= 0);
	assert_int_equal(spool_map(&p->putter, p->fd), 0);
	assert_int_equal(spool_map(&p->getter, p->fd), 0);
	*state = p;
	return (0);
}

static int
tear_down(void **state)
{
	struct pair *p = *state;

	spool_unmap(&p->putter);
	spool_unmap(&p->getter);
	close(p->fd);
	free(p);
	return (0);
}

/* A line of len bytes that begins with its number. */
static void
put(struct spool *spool, unsigned number, size_t len)
{
	char *at, text[16];

	spool_begin(spool);
	at = spool_end(spool);
	assert_true(len >= 10 && spool_room(spool) >= len);
	snprintf(text, sizeof(text), "%08u ", number % 100000000);
	memcpy(at, text, 9);
	memset(at + 9, 'x', len - 10);
	at[len - 1] = '\n';
	spool_put(spool, len, 1);
}

/* The next line is this one; its length. */
static size_t
get(struct spool *spool, unsigned number)
{
	struct frl_bytes lines = spool_lines(spool);
	const uint8_t *end = memchr(lines.data, '\n', lines.len);
	size_t len;

	assert_non_null(end);
	len = (size_t)(end - lines.data) + 1;
	assert_int_equal(strtoul((const char *)lines.data, NULL, 10), number);
	spool_get(spool, len, 1);
	return (len);
}

static size_t
length_of(unsigned number)
{
	return (10 + number * 7919u % 3000);
}

static void
test_empty(void **state)
{
	struct pair *p = *state;

	assert_int_equal(spool_lines(&p->getter).len, 0);
	assert_int_equal(spool_room(&p->putter), SPOOL_SIZE);
	assert_int_equal(spool_waiting(&p->putter), 0);
}

/* Each line is in one piece, wherever it lies. */
static void
test_round_the_end(void **state)
{
	struct pair *p = *state;
	unsigned in, out;

	for (in = out = 0; out < 5000; out++) {
		while (spool_room(&p->putter) >= length_of(in)) {
			put(&p->putter, in, length_of(in));
			in++;
		}
		assert_int_equal(get(&p->getter, out), length_of(out));
	}
	assert_int_equal(p->getter.page->lines_put -
	    p->getter.page->lines_got, in - out);
}

/* In an empty spool a line goes to the memory's begin; behind one that waits it
 * goes behind it. */
static void
test_begins_anew(void **state)
{
	struct pair *p = *state;
	unsigned i;

	for (i = 0; i < 1000; i++) {
		put(&p->putter, 2 * i, length_of(i));
		assert_ptr_equal(spool_lines(&p->putter).data,
		    p->putter.bytes);
		put(&p->putter, 2 * i + 1, 10);
		get(&p->getter, 2 * i);
		spool_begin(&p->putter);
		assert_ptr_equal(spool_end(&p->putter), p->putter.bytes +
		    length_of(i) + 10);
		get(&p->getter, 2 * i + 1);
	}
}

static void
test_filled_to_the_last_byte(void **state)
{
	struct pair *p = *state;
	struct frl_bytes lines;

	put(&p->putter, 1, SPOOL_SIZE);
	assert_int_equal(spool_room(&p->putter), 0);
	lines = spool_lines(&p->getter);
	assert_int_equal(lines.len, SPOOL_SIZE);
	spool_get(&p->getter, lines.len, 1);
	assert_int_equal(spool_room(&p->putter), SPOOL_SIZE);
}

/* Another process puts as fast as it can and is killed: what it left is
 * whole lines without a gap. */
static void
test_putter_is_killed(void **state)
{
	struct pair *p = *state;
	unsigned in, out = 0;
	struct frl_bytes lines;
	pid_t pid = fork();

	assert_true(pid >= 0);
	for (in = 0; pid == 0; ) {
		if (spool_room(&p->putter) >= length_of(in)) {
			put(&p->putter, in, length_of(in));
			in++;
		}
	}
	while (out < 20000)
		if (spool_lines(&p->getter).len != 0)
			get(&p->getter, out++);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	while ((lines = spool_lines(&p->getter)).len != 0) {
		assert_int_equal(lines.data[lines.len - 1], '\n');
		get(&p->getter, out++);
	}
	/* It may have been killed between counting and putting. */
	assert_in_range(p->getter.page->lines_put - out, 0, 1);
}

static void
test_mad_page(void **state)
{
	static const uint64_t mad[] = { 1, SPOOL_SIZE + 1, UINT64_MAX,
		UINT64_MAX / 2, SPOOL_SIZE * 3 };
	struct pair *p = *state;
	struct frl_bytes lines;
	size_t i, k;

	for (i = 0; i < sizeof(mad) / sizeof(mad[0]); i++) {
		for (k = 0; k < sizeof(mad) / sizeof(mad[0]); k++) {
			p->putter.page->put = mad[i];
			p->putter.page->got = mad[k];
			p->putter.page->first = mad[(i + k) % 5];
			lines = spool_lines(&p->getter);
			assert_true(lines.len <= SPOOL_SIZE);
			assert_true((const char *)lines.data + lines.len <=
			    p->getter.bytes + 2 * SPOOL_SIZE);
		}
	}
}

/* Or the getter would die of SIGBUS. */
static void
test_memory_keeps_its_size(void **state)
{
	struct pair *p = *state;

	assert_int_equal(ftruncate(p->fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(p->fd, 1 << 24), -1);
	assert_int_equal(fcntl(p->fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

/* The two sides meet at the flag again and again: who waits is woken. */
static void
test_room_is_never_missed(void **state)
{
	struct pair *p = *state;
	unsigned rounds = 20000, i;
	int wake[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(wake), 0);
	pid = fork();
	assert_true(pid >= 0);
	for (i = 0; pid == 0; ) {
		if (spool_lines(&p->getter).len == 0)
			continue;
		get(&p->getter, i++);
		if (atomic_load(&p->getter.page->wants_room) != 0 &&
		    write(wake[1], "", 1) != 1)
			_exit(1);
	}
	for (i = 0; i < rounds; i++) {
		put(&p->putter, i, 10);
		spool_want_room(&p->putter);
		if (spool_waiting(&p->putter) != 0)
			assert_int_equal(read(wake[0], &byte, 1), 1);
		while (spool_waiting(&p->putter) != 0)
			continue;
		p->putter.page->wants_room = 0;
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(wake[0]);
	close(wake[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty),
		TEST(test_round_the_end),
		TEST(test_begins_anew),
		TEST(test_filled_to_the_last_byte),
		TEST(test_putter_is_killed),
		TEST(test_mad_page),
		TEST(test_memory_keeps_its_size),
		TEST(test_room_is_never_missed),
	};

	alarm(300);	/* a missed wake-up would wait for ever */
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
