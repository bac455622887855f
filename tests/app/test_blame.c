/* SPDX-License-Identifier: MIT */
/* blame: whose fault an end was, from a page and an exit status alone; also
 * where the page is what a process that went mad has left. */
#include "app/blame.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WORD(plugin, callback, tunnel) ((uint64_t)(plugin) << 48 | \
	(uint64_t)(callback) << 32 | (tunnel))
#define EXIT(status) ((status) << 8)

static struct crumbs page;

/* Two plugins, one's code behind the other's; nothing has run. */
static int
clean(void **state)
{
	(void)state;
	memset(&page, 0, sizeof(page));
	page.prefix = 0xabcd;
	strcpy(page.plugins[0].name, "first");
	page.plugins[0].from = 0x1000;
	page.plugins[0].to = 0x2000;
	strcpy(page.plugins[1].name, "second");
	page.plugins[1].from = 0x2000;
	page.plugins[1].to = 0x3000;
	return (0);
}

static void
crumb(uint64_t word)
{
	uint64_t n = atomic_load(&page.count);

	atomic_store(&page.now, word);
	atomic_store(&page.ring[n % CRUMBS_KEPT], word);
	atomic_store(&page.count, n + 1);
}

static void
crash(int signo, uint64_t pc, int sender)
{
	page.signo = signo;
	page.pc = pc;
	page.sender = sender;
}

static void
by_crumb(void **state)
{
	struct blame b;

	(void)state;
	assert_false(blame_now(&b, &page));
	crumb(WORD(2, CRUMBS_DATA, 0x11));
	strcpy(page.target, "a.example:443");
	assert_true(blame_now(&b, &page));
	assert_int_equal(b.plugin, 2);
	/* The program counter is in libc, or unknown. */
	crash(SIGSEGV, 0x7000, 0);
	assert_true(blame_end(&b, &page, SIGSEGV, false));
	assert_int_equal(b.plugin, 2);
	assert_string_equal(b.name, "second");
	assert_string_equal(b.callback, "data");
	assert_string_equal(b.tunnel, "0000abcd-00000010");
	assert_string_equal(b.target, "a.example:443");
	assert_string_equal(b.signal, "SIGSEGV");
	assert_string_equal(b.suspects, "");
	/* There was no time for last words. */
	crash(0, 0x1000, 0);
	assert_true(blame_end(&b, &page, SIGBUS, false));
	assert_int_equal(b.plugin, 2);
	assert_string_equal(b.signal, "SIGBUS");
}

static void
by_pc(void **state)
{
	struct blame b;

	(void)state;
	crumb(WORD(2, CRUMBS_DATA, 0x11));
	crash(SIGSEGV, 0x2fff, 0);
	assert_true(blame_end(&b, &page, SIGSEGV, false));
	assert_int_equal(b.plugin, 2);
	assert_string_equal(b.callback, "data");
	/* Its code is the first one's: a thread of it, or a handler. */
	crash(SIGSEGV, 0x1fff, 0);
	assert_true(blame_end(&b, &page, SIGSEGV, false));
	assert_int_equal(b.plugin, 1);
	assert_string_equal(b.name, "first");
	assert_null(b.callback);
	/* Behind the end, and of another crash. */
	crash(SIGSEGV, 0x3000, 0);
	assert_true(blame_end(&b, &page, SIGSEGV, false));
	assert_int_equal(b.plugin, 2);
	crash(SIGBUS, 0x1000, 0);
	assert_true(blame_end(&b, &page, SIGSEGV, false));
	assert_int_equal(b.plugin, 2);
	/* Also while none was called. */
	atomic_store(&page.now, 0);
	crash(SIGFPE, 0x1000, 0);
	assert_true(blame_end(&b, &page, SIGFPE, false));
	assert_int_equal(b.plugin, 1);
	assert_string_equal(b.tunnel, "");
}

