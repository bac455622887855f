/* SPDX-License-Identifier: MIT */
/*
 * head: every case runs whole, byte by byte and cut everywhere.  A head that
 * is good is MORE until its last byte; one that is bad is MORE up to some
 * byte and gets the same answer from there on.
 */
#include "base/head.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIELDS 8
#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define GET10 "GET / HTTP/1.0\r\n"
#define OK200 "HTTP/1.1 200 OK\r\n"

struct row {
	const char *text;
	size_t len;
	enum head_result result;
};

#define ROW(text, result) { text, sizeof(text) - 1, result }

static const struct head_limits limits = { .bytes = 400, .fields = FIELDS };

/* The first n bytes, in memory that ends there. */
static enum head_result
scan(const char *text, size_t n, int request, struct head *h)
{
	struct frl_http_field fields[FIELDS];
	uint8_t *copy = malloc(n + (n == 0));
	enum head_result result;

	assert_non_null(copy);
	memcpy(copy, text, n);
	result = request ?
	    head_scan_request(h, fields, copy, n, &limits) :
	    head_scan_response(h, fields, copy, n, &limits);
	free(copy);
	h->message.fields = NULL;
	return (result);
}

static void
run_row(const struct row *row, int request)
{
	enum head_result result, seen = HEAD_MORE;
	struct head h;
	size_t n;

	for (n = 0; n <= row->len; n++) {
		result = scan(row->text, n, request, &h);
		if (seen != HEAD_MORE && result != seen)
			fail_msg("%s: %d, then %d at %zu", row->text,
			    (int)seen, (int)result, n);
		seen = result;
		if (seen == HEAD_OK) {
			assert_int_equal(h.size, row->len);
			assert_int_equal(n, row->len);
		} else if (seen != HEAD_MORE) {
			assert_non_null(h.detail);
			assert_true(h.at < n || seen == HEAD_TOO_LARGE);
			assert_string_not_equal(head_result_name(seen), "");
		}
	}
	if (seen != row->result)
		fail_msg("%s: %d instead of %d (%s)", row->text, (int)seen,
		    (int)row->result, h.detail == NULL ? "" : h.detail);
}

static void
run_rows(const struct row *rows, size_t count, int request)
{
	size_t i;

	for (i = 0; i < count; i++)
		run_row(&rows[i], request);
}

#define RUN(rows, request) \
	run_rows(rows, sizeof(rows) / sizeof(rows[0]), request)

static void
test_good_requests(void **state)
{
	static const struct row rows[] = {
		ROW(GET "\r\n", HEAD_OK),
		ROW(GET10 "\r\n", HEAD_OK),
		ROW("CONNECT a.example:443 HTTP/1.1\r\n"
		    "Host: a.example:443\r\n\r\n", HEAD_OK),
		ROW("m-search * HTTP/1.1\r\nhOsT:[::1]:80 \t\r\n\r\n",
		    HEAD_OK),
		ROW("GET /\xc3\xbc?q=%00 HTTP/1.1\r\nHost:\r\n\r\n",
		    HEAD_OK),
		ROW(GET "X: a\tb \xff\r\nY:\r\n\r\n", HEAD_OK),
		ROW(GET "Content-Length: 0\r\n\r\n", HEAD_OK),
		ROW(GET "Content-Length:4611686018427387903\r\n\r\n",
		    HEAD_OK),
		ROW(GET "Transfer-Encoding: chunked\r\n\r\n", HEAD_OK),
		ROW(GET "transfer-encoding:Chunked\r\n\r\n", HEAD_OK),
	};

	(void)state;
	RUN(rows, 1);
}

