/* SPDX-License-Identifier: MIT */
/*
 * proxy_header: what is one, what is none; each whole, byte by byte, cut at
 * every place, and with a connection's bytes behind it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/proxy_header.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define FOUR "\x0a\x00\x00\x07\x0a\x00\x00\x01\x9c\x40\x01\xbb"
#define SIX "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07" \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x9c\x40\x01\xbb"
#define ROW(text) text, sizeof(text) - 1

/* In a piece of memory that ends behind the bytes: ASan sees a step over. */
static enum proxy_header_result
read_copy(struct proxy_header *h, const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len + (len == 0));
	enum proxy_header_result result;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	result = proxy_header_read(h, copy, len);
	free(copy);
	return (result);
}

/* The text of the client, "" where the peer is the client. */
static void
client_of(const struct proxy_header *h, char text[ADDR_PORT_TEXT_SIZE])
{
	text[0] = '\0';
	if (h->named)
		addr_format_port(&h->client, text);
}

static void
good(const char *bytes, size_t len, const char *client)
{
	char text[ADDR_PORT_TEXT_SIZE], more[8192];
	struct proxy_header h;
	size_t i;

	/* However much of it came, it is not whole before its last byte. */
	for (i = 0; i < len; i++)
		if (read_copy(&h, bytes, i) != PROXY_HEADER_MORE)
			fail_msg("%s is whole or bad after %zu of %zu: %s",
			    bytes, i, len, h.detail);
	if (read_copy(&h, bytes, len) != PROXY_HEADER_WHOLE)
		fail_msg("%s: %s", bytes, h.detail);
	assert_int_equal(h.size, len);
	client_of(&h, text);
	assert_string_equal(text, client);
	/* What follows is nobody's business here. */
	memcpy(more, bytes, len);
	memcpy(more + len, "PROXY \r\n\0\n", 10);
	assert_int_equal(read_copy(&h, more, len + 10), PROXY_HEADER_WHOLE);
	assert_int_equal(h.size, len);
	client_of(&h, text);
	assert_string_equal(text, client);
}

/* It is bad, and once it is, it stays so. */
static void
bad(const char *bytes, size_t len)
{
	struct proxy_header h;
	bool was = false;
	size_t i;

	for (i = 0; i <= len; i++) {
		enum proxy_header_result r = read_copy(&h, bytes, i);

		if (r == PROXY_HEADER_WHOLE)
			fail_msg("%s is whole after %zu", bytes, i);
		if (was && r != PROXY_HEADER_BAD)
			fail_msg("%s is good again after %zu", bytes, i);
		was = r == PROXY_HEADER_BAD;
		if (was)
			assert_true(strlen(h.detail) > 10);
	}
	if (!was)
		fail_msg("%s is not bad", bytes);
}

static void
test_v1(void **state)
{
	static const struct {
		const char *line, *client;
	} rows[] = {
		{ "PROXY TCP4 10.0.0.7 10.0.0.1 40000 443\r\n",
		    "10.0.0.7:40000" },
		{ "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
		    "255.255.255.255:65535" },
		{ "PROXY TCP4 10.0.0.7 10.0.0.1 0 0\r\n", "10.0.0.7:0" },
		{ "PROXY TCP6 2001:DB8::7 ::1 40000 443\r\n",
		    "[2001:db8::7]:40000" },
		{ "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
		{ "PROXY UNKNOWN\r\n", "" },
		{ "PROXY UNKNOWN \r\n", "" },
		{ "PROXY UNKNOWN a b  c \r d\r\n", "" },
		/* 107 bytes, the longest there is. */
		{ "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535 "
		    "ffffffffffffffffffffffffffffffffffffffffffffff"
		    "f\r\n", "" },
	};
	size_t i;

	(void)state;
	assert_int_equal(strlen(rows[8].line), PROXY_HEADER_V1_MAX);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		good(rows[i].line, strlen(rows[i].line), rows[i].client);
}

static void
test_v1_bad(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ ROW("GET / HTTP/1.1\r\n\r\n") },
		{ ROW("PROXX TCP4 10.0.0.7 10.0.0.1 40000 443\r\n") },
		{ ROW("proxy TCP4 10.0.0.7 10.0.0.1 40000 443\r\n") },
		{ ROW(" PROXY TCP4 10.0.0.7 10.0.0.1 40000 443\r\n") },
		{ ROW("PROXY\r\n") },
		{ ROW("PROXY \r\n") },
		{ ROW("PROXY \n") },
		{ ROW("PROXY TCP4\r\n") },
		{ ROW("PROXY TCP4 10.0.0.7 10.0.0.1 40000\r\n") },
		{ ROW("PROXY TCP4 10.0.0.7 10.0.0.1 40000 \r\n") },
		{ ROW("PROXY TCP4 10.0.0.7 10.0.0.1 40000 443 \r\n") },
		{ ROW("PROXY TCP4 10.0.0.7 10.0.0.1 40000 443 1\r\n") },
		{ ROW("PROXY TCP4  10.0.0.7 10.0.0.1 40000 443\r\n") },
		{ ROW("PROXY  TCP4 10.0.0.7 10.0.0.1 40000 443\r\n") },
		{ ROW("PROXY TCP4\t10.0.0.7 10.0.0.1 40000 443\r\n") },
		{ ROW("PROXY TCP4 10.0.0.7 10.0.0.1 40000 443\n") },
		{ ROW("PROXY TCP4 10.0.0.7 10.0.0.1 40000 443\r\r\n") },
		{ ROW("PROXY TCP4 10.0.0.7 10.0.0.1 40000 65536\r\n") },
		{ ROW("PROXY TCP4 10.0.0.7 10.0.0.1 65536 443\r\n") },
		{ ROW("PROXY TCP4 10.0.0.7 10.0.0.1 040000 443\r\n") },
		{ ROW("PROXY TCP4 10.0.0.7 10.0.0.1 -1 443\r\n") },
		{ ROW("PROXY TCP4 10.0.0.07 10.0.0.1 40000 443\r\n") },
		{ ROW("PROXY TCP4 10.0.0 10.0.0.1 40000 443\r\n") },
		{ ROW("PROXY TCP4 10.0.0.7 10.0.1 40000 443\r\n") },
		{ ROW("PROXY TCP4 ::1 ::1 40000 443\r\n") },
		{ ROW("PROXY TCP4 [::1] [::1] 40000 443\r\n") },
		{ ROW("PROXY TCP6 10.0.0.7 10.0.0.1 40000 443\r\n") },
		{ ROW("PROXY TCP6 [::1] [::1] 40000 443\r\n") },
		{ ROW("PROXY TCP6 fe80::1%lo ::1 40000 443\r\n") },
		{ ROW("PROXY TCP5 10.0.0.7 10.0.0.1 40000 443\r\n") },
		{ ROW("PROXY UDP4 10.0.0.7 10.0.0.1 40000 443\r\n") },
		{ ROW("PROXY tcp4 10.0.0.7 10.0.0.1 40000 443\r\n") },
		{ ROW("PROXY UNKNOWNS\r\n") },
		{ ROW("PROXY TCP4 10.0.0.7\0 10.0.0.1 40000 443\r\n") },
		/* 108 bytes. */
		{ ROW("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 "
		    "65535 fffffffffffffffffffffffffffffffffffffffffffffffX"
		    "\r\n") },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bad(rows[i].bytes, rows[i].len);
}

