/* SPDX-License-Identifier: MIT */
/* audit: when nobody is let in, when again, and what is said of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "events_fixture.h"
#include "flow/audit.h"

struct bench {
	struct audit audit;
	struct sink_options log;
	unsigned changes;
};

static void
changed(void *arg)
{
	((struct bench *)arg)->changes++;
}

static void
begin(struct bench *b, struct fixture *f, enum sink_audit how)
{
	struct err err = { "" };

	memset(b, 0, sizeof(*b));
	add_sink(f, f->path, "*", SINK_JSON, SINK_BLOCK);
	b->log = (struct sink_options){ .file = f->path, .audit = how };
	assert_int_equal(audit_begin(&b->audit, f->loop, f->events, &b->log,
	    1, &err), 0);
	audit_on_change(&b->audit, changed, b);
}

static void
line(struct fixture *f)
{
	uint64_t token;

	publish(f, &token);
	events_flush(f->events, 0);
}

static void
fill(struct fixture *f)
{
	(void)unlink(f->path);
	assert_int_equal(symlink("/dev/full", f->path), 0);
	events_reopen(f->events);
	line(f);
}

static void
make_room(struct fixture *f)
{
	assert_int_equal(unlink(f->path), 0);
	events_reopen(f->events);
}

static void
assert_in(struct bench *b)
{
	assert_null(audit_enter(&b->audit));
	assert_false(audit_is_shut(&b->audit));
}

static void
assert_out(struct bench *b)
{
	assert_non_null(audit_enter(&b->audit));
	assert_true(audit_is_shut(&b->audit));
}

static void
full_disk(void **state)
{
	struct fixture *f = *state;
	const char *text;
	struct bench b;
	unsigned i;

	begin(&b, f, SINK_REQUIRED);
	line(f);
	assert_in(&b);
	fill(f);
	for (i = 0; i < 100; i++)
		assert_out(&b);
	audit_tell(&b.audit);
	audit_tell(&b.audit);
	make_room(f);
	assert_in(&b);
	audit_tell(&b.audit);
	audit_tell(&b.audit);
	text = read_log(f, f->path);
	assert_int_equal(count(text, "\"log.broken\""), 1);
	assert_int_equal(count(text, "No space left on device"), 1);
	assert_int_equal(count(text, "\"log.mended\""), 1);
	assert_int_equal(count(text, "\"refused\":100"), 1);
	audit_end(&b.audit);
}

/* Over before anybody looked: who was turned away is told of all the same. */
static void
short_trouble(void **state)
{
	struct fixture *f = *state;
	const char *text;
	struct bench b;

	begin(&b, f, SINK_REQUIRED);
	fill(f);
	assert_out(&b);
	make_room(f);
	assert_in(&b);
	audit_tell(&b.audit);
	text = read_log(f, f->path);
	assert_int_equal(count(text, "\"log.broken\""), 1);
	assert_int_equal(count(text, "\"refused\":1"), 1);
	audit_end(&b.audit);
}

static void
not_required(void **state)
{
	struct fixture *f = *state;
	struct bench b;

	begin(&b, f, SINK_OPTIONAL);
	fill(f);
	assert_in(&b);
	audit_tell(&b.audit);
	assert_in(&b);
	make_room(f);
	audit_tell(&b.audit);
	assert_null(strstr(read_log(f, f->path), "log."));
	audit_end(&b.audit);
}

static void
looks(struct bench *b, struct fixture *f, unsigned n)
{
	while (b->audit.logs[0].still < n)
		loop_turn(f->loop, true);
}

/* A pipe that nobody reads is noticed after a while; that somebody reads it,
 * at once. */
static void
unread_pipe(void **state)
{
	struct fixture *f = *state;
	static char bytes[1 << 16];
	struct bench b;
	int reader;

	assert_int_equal(mkfifo(f->path, 0600), 0);
	reader = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	assert_true(fcntl(reader, F_SETPIPE_SZ, 4096) >= 4096);
	begin(&b, f, SINK_REQUIRED);
	while (events_flush(f->events, 0) == 0)
		line(f);
	looks(&b, f, AUDIT_STILL - 1);
	assert_in(&b);
	assert_int_equal(b.changes, 0);
	looks(&b, f, AUDIT_STILL);
	assert_out(&b);
	assert_int_equal(b.changes, 1);
	while (events_flush(f->events, 0) != 0)
		assert_true(read(reader, bytes, sizeof(bytes)) > 0);
	assert_in(&b);
	audit_end(&b.audit);
	while (events_flush(f->events, 0) != 0)
		assert_true(read(reader, bytes, sizeof(bytes)) > 0);
	close(reader);
}

static void
on_the_board(void **state)
{
	struct fixture *f = *state;
	static struct board board;
	struct bench b;

	begin(&b, f, SINK_OPTIONAL);
	audit_use_board(&b.audit, &board);
	assert_string_equal(board.logs[0].file, f->path);
	assert_int_equal(board.logs[0].required, 0);
	assert_int_equal(board.logs[0].trouble, 0);
	fill(f);
	audit_tell(&b.audit);
	assert_int_equal(board.logs[0].trouble, ENOSPC);
	make_room(f);
	audit_tell(&b.audit);
	assert_int_equal(board.logs[0].trouble, 0);
	audit_use_board(&b.audit, NULL);
	audit_end(&b.audit);
}

static void
names_on_the_board(void **state)
{
	static struct board board;
	char name[BOARD_FILE_SIZE], longer[BOARD_FILE_SIZE + 10];

	(void)state;
	board_name_log(&board, 0, "/a b/\"\\\n\xc3\xa4", 1);
	board_log_file(&board.logs[0], name);
	assert_string_equal(name, "/a b/?????");
	memset(longer, 'x', sizeof(longer));
	strcpy(longer + sizeof(longer) - 6, "/name");
	board_name_log(&board, 1, longer, 1);
	board_log_file(&board.logs[1], name);
	assert_int_equal(strlen(name), BOARD_FILE_SIZE - 1);
	assert_string_equal(name + BOARD_FILE_SIZE - 6, "/name");
	/* Of a mad process. */
	memset(board.logs[2].file, 'x', BOARD_FILE_SIZE);
	board_log_file(&board.logs[2], name);
	assert_int_equal(strlen(name), BOARD_FILE_SIZE - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(full_disk),
		TEST(short_trouble),
		TEST(not_required),
		TEST(unread_pipe),
		TEST(on_the_board),
		cmocka_unit_test(names_on_the_board),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