static void
test_start_lines(void **state)
{
	static const struct row rows[] = {
		ROW("\r\n" GET, HEAD_BAD_START_LINE),
		ROW(" GET / HTTP/1.1\r\n", HEAD_BAD_START_LINE),
		ROW("G=\":<>(e) / HTTP/1.1\r\n", HEAD_BAD_START_LINE),
		ROW("GET\t/ HTTP/1.1\r\n", HEAD_BAD_START_LINE),
		ROW("GET  / HTTP/1.1\r\n", HEAD_BAD_START_LINE),
		ROW("GET /  HTTP/1.1\r\n", HEAD_BAD_START_LINE),
		ROW("GET / HTTP/1.1 \r\n", HEAD_BAD_START_LINE),
		ROW("GET / a HTTP/1.1\r\n", HEAD_BAD_START_LINE),
		ROW("GET /#f HTTP/1.1\r\n", HEAD_BAD_START_LINE),
		ROW("GET /\x7f HTTP/1.1\r\n", HEAD_BAD_START_LINE),
		ROW("GET /\0 HTTP/1.1\r\n", HEAD_BAD_START_LINE),
		ROW("GET /\r\n", HEAD_BAD_START_LINE),
		ROW("GET / HTTP/1.1\n", HEAD_BAD_START_LINE),
		ROW("GET / HTTP/1.1\rX", HEAD_BAD_START_LINE),
		ROW("GET / HTTP/1.1\r\r\n", HEAD_BAD_START_LINE),
		ROW("GET / http/1.1\r\n", HEAD_BAD_START_LINE),
		ROW("GET / HTTP/1,1\r\n", HEAD_BAD_START_LINE),
		ROW("GET / HTTP/1.11\r\n", HEAD_BAD_START_LINE),
		ROW("GET / HTTP/11.1\r\n", HEAD_BAD_START_LINE),
		ROW("GET / HTTP/1\r\n", HEAD_BAD_START_LINE),
		ROW("GET / HTTPS/1.1\r\n", HEAD_BAD_START_LINE),
		ROW("\x16\x03\x01", HEAD_BAD_START_LINE),
		ROW("GET / HTTP/0.9\r\n", HEAD_BAD_VERSION),
		ROW("GET / HTTP/1.2\r\n", HEAD_BAD_VERSION),
		ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HEAD_BAD_VERSION),
	};

	(void)state;
	RUN(rows, 1);
}

