/* SPDX-License-Identifier: MIT */
/* scribe: lines of several spools reach one file, each once and whole. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/scribe.h"

#define SPOOLS 3

struct fixture {
	struct loop *loop;
	struct scribe *scribe;
	struct spool spools[SPOOLS];
	struct scribe_source *sources[SPOOLS];
	unsigned put[SPOOLS], got[SPOOLS];
	unsigned rooms;
	int pipe;			/* the reader's end */
	char line[4096];		/* of what was read, so far */
	size_t len;
	char folder[64], path[96];
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	unsigned i;
	int fd;

	assert_non_null(f);
	strcpy(f->folder, "/tmp/test_scribe.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/out", f->folder);
	f->loop = loop_create();
	assert_non_null(f->loop);
	for (i = 0; i < SPOOLS; i++) {
		fd = spool_memory();
		assert_true(fd >= 0);
		assert_int_equal(spool_map(&f->spools[i], fd), 0);
		close(fd);
	}
	f->pipe = -1;
	*state = f;
	return (0);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	scribe_free(f->scribe);
	for (i = 0; i < SPOOLS; i++)
		spool_unmap(&f->spools[i]);
	if (f->pipe >= 0)
		close(f->pipe);
	loop_free(f->loop);
	unlink(f->path);
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return (0);
}

static void
room(void *arg)
{
	struct fixture *f = arg;

	f->rooms++;
}

static void
begin(struct fixture *f)
{
	struct err err = { "" };
	unsigned i;

	f->scribe = scribe_open(f->loop, f->path, &err);
	if (f->scribe == NULL)
		fail_msg("%s", err.text);
	for (i = 0; i < SPOOLS; i++) {
		f->sources[i] = scribe_add(f->scribe, &f->spools[i], room, f);
		assert_non_null(f->sources[i]);
	}
}

static void
begin_pipe(struct fixture *f)
{
	assert_int_equal(mkfifo(f->path, 0600), 0);
	f->pipe = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(f->pipe >= 0);
	begin(f);
}

/* The next line of a spool: "1 00000042 xxx..." */
static void
put(struct fixture *f, unsigned spool, size_t len)
{
	char *at = spool_end(&f->spools[spool]), text[32];

	assert_true(len > 12 && spool_room(&f->spools[spool]) >= len);
	snprintf(text, sizeof(text), "%u %08u ", spool,
	    f->put[spool]++ % 100000000);
	memcpy(at, text, 11);
	memset(at + 11, 'x', len - 12);
	at[len - 1] = '\n';
	spool_put(&f->spools[spool], len, 1);
}

/* A line that arrived is the next one of its spool, and in one piece. */
static void
take_line(struct fixture *f)
{
	unsigned spool, number;
	const char *x;

	f->line[f->len] = '\0';
	assert_int_equal(sscanf(f->line, "%1u %8u ", &spool, &number), 2);
	assert_true(spool < SPOOLS);
	assert_int_equal(number, f->got[spool]++);
	for (x = f->line + 11; *x == 'x'; x++)
		continue;
	assert_int_equal(*x, '\0');
	f->len = 0;
}

static void
take(struct fixture *f, const char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		assert_true(f->len < sizeof(f->line) - 1);
		if (bytes[i] == '\n')
			take_line(f);
		else
			f->line[f->len++] = bytes[i];
	}
}

/* Up to max bytes of what is in the pipe; how many. */
static size_t
sip(struct fixture *f, size_t max)
{
	char bytes[8192];
	ssize_t n = read(f->pipe, bytes, max < sizeof(bytes) ? max :
	    sizeof(bytes));

	if (n <= 0)
		return (0);
	take(f, bytes, (size_t)n);
	return ((size_t)n);
}

static void
drain(struct fixture *f)
{
	do
		scribe_write(f->scribe);
	while (sip(f, 8192) != 0);
}

static void
all_arrived(struct fixture *f)
{
	unsigned i;

	assert_int_equal(f->len, 0);
	for (i = 0; i < SPOOLS; i++) {
		assert_int_equal(f->got[i], f->put[i]);
		assert_int_equal(f->spools[i].page->lines_got, f->put[i]);
		assert_int_equal(spool_waiting(&f->spools[i]), 0);
	}
}

static void
read_file(struct fixture *f, const char *path)
{
	char bytes[8192];
	FILE *file = fopen(path, "r");
	size_t n;

	assert_non_null(file);
	while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0)
		take(f, bytes, n);
	fclose(file);
}

/* More than a pipe takes, in one write, or it would be refused as a whole:
 * what is written ends inside a line. */
static void
tear(struct fixture *f, unsigned spool)
{
	unsigned i;

	for (i = 0; i < 40; i++)
		put(f, spool, 3001);
	scribe_write(f->scribe);
	assert_int_not_equal(spool_waiting(&f->spools[spool]), 0);
}

