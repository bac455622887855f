/* SPDX-License-Identifier: MIT */
/*
 * parents, parent_talk: which targets go by a parent, what it is told, what
 * its answers mean; whole, byte by byte, cut everywhere.
 */
#include "flow/parent_talk.h"

#include "base/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct target
target_of(const char *text)
{
	struct target t;
	const char *why = "";

	assert_int_equal(target_parse(&t, text, strlen(text), &why), 0);
	return (t);
}

static void
urls(void **state)
{
	static const struct {
		const char *url, *name, *authorization;
	} good[] = {
		{ "http://h:1", "h:1", NULL },
		{ "HTTP://H.:65535/", "h:65535", NULL },
		{ "http://[::0:1]:80", "[::1]:80", NULL },
		{ "http://u@h:1", "h:1", "Basic dTo=" },
		{ "http://u:p@h:1", "h:1", "Basic dTpw" },
		{ "http://u:p:q@h:1", "h:1", "Basic dTpwOnE=" },
		{ "http://%75:%70%40@h:1", "h:1", "Basic dTpwQA==" },
		{ "http://u:p@q@h:1", "h:1", "Basic dTpwQHE=" },
	};
	static const char *const bad[] = { "", "h:1", "http://", "http://h",
		"http://h:0", "http://h:1/x", "https://h:1", "socks5://h:1",
		"http://u:%@h:1", "http://u:%4@h:1", "http://u:%00@h:1",
		"http://u:%0a@h:1", "http://a%3ab:c@h:1", "http://@h:1",
		"http://:p@h:1", "http://h:1@", "Direct", "http:/h:1" };
	struct parents one = { .count = 1 };
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		one.list = calloc(1, sizeof(*one.list));
		one.count = 1;
		assert_int_equal(parents_read_url(one.list, good[i].url,
		    &err), 0);
		assert_string_equal(one.list->name, good[i].name);
		if (good[i].authorization == NULL)
			assert_null(one.list->authorization);
		else
			assert_string_equal(one.list->authorization,
			    good[i].authorization);
		parents_clear(&one);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		one.list = calloc(1, sizeof(*one.list));
		one.count = 1;
		err.text[0] = '\0';
		assert_int_equal(parents_read_url(one.list, bad[i], &err),
		    -1);
		assert_true(err.text[0] != '\0');
		parents_clear(&one);
	}
}

static bool
goes(const char *pattern, const char *target)
{
	struct parents_pattern p;
	struct parent entry = { .wanted = &p, .wanted_count = 1 };
	struct parents all = { .list = &entry, .count = 1 };
	struct target t = target_of(target);

	assert_int_equal(parents_read_pattern(&p, pattern), 0);
	return (parents_find(&all, &t) != NULL);
}

static void
patterns(void **state)
{
	static const char *const bad[] = { "", ":", "*:", ":80", "a b",
		"*.*", "*.", "**", "a:0", "a:65536", "a:x", "10.0.0.1/8",
		"[::1", "[::1]x", "[]", "[a]:1", "1.2.3", "-a", "a..b",
		"a/8", "*.1.2.3.4", "a:1:2:3" };
	struct parents_pattern p;
	char long_one[600];
	size_t i;

	(void)state;
	assert_true(goes("*", "a:1") && goes("*", "[::1]:1"));
	assert_true(goes("*:80", "a:80") && !goes("*:80", "a:81"));
	assert_true(goes("A.b.", "a.B:1") && !goes("a.b", "x.a.b:1"));
	assert_true(goes("*.b", "a.b:1") && goes("*.b", "x.a.b:1"));
	assert_true(!goes("*.b", "b:1") && !goes("*.b", "ab:1"));
	assert_true(goes("10.0.0.0/8", "10.1.2.3:1"));
	assert_true(goes("10.0.0.0/8", "[::ffff:10.1.2.3]:1"));
	assert_true(!goes("10.0.0.0/8", "11.0.0.0:1"));
	assert_true(!goes("10.0.0.0/8", "a10.example:1"));
	assert_true(goes("::1", "[::1]:1") && goes("[::1]:2", "[::1]:2"));
	assert_true(!goes("[::1]:2", "[::1]:1"));
	assert_true(goes("[fd00::/8]:2", "[fd01::1]:2"));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parents_read_pattern(&p, bad[i]) != -1)
			fail_msg("'%s' is a pattern", bad[i]);
	memset(long_one, 'a', sizeof(long_one) - 1);
	long_one[sizeof(long_one) - 1] = '\0';
	assert_int_equal(parents_read_pattern(&p, long_one), -1);
}

