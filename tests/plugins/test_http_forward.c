/* SPDX-License-Identifier: MIT */
/*
 * The http plugin in forward mode: what a proxy changes in a head, when a
 * client goes on to another server, and what must not be lost then.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/http/exchange.h"
#include "../../plugins/http/rewrite.h"
#include "fake_host.h"

extern const struct frl_plugin frl_plugin;

#define SERVER FRL_FROM_SERVER
#define CLIENT FRL_FROM_CLIENT

/* ------------------------------------------------------------------ */
/* Heads								*/

static const struct head_limits limits = { 65536, 32 };

static int
permits(void *arg, const char *token)
{
	const char *const *tokens = arg;

	for (; *tokens != NULL; tokens++)
		if (strcmp(*tokens, token) == 0)
			return (1);
	return (0);
}

static void
request(const char *text, const char *want, bool close)
{
	static const char *tokens[] = { "websocket", "h2c", NULL };
	struct upgrade_rules rules = { permits, tokens };
	struct rewrite_forward forward = { .via = "px", .close = close };
	struct frl_http_field fields[32];
	struct uri uri;
	const char *why;
	struct head h;
	uint8_t *got;
	size_t n;

	assert_int_equal(head_scan_request(&h, fields,
	    (const uint8_t *)text, strlen(text), &limits), HEAD_OK);
	assert_int_equal(uri_parse(&uri, h.message.target, &why), URI_HTTP);
	forward.uri = &uri;
	got = rewrite_request(&h, &rules, &forward, &n);
	assert_non_null(got);
	if (n != strlen(want) || memcmp(got, want, n) != 0)
		fail_msg("%.*s\nis not\n%s", (int)n, got, want);
	free(got);
}

static void
test_requests(void **state)
{
	(void)state;
	request("GET http://Example.com/a?b HTTP/1.1\r\nHost: other\r\n"
	    "A:b\r\n\r\n",
	    "GET /a?b HTTP/1.1\r\nHost: example.com\r\nA: b\r\n"
	    "Via: 1.1 px\r\n\r\n", false);
	request("GET http://[::1]:81 HTTP/1.0\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: [::1]:81\r\nVia: 1.0 px\r\n\r\n", false);
	request("GET http://a:80?q HTTP/1.1\r\nHost: a\r\n\r\n",
	    "GET /?q HTTP/1.1\r\nHost: a\r\nVia: 1.1 px\r\n\r\n", false);
	request("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n"
	    "Max-Forwards: 10\r\n\r\n",
	    "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 9\r\n"
	    "Via: 1.1 px\r\n\r\n", false);
	/* Only there does it count. */
	request("GET http://a/ HTTP/1.1\r\nHost: a\r\n"
	    "Max-Forwards: 10\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n"
	    "Via: 1.1 px\r\n\r\n", false);
	/* All that is meant for the proxy alone. */
	request("POST http://a/ HTTP/1.1\r\nHost: a\r\nConnection: X, close\r\n"
	    "x: 1\r\nProxy-Connection: keep-alive\r\nKeep-Alive: 5\r\n"
	    "Proxy-Authorization: Basic secret\r\nTE: trailers\r\n"
	    "Transfer-Encoding: chunked\r\nTrailer: T\r\nVia: 1.0 first\r\n"
	    "Authorization: Basic kept\r\n\r\n",
	    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
	    "Trailer: T\r\nVia: 1.0 first\r\nAuthorization: Basic kept\r\n"
	    "Connection: close\r\nVia: 1.1 px\r\n\r\n", true);
	/* A message keeps its length, whatever Connection says. */
	request("POST http://a/ HTTP/1.1\r\nHost: a\r\n"
	    "Connection: Content-Length\r\nContent-Length: 3\r\n\r\n",
	    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
	    "Via: 1.1 px\r\n\r\n", false);
}

