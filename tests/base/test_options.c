/* SPDX-License-Identifier: MIT */
/* options: units, defaults, ranges, variables, and what is complained of. */
#include "base/options.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sample {
	bool on;
	uint64_t count, size, wait;
	const char *name, *note;
	uint32_t level;
	struct frl_strings hosts, ports;
};

#define AT(member) offsetof(struct sample, member)

static const struct frl_option table[] = {
	{ .name = "on", .help = "is it on", .def = "true",
	    .type = FRL_OPTION_BOOL, .offset = AT(on) },
	{ .name = "count", .help = "how many", .def = "8", .min = 1,
	    .max = 100, .type = FRL_OPTION_COUNT, .offset = AT(count) },
	{ .name = "size", .help = "how large", .def = "16KiB", .min = 1024,
	    .max = 1536 * 1024, .type = FRL_OPTION_SIZE, .offset = AT(size) },
	{ .name = "wait", .help = "how long", .def = "0",
	    .type = FRL_OPTION_DURATION, .offset = AT(wait) },
	{ .name = "name", .help = "whose", .type = FRL_OPTION_STRING,
	    .offset = AT(name) },
	{ .name = "note", .flags = FRL_OPTION_OPTIONAL,
	    .type = FRL_OPTION_STRING, .offset = AT(note) },
	{ .name = "level", .def = "message",
	    .choices = "frame|message|summary", .type = FRL_OPTION_CHOICE,
	    .offset = AT(level) },
	{ .name = "hosts", .flags = FRL_OPTION_OPTIONAL,
	    .type = FRL_OPTION_LIST, .offset = AT(hosts) },
	{ .name = "ports", .def = "[80, 443]", .type = FRL_OPTION_LIST,
	    .offset = AT(ports) },
	{ .name = NULL },
};

/* Read a text as the table says; the file lives no longer than this. */
static int
read_text(const char *text, struct sample *out, struct yaml_errors *errors)
{
	static const char *const others[] = { "plugin", NULL };
	struct yaml_file *file;
	int result;

	*out = (struct sample){ .count = 0 };
	file = yaml_parse("t", text, strlen(text), errors);
	assert_non_null(file);
	result = options_read(table, out, file, yaml_root(file), NULL, others,
	    errors);
	yaml_free(file);
	assert_int_equal(result, errors->count > 0 ? -1 : 0);
	return (result);
}

static void
test_all(void **state)
{
	struct yaml_errors errors = { .text = NULL };
	struct sample s;

	(void)state;
	assert_int_equal(read_text("on: false\ncount: 100\nsize: 1MiB\n"
	    "wait: 250ms\nname: x\nnote: ''\nlevel: summary\n"
	    "hosts: [a, \"b c\"]\nports: []\nplugin: {any: 1}\n", &s,
	    &errors), 0);
	assert_false(s.on);
	assert_int_equal(s.count, 100);
	assert_int_equal(s.size, 1024 * 1024);
	assert_int_equal(s.wait, 250);
	assert_string_equal(s.name, "x");
	assert_string_equal(s.note, "");
	assert_int_equal(s.level, 2);
	assert_int_equal(s.hosts.count, 2);
	assert_string_equal(s.hosts.items[1], "b c");
	assert_int_equal(s.ports.count, 0);
	options_clear(table, &s);
	options_clear(table, &s);
	assert_null(s.name);
	assert_int_equal(s.hosts.count, 0);
}

static void
test_defaults(void **state)
{
	struct yaml_errors errors = { .text = NULL };
	struct sample s;

	(void)state;
	assert_int_equal(read_text("name: x\n", &s, &errors), 0);
	assert_true(s.on);
	assert_int_equal(s.count, 8);
	assert_int_equal(s.size, 16384);
	assert_int_equal(s.wait, 0);
	assert_null(s.note);
	assert_int_equal(s.level, 1);
	assert_null(s.hosts.items);
	assert_int_equal(s.ports.count, 2);
	assert_string_equal(s.ports.items[0], "80");
	assert_string_equal(s.ports.items[1], "443");
	options_clear(table, &s);
}