static void
test_v2(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *client;
	} rows[] = {
		{ ROW(SIGNATURE "\x21\x11\0\x0c" FOUR), "10.0.0.7:40000" },
		{ ROW(SIGNATURE "\x21\x21\0\x24" SIX), "[2001:db8::7]:40000" },
		/* Fields behind the addresses are skipped, torn ones, too. */
		{ ROW(SIGNATURE "\x21\x11\0\x13" FOUR "\x02\0\x04host"),
		    "10.0.0.7:40000" },
		{ ROW(SIGNATURE "\x21\x11\0\x0e" FOUR "\x02\xff"),
		    "10.0.0.7:40000" },
		{ ROW(SIGNATURE "\x21\0\0\0"), "" },
		{ ROW(SIGNATURE "\x21\0\0\x03" "abc"), "" },
		/* The family of a LOCAL one is ignored. */
		{ ROW(SIGNATURE "\x20\0\0\0"), "" },
		{ ROW(SIGNATURE "\x20\x11\0\x0c" FOUR), "" },
		{ ROW(SIGNATURE "\x20\xff\0\x01x"), "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		good(rows[i].bytes, rows[i].len, rows[i].client);
}

static void
test_v2_bad(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ ROW("\r\n\r\n\0\r\nQUIX\n\x21\x11\0\x0c" FOUR) },
		{ ROW(SIGNATURE "\x11\x11\0\x0c" FOUR) },
		{ ROW(SIGNATURE "\x31\x11\0\x0c" FOUR) },
		{ ROW(SIGNATURE "\x22\x11\0\x0c" FOUR) },
		{ ROW(SIGNATURE "\x21\x12\0\x0c" FOUR) },
		{ ROW(SIGNATURE "\x21\x10\0\x0c" FOUR) },
		{ ROW(SIGNATURE "\x21\x01\0\0") },
		{ ROW(SIGNATURE "\x21\x41\0\x0c" FOUR) },
		{ ROW(SIGNATURE "\x21\x11\0\x0b" FOUR) },
		{ ROW(SIGNATURE "\x21\x11\0\0") },
		{ ROW(SIGNATURE "\x21\x21\0\x23" SIX) },
		{ ROW(SIGNATURE "\x21\x31\0\x01x") },
		{ ROW(SIGNATURE "\x21\x11\x10\x01" FOUR) },
		{ ROW(SIGNATURE "\x20\0\xff\xff") },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bad(rows[i].bytes, rows[i].len);
}

/* The longest block that is waited for; and a UNIX socket's. */
static void
test_v2_long(void **state)
{
	char bytes[16 + PROXY_HEADER_V2_MAX];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, SIGNATURE "\x21\x11\x10\0" FOUR, 28);
	good(bytes, sizeof(bytes), "10.0.0.7:40000");
	memcpy(bytes, SIGNATURE "\x21\x31\0\xd8", 16);
	good(bytes, 16 + 216, "");
}

/* Nothing that begins right makes it read where nothing is. */
static void
test_noise(void **state)
{
	static const char *const starts[] = { "", "PROXY ", "PROXY TCP4 ",
		"PROXY TCP6 ", "PROXY UNKNOWN" };
	struct proxy_header h;
	uint8_t bytes[300];
	unsigned i, j;
	size_t n, len;

	(void)state;
	srandom(1);
	for (i = 0; i < 60000; i++) {
		for (j = 0; j < sizeof(bytes); j++)
			bytes[j] = i % 2 == 0 ? (uint8_t)random() :
			    (uint8_t)"0123456789abcf.: \r\n"[random() % 19];
		n = strlen(starts[i % 5]);
		memcpy(bytes, starts[i % 5], n);
		if (i % 7 == 0)
			memcpy(bytes, SIGNATURE "\x21\x11\0", 15);
		len = (size_t)random() % sizeof(bytes);
		if (read_copy(&h, bytes, len) == PROXY_HEADER_WHOLE)
			assert_true(h.size <= len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_v1_bad),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_v2_bad),
		cmocka_unit_test(test_v2_long),
		cmocka_unit_test(test_noise),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
