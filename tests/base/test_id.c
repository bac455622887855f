/* SPDX-License-Identifier: MIT */
/* id: a tunnel's name, long and short. */
#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
check(const char *id, const char *brief)
{
	char text[ID_SHORT_SIZE];

	id_shorten(id, text);
	assert_string_equal(text, brief);
}

static void
test_format(void **state)
{
	char id[ID_SIZE];

	(void)state;
	id_format(id, 0x7f3a9c02, 0xa4e);
	assert_string_equal(id, "7f3a9c02-00000a4e");
	id_format(id, 0, UINT32_MAX);
	assert_string_equal(id, "00000000-ffffffff");
}

static void
test_short(void **state)
{
	(void)state;
	check("7f3a9c00-00000a4e", "a4e");
	check("7f3a9c00-00000000", "0");
	check("7f3a9c02-00000a4e", "2-a4e");
	check("7f3a9c10-00000000", "10-0");
	check("7f3a9cff-ffffffff", "ff-ffffffff");
}

/* Whoever tests a plugin may call a tunnel as he likes. */
static void
test_no_id_of_ours(void **state)
{
	(void)state;
	check("", "");
	check("t-1", "t-1");
	check("12345678901", "12345678901");
	check("123456789012", "23456789012");
	check("7f3a9c00+00000a4e", "00+00000a4e");
	check("7f3a9c00-00000a4e1", "0-00000a4e1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_no_id_of_ours),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
