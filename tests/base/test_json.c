/* SPDX-License-Identifier: MIT */
/* json: whatever goes in, valid UTF-8 without control characters comes out. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FFFD "\xef\xbf\xbd"

struct row {
	const char *bytes;
	size_t len;
	const char *string, *plain;
};

#define ROW(in, string, plain) { in, sizeof(in) - 1, string, plain }

static const struct row rows[] = {
	ROW("", "", ""),
	ROW("plain text", "plain text", "plain text"),
	ROW("a\"b\\c", "a\\\"b\\\\c", "a\"b\\x5cc"),
	ROW("\n\r\t", "\\n\\r\\t", "\\x0a\\x0d\\x09"),
	ROW("a\0b\x1b[\x7f", "a\\u0000b\\u001b[\\u007f",
	    "a\\x00b\\x1b[\\x7f"),
	ROW("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"),
	ROW("\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80",
	    "\xe2\x82\xac\xf0\x9f\x98\x80"),
	ROW("\xe2\x80\xa8|\xe2\x80\xa9", "\\u2028|\\u2029",
	    "\\xe2\\x80\\xa8|\\xe2\\x80\\xa9"),
	ROW("\xc2\x9b" "1m\xc2\xa0", "\\u009b1m\xc2\xa0",
	    "\\xc2\\x9b1m\xc2\xa0"),
	/* a lone continuation, overlong, surrogate, above U+10FFFF */
	ROW("x\x80y", "x" FFFD "y", "x" FFFD "y"),
	ROW("\xc0\xaf", FFFD FFFD, FFFD FFFD),
	ROW("\xe0\x80\xaf", FFFD FFFD FFFD, FFFD FFFD FFFD),
	ROW("\xed\xa0\x80", FFFD FFFD FFFD, FFFD FFFD FFFD),
	ROW("\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD, FFFD FFFD FFFD FFFD),
	ROW("\xf5\xff", FFFD FFFD, FFFD FFFD),
	/* cut characters, one mark each */
	ROW("\xe2\x82", FFFD, FFFD),
	ROW("\xf0\x9f\x98" "a", FFFD "a", FFFD "a"),
	ROW("\xe2\xe2\x82\xac", FFFD "\xe2\x82\xac", FFFD "\xe2\x82\xac"),
	ROW("\xf4\x8f\xbf\xbf\xee\x80\x80", "\xf4\x8f\xbf\xbf\xee\x80\x80",
	    "\xf4\x8f\xbf\xbf\xee\x80\x80"),
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Input and output in memory of exactly their size. */
static size_t
write_row(const struct row *row, size_t room, bool plain, char **ret_text,
    struct json *j)
{
	char *in = malloc(row->len + (row->len == 0));
	char *out = malloc(room + (room == 0));
	bool cut;

	assert_non_null(in);
	assert_non_null(out);
	memcpy(in, row->bytes, row->len);
	*j = (struct json){ .at = out, .end = out + room };
	cut = plain ? json_plain(j, in, row->len, 4096) :
	    json_string(j, in, row->len, 4096);
	assert_true(j->full || !cut);
	free(in);
	*ret_text = out;
	return ((size_t)(j->at - out));
}

static void
test_rows(void **state)
{
	struct json j;
	char *out;
	size_t i, n;

	(void)state;
	for (i = 0; i < ROWS; i++) {
		n = write_row(&rows[i], 200, false, &out, &j);
		assert_false(j.full);
		assert_int_equal(n, strlen(rows[i].string) + 2);
		assert_memory_equal(out + 1, rows[i].string, n - 2);
		assert_true(out[0] == '"' && out[n - 1] == '"');
		free(out);
		n = write_row(&rows[i], 200, true, &out, &j);
		assert_int_equal(n, strlen(rows[i].plain));
		assert_memory_equal(out, rows[i].plain, n);
		free(out);
	}
}

/* Text is looked at in strides: every byte at each place of some, beside what it
 * is on its own. */
static void
test_every_byte(void **state)
{
	char text[20], out[256], alone[16];
	size_t len, at;
	int byte;

	(void)state;
	for (byte = 0; byte < 0x80; byte++)
		for (len = 1; len < sizeof(text); len++)
			for (at = 0; at < len; at++) {
				struct json j = { .at = out,
				    .end = out + sizeof(out) };
				struct json one = { .at = alone,
				    .end = alone + sizeof(alone) };
				size_t n;

				memset(text, 'a', len);
				text[at] = (char)byte;
				assert_false(json_string(&one, text + at, 1,
				    1));
				assert_false(json_string(&j, text, len, len));
				n = (size_t)(one.at - alone) - 2;
				assert_int_equal(j.at - out, len + 1 + n);
				assert_memory_equal(out, "\"aaaaaaaaaaaaaaaaa"
				    "aaa", 1 + at);
				assert_memory_equal(out + 1 + at, alone + 1,
				    n);
				assert_memory_equal(out + 1 + at + n,
				    "aaaaaaaaaaaaaaaaaaaa", len - at - 1);
				assert_int_equal(j.at[-1], '"');
			}
}

/* With too little room: full, and a prefix that ends between characters. */
static void
test_no_room(void **state)
{
	struct json j;
	char *out;
	size_t i, n, room;

	(void)state;
	for (i = 0; i < ROWS; i++) {
		for (room = 0; room < strlen(rows[i].plain); room++) {
			n = write_row(&rows[i], room, true, &out, &j);
			assert_true(j.full && n <= room);
			assert_memory_equal(out, rows[i].plain, n);
			assert_int_not_equal(rows[i].plain[n] & 0xc0, 0x80);
			free(out);
		}
		for (room = 0; room < strlen(rows[i].string) + 2; room++) {
			n = write_row(&rows[i], room, false, &out, &j);
			assert_true(j.full && n <= room);
			if (n > 0)
				assert_memory_equal(out + 1, rows[i].string,
				    n - 1);
			free(out);
		}
	}
}

/* The cap counts input bytes and never splits a character. */
static void
test_cap(void **state)
{
	static const char text[] = "a\xe2\x82\xac" "b";
	static const struct {
		size_t cap;
		const char *out;
		bool cut;
	} caps[] = {
		{ 0, "\"\"", true }, { 1, "\"a\"", true },
		{ 2, "\"a\"", true }, { 3, "\"a\"", true },
		{ 4, "\"a\xe2\x82\xac\"", true },
		{ 5, "\"a\xe2\x82\xac" "b\"", false },
		{ 6, "\"a\xe2\x82\xac" "b\"", false },
	};
	char out[64];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		struct json j = { .at = out, .end = out + sizeof(out) };

		assert_int_equal(json_string(&j, text, 5, caps[i].cap),
		    caps[i].cut);
		n = (size_t)(j.at - out);
		assert_int_equal(n, strlen(caps[i].out));
		assert_memory_equal(out, caps[i].out, n);
	}
}

