/* SPDX-License-Identifier: MIT */
/* sink: no line is lost without being counted, and nothing waits. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/sink.h"
#include "net/outfile.h"

struct fixture {
	struct loop *loop;
	struct sink *sink;
	char folder[64], path[128], other[128];
	int rooms;
};

static void
has_room(void *arg)
{
	struct fixture *f = arg;
	size_t bytes;

	sink_pending(f->sink, &bytes);
	assert_true(bytes < SINK_ROOM);
	f->rooms++;
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/test_sink.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/events", f->folder);
	snprintf(f->other, sizeof(f->other), "%s/events.1", f->folder);
	f->loop = loop_create();
	assert_non_null(f->loop);
	*state = f;
	return (0);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	sink_free(f->sink);
	loop_free(f->loop);
	unlink(f->path);
	unlink(f->other);
	rmdir(f->folder);
	free(f);
	return (0);
}

static void
open_sink(struct fixture *f, const char *file, enum sink_on_full on_full)
{
	struct sink_options options = { .file = file, .on_full = on_full };
	struct err err = { "" };

	f->sink = sink_open(f->loop, &options, has_room, f, &err);
	if (f->sink == NULL)
		fail_msg("%s", err.text);
}

/* A sink on "-", with fd as standard output for as long as it opens. */
static void
open_stdout(struct fixture *f, int fd, enum sink_on_full on_full)
{
	int saved;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	assert_true(saved >= 0);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0);
	open_sink(f, "-", on_full);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
}

/* A line of len bytes that begins with its number. */
static bool
add(struct fixture *f, unsigned number, size_t len)
{
	struct json j;
	char text[24];

	if (!sink_begin(f->sink, len, &j))
		return (false);
	snprintf(text, sizeof(text), "%08u ", number);
	json_raw(&j, text, 9);
	memset(j.at, 'x', len - 10);
	j.at += len - 10;
	json_raw(&j, "\n", 1);
	sink_commit(f->sink, &j);
	return (true);
}

/* What always holds. */
static struct events_counts
counts(const struct fixture *f)
{
	struct events_counts c = { 0 };
	size_t bytes;

	sink_count(f->sink, &c);
	assert_int_equal(c.produced,
	    c.written + c.dropped + sink_pending(f->sink, &bytes));
	return (c);
}

static size_t
pending(const struct fixture *f)
{
	size_t bytes;

	sink_pending(f->sink, &bytes);
	return (bytes);
}

/* The lines in a file are first, first + 1, ...; returns how many. */
static unsigned
check_file(const char *path, unsigned first, size_t len)
{
	FILE *file = fopen(path, "r");
	static char text[70000];
	unsigned n = 0;

	assert_non_null(file);
	while (fgets(text, sizeof(text), file) != NULL) {
		assert_int_equal(strlen(text), len);
		assert_int_equal(strtoul(text, NULL, 10), first + n);
		n++;
	}
	fclose(file);
	return (n);
}

