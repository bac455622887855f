/* SPDX-License-Identifier: MIT */
/* yaml: the subset, what is refused, and what errors look like. */
#include "base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* In memory that ends behind the text. */
static struct yaml_file *
parse(const char *text, size_t len, struct yaml_errors *errors)
{
	char *copy = malloc(len + (len == 0));
	struct yaml_file *file;

	assert_non_null(copy);
	memcpy(copy, text, len);
	file = yaml_parse("t.yaml", copy, len, errors);
	free(copy);
	assert_int_equal(file == NULL, errors->count > 0);
	return (file);
}

static void
assert_refused(const char *text, const char *expected)
{
	struct yaml_errors errors = { .text = NULL };

	assert_null(parse(text, strlen(text), &errors));
	assert_non_null(errors.text);
	if (strstr(errors.text, expected) == NULL)
		fail_msg("no \"%s\" in:\n%s", expected, errors.text);
	yaml_errors_free(&errors);
	assert_int_equal(errors.count, 0);
}

static const char sample[] =
    "# a comment\n"
    "listen: 127.0.0.1:3128\n"
    "quoted: \"true\"\n"
    "map:\n"
    "  inner: {a: 1, b: [x, 'y', |]}\n"
    "list:\n"
    "  - one\n"
    "  - two: 2\n"
    "empty:\n";

static void
test_tree(void **state)
{
	static const char text[] = "listen: 127.0.0.1:3128\r\n"
	    "quoted: \"true\"\n"
	    "map:\n"
	    "  inner: {a: 1, b: [x, 'y']}\n"
	    "list:\n"
	    "  - one\n"
	    "  - two: 2\n"
	    "empty:\n";
	struct yaml_errors errors = { .text = NULL };
	struct yaml_file *file = parse(text, sizeof(text) - 1, &errors);
	const struct yaml_node *root, *node;

	(void)state;
	assert_non_null(file);
	root = yaml_root(file);
	assert_int_equal(root->kind, YAML_MAP);
	assert_int_equal(root->count, 5);
	node = yaml_get(root, "listen");
	assert_string_equal(node->text, "127.0.0.1:3128");
	assert_false(node->quoted);
	assert_int_equal(node->line, 1);
	assert_int_equal(node->column, 9);
	node = yaml_get(root, "quoted");
	assert_true(node->quoted);
	assert_string_equal(node->text, "true");
	node = yaml_get(yaml_get(yaml_get(root, "map"), "inner"), "b");
	assert_int_equal(node->kind, YAML_LIST);
	assert_int_equal(node->count, 2);
	assert_string_equal(node->items[1].text, "y");
	assert_int_equal(node->items[1].line, 4);
	assert_int_equal(node->items[1].column, 24);
	node = yaml_get(root, "list");
	assert_string_equal(node->items[0].text, "one");
	assert_string_equal(yaml_get(&node->items[1], "two")->text, "2");
	assert_string_equal(yaml_get(root, "empty")->text, "");
	assert_null(yaml_get(root, "none"));
	assert_null(yaml_get(NULL, "none"));
	assert_null(yaml_get(node, "one"));
	yaml_free(file);
	yaml_free(NULL);
}

static void
test_empty(void **state)
{
	static const char *const texts[] = { "", "\n", "# x\n", "---\n",
		"--- # x\n...\n", "\xef\xbb\xbf" };
	struct yaml_errors errors = { .text = NULL };
	struct yaml_file *file;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file = parse(texts[i], strlen(texts[i]), &errors);
		assert_non_null(file);
		assert_null(yaml_root(file));
		yaml_free(file);
	}
}

static void
test_refused(void **state)
{
	(void)state;
	assert_refused("a: &x 1\n", "t.yaml:1:4: anchors (&x)");
	assert_refused("a: [&x 1, *x]\n", "t.yaml:1:11: aliases (*x)");
	assert_refused("&x a: 1\n", "anchors");
	assert_refused("a: !!int 1\n", "tags");
	assert_refused("a: !mine {b: 1}\n", "tags (!mine)");
	assert_refused("a: &m [1]\n", "anchors");
	assert_refused("a: 1\n---\nb: 1\n", "t.yaml:2:1: only one document");
	assert_refused("a: 1\nb: 2\na: 3\n",
	    "t.yaml:3:1: the key \"a\" stands here a second time; the first "
	    "is in line 1\n    a: 3\n    ^\n");
	assert_refused("a: {b: 1, \"b\": 1}\n", "t.yaml:1:11: the key");
	assert_refused("[a]: 1\n", "a key must be a scalar");
	assert_refused("? {a: 1}\n: 1\n", "a key must be a scalar");
	assert_refused("a: {b: {? [x] : 1}}\n", "a key must be a scalar");
	assert_refused("a: \"x\\0y\"\n", "NUL");
	assert_refused("a: [1\nb: 2\n", "t.yaml:");
	assert_refused("a: \x01\n", "t.yaml:1:4: ");
	assert_refused("ab: 1\nc: \xff\n", "t.yaml:2:4: ");
	assert_refused("a:\n\t- 1\n", "t.yaml:2:1: ");
}

