/* SPDX-License-Identifier: MIT */
/* hang: which time of a worker counts, and when it has been too much. */
#include "app/hang.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define IN(callback) ((uint64_t)1 << 48 | (uint64_t)(callback) << 32)
#define DATA IN(CRUMBS_DATA)

/* The worker, and its times in ms since the call was found. */
struct worker {
	struct hang hang;
	uint64_t wall, ran, waited;
};

static enum hang_news
look(struct worker *w, uint64_t word, char state)
{
	const struct hang_times times = { .wall_us = 5000000 + w->wall * 1000,
	    .ran_us = 700000 + w->ran * 1000,
	    .waited_us = 30000 + w->waited * 1000, .state = state };

	return (hang_judge(&w->hang, 7, word, &times));
}

static struct worker
begun(uint64_t word)
{
	struct worker w = { .wall = 0 };

	assert_int_equal(look(&w, word, 'R'), HANG_NOTHING);
	return (w);
}

static enum hang_news
after(uint64_t word, char state, uint64_t wall, uint64_t ran,
    uint64_t waited)
{
	struct worker w = begun(word);

	w.wall = wall;
	w.ran = ran;
	w.waited = waited;
	return (look(&w, word, state));
}

static void
own_time(void **state)
{
	(void)state;
	assert_int_equal(after(DATA, 'R', 99, 99, 0), HANG_NOTHING);
	assert_int_equal(after(DATA, 'R', 100, 100, 0), HANG_SLOW);
	assert_int_equal(after(DATA, 'S', 99, 0, 0), HANG_NOTHING);
	assert_int_equal(after(DATA, 'S', 100, 0, 0), HANG_SLOW);
	assert_int_equal(after(DATA, 'D', 5000, 0, 4900), HANG_SLOW);
	/* A bit of each is neither. */
	assert_int_equal(after(DATA, 'S', 160, 80, 0), HANG_NOTHING);
}

/* Others have the processor: not the callback's fault, however long. */
static void
starved(void **state)
{
	struct worker w = begun(DATA);

	(void)state;
	assert_int_equal(after(DATA, 'R', 60000, 99, 0), HANG_NOTHING);
	assert_int_equal(after(DATA, 'R', 60000, 99, 59901), HANG_NOTHING);
	assert_int_equal(after(DATA, 'S', 60000, 50, 59900), HANG_NOTHING);
	/* Nor what it has used before the call was found. */
	w.wall = 3600000;
	assert_int_equal(look(&w, DATA, 'R'), HANG_NOTHING);
	assert_int_equal(w.hang.cpu_ms, 0);
	assert_int_equal(w.hang.asleep_ms, 0);
	/* An unknown state: no sleep is assumed. */
	assert_int_equal(after(DATA, 0, 60000, 0, 0), HANG_NOTHING);
}

static void
replaced(void **state)
{
	struct worker w = begun(DATA);

	(void)state;
	assert_int_equal(after(DATA, 'R', 1999, 1999, 0), HANG_SLOW);
	assert_int_equal(after(DATA, 'R', 2000, 2000, 0), HANG_HUNG);
	assert_int_equal(after(DATA, 'S', 2000, 0, 0), HANG_HUNG);
	assert_int_equal(after(DATA, 'S', 2000, 1000, 0), HANG_HUNG);
	assert_int_equal(after(DATA, 'S', 60000, 1000, 58001), HANG_SLOW);
	/* Slow is said once for a call, hung each time. */
	w.wall = w.ran = 150;
	assert_int_equal(look(&w, DATA, 'R'), HANG_SLOW);
	w.wall = w.ran = 1500;
	assert_int_equal(look(&w, DATA, 'R'), HANG_NOTHING);
	w.wall = w.ran = 2500;
	assert_int_equal(look(&w, DATA, 'R'), HANG_HUNG);
	assert_int_equal(look(&w, DATA, 'R'), HANG_HUNG);
}

/* They read files and start libraries. */
static void
loading(void **state)
{
	(void)state;
	assert_int_equal(after(IN(CRUMBS_LOAD), 'R', 9999, 9999, 0),
	    HANG_NOTHING);
	assert_int_equal(after(IN(CRUMBS_LOAD), 'R', 10000, 10000, 0),
	    HANG_HUNG);
	assert_int_equal(after(IN(CRUMBS_UNLOAD), 'S', 9999, 0, 0),
	    HANG_NOTHING);
}

/* Another call, a stopped worker, another process of that number. */
static void
anew(void **state)
{
	struct worker w = begun(DATA);
	struct hang_times times = { .wall_us = 9000000, .ran_us = 3000000 };

	(void)state;
	assert_int_equal(hang_judge(&w.hang, 8, DATA, &times), HANG_NOTHING);
	times.wall_us += 150000;
	times.ran_us += 150000;
	assert_int_equal(hang_judge(&w.hang, 8, DATA, &times), HANG_SLOW);
	assert_int_equal(w.hang.cpu_ms, 150);
	times.ran_us = 1;
	assert_int_equal(hang_judge(&w.hang, 8, DATA, &times), HANG_NOTHING);
	assert_false(w.hang.watching);

	assert_int_equal(after(DATA, 'T', 60000, 60000, 0), HANG_NOTHING);
	assert_int_equal(after(DATA, 't', 60000, 60000, 0), HANG_NOTHING);
	w = begun(DATA);
	w.wall = w.ran = 60000;
	assert_int_equal(look(&w, DATA, 'T'), HANG_NOTHING);
	assert_int_equal(look(&w, DATA, 'R'), HANG_NOTHING);
	w.wall = w.ran = 60100;
	assert_int_equal(look(&w, DATA, 'R'), HANG_SLOW);
}

/* Nothing is looked at where no plugin runs, or one that crashed. */
static void
pages(void **state)
{
	static struct crumbs page;
	struct hang hang = { .watching = true };

	(void)state;
	assert_int_equal(hang_look(&hang, &page, getpid()), HANG_NOTHING);
	assert_false(hang.watching);
	atomic_store(&page.now, DATA);
	atomic_store(&page.outer, 3);
	assert_int_equal(hang_look(&hang, &page, getpid()), HANG_NOTHING);
	assert_true(hang.watching);
	assert_int_equal(hang.outer, 3);
	page.signo = 11;
	assert_int_equal(hang_look(&hang, &page, getpid()), HANG_NOTHING);
	assert_false(hang.watching);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_time),
		cmocka_unit_test(starved),
		cmocka_unit_test(replaced),
		cmocka_unit_test(loading),
		cmocka_unit_test(anew),
		cmocka_unit_test(pages),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