static void
test_upgrades(void **state)
{
	(void)state;
	request("GET http://a/ HTTP/1.1\r\nHost: a\r\n"
	    "Connection: keep-alive, Upgrade\r\nUpgrade: foo, websocket\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	    "Connection: Upgrade\r\nVia: 1.1 px\r\n\r\n", false);
	/* Not without Connection. */
	request("GET http://a/ HTTP/1.1\r\nHost: a\r\nUpgrade: foo\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 px\r\n\r\n", false);
	request("GET http://a/ HTTP/1.1\r\nHost: a\r\n"
	    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
	    "HTTP2-Settings: x\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n"
	    "HTTP2-Settings: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
	    "Via: 1.1 px\r\n\r\n", false);
}

static void
response(const char *text, const char *want, bool close)
{
	struct rewrite_forward forward = { .via = "px", .close = close };
	struct frl_http_field fields[32];
	struct head h;
	uint8_t *got;
	size_t n;

	assert_int_equal(head_scan_response(&h, fields,
	    (const uint8_t *)text, strlen(text), &limits), HEAD_OK);
	got = rewrite_response(&h, &forward, &n);
	assert_non_null(got);
	if (n != strlen(want) || memcmp(got, want, n) != 0)
		fail_msg("%.*s\nis not\n%s", (int)n, got, want);
	free(got);
}

static void
test_responses(void **state)
{
	(void)state;
	response("HTTP/1.0 200\r\nDate: x\r\nConnection: close, y\r\nY: 1\r\nZ: 2\r\n"
	    "Keep-Alive: 1\r\nUpgrade: h2\r\nContent-Length: 1\r\n\r\n",
	    "HTTP/1.1 200 \r\nDate: x\r\nZ: 2\r\nContent-Length: 1\r\n"
	    "Via: 1.0 px\r\n\r\n", false);
	response("HTTP/1.1 404 No, never\r\nDate: x\r\nSet-Cookie: a\r\n"
	    "Set-Cookie: b\r\n\r\n",
	    "HTTP/1.1 404 No, never\r\nDate: x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
	    "Connection: close\r\nVia: 1.1 px\r\n\r\n", true);
	response("HTTP/1.1 426 Upgrade Required\r\nDate: x\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\n\r\n",
	    "HTTP/1.1 426 Upgrade Required\r\nDate: x\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nVia: 1.1 px\r\n\r\n", false);
}

/* ------------------------------------------------------------------ */
/* Conversations							*/

static const struct http_options options = { .idle = 60000,
    .head_time = 10000, .head_bytes = 16384, .head_fields = 100,
    .mode = HTTP_OBSERVE, .via = "px" };

#define GET(host) "GET http://" host "/ HTTP/1.1\r\nHost: " host "\r\n\r\n"
#define GOT "GET / HTTP/1.1\r\nHost: example.com\r\nVia: 1.1 px\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nDate: now\r\n"
#define ANSWER OK "Content-Length: 2\r\n\r\nhi"
#define ANSWERED OK "Content-Length: 2\r\nVia: 1.1 px\r\n\r\nhi"

static struct fake *
create_by(const struct frl_parent *parent)
{
	struct fake *f = fake_create(&(struct fake_options){
	    .plugin = &frl_plugin, .options = &options, .forward = true,
	    .parent = parent,
	    .tokens = (const char *const[]){ "websocket", NULL } });

	assert_non_null(f);
	return (f);
}

static struct fake *
create(void)
{
	return (create_by(NULL));
}

/* The same text whole, byte by byte and cut at every place. */
static void
in_pieces(const char *client, void (*check)(struct fake *f))
{
	size_t n = strlen(client), cut, i;

	for (cut = 0; cut <= n; cut++) {
		struct fake *f = create();

		if (cut == 0) {
			for (i = 0; i < n; i++)
				fake_feed(f, CLIENT, client + i, 1, false);
		} else {
			fake_feed(f, CLIENT, client, cut, false);
			fake_feed(f, CLIENT, client + cut, n - cut, false);
		}
		check(f);
		fake_free(f);
	}
}

static void
check_same(struct fake *f)
{
	assert_true(fake_output_is(f, CLIENT, GOT));
	fake_text(f, SERVER, ANSWER);
	assert_true(fake_output_is(f, SERVER, ANSWERED));
	assert_true(fake_output_is(f, CLIENT, GOT GOT));
	fake_text(f, SERVER, ANSWER);
	assert_true(fake_output_is(f, SERVER, ANSWERED ANSWERED));
	assert_false(fake_left(f));
	assert_true(fake_saw(f, "http.done", "http.txn=2"));
	assert_true(fake_saw(f, "http.request", "http.host=example.com"));
	assert_true(fake_saw(f, "http.request", "http.target=/"));
}

static void
test_same_server(void **state)
{
	(void)state;
	in_pieces(GET("example.com") GET("EXAMPLE.com.:80"), check_same);
}

/* It waits for the answer, and nothing of what follows is taken. */
static void
check_other(struct fake *f)
{
	assert_true(fake_output_is(f, CLIENT, GOT));
	assert_false(fake_left(f));
	fake_text(f, SERVER, OK "Content-Length: 2\r\n\r\nh");
	assert_false(fake_left(f));
	fake_text(f, SERVER, "i");
	assert_true(fake_left(f));
	assert_true(fake_output_is(f, SERVER, ANSWERED));
	assert_false(fake_ended(f, SERVER));
	assert_true(fake_output_is(f, CLIENT, GOT));
	assert_int_equal(fake_count(f, "http.request"), 1);
	assert_int_equal(fake_held(f, CLIENT).len,
	    strlen(GET("other.org") GET("example.com")));
	assert_memory_equal(fake_held(f, CLIENT).data,
	    GET("other.org") GET("example.com"),
	    strlen(GET("other.org") GET("example.com")));
}

static void
test_other_server(void **state)
{
	(void)state;
	in_pieces(GET("example.com") GET("other.org") GET("example.com"),
	    check_other);
}

/* Whatever is not for this server is judged where tunnels begin. */
static void
test_left_to_greet(void **state)
{
	static const char *const next[] = {
		GET("example.com:81"),
		"GET http://a@example.com/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT example.com:80 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
		"GET https://example.com/ HTTP/1.1\r\nHost: a\r\n\r\n",
	};
	struct fake *f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(next) / sizeof(next[0]); i++) {
		f = create();
		fake_text(f, CLIENT, GET("example.com"));
		fake_text(f, SERVER, ANSWER);
		fake_text(f, CLIENT, next[i]);
		assert_true(fake_left(f));
		assert_int_equal(fake_held(f, CLIENT).len, strlen(next[i]));
		fake_free(f);
	}
}