static void
asking(void **state)
{
	struct parent parent = { .authorization = NULL };
	struct target target = target_of("[::1]:443");
	struct parent_request request = { &parent, &target, "me", NULL,
		false };
	struct buf out = { NULL };
	char auth[] = "Basic eA==";
	static const char plain[] = "CONNECT [::1]:443 HTTP/1.1\r\n"
	    "Host: [::1]:443\r\nVia: 1.1 me\r\n\r\n";
	static const char full[] = "CONNECT [::1]:443 HTTP/1.1\r\n"
	    "Host: [::1]:443\r\nProxy-Authorization: Basic eA==\r\n"
	    "Via: 1.1 a, 1.0 me\r\n\r\n";

	(void)state;
	assert_int_equal(parent_ask(&out, &request), 0);
	assert_int_equal(buf_len(&out), sizeof(plain) - 1);
	assert_memory_equal(buf_data(&out), plain, sizeof(plain) - 1);
	buf_free(&out);
	parent.authorization = auth;
	request.via = "1.1 a";
	request.old = true;
	assert_int_equal(parent_ask(&out, &request), 0);
	assert_int_equal(buf_len(&out), sizeof(full) - 1);
	assert_memory_equal(buf_data(&out), full, sizeof(full) - 1);
	buf_free(&out);
}

static const struct parent nobody = { .direct = false };

static enum parent_result
answer_of(const char *text, size_t len, struct parent_answer *answer)
{
	struct buf in = { NULL };
	enum parent_result result;

	if (len != 0)
		assert_int_equal(buf_append(&in, text, len), 0);
	result = parent_read(answer, &nobody, &in, 256, 4);
	buf_free(&in);
	return (result);
}

/* From the first byte that decides, all longer pieces say the same. */
static void
answers(void **state)
{
	static const struct {
		const char *text;
		enum parent_result result;
		unsigned status;
		enum why why;
		size_t size;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\n\r\nSSH-", PARENT_OPEN, 200,
		    WHY_NONE, 19 },
		{ "HTTP/1.0 299\r\n\r\n", PARENT_OPEN, 299, WHY_NONE, 16 },
		{ "HTTP/1.1 100 a\r\n\r\nHTTP/1.1 103 b\r\nX: y\r\n\r\n"
		    "HTTP/1.1 200 c\r\n\r\nHTTP", PARENT_OPEN, 200,
		    WHY_NONE, 60 },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
		    PARENT_OPEN, 200, WHY_NONE, 38 },
		{ "HTTP/1.1 407 a\r\n\r\n", PARENT_NO, 407,
		    WHY_PARENT_REFUSED, 0 },
		{ "HTTP/1.1 504 a\r\n\r\n", PARENT_NO, 504,
		    WHY_PARENT_TIMEOUT, 0 },
		{ "HTTP/1.1 508 a\r\n\r\n", PARENT_NO, 508, WHY_LOOP, 0 },
		{ "HTTP/1.1 101 a\r\n\r\n", PARENT_NO, 101,
		    WHY_PARENT_REFUSED, 0 },
		{ "HTTP/1.1 200 OK\n", PARENT_NO, 0, WHY_PARENT_ERROR, 0 },
		{ "HTTP/2 200 OK\r\n", PARENT_NO, 0, WHY_PARENT_ERROR, 0 },
		{ "\r\nHTTP/1.1 200", PARENT_NO, 0, WHY_PARENT_ERROR, 0 },
		{ "HTTP/1.1 200 a\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\n\r\n",
		    PARENT_NO, 0, WHY_PARENT_ERROR, 0 },
		{ "HTTP/1.1 200 a\r\nA: ", PARENT_MORE, 0, WHY_NONE, 0 },
		{ "HTTP/1.1 100 a\r\n\r\n", PARENT_MORE, 100, WHY_NONE, 0 },
	};
	struct parent_answer answer;
	enum parent_result result = PARENT_MORE;
	size_t i, n, len;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool decided = false;

		len = strlen(rows[i].text);
		for (n = 0; n <= len; n++) {
			result = answer_of(rows[i].text, n, &answer);
			assert_true(!decided || result == rows[i].result);
			decided = decided || result != PARENT_MORE;
			assert_true(!decided || result == rows[i].result);
		}
		assert_int_equal(result, rows[i].result);
		assert_int_equal(answer.status, rows[i].status);
		if (result == PARENT_NO)
			assert_int_equal(answer.why, rows[i].why);
		if (result == PARENT_OPEN)
			assert_int_equal(answer.size, rows[i].size);
	}
}

