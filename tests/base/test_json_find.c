/* SPDX-License-Identifier: MIT */
/*
 * Values in lines: found, absent, and in texts that are cut anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_find.h"

#define LINE "{\"v\":1,\"event\":\"ws.frame\",\"a\":{\"b\":{\"c\":42}," \
    "\"d\":\"x\\\"}{,\"},\"list\":[1,{\"v\":2},\"]\"],\"b\":true," \
    "\"empty\":\"\",\"last\":\"z\"}"

static void
check(const char *path, const char *expected)
{
	struct json_text text = json_find(LINE, sizeof(LINE) - 1, path);

	if (!json_is(text, expected))
		fail_msg("%s: '%.*s' is not '%s'", path, (int)text.len,
		    text.at, expected);
}

static void
test_found(void **state)
{
	(void)state;
	check("v", "1");
	check("event", "ws.frame");
	check("a.b.c", "42");
	check("a.d", "x\\\"}{,");
	check("list", "[1,{\"v\":2},\"]\"]");
	check("b", "true");
	check("last", "z");
	assert_int_equal(json_number(json_find(LINE, sizeof(LINE) - 1,
	    "a.b.c")), 42);
}

static void
test_absent(void **state)
{
	(void)state;
	check("c", "");
	check("a.c", "");
	check("a.b.d", "");
	check("v.x", "");
	check("empty", "");
	check("", "");
	assert_int_equal(json_find("", 0, "v").len, 0);
	assert_int_equal(json_find("[]", 2, "v").len, 0);
}

/* In memory of just that size, for the sanitizer. */
static void
test_cut(void **state)
{
	static const char *const paths[] = { "v", "a.b.c", "a.d", "last",
		"none", "a.none" };
	size_t n, i;

	(void)state;
	for (n = 0; n < sizeof(LINE); n++) {
		char *copy = malloc(n + (n == 0));

		assert_non_null(copy);
		memcpy(copy, LINE, n);
		for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
			struct json_text text = json_find(copy, n, paths[i]);

			assert_true(text.len == 0 || (text.at >= copy &&
			    text.at + text.len <= copy + n));
		}
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_cut),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
