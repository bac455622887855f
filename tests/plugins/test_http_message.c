/* SPDX-License-Identifier: MIT */
/*
 * test_http_message -- chunked bodies, whole, byte by byte and cut at every
 * place: the same bytes belong to the message, the same bodies are bad.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../plugins/http/message.h"

#define X16 "xxxxxxxxxxxxxxxx"
#define X256 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16

struct body {
	const char *text;
	size_t len;		/* 0: strlen */
	int whole;		/* bytes of the message; -1: bad; -2: more */
};

static const struct body bodies[] = {
	{ "0\r\n\r\n", 0, 5 },
	{ "0\r\n\r\nGET / HTTP/1.1\r\n", 0, 5 },
	{ "5\r\nhello\r\n0\r\n\r\n", 0, 15 },
	{ "5\r\nhello\r\n0\r\n\r\n0\r\n\r\n", 0, 15 },
	{ "005\r\nhello\r\n000\r\n\r\n", 0, 19 },
	{ "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", 0, 35 },
	{ "2\r\n\r\n\r\n0\r\n\r\n", 0, 12 },
	{ "1\r\n\n\r\n0\r\n\r\n", 0, 11 },
	{ "5;a\r\nhello\r\n0\r\n\r\n", 0, 17 },
	{ "5;a;c=\"d\"\r\nhello\r\n0;e\r\n\r\n", 0, 25 },
	{ "0\r\nX: y\r\nZ: a b\r\n\r\n", 0, 19 },
	{ "5\r\nhello", 0, -2 },
	{ "5\r\nhello\r\n0\r\n", 0, -2 },
	{ "ffffffffffffff\r\nx", 0, -2 },
	/* 27: sizes */
	{ "0x5\r\nhello\r\n", 0, -1 },
	{ "+5\r\nhello\r\n", 0, -1 },
	{ "-5\r\nhello\r\n", 0, -1 },
	{ " 5\r\nhello\r\n", 0, -1 },
	{ "5 \r\nhello\r\n", 0, -1 },
	{ "1_0\r\nhello\r\n", 0, -1 },
	{ "\r\nhello\r\n", 0, -1 },
	{ ";a\r\nhello\r\n", 0, -1 },
	{ "g\r\n", 0, -1 },
	{ "10000000000000005\r\nhello\r\n", 0, -1 },
	{ "00000000000000005\r\nhello\r\n", 0, -1 },
	{ "0000000000000005\r\nhello\r\n0000000000000000;a\r\n"
	    "00112233445566778899: x\r\n\r\n", 0, 72 },
	{ "5\r\nhello\r\n00000000000000000\r\n\r\n", 0, -1 },
	{ "3fffffffffffffff\r\nx", 0, -2 },
	{ "4000000000000000\r\nx", 0, -1 },
	{ "8000000000000000\r\nx", 0, -1 },
	{ "ffffffffffffffff\r\nx", 0, -1 },
	/* 28: extensions */
	{ "5;a\nhello\r\n0\r\n\r\n", 0, -1 },
	{ "5\nhello\r\n0\r\n\r\n", 0, -1 },
	{ "5;a\rb\r\nhello\r\n", 0, -1 },
	{ "5;a\0b\r\nhello\r\n", 15, -1 },
	{ "5;a=\"\r\n\"\r\nhello\r\n", 0, -1 },
	{ "5;a=" X256 X16 X16 "\r\nhello\r\n", 0, -1 },
	{ "0;a=" X256 X16 X16 "\r\n\r\n", 0, -1 },
	/* 29: behind the data */
	{ "5\r\nhelloXX0\r\n\r\n", 0, -1 },
	{ "5\r\nhello\r\r\n0\r\n\r\n", 0, -1 },
	{ "5\r\nhello\n0\r\n\r\n", 0, -1 },
	{ "5\r\nhello0\r\n\r\n", 0, -1 },
	/* 45 and others: trailers */
	{ "0\r\nContent-Length: 5\r\n\r\n", 0, -1 },
	{ "0\r\ntransfer-encoding: chunked\r\n\r\n", 0, -1 },
	{ "0\r\nX: y\r\nHOST: a\r\n\r\n", 0, -1 },
	{ "0\r\nProxy-Authentication-Info: x\r\n\r\n", 0, -1 },
	{ "0\r\nTE: trailers\r\n\r\n", 0, -1 },
	{ "0\r\nExpect: 100-continue\r\n\r\n", 0, -1 },
	{ "0\r\nTEA: x\r\nProxy-Authentication-Infos: x\r\n\r\n", 0, 44 },
	{ "0\r\nX: y\r\n folded\r\n\r\n", 0, -1 },
	{ "0\r\nX : y\r\n\r\n", 0, -1 },
	{ "0\r\n: y\r\n\r\n", 0, -1 },
	{ "0\r\nX: y\n\r\n", 0, -1 },
	{ "0\r\nX: y\r\n\n", 0, -1 },
	{ "0\r\nX: \x01\r\n\r\n", 0, -1 },
	{ "0\r\nno colon\r\n\r\n", 0, -1 },
};

