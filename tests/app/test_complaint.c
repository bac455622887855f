/* SPDX-License-Identifier: MIT */
/* complaint: what is written there comes on to stderr, and its beginning is
 * kept in whole lines. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/complaint.h"

struct fixture {
	struct loop *loop;
	struct complaint complaint;
	int there;			/* where a child would write */
	int saved, shown;		/* stderr; what came there */
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[] = "/tmp/test_complaint.XXXXXX";

	assert_non_null(f);
	f->loop = loop_create();
	assert_non_null(f->loop);
	f->shown = mkstemp(path);
	assert_true(f->shown >= 0);
	unlink(path);
	f->saved = dup(STDERR_FILENO);
	dup2(f->shown, STDERR_FILENO);
	assert_int_equal(complaint_open(&f->complaint, f->loop, &f->there),
	    0);
	*state = f;
	return (0);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	complaint_close(&f->complaint);
	dup2(f->saved, STDERR_FILENO);
	close(f->saved);
	close(f->shown);
	close(f->there);
	loop_free(f->loop);
	free(f);
	return (0);
}

static void
write_text(const struct fixture *f, const char *text)
{
	assert_int_equal(write(f->there, text, strlen(text)), strlen(text));
}

static void
check_shown(const struct fixture *f, const char *text)
{
	char *found = calloc(1, strlen(text) + 2);
	ssize_t n;

	assert_non_null(found);
	n = pread(f->shown, found, strlen(text) + 1, 0);
	assert_int_equal(n, strlen(text));
	assert_string_equal(found, text);
	free(found);
}

static void
test_lines(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(complaint_text(&f->complaint), "");
	write_text(f, "a.yaml:3:1: no\nfairlead: error: a.yaml: 1 er");
	complaint_hear(&f->complaint);
	write_text(f, "ror\nfairlead: warning: hm\n");
	complaint_say(&f->complaint, "it is %s", "so");
	assert_string_equal(complaint_text(&f->complaint),
	    "a.yaml:3:1: no\na.yaml: 1 error\nit is so\n");
	write_text(f, "fairlead: error: so\n");
	complaint_hear(&f->complaint);
	assert_string_equal(complaint_text(&f->complaint),
	    "a.yaml:3:1: no\na.yaml: 1 error\nit is so\nso\n");
	check_shown(f, "a.yaml:3:1: no\nfairlead: error: a.yaml: 1 error\n"
	    "fairlead: warning: hm\nfairlead: error: it is so\n"
	    "fairlead: error: so\n");
}

static void
test_turns(void **state)
{
	struct fixture *f = *state;

	write_text(f, "by itself\n");
	loop_turn(f->loop, true);
	assert_string_equal(complaint_text(&f->complaint), "by itself\n");
	complaint_forget(&f->complaint);
	assert_string_equal(complaint_text(&f->complaint), "");
	write_text(f, "later\n");
	loop_turn(f->loop, true);
	assert_string_equal(complaint_text(&f->complaint), "");
	check_shown(f, "by itself\nlater\n");
}

static void
test_end(void **state)
{
	struct fixture *f = *state;

	write_text(f, "last words");
	close(f->there);
	complaint_hear(&f->complaint);
	complaint_hear(&f->complaint);
	assert_string_equal(complaint_text(&f->complaint), "last words");
	assert_int_equal(f->complaint.fd, -1);
	complaint_say(&f->complaint, "he is gone");
	assert_string_equal(complaint_text(&f->complaint),
	    "last wordshe is gone\n");
	f->there = open("/dev/null", O_RDONLY);
}

static void
test_too_much(void **state)
{
	struct fixture *f = *state;
	char line[101];
	const char *text;
	size_t i;

	memset(line, 'x', 99);
	line[99] = '\n';
	line[100] = '\0';
	line[7] = '\0';			/* what a mad plugin writes */
	for (i = 0; i < 1000; i++) {
		assert_int_equal(write(f->there, line, 100), 100);
		complaint_hear(&f->complaint);
	}
	text = complaint_text(&f->complaint);
	assert_true(strlen(text) < COMPLAINT_SIZE);
	assert_true(strlen(text) > COMPLAINT_SIZE - 100);
	assert_memory_equal(text, "xxxxxxx?xxx", 11);
	assert_non_null(strstr(text, "\n... (the rest is on stderr"));
	assert_int_equal(lseek(f->shown, 0, SEEK_END), 100000);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_turns, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_much, set_up,
		    tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