/* So is one that a parent sent back; it is not sent again. */
static void
test_went_round(void **state)
{
	static const struct frl_parent parent = { NULL, "me-0123" };
	static const struct {
		const char *via;
		bool ours;
	} rows[] = {
		{ "1.1 me-0123", true }, { "1.1 a, 1.0 me-0123 (x), 1.1 b",
		    true },
		{ "1.1 a (b,1.1 me-0123", true }, { "1.1 me-01234", false },
		{ "1.1 me-012", false }, { "1.1 a, 1.1 b (c)", false },
	};
	char text[200];
	struct fake *f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f = create_by(&parent);
		fake_text(f, CLIENT, GET("example.com"));
		fake_text(f, SERVER, ANSWER);
		(void)snprintf(text, sizeof(text),
		    "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n"
		    "Via: %s\r\n\r\n", rows[i].via);
		fake_text(f, CLIENT, text);
		assert_int_equal(fake_left(f), rows[i].ours);
		assert_int_equal(fake_held(f, CLIENT).len, rows[i].ours ?
		    strlen(text) : 0);
		assert_int_equal(fake_count(f, "http.request"),
		    rows[i].ours ? 1 : 2);
		fake_free(f);
	}
	/* Where no parent is asked it is a name like any other. */
	f = create();
	fake_text(f, CLIENT, GET("example.com"));
	fake_text(f, SERVER, ANSWER);
	fake_text(f, CLIENT, "GET http://example.com/ HTTP/1.1\r\nHost: a\r\n"
	    "Via: 1.1 me-0123\r\n\r\n");
	assert_false(fake_left(f));
	fake_free(f);
}