/* However it comes, no answer grows beyond its bound. */
static void
bounds(void **state)
{
	static const char interim[] = "HTTP/1.1 100 a\r\n\r\n";
	struct parent_answer answer;
	char text[512];
	size_t n;

	(void)state;
	memcpy(text, "HTTP/1.1 200 ", 13);
	memset(text + 13, 'x', sizeof(text) - 13);
	assert_int_equal(answer_of(text, 255, &answer), PARENT_MORE);
	assert_int_equal(answer_of(text, 256, &answer), PARENT_NO);
	assert_int_equal(answer.why, WHY_PARENT_ERROR);
	for (n = 0; n + sizeof(interim) <= sizeof(text);
	    n += sizeof(interim) - 1)
		memcpy(text + n, interim, sizeof(interim) - 1);
	assert_int_equal(answer_of(text, 17, &answer), PARENT_MORE);
	for (; n > 256; n--)
		assert_int_equal(answer_of(text, n, &answer), PARENT_NO);
	/* Nothing is waited for where nothing fits any more. */
	memcpy(text, "HTTP/1.1 100 ", 13);
	memset(text + 13, 'x', 239);
	memcpy(text + 252, "\r\n\r\n", 4);
	assert_int_equal(answer_of(text, 255, &answer), PARENT_MORE);
	assert_int_equal(answer_of(text, 256, &answer), PARENT_NO);
	assert_int_equal(answer.why, WHY_PARENT_ERROR);
	/* A parent's words are cut. */
	memcpy(text, "HTTP/1.1 500 ", 13);
	memset(text + 13, 'x', 200);
	memcpy(text + 213, "\r\n\r\n", 4);
	assert_int_equal(answer_of(text, 217, &answer), PARENT_NO);
	assert_true(strlen(answer.detail) < 120);
}

/* Would a head with this Via be one that was here before? */
static bool
was_sent(const struct parents *all, const char *format)
{
	char via[160], text[240];
	struct frl_http_field fields[4];
	struct head_limits limits = { 1000, 4 };
	struct head head;
	int n;

	(void)snprintf(via, sizeof(via), format, all->token);
	n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n"
	    "Via: 1.1 x\r\n%s\r\n\r\n", via);
	assert_int_equal(head_scan_request(&head, fields,
	    (const uint8_t *)text, (size_t)n, &limits), HEAD_OK);
	return (parents_sent(all, &head.message));
}

static void
loops(void **state)
{
	static const struct {
		const char *via;
		bool sent;
	} rows[] = {
		{ "vIA: 1.0 y,1.1 %s", true },
		{ "Via: 1.0 y, 1.1 %s (a, b), 1.1 z", true },
		{ "Via: HTTP/1.1 %s:3128", true },
		{ "Via: %s", true },
		/* Who opens a comment and never closes it. */
		{ "Via: 1.1 y (, 1.1 %s", true },
		{ "Via: 1.1 y (\"\\, 1.1 %s", true },
		/* The name of another, which only has ours in it. */
		{ "Via: 1.1 %s0", false },
		{ "Via: 1.1 0%s", false },
		{ "Via: 1.1 %s.example", false },
		{ "Via: 1.1 %s-2, 1.1 z", false },
		{ "Via: 1.1 x%1$s, 1.0 %1$s", true },
		{ "Via: 1.1 fairlead", false },
		{ "Via: 1.1 %.24s", false },
		{ "Via: ", false },
		{ "Vial: 1.1 %s", false },
	};
	struct parents all = { .count = 0 }, others = { .count = 0 };
	size_t i;

	(void)state;
	assert_int_equal(parents_finish(&all), 0);
	assert_int_equal(parents_finish(&others), 0);
	assert_string_not_equal(all.token, others.token);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (was_sent(&all, rows[i].via) != rows[i].sent)
			fail_msg("'%s'", rows[i].via);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(patterns),
		cmocka_unit_test(asking),
		cmocka_unit_test(answers),
		cmocka_unit_test(bounds),
		cmocka_unit_test(loops),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