static void
test_numbers(void **state)
{
	static const struct {
		int64_t n;
		const char *text;
	} numbers[] = {
		{ 0, "0" }, { 7, "7" }, { 10, "10" }, { 99, "99" },
		{ 100, "100" }, { 12345, "12345" }, { -1, "-1" },
		{ -100, "-100" }, { INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" },
	};
	char out[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct json j = { .at = out, .end = out + sizeof(out) };

		json_i64(&j, numbers[i].n);
		*j.at = '\0';
		assert_string_equal(out, numbers[i].text);
	}
	struct json j = { .at = out, .end = out + sizeof(out) };

	json_u64(&j, UINT64_MAX);
	json_bool(&j, true);
	json_bool(&j, false);
	json_raw(&j, NULL, 0);
	*j.at = '\0';
	assert_string_equal(out, "18446744073709551615truefalse");
}

/* A number that does not fit leaves nothing, and nothing follows it. */
static void
test_full_stays(void **state)
{
	char out[8] = "";
	struct json j = { .at = out, .end = out + 3 };

	(void)state;
	json_u64(&j, 12345);
	assert_true(j.full);
	json_raw(&j, "a", 1);
	assert_true(json_string(&j, "a", 1, 1));
	assert_ptr_equal(j.at, out);
	assert_int_equal(out[0], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_full_stays),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