/* A malformed one is answered here, and ends all. */
static void
test_malformed(void **state)
{
	struct fake *f = create();

	(void)state;
	fake_text(f, CLIENT, GET("example.com"));
	fake_text(f, SERVER, ANSWER);
	fake_text(f, CLIENT, "GET http://other.org/ HTTP/1.1\r\n\r\n");
	assert_false(fake_left(f));
	assert_non_null(strstr((const char *)fake_output(f, SERVER).data,
	    "HTTP/1.1 400 "));
	assert_true(fake_ended(f, SERVER));
	fake_free(f);
}

/* The server's connection ends; the client's does not. */
static void
test_server_closes(void **state)
{
	static const struct {
		const char *answer;
		bool over;
	} rows[] = {
		{ ANSWER, true },
		{ "HTTP/1.1 200 OK\r\nConnection: close\r\n"
		    "Content-Length: 2\r\n\r\nhi", false },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", false },
		{ "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n", false },
	};
	struct fake *f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f = create();
		fake_text(f, CLIENT, GET("example.com"));
		fake_text(f, SERVER, rows[i].answer);
		if (rows[i].over)
			fake_over(f, SERVER);
		assert_true(fake_left(f));
		assert_false(fake_ended(f, SERVER));
		assert_null(strstr((const char *)fake_output(f, SERVER).data,
		    "close"));
		fake_free(f);
	}
}

/* Only the end of the connection tells where this body ends. */
static void
test_close_delimited(void **state)
{
	struct fake *f = create();

	(void)state;
	fake_text(f, CLIENT, GET("example.com") GET("other.org"));
	fake_text(f, SERVER, OK "\r\nsome");
	fake_over(f, SERVER);
	assert_false(fake_left(f));
	assert_true(fake_ended(f, SERVER));
	assert_true(fake_output_is(f, SERVER, OK
	    "Connection: close\r\nVia: 1.1 px\r\n\r\nsome"));
	fake_free(f);
}

/* A client that asked for the end gets it. */
static void
test_client_closes(void **state)
{
	struct fake *f = create();

	(void)state;
	fake_text(f, CLIENT, "GET http://example.com/ HTTP/1.1\r\n"
	    "Host: a\r\nConnection: close\r\n\r\n");
	fake_text(f, SERVER, ANSWER);
	assert_false(fake_left(f));
	assert_true(fake_ended(f, SERVER));
	fake_free(f);
}

/* A server's word between two requests goes nowhere. */
static void
test_unasked(void **state)
{
	struct fake *f = create();

	(void)state;
	fake_text(f, CLIENT, GET("example.com"));
	fake_text(f, SERVER, ANSWER);
	fake_text(f, SERVER, "HTTP/1.1 408 Request Timeout\r\n\r\n");
	assert_true(fake_left(f));
	assert_true(fake_output_is(f, SERVER, ANSWERED));
	assert_true(fake_saw(f, "http.error", "unasked_response"));
	fake_free(f);
}

static void
test_websocket(void **state)
{
	struct fake *f = create();

	(void)state;
	fake_text(f, CLIENT, "GET http://example.com/chat HTTP/1.1\r\n"
	    "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nearly");
	fake_text(f, SERVER, "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nlate");
	assert_non_null(fake_handoff(f));
	assert_int_equal(fake_count(f, "http.error"), 0);
	assert_int_equal(fake_held(f, CLIENT).len, 5);
	assert_int_equal(fake_held(f, SERVER).len, 4);
	fake_free(f);
}

/* What the hooks are shown is what is sent; their No is final. */
static void
test_refused(void **state)
{
	struct fake *f = create();

	(void)state;
	fake_answer(f, "http.request", FRL_REFUSE);
	fake_text(f, CLIENT, "GET http://example.com/ HTTP/1.1\r\n"
	    "Host: hidden.org\r\n\r\n");
	assert_true(fake_saw(f, "http.request", "http.host=example.com"));
	assert_true(fake_output_is(f, CLIENT, ""));
	assert_non_null(strstr((const char *)fake_output(f, SERVER).data,
	    "HTTP/1.1 403 "));
	fake_free(f);
}