/* No node: `where` is what a missing key points at. */
static void
test_nothing(void **state)
{
	struct yaml_errors errors = { .text = NULL };
	struct yaml_file *file = yaml_parse("t", "a: b\n", 5, &errors);
	struct sample s = { .count = 0 };

	(void)state;
	assert_int_equal(options_read(table, &s, file, NULL,
	    yaml_get(yaml_root(file), "a"), NULL, &errors), -1);
	assert_string_equal(errors.text,
	    "t:1:4: name is missing: whose\n    a: b\n       ^\n");
	/* What is right is there nevertheless. */
	assert_int_equal(s.ports.count, 2);
	options_clear(table, &s);
	assert_null(s.ports.items);
	yaml_errors_free(&errors);
	yaml_free(file);
	/* Without any file as well. */
	assert_int_equal(options_read(table, &s, NULL, NULL, NULL, NULL,
	    &errors), -1);
	assert_string_equal(errors.text, "name is missing: whose\n");
	options_clear(table, &s);
	yaml_errors_free(&errors);
	/* A section with nothing in it is an empty map. */
	assert_int_equal(options_read(table + 4, &s, NULL,
	    &(struct yaml_node){ .text = "" }, NULL, NULL, &errors), -1);
	assert_string_equal(errors.text, "name is missing: whose\n");
	options_clear(table, &s);
	yaml_errors_free(&errors);
}

static void
test_complaints(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "cuont: 1\n", "t:1:1: unknown key \"cuont\"; did you mean "
		    "\"count\"?\n    cuont: 1\n    ^\n" },
		{ "plugins: 1\n", "did you mean \"plugin\"?" },
		{ "zebra: 1\n", "t:1:1: unknown key \"zebra\"\n" },
		{ "on: yes\n", "t:1:5: on: \"yes\" is neither true nor" },
		{ "on: \"true\"\n", "because of its quotes" },
		{ "on: [true]\n", "must be one value, not a list" },
		{ "on: {a: 1}\n", "must be one value, not a map" },
		{ "on:\n", "the value is missing" },
		{ "count: '8'\n", "because of its quotes" },
		{ "count: 0\n", "0 is too small: at least 1\n" },
		{ "count: 101\n", "101 is too large: at most 100\n" },
		{ "count: 010\n", "does not begin with 0" },
		{ "count: -1\n", "is not a whole number of 0 or more" },
		{ "count: 8KiB\n", "is not a whole number of 0 or more" },
		{ "count: 18446744073709551616\n", "is too large" },
		{ "size: 16\n", "16 has no unit: B, KiB, MiB or GiB" },
		{ "size: 16KB\n", "\"KB\" is no unit: B, KiB, MiB or GiB" },
		{ "size: 16 KiB\n", "\" KiB\" is no unit" },
		{ "size: 1.5MiB\n",
		    "\"1.5MiB\" is not a whole number of 0 or more" },
		{ "size: 1023B\n", "1023B is too small: at least 1KiB" },
		{ "size: 2MiB\n", "2MiB is too large: at most 1536KiB" },
		{ "size: 17179869184GiB\n", "is too large" },
		{ "wait: 5\n", "5 has no unit: ms, s, m, h or d" },
		{ "wait: 30 seconds\n", "\" seconds\" is no unit" },
		{ "wait: 1M\n", "\"M\" is no unit" },
		{ "wait: s\n", "is not a whole number of 0 or more" },
		{ "level: mesage\n", "\"mesage\" is none of "
		    "frame|message|summary; did you mean \"message\"?" },
		{ "level: x\n", "\"x\" is none of frame|message|summary\n" },
		{ "level: frame|message\n", "is none of" },
		{ "hosts: a\n", "must be a list" },
		{ "hosts: [a, [b]]\n", "t:1:12: hosts: an item must be" },
		{ "hosts: [a, {b: c}]\n", "an item must be a text" },
		{ "note: ${FRL_TEST_UNSET}\n",
		    "t:1:7: note: the variable ${FRL_TEST_UNSET} is not set" },
		{ "note: ${FRL_TEST\n", "\"${\" without \"}\"" },
		{ "note: ${}\n", "names no variable" },
		{ "note: ${a-b}\n", "names no variable" },
		{ "hosts: [x, \"${FRL_TEST_UNSET}\"]\n", "t:1:12: hosts: the" },
		{ "- a\n", "t:1:1: this must be a map" },
		{ "a\n", "t:1:1: this must be a map" },
	};
	struct sample s;
	size_t i;

	(void)state;
	(void)unsetenv("FRL_TEST_UNSET");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yaml_errors errors = { .text = NULL };

		assert_int_equal(read_text(rows[i].text, &s, &errors), -1);
		if (strstr(errors.text, rows[i].expected) == NULL)
			fail_msg("no \"%s\" in:\n%s", rows[i].expected,
			    errors.text);
		/* Part of a list would not be what was written. */
		if (strncmp(rows[i].text, "hosts", 5) == 0)
			assert_int_equal(s.hosts.count, 0);
		options_clear(table, &s);
		yaml_errors_free(&errors);
	}
}

