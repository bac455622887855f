/* SPDX-License-Identifier: MIT */
/*
 * test_http_upgrade -- the parts of the http plugin that look at a head or a
 * first line: upgrade, detect, answer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../plugins/http/answer.h"
#include "../../plugins/http/detect.h"
#include "../../plugins/http/rewrite.h"

static const struct head_limits limits = { 16384, 32 };

static struct frl_bytes
bytes(const char *text)
{
	return ((struct frl_bytes){ (const uint8_t *)text, strlen(text) });
}

/* Everything by the star, and the names of a list. */
static int
permits(void *arg, const char *token)
{
	const char *const *named = arg;

	for (; *named != NULL; named++)
		if (strcmp(*named, token) == 0)
			return (1);
	return (2);
}

static void
rewritten(const char *text, const char *want, enum upgrade_result asked)
{
	static const char *none[] = { NULL };
	struct upgrade_rules rules = { permits, none };
	struct frl_http_field fields[32];
	struct head h;
	bool rewrite;
	uint8_t *got;
	size_t n;

	assert_int_equal(head_scan_request(&h, fields,
	    (const uint8_t *)text, strlen(text), &limits), HEAD_OK);
	assert_int_equal(upgrade_request(&h, &rules, &rewrite), asked);
	if (want == NULL) {
		assert_false(rewrite);
		return;
	}
	assert_true(rewrite);
	got = rewrite_request(&h, &rules, NULL, &n);
	assert_non_null(got);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, n);
	free(got);
}