/* What is said, by whom, and what comes of it. */
struct say {
	enum frl_flow flow;
	const char *text;
};

struct talk {
	struct say says[4];
	const char *to_server, *to_client;
	bool over;			/* the client's connection is */
};

#define TO "http://example.com/"
#define SEEN(first) first " HTTP/1.1\r\nHost: example.com\r\n"
#define OLD_SEEN SEEN("GET /") "Connection: close\r\nVia: 1.0 px\r\n\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

static const struct talk talks[] = {
	/* 1xx are heads like others; HTTP/1.0 knows none. */
	{ { { CLIENT, GET("example.com") }, { SERVER,
	    "HTTP/1.1 103 Hints\r\nLink: x\r\nConnection: y\r\ny: 1\r\n\r\n"
	    "HTTP/1.0 199\r\nContent-Length: 0\r\n\r\n" ANSWER } },
	    GOT, "HTTP/1.1 103 Hints\r\nLink: x\r\nVia: 1.1 px\r\n\r\n"
	    "HTTP/1.1 199 \r\nVia: 1.0 px\r\n\r\n" ANSWERED, false },
	{ { { CLIENT, "GET " TO " HTTP/1.0\r\n\r\n" }, { SERVER,
	    "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n" ANSWER } },
	    OLD_SEEN, OK "Content-Length: 2\r\nConnection: close\r\n"
	    "Via: 1.1 px\r\n\r\nhi", true },
	/* Nor does it read chunks; trailers go with them. */
	{ { { CLIENT, "GET " TO " HTTP/1.0\r\n\r\n" }, { SERVER, OK CHUNKED
	    "Trailer: T\r\nX: 1\r\n\r\n3;a=b\r\nabc\r\n001\r\n\r\r\n"
	    "02\r\n\r\n\r\n1\r\n0\r\n0\r\nT: x\r\n\r\n" } },
	    OLD_SEEN, OK "X: 1\r\nConnection: close\r\nVia: 1.1 px\r\n\r\n"
	    "abc\r\r\n0", true },
	{ { { CLIENT, "HEAD " TO " HTTP/1.0\r\n\r\n" }, { SERVER, OK CHUNKED
	    "\r\n" } }, SEEN("HEAD /") "Connection: close\r\n"
	    "Via: 1.0 px\r\n\r\n", OK "Connection: close\r\n"
	    "Via: 1.1 px\r\n\r\n", true },
	/* For a client of 1.1 it stays. */
	{ { { CLIENT, GET("example.com") }, { SERVER, OK CHUNKED
	    "\r\n3;a=b\r\nabc\r\n0\r\n\r\n" } }, GOT,
	    OK CHUNKED "Via: 1.1 px\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n", false },
	/* In HTTP/1.0 an expectation means nothing. */
	{ { { CLIENT, "PUT " TO " HTTP/1.0\r\nExpect: 100-continue\r\n"
	    "Content-Length: 5\r\n\r\nhello" }, { SERVER, ANSWER } },
	    SEEN("PUT /") "Content-Length: 5\r\nConnection: close\r\n"
	    "Via: 1.0 px\r\n\r\nhello", OK "Content-Length: 2\r\n"
	    "Connection: close\r\nVia: 1.1 px\r\n\r\nhi", true },
	/* What goes no further: nobody hears of it, or of what follows. */
	{ { { CLIENT, GET("example.com") }, { SERVER, ANSWER },
	    { CLIENT, "OPTIONS " TO " HTTP/1.1\r\nHost: a\r\n"
	    "Max-Forwards: 00\r\n\r\n" GET("example.com") } },
	    GOT, ANSWERED "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
	    "Connection: close\r\n\r\n", true },
	{ { { CLIENT, "TRACE " TO " HTTP/1.1\r\nHost: a\r\nA:b\r\n"
	    "Cookie: c\r\nMax-Forwards: 0\r\nauthorization: d\r\n\r\n" } },
	    "", "HTTP/1.1 200 OK\r\nContent-Type: message/http\r\n"
	    "Content-Length: 70\r\nConnection: close\r\n\r\n"
	    "TRACE " TO " HTTP/1.1\r\nHost: a\r\nA: b\r\n"
	    "Max-Forwards: 0\r\n\r\n", true },
	/* No number: not ours to count. */
	{ { { CLIENT, "TRACE " TO " HTTP/1.1\r\nHost: a\r\n"
	    "Max-Forwards: -0\r\n\r\n" }, { SERVER, ANSWER } },
	    SEEN("TRACE /") "Max-Forwards: -0\r\nVia: 1.1 px\r\n\r\n",
	    ANSWERED, false },
};