static void
test_fields(void **state)
{
	static const struct row rows[] = {
		ROW(GET "X : a\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET "X\t: a\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET "X\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET ": a\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET "X(): a\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET "X\xff: a\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET "X: a\r\n b\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET "X: a\r\n\tb\r\n\r\n", HEAD_BAD_FIELD),
		ROW("GET / HTTP/1.1\r\n Host: a\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET "X: a\0b\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET "X: a\x0b" "b\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET "X: a\x7f\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET "X: a\nY: b\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET "X: a\rY: b\r\n\r\n", HEAD_BAD_FIELD),
		ROW(GET "X: a\r\n\n", HEAD_BAD_FIELD),
		ROW(GET "X: a\r\n\r\r\n", HEAD_BAD_FIELD),
		ROW(GET "\n", HEAD_BAD_FIELD),
	};

	(void)state;
	RUN(rows, 1);
}

static bool
is_token(int byte)
{
	return (byte != 0 && (isalnum(byte) ||
	    strchr("!#$%&'*+-.^_`|~", byte) != NULL) && byte < 0x80);
}

static bool
is_text(int byte)
{
	return (byte >= 0x20 && byte != 0x7f);
}

/* A request in whose line, name or value the byte at `at` of 20 is this. */
static enum head_result
scan_with(const char *before, const char *behind, size_t at, int byte)
{
	char text[128];
	struct head h;
	size_t len = strlen(before);

	memcpy(text, before, len);
	memset(text + len, 'a', 20);
	text[len + at] = (char)byte;
	memcpy(text + len + 20, behind, strlen(behind));
	return (scan(text, len + 20 + strlen(behind), 1, &h));
}

/* Runs of bytes are looked at in strides: every byte at each place of one. */
static void
test_every_byte(void **state)
{
	enum head_result result;
	size_t at;
	int byte;

	(void)state;
	for (byte = 0; byte < 256; byte++)
		for (at = 0; at < 20; at++) {
			result = scan_with(GET, ": b\r\n\r\n", at, byte);
			assert_true((result == HEAD_OK) == (is_token(byte) ||
			    (byte == ':' && at > 0)));
			result = scan_with(GET "B: ", "\r\n\r\n", at, byte);
			assert_true((result == HEAD_OK) ==
			    (is_text(byte) || byte == '\t'));
			result = scan_with("GET /", " HTTP/1.1\r\n"
			    "Host: a\r\n\r\n", at, byte);
			assert_true((result == HEAD_OK) == (is_text(byte) &&
			    byte != ' ' && byte != '#'));
		}
}

/* Is the name found that stands in this head of one or two fields? */
static void
check_name(enum head_name which, const char *name, bool is)
{
	struct frl_http_field fields[FIELDS];
	const char *value = which == HEAD_CONTENT_LENGTH ? "1" :
	    which == HEAD_TRANSFER_ENCODING ? "chunked" : "a";
	struct head h;
	char text[128];
	int n = snprintf(text, sizeof(text), "%s%s: %s\r\n%s: %s\r\n\r\n",
	    which == HEAD_HOST ? GET10 : GET, name, value, "Last", value);

	assert_int_equal(head_scan_request(&h, fields, (const uint8_t *)text,
	    (size_t)n, &limits), HEAD_OK);
	assert_ptr_equal(head_first(&h, which), is ?
	    &fields[h.message.count - 2] : NULL);
	assert_int_equal(h.content_length,
	    is && which == HEAD_CONTENT_LENGTH ? 1 : -1);
	assert_int_equal(h.chunked, is && which == HEAD_TRANSFER_ENCODING);
}

/* In any case, and nothing that is like them. */
static void
test_names(void **state)
{
	static const char *const names[HEAD_NAMES] = {
		[HEAD_HOST] = "host", [HEAD_CONNECTION] = "connection",
		[HEAD_CONTENT_LENGTH] = "content-length",
		[HEAD_EXPECT] = "expect",
		[HEAD_HTTP2_SETTINGS] = "http2-settings",
		[HEAD_TRANSFER_ENCODING] = "transfer-encoding",
		[HEAD_UPGRADE] = "upgrade", [HEAD_USER_AGENT] = "user-agent"
	};
	enum head_name which;
	char name[32];
	size_t at;
	int byte;

	(void)state;
	for (which = HEAD_HOST; which < HEAD_NAMES; which++)
		for (at = 0; at < strlen(names[which]); at++)
			for (byte = 1; byte < 256; byte++) {
				if (!is_token(byte))
					continue;
				strcpy(name, names[which]);
				name[at] = (char)byte;
				check_name(which, name, tolower(byte) ==
				    names[which][at]);
			}
}

static void
test_hosts(void **state)
{
	static const struct row rows[] = {
		ROW("GET / HTTP/1.1\r\n\r\n", HEAD_BAD_HOST),
		ROW("GET / HTTP/1.1\r\nX: a\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET "Host: a\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a\r\nHost: a\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a, b\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a,b\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a b\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: u@a\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a/b\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a#b\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a\\b\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a\xff\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: :80\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a:b\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a:80:80\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a:123456\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a:65536\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a:000080\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: %00\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: a%2eb\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: [::1\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: []\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: [::1]80\r\n\r\n", HEAD_BAD_HOST),
		ROW(GET10 "Host: [a\r\n\r\n", HEAD_BAD_HOST),
	};

	(void)state;
	RUN(rows, 1);
}

static void
test_framing(void **state)
{
#define CL GET "Content-Length:"
#define TE GET "Transfer-Encoding:"
	static const struct row rows[] = {
		ROW(CL "5\r\nTransfer-Encoding: chunked\r\n\r\n",
		    HEAD_BAD_FRAMING),
		ROW(TE "chunked\r\nContent-Length: 5\r\n\r\n",
		    HEAD_BAD_FRAMING),
		ROW(CL " 5\r\nContent-Length: 5\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL " 5\r\ncontent-length: 6\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL "\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL " \r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL " 5, 5\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL " +5\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL " -5\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL " 5 \r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL "\t5\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL " 0x5\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL " 1_0\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL " 1 0\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL " 4611686018427387904\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(CL " 18446744073709551621\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(TE " xchunked\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(TE " chunked, identity\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(TE " gzip, chunked\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(TE " chunked;q=1\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(TE " ,chunked\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(TE " chunked \r\n\r\n", HEAD_BAD_FRAMING),
		ROW(TE " chunked\t\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(TE "\tchunked\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(TE " \xa0" "chunked\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(TE " \"chunked\"\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(TE "\r\n\r\n", HEAD_BAD_FRAMING),
		ROW(TE " \x0b" "chunked\r\n\r\n", HEAD_BAD_FIELD),
		ROW(TE " chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		    HEAD_BAD_FRAMING),
		ROW(GET10 "Transfer-Encoding: chunked\r\n\r\n",
		    HEAD_BAD_FRAMING),
	};

	(void)state;
	RUN(rows, 1);
}

static void
test_responses(void **state)
{
	static const struct row rows[] = {
		ROW(OK200 "\r\n", HEAD_OK),
		ROW("HTTP/1.0 204 \r\n\r\n", HEAD_OK),
		ROW("HTTP/1.1 204\r\n\r\n", HEAD_OK),
		ROW("HTTP/1.1 404 Not\tFound \xc3\xbc\r\nX: y\r\n\r\n",
		    HEAD_OK),
		ROW(OK200 "Host: a\r\nHost: ,,\r\n\r\n", HEAD_OK),
		ROW(OK200 "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
		    HEAD_BAD_FRAMING),
		ROW("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		    HEAD_BAD_FRAMING),
		ROW("HTTP/1.1 99 OK\r\n\r\n", HEAD_BAD_START_LINE),
		ROW("HTTP/1.1 020 OK\r\n\r\n", HEAD_BAD_START_LINE),
		ROW("HTTP/1.1 2000 OK\r\n\r\n", HEAD_BAD_START_LINE),
		ROW("HTTP/1.1  200 OK\r\n\r\n", HEAD_BAD_START_LINE),
		ROW("HTTP/1.1 +20 OK\r\n\r\n", HEAD_BAD_START_LINE),
		ROW("HTTP/1.1 200\tOK\r\n\r\n", HEAD_BAD_START_LINE),
		ROW("HTTP/1.1 200 O\0K\r\n\r\n", HEAD_BAD_START_LINE),
		ROW("HTTP/1.1 200 OK\n\r\n", HEAD_BAD_START_LINE),
		ROW("HTTP/1.1\r\n\r\n", HEAD_BAD_START_LINE),
		ROW("ICY 200 OK\r\n\r\n", HEAD_BAD_START_LINE),
		ROW("HTTP/2.0 200 OK\r\n\r\n", HEAD_BAD_VERSION),
		ROW(OK200 "X: a\r\n b\r\n\r\n", HEAD_BAD_FIELD),
	};

	(void)state;
	RUN(rows, 0);
}

static void
assert_bytes(struct frl_bytes bytes, const char *text)
{
	assert_int_equal(bytes.len, strlen(text));
	assert_memory_equal(bytes.data, text, bytes.len);
}

static void
test_what_is_found(void **state)
{
	static const char text[] = "POST /a?b HTTP/1.1\r\nHost: a.example\r\n"
	    "X-Empty: \t \r\nX-Two:  1 2\t\r\ncontent-LENGTH: 17\r\n\r\nbody";
	struct frl_http_field fields[FIELDS];
	struct head h;

	(void)state;
	assert_int_equal(head_scan_request(&h, fields, (const uint8_t *)text,
	    sizeof(text) - 1, &limits), HEAD_OK);
	assert_bytes(h.message.method, "POST");
	assert_bytes(h.message.target, "/a?b");
	assert_int_equal(h.message.minor, 1);
	assert_int_equal(h.message.count, 4);
	assert_ptr_equal(h.message.fields, fields);
	assert_bytes(fields[0].name, "Host");
	assert_bytes(fields[0].value, "a.example");
	assert_bytes(fields[1].value, "");
	assert_bytes(fields[2].value, "1 2");
	assert_int_equal(h.content_length, 17);
	assert_int_equal(h.chunked, 0);
	assert_int_equal(h.size, sizeof(text) - 5);
	assert_null(h.detail);
	assert_int_equal(head_scan_response(&h, fields, (const uint8_t *)
	    "HTTP/1.0 404 Not Found\r\n\r\n", 26, &limits), HEAD_OK);
	assert_int_equal(h.message.status, 404);
	assert_int_equal(h.message.minor, 0);
	assert_int_equal(h.content_length, -1);
	assert_bytes(h.message.reason, "Not Found");
}

/* `at` names the byte, or where the field begins. */
static void
test_where(void **state)
{
	struct head h;

	(void)state;
	assert_int_equal(scan("GET / HTTP/1.1\r\nX : a\r\n", 24, 1, &h),
	    HEAD_BAD_FIELD);
	assert_int_equal(h.at, 17);
	assert_int_equal(scan("GET / HTTP/2.0\r\n", 16, 1, &h),
	    HEAD_BAD_VERSION);
	assert_int_equal(h.at, 11);
	assert_int_equal(scan(GET10 "Content-Length: 1x\r\n", 36, 1, &h),
	    HEAD_BAD_FRAMING);
	assert_int_equal(h.at, 16);
}

static void
test_limits(void **state)
{
	struct head_limits tight = { .bytes = 27, .fields = 1 };
	struct frl_http_field fields[1];
	static const char text[] = GET "\r\n";
	static const char two[] = GET "X: y\r\n\r\n";
	const uint8_t *bytes = (const uint8_t *)text;
	struct head h;

	(void)state;
	assert_int_equal(sizeof(text) - 1, 27);
	assert_int_equal(head_scan_request(&h, fields, bytes, 27, &tight),
	    HEAD_OK);
	assert_int_equal(head_scan_request(&h, fields,
	    (const uint8_t *)two, sizeof(two) - 1, &tight), HEAD_TOO_LARGE);
	tight.bytes = 400;
	assert_int_equal(head_scan_request(&h, fields,
	    (const uint8_t *)two, sizeof(two) - 1, &tight), HEAD_TOO_LARGE);
	tight.bytes = 26;
	assert_int_equal(head_scan_request(&h, fields, bytes, 25, &tight),
	    HEAD_MORE);
	assert_int_equal(head_scan_request(&h, fields, bytes, 26, &tight),
	    HEAD_TOO_LARGE);
	assert_int_equal(head_scan_request(&h, fields, bytes, 27, &tight),
	    HEAD_TOO_LARGE);
	assert_int_equal(head_scan_request(&h, fields, NULL, 0, &tight),
	    HEAD_MORE);
}

static void
test_questions(void **state)
{
	static const char text[] = GET "Connection: keep-alive, Upgrade\r\n"
	    "Accept: a;q=\",upgrade,\", b ; x=1\r\nX: 1\r\nx: upgrades\r\n"
	    "Connection:,, close ,\r\n\r\n";
	struct frl_http_field fields[FIELDS];
	struct head h;
	size_t count;

	(void)state;
	assert_int_equal(head_scan_request(&h, fields, (const uint8_t *)text,
	    sizeof(text) - 1, &limits), HEAD_OK);
	assert_ptr_equal(head_field(&h.message, "x", &count), &fields[3]);
	assert_int_equal(count, 2);
	assert_null(head_field(&h.message, "y", &count));
	assert_int_equal(count, 0);
	assert_null(head_field(&h.message, "hos", NULL));
	assert_true(head_lists(&h.message, "connection", "upgrade"));
	assert_true(head_lists(&h.message, "CONNECTION", "Close"));
	assert_true(head_lists(&h.message, "accept", "a"));
	assert_true(head_lists(&h.message, "accept", "b"));
	assert_false(head_lists(&h.message, "accept", "upgrade"));
	assert_false(head_lists(&h.message, "x", "upgrade"));
	assert_false(head_lists(&h.message, "connection", "keep"));
	assert_true(head_equals(fields[0].name, "HOST"));
	assert_false(head_equals(fields[0].name, "hosts"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_requests),
		cmocka_unit_test(test_start_lines),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_what_is_found),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_questions),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