static void
test_rewrite(void **state)
{
	(void)state;
	rewritten("GET / HTTP/1.1\r\nHost: a\r\nConnection:upgrade\r\n"
	    "Upgrade:foo,bar/2\r\n\r\n", NULL, UPGRADE_ASKED);
	rewritten("GET / HTTP/1.1\r\nHost: a\r\nConnection:upgrade\r\n"
	    "Upgrade:H2C\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	    UPGRADE_NONE);
	rewritten("GET / HTTP/1.1\r\nHost:a\r\n"
	    "Connection:upgrade,http2-settings\r\nA:b\r\nHTTP2-Settings:x\r\n"
	    "Upgrade:h2c,foo,HTTP/2.0\r\nUpgrade: h2c\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nA: b\r\n"
	    "Upgrade: foo\r\n\r\n", UPGRADE_ASKED);
	/* Settings alone are no better. */
	rewritten("GET / HTTP/1.1\r\nHost: a\r\nHTTP2-Settings: x\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\n\r\n", UPGRADE_NONE);
	/* Without the connection option, and in HTTP/1.0. */
	rewritten("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: foo\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\n\r\n", UPGRADE_NONE);
	rewritten("GET / HTTP/1.0\r\nConnection: upgrade\r\n"
	    "Upgrade: foo\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", UPGRADE_NONE);
	rewritten("GET / HTTP/1.1\r\nHost: a\r\n\r\n", NULL, UPGRADE_NONE);
}

static void
test_accept(void **state)
{
	char accept[UPGRADE_ACCEPT_SIZE];

	(void)state;
	/* RFC 6455, 1.3 */
	assert_int_equal(upgrade_accept(bytes("dGhlIHNhbXBsZSBub25jZQ=="),
	    accept), 0);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	assert_int_equal(upgrade_accept(bytes("short"), accept), -1);
}

static void
check_detect(const char *text, enum frl_detection want)
{
	size_t len = strlen(text);
	enum frl_detection got = FRL_MORE;
	struct frl_bytes none = { NULL, 0 };

	/* Byte by byte, the first answer that is not "more" counts. */
	for (size_t n = 0; n <= len && got == FRL_MORE; n++)
		got = detect_http((struct frl_bytes){
		    (const uint8_t *)text, n }, none, false);
	if (got != want)
		print_error("<%s>\n", text);
	assert_int_equal(got, want);
	assert_int_equal(detect_http(bytes(text), none, false), want);
	assert_int_equal(detect_http(bytes(text), bytes("220"), false),
	    FRL_NO);
	assert_int_equal(detect_http(bytes(text), none, true),
	    want != FRL_MORE ? want : strncmp(text, "GET /", 5) == 0 ?
	    FRL_YES : FRL_NO);
}

static void
test_detect(void **state)
{
	char long_line[8193];

	(void)state;
	check_detect("", FRL_MORE);
	check_detect("GET", FRL_MORE);
	check_detect("GET / HTTP", FRL_MORE);
	check_detect("GET / HTTP/1.1\r\n", FRL_YES);
	check_detect("get / HTTP/1.1\r\n", FRL_YES);
	check_detect("GET / http/1.1\r\n", FRL_YES);
	check_detect("G=\":<>(e) / HTTP/9.9\r\n", FRL_YES);
	check_detect("GET  / HTTP/1.1\r\n", FRL_YES);
	check_detect("GET\t/\tHTTP/1.1\r\n", FRL_YES);
	check_detect("\r\nGET / HTTP/1.1\r\n", FRL_YES);
	check_detect("PRI / HTTP/1.1\r\n", FRL_YES);
	check_detect("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FRL_NO);
	check_detect("PRI * HTTP/2", FRL_MORE);
	check_detect("GET /\r\n", FRL_YES);
	check_detect("GET /", FRL_MORE);
	check_detect("GET /admin", FRL_MORE);
	check_detect("GET key", FRL_MORE);
	check_detect("GET / HTP/1.1\r\n", FRL_YES);
	check_detect("GET HTTP/1.1\r\n", FRL_YES);
	check_detect("POST /\x01 HTTP/1.1\r\n", FRL_YES);
	check_detect("POST /\x7f HTTP/1.1\r\n", FRL_YES);
	check_detect("POST\r/\rHTTP/1.1\r\n", FRL_YES);
	check_detect("POST\v/\fHTTP/1.1\r\n", FRL_YES);
	check_detect("POST /\r", FRL_MORE);
	check_detect("POST /\r\n", FRL_NO);
	check_detect("HTTP/1.1 200 OK\r\n", FRL_NO);
	check_detect("GET key\r\n", FRL_NO);
	check_detect("get /key\r\n", FRL_NO);
	check_detect("GETS /\r\n", FRL_NO);
	check_detect("abc\x01 / HTTP/1.1", FRL_NO);
	check_detect("EHLO a\r\n", FRL_NO);
	check_detect("SSH-2.0-OpenSSH_9.2 Debian\r\n", FRL_NO);
	check_detect("\x16\x03\x01", FRL_NO);
	memset(long_line, 'a', 8192);
	long_line[8192] = '\0';
	assert_int_equal(detect_http(bytes(long_line), bytes(""), false),
	    FRL_YES);
	long_line[8191] = '\0';
	assert_int_equal(detect_http(bytes(long_line), bytes(""), false),
	    FRL_MORE);
}

static void
check_redact(const char *target, const char *want)
{
	uint8_t buffer[32];
	struct frl_bytes got = detect_redact(bytes(target), buffer,
	    sizeof(buffer));

	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.data, want, got.len);
}

static void
test_redact(void **state)
{
	(void)state;
	check_redact("/v1/realtime?model=gpt", "/v1/realtime?model=");
	check_redact("/a=b", "/a=b");
	check_redact("/?a=1&b=2&c&d=e=f?g&h", "/?a=&b=&***&d=&***");
	check_redact("/?", "/?");
	check_redact("", "");
	check_redact("/?&&=v", "/?&&=");
	check_redact("/x?eyJhbGciOiJIUzI1NiJ9.e30", "/x?***");
	check_redact("/x?c2VjcmV0cw==", "/x?***");
	check_redact("/x?a=%3D&=", "/x?a=&***");
	check_redact("/0123456789012345678901234567890123?a=b",
	    "/0123456789012345678901234567890");
}

static void
check_answer(enum answer answer, const char *text, unsigned int status)
{
	char buffer[ANSWER_SIZE], *body;
	size_t n = answer_write(buffer, answer, text, false);
	size_t without = answer_write(buffer, answer, text, true);
	struct frl_http_field fields[32];
	struct head h;

	n = answer_write(buffer, answer, text, false);
	assert_int_equal(head_scan_response(&h, fields,
	    (const uint8_t *)buffer, n, &limits), HEAD_OK);
	assert_int_equal(h.message.status, status);
	assert_int_equal(h.size + h.content_length, n);
	assert_int_equal(h.size, without);
	assert_true(head_lists(&h.message, "connection", "close"));
	assert_non_null(head_field(&h.message, "proxy-status", NULL));
	body = buffer + h.size;
	assert_memory_equal(body, "fairlead: ", 10);
	assert_int_equal(buffer[n - 1], '\n');
	assert_null(memchr(body, '\r', n - h.size));
}

static void
test_answer(void **state)
{
	char text[2000];

	(void)state;
	check_answer(ANSWER_BAD_REQUEST, NULL, 400);
	check_answer(ANSWER_FORBIDDEN, "no\r\nX: y\x80", 403);
	check_answer(ANSWER_EXPECTATION, NULL, 417);
	check_answer(ANSWER_WEBSOCKET_VERSION, "", 426);
	check_answer(ANSWER_TIMEOUT, NULL, 408);
	check_answer(ANSWER_TOO_LARGE, NULL, 431);
	check_answer(ANSWER_NOT_IMPLEMENTED, NULL, 501);
	check_answer(ANSWER_BAD_RESPONSE, NULL, 502);
	check_answer(ANSWER_NO_RESPONSE, NULL, 502);
	check_answer(ANSWER_BAD_UPGRADE, NULL, 502);
	check_answer(ANSWER_BROKEN, NULL, 502);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	check_answer(ANSWER_UNAVAILABLE, text, 503);
	assert_int_equal(answer_write(text, ANSWER_NONE, NULL, false), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rewrite),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_detect),
		cmocka_unit_test(test_redact),
		cmocka_unit_test(test_answer),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