static void
test_all_at_once(void **state)
{
	struct yaml_errors errors = { .text = NULL };
	struct sample s;

	(void)state;
	assert_int_equal(read_text("x: 1\non: 1\ncount: a\nhosts: [a]\n", &s,
	    &errors), -1);
	assert_int_equal(errors.count, 4);	/* and name is missing */
	assert_int_equal(s.hosts.count, 1);
	options_clear(table, &s);
	yaml_errors_free(&errors);
}

static void
test_variables(void **state)
{
	struct yaml_errors errors = { .text = NULL };
	struct sample s;

	(void)state;
	assert_int_equal(setenv("FRL_TEST", "12", 1), 0);
	assert_int_equal(setenv("FRL_TEST_NEST", "${FRL_TEST}", 1), 0);
	assert_int_equal(setenv("FRL_TEST_EMPTY", "", 1), 0);
	assert_int_equal(read_text("count: ${FRL_TEST}\n"
	    "size: ${FRL_TEST}${FRL_TEST}KiB\n"
	    "name: \"a$b${FRL_TEST_NEST}$${FRL_TEST}$\"\n"
	    "note: ${FRL_TEST_EMPTY}\nhosts: ['x${FRL_TEST}y']\n", &s,
	    &errors), 0);
	assert_int_equal(s.count, 12);
	assert_int_equal(s.size, 1212 * 1024);
	assert_string_equal(s.name, "a$b${FRL_TEST}${FRL_TEST}$");
	assert_string_equal(s.note, "");
	assert_string_equal(s.hosts.items[0], "x12y");
	options_clear(table, &s);
}

static void
test_scalars(void **state)
{
	static const struct {
		uint16_t type;
		const char *text;
		uint64_t n;
	} rows[] = {
		{ FRL_OPTION_COUNT, "0", 0 },
		{ FRL_OPTION_COUNT, "18446744073709551615", UINT64_MAX },
		{ FRL_OPTION_SIZE, "0", 0 },
		{ FRL_OPTION_SIZE, "0KiB", 0 },
		{ FRL_OPTION_SIZE, "7B", 7 },
		{ FRL_OPTION_SIZE, "3GiB", (uint64_t)3 << 30 },
		{ FRL_OPTION_DURATION, "5s", 5000 },
		{ FRL_OPTION_DURATION, "2m", 120000 },
		{ FRL_OPTION_DURATION, "1h", 3600000 },
		{ FRL_OPTION_DURATION, "60d", 5184000000 },
	};
	struct frl_option option = { .name = "x" };
	struct frl_strings list;
	struct err err;
	uint64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		option.type = rows[i].type;
		assert_int_equal(options_scalar(&option, rows[i].text, &n,
		    &err), 0);
		assert_true(n == rows[i].n);
	}
	option.type = FRL_OPTION_LIST;
	assert_int_equal(options_scalar(&option, " a b, ,c,", &list, &err), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0], "a b");
	assert_string_equal(list.items[1], "c");
	options_clear((const struct frl_option[]){ option, { .name = NULL } },
	    &list);
	assert_int_equal(options_scalar(&option, "[]", &list, &err), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(options_scalar(&option, "", &list, &err), 0);
	assert_int_equal(list.count, 0);
}

static void
test_nearest(void **state)
{
	static const char *const names[] = { "listen", "limits", "log", "tls",
	    NULL };

	(void)state;
	assert_string_equal(options_nearest("lisen", names), "listen");
	assert_string_equal(options_nearest("lsiten", names), "listen");
	assert_string_equal(options_nearest("limit", names), "limits");
	assert_string_equal(options_nearest("lgo", names), "log");
	assert_null(options_nearest("lstn", (const char *const[]){ "log",
	    NULL }));
	assert_null(options_nearest("zzz", names));
	assert_null(options_nearest("", names));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_complaints),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_nearest),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