static void
file_after_a_while(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	mode_t mask = umask(0);

	open_sink(f, f->path, SINK_BLOCK);
	umask(mask);
	assert_true(add(f, 0, 100));
	assert_true(add(f, 1, 100));
	assert_int_equal(check_file(f->path, 0, 100), 0);
	while (pending(f) > 0)
		loop_turn(f->loop, true);
	assert_int_equal(check_file(f->path, 0, 100), 2);
	assert_int_equal(counts(f).written, 2);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static void
stop_waiting(void *arg)
{
	*(bool *)arg = true;
}

/* Before a timer that comes sooner than the delay of other lines. */
static void
text_at_once(void **state)
{
	struct fixture *f = *state;
	struct sink_options options = { .file = f->path,
	    .format = SINK_TEXT };
	struct timer timer = { 0 };
	struct err err;
	bool over = false;

	f->sink = sink_open(f->loop, &options, has_room, f, &err);
	assert_non_null(f->sink);
	assert_true(add(f, 0, 100));
	assert_true(add(f, 1, 100));
	timer_start(f->loop, &timer, SINK_DELAY_MS / 2, stop_waiting, &over);
	while (!over)
		loop_turn(f->loop, true);
	assert_int_equal(check_file(f->path, 0, 100), 2);
}

static void
file_when_a_chunk_is_pending(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	open_sink(f, f->path, SINK_BLOCK);
	for (i = 0; i < 65; i++)
		assert_true(add(f, i, 1000));
	assert_int_equal(pending(f), 65000);
	assert_true(add(f, i, 1000));
	assert_int_equal(pending(f), 0);
	assert_int_equal(check_file(f->path, 0, 1000), 66);
	/* Appended to what is there. */
	sink_free(f->sink);
	open_sink(f, f->path, SINK_BLOCK);
	assert_true(add(f, 66, 1000));
	assert_int_equal(sink_flush(f->sink, 0), 0);
	assert_int_equal(check_file(f->path, 0, 1000), 67);
	assert_int_equal(counts(f).written, 1);
}

static void
lines_of_any_length(void **state)
{
	struct fixture *f = *state;
	struct json j;
	unsigned i;

	open_sink(f, f->path, SINK_BLOCK);
	for (i = 0; i < 10; i++)
		assert_true(add(f, i, SINK_CHUNK));
	/* Begun again for more room; and one that did not fit. */
	assert_true(sink_begin(f->sink, 10, &j));
	assert_true(add(f, i, SINK_CHUNK));
	assert_true(sink_begin(f->sink, 10, &j));
	j.full = true;
	sink_commit(f->sink, &j);
	assert_int_equal(sink_flush(f->sink, 0), 0);
	assert_int_equal(check_file(f->path, 0, SINK_CHUNK), 11);
	assert_int_equal(counts(f).dropped, 1);
	assert_int_equal(counts(f).produced, 12);
}

static void
reopen_after_rename(void **state)
{
	struct fixture *f = *state;

	open_sink(f, f->path, SINK_BLOCK);
	assert_true(add(f, 0, 100));
	assert_int_equal(rename(f->path, f->other), 0);
	assert_true(add(f, 1, 100));
	sink_reopen(f->sink);
	assert_true(add(f, 2, 100));
	assert_int_equal(sink_flush(f->sink, 0), 0);
	assert_int_equal(check_file(f->other, 0, 100), 2);
	assert_int_equal(check_file(f->path, 2, 100), 1);
	/* Where the new one cannot be opened, the old one stays. */
	assert_int_equal(rename(f->path, f->other), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	sink_reopen(f->sink);
	assert_true(add(f, 3, 100));
	assert_int_equal(sink_flush(f->sink, 0), 0);
	assert_int_equal(counts(f).written, 4);
	rmdir(f->path);
}

static void
full_disk(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	assert_int_equal(symlink("/dev/full", f->path), 0);
	open_sink(f, f->path, SINK_BLOCK);
	for (i = 0; !sink_stalled(f->sink); i++)
		assert_true(add(f, i, 1000));
	assert_true(pending(f) > SINK_FULL);
	assert_true(pending(f) <= SINK_FULL + 1000);
	assert_int_equal(sink_flush(f->sink, 0), -1);
	assert_int_equal(counts(f).written, 0);
	unlink(f->path);
	sink_reopen(f->sink);
	assert_false(sink_stalled(f->sink));
	assert_int_equal(f->rooms, 1);
	assert_int_equal(check_file(f->path, 0, 1000), i);
	assert_int_equal(counts(f).written, i);
	assert_int_equal(counts(f).dropped, 0);
}

static void
cannot_open(void **state)
{
	struct fixture *f = *state;
	struct sink_options options = { .file = f->folder };
	struct err err;

	assert_null(sink_open(f->loop, &options, has_room, f, &err));
	assert_non_null(strstr(err.text, f->folder));
	assert_int_equal(mkfifo(f->path, 0600), 0);
	options.file = f->path;
	assert_null(sink_open(f->loop, &options, has_room, f, &err));
	assert_non_null(strstr(err.text, "nobody reads"));
}

/* Read what is there, check that it is the stream of lines of `len` bytes
 * from byte *at on. */
static size_t
read_lines(int fd, size_t *at, size_t len, size_t max)
{
	static char bytes[65536];
	ssize_t n, i;
	char want[24];

	n = read(fd, bytes, max < sizeof(bytes) ? max : sizeof(bytes));
	for (i = 0; i < n; i++, ++*at) {
		size_t column = *at % len;

		snprintf(want, sizeof(want), "%08zu ", *at / len);
		assert_int_equal(bytes[i], column < 9 ? want[column] :
		    column == len - 1 ? '\n' : 'x');
	}
	return (n < 0 ? 0 : (size_t)n);
}

static void
pipe_blocks(void **state)
{
	struct fixture *f = *state;
	int fds[2];
	size_t at = 0;
	unsigned i;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	open_stdout(f, fds[1], SINK_BLOCK);
	/* The description that others share is as it was. */
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	for (i = 0; !sink_stalled(f->sink); i++)
		assert_true(add(f, i, 777));
	assert_true(pending(f) > SINK_FULL);
	/* What still comes is accepted. */
	assert_true(add(f, i++, 777));
	assert_int_equal(sink_flush(f->sink, 1), -1);
	while (at < i * 777) {
		assert_int_equal(sink_stalled(f->sink), f->rooms == 0);
		if (f->rooms == 0)
			assert_true(pending(f) >= SINK_ROOM);
		read_lines(fds[0], &at, 777, 5000);
		loop_turn(f->loop, false);
	}
	assert_int_equal(f->rooms, 1);
	assert_int_equal(counts(f).written, i);
	assert_int_equal(counts(f).dropped, 0);
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	close(fds[0]);
	close(fds[1]);
}

static void
pipe_drops(void **state)
{
	struct fixture *f = *state;
	struct events_counts c;
	uint64_t since = 0;
	int fds[2];
	size_t at = 0;
	unsigned i;

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	open_stdout(f, fds[1], SINK_DROP);
	for (i = 0; add(f, i, 777); i++)
		;
	assert_false(add(f, 0, 777));
	assert_false(sink_stalled(f->sink));
	assert_int_equal(sink_lost(f->sink, &since), 0);
	c = counts(f);
	assert_int_equal(c.produced, i + 2);
	assert_int_equal(c.dropped, 2);
	while (at < i * 777) {
		read_lines(fds[0], &at, 777, SINK_CHUNK);
		loop_turn(f->loop, false);
	}
	assert_int_equal(f->rooms, 1);
	assert_int_equal(sink_lost(f->sink, &since), 2);
	assert_true(since > 0);
	/* The line that was to tell of them may be lost, too. */
	assert_int_equal(sink_lost(f->sink, &since), 2);
	sink_told(f->sink, 2);
	assert_int_equal(sink_lost(f->sink, &since), 0);
	assert_true(add(f, i, 777));
	assert_int_equal(sink_flush(f->sink, 0), 0);
	assert_int_equal(counts(f).written, i + 1);
	close(fds[0]);
	close(fds[1]);
}

static void
pipe_breaks(void **state)
{
	struct fixture *f = *state;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	open_stdout(f, fds[1], SINK_BLOCK);
	assert_true(add(f, 0, 100));
	close(fds[0]);
	assert_int_equal(sink_flush(f->sink, 60000), -1);
	assert_true(add(f, 1, 100));
	assert_int_equal(counts(f).written, 0);
	close(fds[1]);
}

static void
socket_does_not_wait(void **state)
{
	struct fixture *f = *state;
	int fds[2];
	size_t at = 0;
	unsigned i;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    fds), 0);
	open_stdout(f, fds[1], SINK_BLOCK);
	assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	for (i = 0; !sink_stalled(f->sink); i++)
		assert_true(add(f, i, 777));
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	while (at < i * 777) {
		read_lines(fds[0], &at, 777, SINK_CHUNK);
		loop_turn(f->loop, false);
	}
	assert_int_equal(f->rooms, 1);
	assert_int_equal(counts(f).written, i);
	close(fds[0]);
	close(fds[1]);
}