static void
test_lines_of_several(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	begin(f);
	for (i = 0; i < 3000; i++) {
		put(f, i % SPOOLS, 13 + i % 500);
		if (i % 7 == 0)
			scribe_write(f->scribe);
	}
	assert_int_equal(scribe_flush(f->scribe, 0), 0);
	read_file(f, f->path);
	all_arrived(f);
}

/* A reader that takes a few bytes at a time tears every line; none is mixed
 * with another one. */
static void
test_slow_pipe(void **state)
{
	struct fixture *f = *state;
	unsigned i, k;

	begin_pipe(f);
	for (i = 0; i < 100; i++)
		for (k = 0; k < SPOOLS; k++)
			put(f, k, 2000 + i);
	for (i = 0; sip(f, 1 + i % 5000) != 0 || i == 0; i++)
		scribe_write(f->scribe);
	drain(f);
	all_arrived(f);
}

/* In every place of a line: another spool's lines wait for its end. */
static void
test_torn_line_is_finished_first(void **state)
{
	struct fixture *f = *state;

	begin_pipe(f);
	tear(f, 2);
	put(f, 0, 100);
	put(f, 1, 100);
	(void)sip(f, 4096);
	scribe_write(f->scribe);
	drain(f);
	all_arrived(f);
}

/* One that always has more than the reader takes; the others have their turn
 * after a pipe or two. */
static void
test_everybody_has_a_turn(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	begin_pipe(f);
	tear(f, 0);
	put(f, 1, 100);
	put(f, 2, 100);
	for (i = 0; i < 60; i++) {
		while (spool_room(&f->spools[0]) >= 3001)
			put(f, 0, 3001);
		(void)sip(f, 8192);
		scribe_write(f->scribe);
	}
	assert_int_equal(f->got[1], 1);
	assert_int_equal(f->got[2], 1);
	drain(f);
	all_arrived(f);
}

static void
test_room_is_told(void **state)
{
	struct fixture *f = *state;

	begin(f);
	put(f, 0, 100);
	scribe_write(f->scribe);
	assert_int_equal(f->rooms, 0);
	spool_want_room(&f->spools[0]);
	scribe_write(f->scribe);	/* nothing was taken */
	assert_int_equal(f->rooms, 0);
	put(f, 0, 100);
	put(f, 1, 100);			/* does not want any */
	scribe_write(f->scribe);
	assert_int_equal(f->rooms, 1);
	read_file(f, f->path);
	all_arrived(f);
}

static void
test_reopen(void **state)
{
	struct fixture *f = *state;
	char old[128];

	begin(f);
	put(f, 0, 100);
	put(f, 1, 100);
	snprintf(old, sizeof(old), "%s.1", f->path);
	assert_int_equal(rename(f->path, old), 0);
	scribe_reopen(f->scribe);	/* what waits goes to the old one */
	put(f, 0, 100);
	put(f, 2, 100);
	scribe_write(f->scribe);
	read_file(f, old);
	assert_int_equal(f->got[0] + f->got[1] + f->got[2], 2);
	read_file(f, f->path);
	all_arrived(f);
	unlink(old);
}

/* The line that the old reader got the beginning of goes whole to the new. */
static void
test_reopen_in_a_line(void **state)
{
	struct fixture *f = *state;
	uint64_t got;

	begin_pipe(f);
	tear(f, 0);
	got = f->spools[0].page->lines_got;
	assert_int_equal(unlink(f->path), 0);
	scribe_reopen(f->scribe);
	while (sip(f, 8192) != 0)
		continue;
	assert_int_equal(f->got[0], got);
	assert_true(f->len != 0);
	f->len = 0;
	put(f, 1, 100);
	assert_int_equal(scribe_flush(f->scribe, 0), 0);
	read_file(f, f->path);
	all_arrived(f);
}

static void
test_reopen_fails(void **state)
{
	struct fixture *f = *state;
	char old[128];

	begin(f);
	put(f, 0, 100);
	snprintf(old, sizeof(old), "%s.1", f->path);
	assert_int_equal(rename(f->path, old), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	scribe_reopen(f->scribe);
	assert_int_equal(f->spools[1].page->trouble, EISDIR);
	put(f, 0, 100);
	assert_int_equal(scribe_flush(f->scribe, 0), 0);
	assert_int_equal(f->spools[0].page->lines_got, 2);
	/* It goes on trying. */
	assert_int_equal(rmdir(f->path), 0);
	while (f->spools[1].page->trouble != 0)
		loop_turn(f->loop, true);
	put(f, 0, 100);
	scribe_write(f->scribe);
	read_file(f, old);
	read_file(f, f->path);
	assert_int_equal(f->got[0], 3);
	unlink(old);
}

/* Lines wait for a file that is not to be had yet. */
static void
test_await(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->path, 0700), 0);
	f->scribe = scribe_await(f->loop, f->path);
	assert_non_null(f->scribe);
	assert_string_equal(scribe_name(f->scribe), f->path);
	f->sources[0] = scribe_add(f->scribe, &f->spools[0], room, f);
	assert_int_equal(f->spools[0].page->trouble, EISDIR);
	put(f, 0, 100);
	assert_int_equal(scribe_flush(f->scribe, 0), -1);
	assert_int_equal(rmdir(f->path), 0);
	while (f->spools[0].page->lines_got == 0)
		loop_turn(f->loop, true);
	assert_int_equal(f->spools[0].page->trouble, 0);
	read_file(f, f->path);
	assert_int_equal(f->got[0], 1);
}

