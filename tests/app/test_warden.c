/* SPDX-License-Identifier: MIT */
/* warden, bars: when a plugin has failed too often, for whom it is not called
 * then, and until when. */
#include "app/warden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND ((uint64_t)1000000)
#define BEGIN (1000 * SECOND)	/* a machine that is up for a while */

struct scene {
	struct warden warden;
	struct blame told;		/* the last one */
	struct bar bar;
	unsigned times;
};

static void
on_news(void *arg, const struct blame *blame)
{
	((struct scene *)arg)->told = *blame;
}

static void
on_barred(void *arg, const struct bar *bar)
{
	struct scene *s = arg;

	s->bar = *bar;
	s->times++;
}

static void
begin(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->warden.arg = s;
	s->warden.news = on_news;
	s->warden.barred = on_barred;
}

/* It fails so many seconds later.  How often was somebody barred for it? */
static unsigned
fault(struct scene *s, unsigned plugin, const char *callback,
    const char *target, double seconds)
{
	struct blame b = { .plugin = plugin, .callback = callback };
	unsigned before = s->times;

	(void)snprintf(b.name, sizeof(b.name), "p%u", plugin);
	(void)snprintf(b.target, sizeof(b.target), "%s", target);
	warden_count(&s->warden, &b, BEGIN + (uint64_t)(seconds *
	    (double)SECOND));
	return (s->times - before);
}

static bool
held(const struct scene *s, unsigned plugin, const char *host, uint16_t port,
    double seconds)
{
	const struct frl_tunnel tunnel = { .server_name = host,
	    .server_port = port };

	return (bars_search(&s->warden.bars, plugin, host == NULL ? NULL :
	    &tunnel, BEGIN + (uint64_t)(seconds * (double)SECOND)));
}

static void
three_in_a_minute(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	assert_int_equal(fault(&s, 3, "open", "", 0), 0);
	assert_int_equal(fault(&s, 4, "open", "", 1), 0);
	assert_int_equal(fault(&s, 3, "data", "", 30), 0);
	/* The first one is a minute old. */
	assert_int_equal(fault(&s, 3, NULL, "", 60), 0);
	assert_false(held(&s, 3, NULL, 0, 60));
	assert_int_equal(fault(&s, 3, "open", "", 89.9), 1);
	assert_int_equal(s.bar.plugin, 3);
	assert_string_equal(s.bar.target, "");
	assert_int_equal(s.told.kind, BLAME_BARRED);
	assert_int_equal(s.told.seconds, 0);
	assert_string_equal(s.told.name, "p3");
	/* Everywhere and for good; nobody else. */
	assert_true(held(&s, 3, NULL, 0, 90));
	assert_true(held(&s, 3, "a", 1, 1e6));
	assert_false(held(&s, 4, "a", 1, 90));
}

static void
twice_at_one_target(void **state)
{
	const char *data = "data", *hook = "hook";
	struct scene s;

	(void)state;
	begin(&s);
	assert_int_equal(fault(&s, 3, data, "a.example:80", 0), 0);
	/* Another target, another callback, another plugin, none at all. */
	assert_int_equal(fault(&s, 3, data, "a.example:8", 90), 0);
	assert_int_equal(fault(&s, 3, hook, "a.example:80", 180), 0);
	assert_int_equal(fault(&s, 4, data, "a.example:80", 270), 0);
	assert_int_equal(fault(&s, 3, NULL, "a.example:80", 360), 0);
	assert_int_equal(fault(&s, 3, NULL, "a.example:80", 450), 0);
	assert_int_equal(fault(&s, 3, data, "", 510), 0);
	assert_int_equal(fault(&s, 3, data, "a.example:80", 599), 1);
	assert_int_equal(s.bar.plugin, 3);
	assert_string_equal(s.bar.target, "a.example:80");
	assert_int_equal(s.told.seconds, 600);
	assert_string_equal(s.told.target, "a.example:80");
	/* For that target, and ten minutes. */
	assert_true(held(&s, 3, "a.example", 80, 599));
	assert_true(held(&s, 3, "a.example", 80, 1198.9));
	assert_false(held(&s, 3, "a.example", 80, 1199));
	assert_false(held(&s, 3, "a.example", 8, 600));
	assert_false(held(&s, 3, "a.example", 8080, 600));
	assert_false(held(&s, 3, "a.exampl", 80, 600));
	assert_false(held(&s, 3, "a.example.org", 80, 600));
	assert_false(held(&s, 3, NULL, 0, 600));
	assert_false(held(&s, 4, "a.example", 80, 600));
	/* One that is older than ten minutes does not count. */
	assert_int_equal(fault(&s, 3, data, "a.example:80", 1199), 0);
	assert_false(held(&s, 3, "a.example", 80, 1200));
	assert_int_equal(fault(&s, 3, data, "a.example:80", 1798), 1);
	assert_true(held(&s, 3, "a.example", 80, 2397));
	assert_false(held(&s, 3, "a.example", 80, 2398));
}

/* Three at one target in a minute: first for it, then everywhere. */
static void
both(void **state)
{
	const char *data = "data";
	struct scene s;

	(void)state;
	begin(&s);
	assert_int_equal(fault(&s, 3, data, "[::1]:80", 0), 0);
	assert_int_equal(fault(&s, 3, data, "[::1]:80", 1), 1);
	assert_true(held(&s, 3, "[::1]", 80, 2));
	assert_false(held(&s, 3, NULL, 0, 2));
	assert_int_equal(fault(&s, 3, data, "[::1]:80", 2), 2);
	assert_true(held(&s, 3, NULL, 0, 2));
}

/* As many as are remembered; the oldest makes room. */
static void
rings(void **state)
{
	const char *data = "data";
	struct bar bar = { .plugin = 3, .until_us = UINT64_MAX };
	struct scene s;
	char target[32];
	unsigned i;

	(void)state;
	begin(&s);
	assert_int_equal(fault(&s, 3, data, "a:1", 0), 0);
	for (i = 1; i < WARDEN_FAULTS; i++)
		assert_int_equal(fault(&s, i + 3, data, "a:1", i), 0);
	assert_int_equal(fault(&s, 3, data, "a:1", 100), 1);
	assert_int_equal(fault(&s, 1, data, "a:1", 101), 0);
	begin(&s);
	for (i = 0; i <= BARS_MAX; i++) {
		(void)snprintf(bar.target, sizeof(bar.target), "h%u:80", i);
		bars_put(&s.warden.bars, &bar);
	}
	for (i = 0; i <= BARS_MAX; i++) {
		(void)snprintf(target, sizeof(target), "h%u", i);
		assert_int_equal(held(&s, 3, target, 80, 0), i != 0);
	}
}

static void
numbers(void **state)
{
	struct bars bars = { .plugins = 0 };
	struct bar bar = { .plugin = 63 };

	(void)state;
	assert_false(bars_hold(NULL, 1, NULL));
	assert_false(bars_hold(&bars, 63, NULL));
	bars_put(&bars, &bar);
	assert_true(bars_hold(&bars, 63, NULL));
	/* Beyond the bits nobody is barred everywhere, nor for another. */
	bar.plugin = 64;
	bars_put(&bars, &bar);
	assert_false(bars_hold(&bars, 64, NULL));
	assert_false(bars_hold(&bars, 0, NULL));
	assert_false(bars_hold(&bars, 127, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_in_a_minute),
		cmocka_unit_test(twice_at_one_target),
		cmocka_unit_test(both),
		cmocka_unit_test(rings),
		cmocka_unit_test(numbers),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