/* All of them in one go. */
static void
test_all_errors(void **state)
{
	static const char text[] = "a: &x 1\nb: !t 2\nb: 3\n";
	struct yaml_errors errors = { .text = NULL };

	(void)state;
	assert_null(parse(text, sizeof(text) - 1, &errors));
	assert_int_equal(errors.count, 3);
	assert_string_equal(errors.text,
	    "t.yaml:1:4: anchors (&x) are not allowed\n"
	    "    a: &x 1\n"
	    "       ^\n"
	    "t.yaml:2:4: tags (!t) are not allowed\n"
	    "    b: !t 2\n"
	    "       ^\n"
	    "t.yaml:3:1: the key \"b\" stands here a second time; the first "
	    "is in line 2\n"
	    "    b: 3\n"
	    "    ^\n");
	yaml_errors_free(&errors);
}

static void
test_depth(void **state)
{
	struct yaml_errors errors = { .text = NULL };
	char text[50001];
	struct yaml_file *file;

	(void)state;
	memset(text, '[', YAML_DEPTH);
	memset(text + YAML_DEPTH, ']', YAML_DEPTH);
	file = parse(text, 2 * YAML_DEPTH, &errors);
	assert_non_null(file);
	yaml_free(file);
	memset(text, '[', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_refused(text, "t.yaml:1:17: this is nested too deeply");
}

/* Over the bound; a long line; control characters; many errors. */
static void
test_bounds(void **state)
{
	struct yaml_errors errors = { .text = NULL };
	char *big = calloc(1, YAML_SIZE + 2);
	size_t i;

	(void)state;
	assert_non_null(big);
	memset(big, '#', YAML_SIZE + 1);
	assert_refused(big, "larger than 1048576 bytes");
	big[YAML_SIZE] = '\0';
	yaml_free(parse(big, YAML_SIZE, &errors));
	assert_int_equal(errors.count, 0);
	for (i = 0; i < 1000; i++)
		memcpy(big + 6 * i, "k: 1\n\n", 6);
	assert_null(parse(big, 6000, &errors));
	assert_int_equal(errors.count, 999);
	assert_true(errors.len < 50 * 200);
	assert_int_equal(errors.len, strlen(errors.text));
	yaml_errors_free(&errors);
	free(big);
}

static void
test_long_line(void **state)
{
	struct yaml_errors errors = { .text = NULL };
	char text[400];

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "a: [", 4);
	memcpy(text + 200, "b\\\xc3\xbc\x7f, &x c]\n", 13);
	/* DEL is no YAML: the reader stops there, and shows it as '?'. */
	assert_null(parse(text, 213, &errors));
	assert_non_null(strstr(errors.text, "t.yaml:1:204: "));
	assert_non_null(strstr(errors.text, "b\\\xc3\xbc?, &x c]\n"));
	assert_null(strchr(errors.text, 0x7f));
	yaml_errors_free(&errors);
}

static void
test_complain(void **state)
{
	struct yaml_errors errors = { .text = NULL };
	struct yaml_file *file = parse("a: 1\n", 5, &errors);

	(void)state;
	yaml_complain(file, yaml_get(yaml_root(file), "a"), &errors,
	    "bad %s", "\x1b[31m");
	yaml_complain(file, NULL, &errors, "no node");
	yaml_complain(NULL, NULL, &errors, "no file");
	assert_string_equal(errors.text,
	    "t.yaml: no node\nno file\n"
	    "t.yaml:1:4: bad \\x1b[31m\n    a: 1\n       ^\n");
	assert_int_equal(errors.count, 3);
	yaml_errors_free(&errors);
	yaml_free(file);
}

/* Cut everywhere: a tree or an error, never a fault. */
/* Lines of secrets are shown as stars, also what stands below the key. */
static void
test_secrets(void **state)
{
	static const struct {
		const char *line, *shown;
	} rows[] = {
		{ "x: http://me:secret@h", "x: http://*********@h" },
		{ "x: {password: secret, y: 1}", "x: {password:***" },
		{ "x: {token: secret, password: secret}", "x: {token:***" },
		{ "x: {password: secret, token: secret}", "x: {password:***" },
		{ "token:\n  - secret", "    ********" },
		{ "password: |-\n  secret", "    ********" },
		{ "password: x\nsecretly: 1", "    secretly: 1" },
	};
	struct yaml_node node = { .column = 1 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yaml_errors errors = { .text = NULL };
		struct yaml_file *file = yaml_parse("f", rows[i].line,
		    strlen(rows[i].line), &errors);

		assert_non_null(file);
		node.line = strchr(rows[i].line, '\n') == NULL ? 1 : 2;
		yaml_complain(file, &node, &errors, "no");
		assert_non_null(strstr(errors.text, rows[i].shown));
		assert_true(strstr(errors.text, "secret") == NULL ||
		    strstr(errors.text, "secretly") != NULL);
		yaml_errors_free(&errors);
		yaml_free(file);
	}
}

static void
test_cut(void **state)
{
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(sample); n++) {
		struct yaml_errors errors = { .text = NULL };

		yaml_free(parse(sample, n, &errors));
		yaml_errors_free(&errors);
	}
}

static void
test_read(void **state)
{
	struct yaml_errors errors = { .text = NULL };
	char path[] = "/tmp/test_yaml.XXXXXX";
	struct yaml_file *file;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a: 1\n", 5), 5);
	assert_int_equal(close(fd), 0);
	file = yaml_read(path, &errors);
	assert_non_null(file);
	assert_string_equal(yaml_get(yaml_root(file), "a")->text, "1");
	yaml_free(file);
	assert_int_equal(unlink(path), 0);
	assert_null(yaml_read(path, &errors));
	assert_non_null(strstr(errors.text, "cannot read it: No such file"));
	assert_null(yaml_read("/", &errors));
	assert_int_equal(errors.count, 2);
	yaml_errors_free(&errors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_all_errors),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_complain),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_read),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