/* The newest first, each once, the core's own not at all. */
static void
suspects(void **state)
{
	struct blame b;

	(void)state;
	crash(SIGABRT, 0x9000, 0);
	assert_false(blame_end(&b, &page, SIGABRT, false));
	crumb(WORD(1, CRUMBS_LOAD, 0));
	crumb(WORD(1, CRUMBS_DATA, 1));
	crumb(WORD(2, CRUMBS_HOOK, 2));
	crumb(WORD(1, CRUMBS_DATA, 1));
	crumb(0);
	assert_true(blame_end(&b, &page, SIGABRT, false));
	assert_int_equal(b.plugin, 0);
	assert_string_equal(b.name, "");
	assert_null(b.callback);
	assert_string_equal(b.suspects, "first data 0000abcd-00000000, "
	    "second hook 0000abcd-00000001, first load");
	/* Somebody else's abort(): the program's fault, and nobody's here. */
	crash(SIGABRT, 0x1000, 4711);
	assert_false(blame_end(&b, &page, SIGABRT, false));
}

static void
ends(void **state)
{
	struct blame b;

	(void)state;
	/* In no callback. */
	assert_false(blame_end(&b, &page, EXIT(0), false));
	assert_false(blame_end(&b, &page, EXIT(1), false));
	assert_false(blame_end(&b, &page, SIGKILL, false));
	/* In one: exit() is its fault, what others send is not. */
	crumb(WORD(1, CRUMBS_TIMER, 5));
	assert_true(blame_end(&b, &page, EXIT(0), false));
	assert_string_equal(b.callback, "timer");
	assert_string_equal(b.signal, "");
	assert_non_null(strstr(b.detail, "exit status 0"));
	assert_true(blame_end(&b, &page, EXIT(3), false));
	assert_non_null(strstr(b.detail, "exit status 3"));
	assert_false(blame_end(&b, &page, SIGKILL, false));
	assert_false(blame_end(&b, &page, SIGTERM, false));
	crash(SIGSEGV, 0x1000, 4711);
	assert_false(blame_end(&b, &page, SIGSEGV, false));
	/* Where it hung the signal is ours. */
	assert_true(blame_end(&b, &page, SIGKILL, true));
	assert_non_null(strstr(b.detail, "did not return"));
	assert_string_equal(b.signal, "");
	crash(SIGABRT, 0, 4711);
	assert_true(blame_end(&b, &page, SIGABRT, true));
	/* It did return before the signal came. */
	atomic_store(&page.now, 0);
	assert_false(blame_end(&b, &page, SIGKILL, true));
}

/* Whatever stands on the page, what comes of it is text of its size. */
static void
mad_pages(void **state)
{
	static const uint64_t words[] = { UINT64_MAX, WORD(65, 0, 0),
	    WORD(64, 99, UINT32_MAX), WORD(1, 0xffff, 1) };
	struct blame b;
	size_t i, n;

	(void)state;
	memset(page.plugins[0].name, '\x1b', CRUMBS_NAME_SIZE);
	memset(page.target, 'x', sizeof(page.target));
	page.target[0] = '\n';
	page.plugins[1].from = UINT64_MAX;
	page.plugins[1].to = 0;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		crumb(words[i]);
		crash(SIGSEGV, UINT64_MAX, 0);
		assert_true(blame_end(&b, &page, SIGSEGV, false));
		assert_true(b.name[0] != '\0' && b.callback != NULL);
		for (n = 0; b.name[n] != '\0'; n++)
			assert_true(b.name[n] >= ' ' && b.name[n] < 0x7f);
		assert_int_equal(strlen(b.target), CRUMBS_TARGET_SIZE - 1);
		assert_int_equal(b.target[0], '?');
	}
	atomic_store(&page.now, 0);
	atomic_store(&page.count, UINT64_MAX);
	for (i = 0; i < CRUMBS_KEPT; i++)
		atomic_store(&page.ring[i], WORD(1, CRUMBS_FAREWELL, i + 1));
	assert_true(blame_end(&b, &page, SIGSEGV, false));
	assert_int_equal(b.plugin, 0);
	assert_true(strlen(b.suspects) < sizeof(b.suspects));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(by_crumb, clean),
		cmocka_unit_test_setup(by_pc, clean),
		cmocka_unit_test_setup(suspects, clean),
		cmocka_unit_test_setup(ends, clean),
		cmocka_unit_test_setup(mad_pages, clean),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
