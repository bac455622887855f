/* SPDX-License-Identifier: MIT */
/* target: what is one, what is none, and its one text form. */
#include "base/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In a piece of memory that ends behind the text: ASan sees a step over. */
static int
parse(struct target *t, const char *text, size_t len, const char **ret_why)
{
	char *copy = malloc(len + (len == 0));
	int result;

	assert_non_null(copy);
	memcpy(copy, text, len);
	result = target_parse(t, copy, len, ret_why);
	free(copy);
	return (result);
}

static void
test_good(void **state)
{
	static const struct {
		const char *text, *canonical;
		enum target_kind kind;
	} rows[] = {
		{ "example.com:443", "example.com:443", TARGET_NAME },
		{ "EXAMPLE.Com.:1", "example.com:1", TARGET_NAME },
		{ "localhost:65535", "localhost:65535", TARGET_NAME },
		{ "my_service-1:80", "my_service-1:80", TARGET_NAME },
		{ "xn--bcher-kva.example:80", "xn--bcher-kva.example:80",
		    TARGET_NAME },
		{ "1.2.3.com:80", "1.2.3.com:80", TARGET_NAME },
		{ "0xyz:80", "0xyz:80", TARGET_NAME },
		{ "a.1b:80", "a.1b:80", TARGET_NAME },
		{ "127.0.0.1:80", "127.0.0.1:80", TARGET_IPV4 },
		{ "255.255.255.255:80", "255.255.255.255:80", TARGET_IPV4 },
		{ "1.2.3.4.:80", "1.2.3.4:80", TARGET_IPV4 },
		{ "[::1]:80", "[::1]:80", TARGET_IPV6 },
		{ "[2001:DB8:0:0::0001]:80", "[2001:db8::1]:80",
		    TARGET_IPV6 },
		{ "[::ffff:1.2.3.4]:80", "[::ffff:1.2.3.4]:80",
		    TARGET_IPV6 },
	};
	char text[TARGET_TEXT_SIZE];
	struct target t, again;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(&t, rows[i].text, strlen(rows[i].text),
		    &why), 0);
		assert_int_equal(t.kind, rows[i].kind);
		target_format(&t, text, sizeof(text));
		assert_string_equal(text, rows[i].canonical);
		/* The canonical form is its own canonical form. */
		assert_int_equal(parse(&again, text, strlen(text), &why), 0);
		assert_memory_equal(&t, &again, sizeof(t));
	}
	assert_int_equal(parse(&t, "10.2.3.4:80", 11, &why), 0);
	assert_memory_equal(t.address, "\x0a\x02\x03\x04", 4);
}

static void
test_bad(void **state)
{
	static const char *const rows[] = {
		"", ":", "host", "host:", ":443", "443", ".:80", "..:80",
		"host:0", "host:65536", "host:99999", "host:100000",
		"host:18446744073709551617", "host:+443", "host:0443",
		"host: 443", "host:443 ", "host:-1", "host:$p", "host:80:80",
		"host:80/", "host:0x50", "host:80\r\n",
		"user@host:80", "http://host:80", "host/path:80", "ho st:80",
		" host:80", "host\t:80", "ho%73t:80", "ho?st:80", "h#:80",
		"h\x7f:80", "h\x01:80", "b\xc3\xbc" "cher:80", "h\xff:80",
		"a..b:80", ".a:80", "a...:80", "-a:80", "a-:80", "a.-b:80",
		"a.b-.c:80", "a,b:80", "a\\b:80",
		"2130706433:80", "0x7f.1:80", "0177.0.0.1:80", "127.1:80",
		"1.2.3:80", "0x7f000001:80", "0X7F.0X1:80", "a.0x:80",
		"host.1:80", "1.2.3.4.5:80", "256.1.1.1:80", "1.2.3.04:80",
		"1.2.3.4..:80", "08:80",
		"::1:80", "[::1]", "[::1]80", "[::1]x:80", "[::1:80", "[]:80",
		"[", "[]", "[1.2.3.4]:80", "[host]:80", "[::1%25eth0]:80",
		"[fe80::1%eth0]:80", "[::1 ]:80", "[::g]:80", "[::1]]:80",
		"[::ffff:1.2.3]:80", "[1:2:3:4:5:6:7:8:9]:80", "[::1]:",
		"[::1]:0", "[0000:0000:0000:0000:0000:0000:0000:0000:0000]:1",
	};
	struct target t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = NULL;

		if (parse(&t, rows[i], strlen(rows[i]), &why) == 0)
			fail_msg("\"%s\" was taken", rows[i]);
		assert_non_null(why);
	}
}

static void
test_nul(void **state)
{
	struct target t;
	const char *why;

	(void)state;
	assert_int_equal(parse(&t, "good.example\0.evil:80", 21, &why), -1);
	assert_int_equal(parse(&t, "host:80\0", 8, &why), -1);
	assert_int_equal(parse(&t, "[::1\0]:80", 9, &why), -1);
	assert_int_equal(parse(&t, "\0:80", 4, &why), -1);
}

/* n times the letter in labels of 63, then ":80". */
static size_t
long_host(char *text, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		text[i] = i % 64 == 63 ? '.' : 'a';
	memcpy(text + n, ":80", 4);
	return (n + 3);
}

static void
test_lengths(void **state)
{
	struct target t;
	const char *why;
	char text[400], out[TARGET_TEXT_SIZE];

	(void)state;
	assert_int_equal(parse(&t, text, long_host(text, 253), &why), 0);
	target_format(&t, out, sizeof(out));
	assert_string_equal(out, text);
	assert_int_equal(parse(&t, text, long_host(text, 254), &why), -1);
	/* 253 and a trailing dot is still one. */
	long_host(text, 253);
	memcpy(text + 253, ".:80", 5);
	assert_int_equal(parse(&t, text, 257, &why), 0);
	memset(text, 'a', 64);
	memcpy(text + 63, ":80", 3);
	assert_int_equal(parse(&t, text, 66, &why), 0);
	memcpy(text + 63, "a:80", 4);
	assert_int_equal(parse(&t, text, 67, &why), -1);
}

/* A target cut anywhere is another target or none, never a fault. */
static void
test_cut(void **state)
{
	static const char text[] = "[2001:db8::1]:443";
	struct target t;
	const char *why;
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(parse(&t, text, n, &why) == 0, n >= 15);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_cut),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