/* Neither the old file nor a new one would keep them: lines wait. */
static void
test_removed_and_not_to_be_had(void **state)
{
	struct fixture *f = *state;

	begin(f);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	put(f, 0, 100);
	assert_int_equal(scribe_flush(f->scribe, 0), -1);
	assert_int_equal(f->spools[1].page->trouble, EISDIR);
	scribe_reopen(f->scribe);
	assert_int_equal(f->spools[0].page->lines_got, 0);
	assert_int_equal(rmdir(f->path), 0);
	while (f->spools[0].page->lines_got == 0)
		loop_turn(f->loop, true);
	assert_int_equal(f->spools[1].page->trouble, 0);
	read_file(f, f->path);
	assert_int_equal(f->got[0], 1);
}

/* What is written into a file without a name is as good as lost. */
static void
test_removed_file(void **state)
{
	struct fixture *f = *state;

	begin(f);
	put(f, 0, 100);
	scribe_write(f->scribe);
	read_file(f, f->path);
	assert_int_equal(unlink(f->path), 0);
	put(f, 0, 100);
	scribe_write(f->scribe);
	read_file(f, f->path);
	all_arrived(f);
}

static void
test_full_disk(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(symlink("/dev/full", f->path), 0);
	begin(f);
	put(f, 0, 100);
	put(f, 1, 100);
	assert_int_equal(scribe_flush(f->scribe, 0), -1);
	assert_int_equal(f->spools[0].page->lines_got, 0);
	/* Whoever has a line, or none. */
	assert_int_equal(f->spools[0].page->trouble, ENOSPC);
	assert_int_equal(f->spools[2].page->trouble, ENOSPC);
	scribe_remove(f->scribe, f->sources[2]);
	f->spools[2].page->trouble = 0;
	f->sources[2] = scribe_add(f->scribe, &f->spools[2], room, f);
	assert_int_equal(f->spools[2].page->trouble, ENOSPC);
	assert_int_equal(unlink(f->path), 0);
	scribe_reopen(f->scribe);
	assert_int_equal(f->spools[2].page->trouble, 0);
	assert_int_equal(scribe_flush(f->scribe, 0), 0);
	read_file(f, f->path);
	all_arrived(f);
}

static void
test_removed_source(void **state)
{
	struct fixture *f = *state;

	begin(f);
	put(f, 0, 100);
	put(f, 1, 100);
	scribe_remove(f->scribe, f->sources[1]);
	put(f, 2, 100);
	scribe_write(f->scribe);
	read_file(f, f->path);
	all_arrived(f);
}

/* Whatever a mad process writes into the page: the others' lines arrive, and
 * no byte of ours that was not in the spool. */
static void
test_mad_putter(void **state)
{
	struct fixture *f = *state;

	begin_pipe(f);
	tear(f, 2);
	/* A part of a line was written; now there is less than that. */
	f->spools[2].page->put = f->spools[2].page->got + 1;
	while (sip(f, 8192) != 0)
		continue;
	f->len = 0;
	scribe_write(f->scribe);
	f->spools[2].page->put = f->spools[2].page->got + SPOOL_SIZE * 5;
	put(f, 0, 100);
	scribe_write(f->scribe);
	assert_int_equal(spool_waiting(&f->spools[0]), 0);
	assert_int_equal(scribe_flush(f->scribe, 0), 0);
	f->spools[2].page->put = f->spools[2].page->got;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines_of_several),
		TEST(test_slow_pipe),
		TEST(test_torn_line_is_finished_first),
		TEST(test_everybody_has_a_turn),
		TEST(test_room_is_told),
		TEST(test_reopen),
		TEST(test_reopen_in_a_line),
		TEST(test_reopen_fails),
		TEST(test_await),
		TEST(test_removed_file),
		TEST(test_removed_and_not_to_be_had),
		TEST(test_full_disk),
		TEST(test_removed_source),
		TEST(test_mad_putter),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