/* Feed it in pieces; bytes that belong to it, -1 or -2. */
static int
feed(const char *text, size_t len, size_t first, size_t step)
{
	struct message m = { .kind = MESSAGE_CHUNKED };
	enum message_result result = MESSAGE_MORE;
	llhttp_settings_t settings;
	struct message_piece piece;
	size_t at = 0;

	message_settings(&settings);
	while (at < len && result == MESSAGE_MORE) {
		size_t part = at == 0 ? first : step;
		uint8_t *copy;

		if (part > len - at)
			part = len - at;
		copy = malloc(part);
		assert_non_null(copy);
		memcpy(copy, text + at, part);
		result = message_take(&m, &settings,
		    (struct frl_bytes){ copy, part }, &piece);
		free(copy);
		if (result == MESSAGE_MORE)
			assert_int_equal(piece.n, part);
		assert_true(piece.n <= part && piece.framing == 0);
		at += piece.n;
	}
	message_free(&m);
	if (result == MESSAGE_BAD)
		return (-1);
	return (result == MESSAGE_DONE ? (int)at : -2);
}

static void
test_chunked(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		const struct body *b = &bodies[i];
		size_t len = b->len ? b->len : strlen(b->text);
		int got = feed(b->text, len, len, len);

		for (size_t cut = 1; cut < len && got == b->whole; cut++)
			got = feed(b->text, len, cut, len);
		if (got == b->whole)
			got = feed(b->text, len, 1, 1);
		if (got != b->whole) {
			print_error("<%s>: %d, not %d\n", b->text, got,
			    b->whole);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

/* 28: also many small extensions, and endless trailers. */
static void
test_bounds(void **state)
{
	char *text = calloc(1, 100000);
	size_t n = 0;

	(void)state;
	assert_non_null(text);
	while (n < 8000) {
		memcpy(text + n, "1;" X16 X16 X16 X16 "\r\nx\r\n", 71);
		n += 71;
	}
	assert_int_equal(feed(text, n, n, n), -1);
	assert_int_equal(feed(text, n, 1, 1), -1);
	memcpy(text, "0\r\n", 3);
	for (n = 3; n < 8000; n += 8)
		memcpy(text + n, "A: bcd\r\n", 8);
	assert_int_equal(feed(text, n, n, n), -1);
	assert_int_equal(feed(text, n, 1, 1), -1);
	/* But any number of plain chunks. */
	for (n = 0; n < 90000; n += 6)
		memcpy(text + n, "1\r\nx\r\n", 6);
	memcpy(text + n, "0\r\n\r\n", 5);
	assert_int_equal(feed(text, n + 5, n, n), (int)n + 5);
	free(text);
}

/* Only data go on: the same ones, however it is cut. */
static void
unframe(const char *text, size_t first, size_t step, const char *want)
{
	struct message m = { .kind = MESSAGE_CHUNKED, .unframed = true };
	size_t at = 0, len = strlen(text), end = first, n = 0;
	enum message_result result = MESSAGE_MORE;
	llhttp_settings_t settings;
	struct message_piece piece;
	char got[100];

	message_settings(&settings);
	while (result == MESSAGE_MORE && at < len) {
		result = message_take(&m, &settings, (struct frl_bytes){
		    (const uint8_t *)text + at, end - at }, &piece);
		assert_true(result != MESSAGE_BAD && piece.n > 0);
		assert_true(piece.framing <= piece.n &&
		    piece.n <= end - at);
		memcpy(got + n, text + at + piece.framing,
		    piece.n - piece.framing);
		n += piece.n - piece.framing;
		at += piece.n;
		if (at == end)
			end = end + step < len ? end + step : len;
	}
	message_free(&m);
	assert_int_equal(result, MESSAGE_DONE);
	assert_int_equal(at, strlen(text) - 1);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, n);
}

static void
test_unframed(void **state)
{
	/* The last byte belongs to what follows. */
	static const char text[] = "3;a=b\r\nabc\r\n1\r\n\r\r\n0E\r\n"
	    "0123\r\n0\r\n\r\n\r\n!\r\n0\r\nA: b\r\n\r\nG";
	size_t len = sizeof(text) - 1;

	(void)state;
	for (size_t cut = 1; cut <= len; cut++)
		unframe(text, cut, len, "abc\r0123\r\n0\r\n\r\n\r\n!");
	for (size_t step = 1; step <= len; step++)
		unframe(text, step, step, "abc\r0123\r\n0\r\n\r\n\r\n!");
}

static void
test_framing(void **state)
{
	struct head h = { .content_length = -1 };
	struct message m;

	(void)state;
	message_request(&m, &h);
	assert_true(m.done && message_ahead(&m) == 0);
	h.message.status = 200;
	message_response(&m, &h, false);
	assert_true(!m.done && message_ahead(&m) == FRL_ALL);
	message_response(&m, &h, true);
	assert_true(m.done && message_ahead(&m) == 0);
	h.content_length = 0;
	message_response(&m, &h, false);
	assert_true(m.done && message_ahead(&m) == 0);
	h.content_length = 10;
	message_request(&m, &h);
	assert_true(!m.done && message_ahead(&m) == 9);
	assert_int_equal(message_ahead(&m), 0);
	assert_false(message_whole(&m, 9));
	assert_true(message_whole(&m, 10));
	message_response(&m, &h, false);
	assert_true(!m.done && message_ahead(&m) == 9);
	h.message.status = 204;
	message_response(&m, &h, false);
	assert_true(m.done);
	h.message.status = 101;
	message_response(&m, &h, false);
	assert_true(m.done);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunked),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_unframed),
		cmocka_unit_test(test_framing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