/* A line that went to the old reader in part goes to the new one whole. */
static void
reopen_in_the_middle(void **state)
{
	struct fixture *f = *state;
	size_t at = 0;
	unsigned i;
	int fd;

	assert_int_equal(mkfifo(f->path, 0600), 0);
	fd = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_SETPIPE_SZ, 8192) > 0);
	open_sink(f, f->path, SINK_BLOCK);
	for (i = 0; pending(f) < 3 * SINK_CHUNK; i++)
		assert_true(add(f, i, 777));
	assert_int_equal(rename(f->path, f->other), 0);
	sink_reopen(f->sink);
	assert_int_equal(sink_flush(f->sink, 0), 0);
	while (read_lines(fd, &at, 777, SINK_CHUNK) > 0)
		;
	assert_int_not_equal(at % 777, 0);
	assert_int_equal(check_file(f->path, (unsigned)(at / 777), 777),
	    i - at / 777);
	assert_int_equal(counts(f).written, i);
	close(fd);
}

/* Where a pipe cannot be opened anew, it is still not waited for. */
static void
shared_pipe(void **state)
{
	struct outfile file = { .kind = OUTFILE_SHARED };
	char bytes[4096];
	size_t total = 0;
	ssize_t n;
	int fds[2];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	file.fd = fds[1];
	while ((n = outfile_write(&file, bytes, sizeof(bytes))) > 0)
		total += (size_t)n;
	assert_int_equal(errno, EAGAIN);
	assert_true(total > 0);
	assert_true(read(fds[0], bytes, sizeof(bytes)) > 0);
	assert_true(outfile_write(&file, bytes, sizeof(bytes)) > 0);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(file_after_a_while),
		TEST(text_at_once),
		TEST(file_when_a_chunk_is_pending),
		TEST(lines_of_any_length),
		TEST(reopen_after_rename),
		TEST(full_disk),
		TEST(cannot_open),
		TEST(pipe_blocks),
		TEST(pipe_drops),
		TEST(pipe_breaks),
		TEST(socket_does_not_wait),
		TEST(reopen_in_the_middle),
		TEST(shared_pipe),
	};

	signal(SIGPIPE, SIG_IGN);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