/* cut 0: whole; 1: byte by byte; else each piece in two, behind cut-1. */
static void
hold(const struct talk *talk, size_t cut)
{
	struct fake *f = create();

	for (size_t i = 0; i < 4 && talk->says[i].text != NULL; i++) {
		const struct say *s = &talk->says[i];
		size_t n = strlen(s->text), at, part;

		for (at = 0; at < n; at += part) {
			part = cut == 0 || (cut > 1 && at > 0) ? n - at :
			    cut == 1 ? 1 : cut - 1;
			if (part > n - at)
				part = n - at;
			fake_feed(f, s->flow, s->text + at, part, false);
		}
	}
	if (!fake_output_is(f, CLIENT, talk->to_server) ||
	    !fake_output_is(f, SERVER, talk->to_client) ||
	    fake_ended(f, SERVER) != talk->over)
		fail_msg("cut %zu: %s", cut, talk->says[0].text);
	assert_int_equal(fake_count(f, "http.error"), 0);
	if (talk->over)
		assert_true(fake_saw(f, "http.done", "http.complete=true"));
	fake_free(f);
}

static void
test_talks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++)
		for (size_t cut = 0; cut < 200; cut++)
			hold(&talks[i], cut);
}

/* A body that lost its chunks has no end that a client would miss. */
static void
test_half_a_body(void **state)
{
	static const struct {
		const char *version, *answer;
		bool cut;
	} rows[] = {
		{ "1.0", OK CHUNKED "\r\n3\r\nabc\r\n", true },
		{ "1.0", OK CHUNKED "\r\n3\r\nabc\r\n0\r\n\r\n", false },
		{ "1.0", OK CHUNKED "\r\n", true },
		{ "1.0", OK "Content-Length: 5\r\n\r\nabc", false },
		{ "1.0", OK "\r\nabc", false },
		{ "1.1", OK CHUNKED "\r\n3\r\nabc\r\n", false },
		{ "1.0", OK CHUNKED, false },
	};
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int refused = 0; refused < 2; refused++) {
			struct fake *f = create();
			bool all = strcmp(rows[i].answer, OK "\r\nabc") == 0;

			snprintf(text, sizeof(text), "GET " TO " HTTP/%s\r\n"
			    "Host: a\r\n\r\n", rows[i].version);
			fake_text(f, CLIENT, text);
			fake_text(f, SERVER, rows[i].answer);
			if (refused)
				fake_refuse(f, FRL_WHY_TIMEOUT, "idle", "");
			else
				fake_over(f, SERVER);
			assert_int_equal(fake_cut(f, SERVER), rows[i].cut ||
			    (refused && all));
			assert_false(fake_cut(f, CLIENT));
			fake_free(f);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_upgrades),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_same_server),
		cmocka_unit_test(test_other_server),
		cmocka_unit_test(test_left_to_greet),
		cmocka_unit_test(test_went_round),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_server_closes),
		cmocka_unit_test(test_close_delimited),
		cmocka_unit_test(test_client_closes),
		cmocka_unit_test(test_unasked),
		cmocka_unit_test(test_websocket),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_talks),
		cmocka_unit_test(test_half_a_body),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
