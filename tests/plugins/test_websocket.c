/* SPDX-License-Identifier: MIT */
/*
 * test_websocket -- handshake, verdicts, last words, levels, rates.  What
 * makes a frame wrong is test_websocket_rows.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fairlead/http.h>

#include "fake_host.h"
#include "websocket/tell.h"
#include "ws_bytes.h"

extern const struct frl_plugin frl_plugin;

#define BYTES(text) \
	((struct frl_bytes){ (const uint8_t *)(text), sizeof(text) - 1 })

static const struct options each_frame = { .log = LOG_FRAME };

static struct fake *
start_with(const struct options *options, const char *extensions)
{
	struct frl_context context = { .size = sizeof(context),
	    .token = "websocket" };
	struct fake *f;

	context.extensions = (struct frl_bytes){
	    (const uint8_t *)extensions, strlen(extensions) };
	f = fake_create(&(struct fake_options){ .plugin = &frl_plugin,
	    .options = options, .context = &context });
	assert_non_null(f);
	return (f);
}

static struct fake *
start(void)
{
	return (start_with(&each_frame, ""));
}

/* ------------------------------------------------------------------ */
/* Handshake								*/

static void
test_handshake(void **state)
{
	const struct frl_http_field fields[] = {
		{ BYTES("Host"), BYTES("a") },
		{ BYTES("SEC-WebSocket-Protocol"), BYTES("chat, v2") },
		{ BYTES("sec-websocket-protocol"), BYTES("v3") },
		{ BYTES("Sec-WebSocket-Extensions"),
		    BYTES("permessage-deflate; client_max_window_bits") }
	};
	const struct frl_http_head request = { .count = 4, .fields = fields };
	const struct frl_context context = { .size = sizeof(context),
	    .token = "websocket", .subprotocol = BYTES("v2"),
	    .extensions = BYTES("x , permessage-deflate;"
	    "server_no_context_takeover ; client_max_window_bits=\"10\""),
	    .request = &request };
	struct fake *f = fake_create(&(struct fake_options){
	    .plugin = &frl_plugin, .options = &each_frame,
	    .context = &context });

	(void)state;
	assert_non_null(f);
	assert_int_equal(fake_count(f, "ws.handshake"), 0);
	assert_int_equal(fake_timer_ms(f), 0);
	assert_true(fake_timer(f));
	assert_string_equal(fake_event(f, "ws.handshake", 0), "ws.handshake "
	    "ws.subprotocols_offered=chat, v2, v3 ws.subprotocol=v2 "
	    "ws.extensions_offered=permessage-deflate; "
	    "client_max_window_bits ws.extensions=x , permessage-deflate;"
	    "server_no_context_takeover ; client_max_window_bits=\"10\" "
	    "ws.client_window_bits=10 ws.server_window_bits=15 "
	    "ws.client_context_takeover=true "
	    "ws.server_context_takeover=false");
	fake_feed(f, FRL_FROM_SERVER, "\x81\0", 2, false);
	assert_int_equal(fake_count(f, "ws.handshake"), 1);
	fake_free(f);
}

/* It is the first line, whatever comes first. */
static void
test_handshake_is_first(void **state)
{
	struct fake *f = start();
	const char *first = "ws.handshake\ns2c ws.frame ";

	(void)state;
	fake_feed(f, FRL_FROM_SERVER, "\x81\0", 2, false);
	assert_true(strncmp(fake_events(f), first, strlen(first)) == 0);
	fake_timer(f);
	assert_int_equal(fake_count(f, "ws.handshake"), 1);
	fake_free(f);
}

/* ------------------------------------------------------------------ */
/* Closing								*/

static void
test_clean_close(void **state)
{
	struct bytes *b = calloc(1, sizeof(*b));
	struct fake *f = start();

	(void)state;
	assert_non_null(b);
	fake_feed(f, FRL_FROM_SERVER, "\x88\x05\x03\xe8""bye", 7, false);
	assert_int_equal(fake_count(f, "ws.close"), 0);
	assert_int_equal(fake_idle(f), 0);
	ws_good(b, 0x88, true, "\x03\xe9", 2);
	fake_feed(f, FRL_FROM_CLIENT, b->mem, b->len, false);
	/* Who keeps TCP now is not waited for. */
	assert_int_equal(fake_idle(f), 10000);
	assert_string_equal(fake_event(f, "ws.close", 0), "s2c ws.close "
	    "ws.code=1000 ws.code_name=normal_closure ws.reason=bye "
	    "ws.initiator=server ws.clean=true");
	fake_over(f, FRL_FROM_SERVER);
	fake_over(f, FRL_FROM_CLIENT);
	assert_int_equal(fake_count(f, "ws.close"), 1);
	fake_free(f);
	free(b);
}

static void
test_end_without_close(void **state)
{
	struct fake *f = start();

	(void)state;
	fake_over(f, FRL_FROM_SERVER);
	assert_int_equal(fake_count(f, "ws.close"), 0);
	fake_over(f, FRL_FROM_CLIENT);
	assert_string_equal(fake_event(f, "ws.close", 0), "s2c ws.close "
	    "ws.code=1006 ws.code_name=abnormal_closure "
	    "ws.initiator=server ws.clean=false");
	fake_free(f);
}

static void
test_half_a_close(void **state)
{
	struct fake *f = start();

	(void)state;
	fake_feed(f, FRL_FROM_SERVER, "\x88\0", 2, true);
	fake_over(f, FRL_FROM_CLIENT);
	assert_string_equal(fake_event(f, "ws.close", 0), "s2c ws.close "
	    "ws.code=1005 ws.code_name=no_status_received "
	    "ws.initiator=server ws.clean=false");
	fake_free(f);
}

/* Half a control frame about which a hook is still thinking: nothing of it
 * leaves, and that is told. */
static void
test_half_a_ping_in_question(void **state)
{
	struct fake *f = start();

	(void)state;
	fake_answer(f, "ws.frame", FRL_WAIT);
	fake_feed(f, FRL_FROM_SERVER, "\x89\x05""ab", 4, true);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 0);
	assert_string_equal(fake_event(f, "ws.error", 0), "s2c ws.error "
	    "ws.kind=truncated ws.offset_bytes=0 ws.missing_bytes=3");
	fake_free(f);
}

/* What a client's close frame says, unmasked. */
static void
check_masked_close(struct frl_bytes out, unsigned int code,
    const char *reason)
{
	uint8_t plain[125];
	size_t n = 2 + strlen(reason);

	assert_int_equal(out.len, 6 + n);
	assert_int_equal(out.data[0], 0x88);
	assert_int_equal(out.data[1], 0x80 + n);
	for (size_t i = 0; i < n; i++)
		plain[i] = out.data[6 + i] ^ out.data[2 + i % 4];
	assert_int_equal(plain[0] * 256 + plain[1], code);
	assert_memory_equal(plain + 2, reason, n - 2);
}

static void
test_last_words(void **state)
{
	static const unsigned int codes[] = { 1008, 1002, 1009, 1001, 1012,
	    1013, 1011, 1001 };

	(void)state;
	for (unsigned int why = 0; why < 8; why++) {
		struct fake *f = start();
		uint8_t want[6] = { 0x88, 4, 0, 0, 'n', 'o' };
		char code[16];

		want[2] = (uint8_t)(codes[why] >> 8);
		want[3] = (uint8_t)codes[why];
		fake_refuse(f, (enum frl_why)why, "name", "no");
		assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 6);
		assert_memory_equal(fake_output(f, FRL_FROM_SERVER).data,
		    want, 6);
		check_masked_close(fake_output(f, FRL_FROM_CLIENT),
		    codes[why], "no");
		snprintf(code, sizeof(code), "ws.code=%u ", codes[why]);
		assert_true(fake_saw(f, "ws.close", code));
		assert_true(fake_saw(f, "ws.close", "initiator=proxy"));
		assert_true(fake_saw(f, "ws.close", "clean=false"));
		fake_free(f);
	}
}

/* Behind the frame that is on its way, and not where one has closed. */
static void
test_last_words_at_a_boundary(void **state)
{
	struct bytes *b = calloc(1, sizeof(*b));
	struct fake *f = start();

	(void)state;
	assert_non_null(b);
	ws_good(b, 0x88, true, "\x03\xe8", 2);
	fake_feed(f, FRL_FROM_CLIENT, b->mem, b->len, false);
	fake_feed(f, FRL_FROM_SERVER, "\x82\x05""ab", 4, false);
	fake_refuse(f, FRL_WHY_DRAIN, "drain", "");
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 4);
	fake_feed(f, FRL_FROM_SERVER, "cde\x82\x01", 5, false);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 11);
	assert_memory_equal(fake_output(f, FRL_FROM_SERVER).data,
	    "\x82\x05""abcde\x88\x02\x03\xe9", 11);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, b->len);
	assert_true(fake_saw(f, "ws.close", "initiator=client"));
	fake_free(f);
	free(b);
}

/* Where no frame can be found any more, none of ours is put. */
static void
test_no_words_where_framing_is_lost(void **state)
{
	struct fake *f = start();

	(void)state;
	fake_feed(f, FRL_FROM_SERVER, "\x82\x7f\x80\0\0\0\0\0\0\0abc", 13,
	    false);
	fake_refuse(f, FRL_WHY_REFUSED, "policy", "");
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 13);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, 8);
	assert_int_equal(fake_count(f, "ws.error"), 1);
	fake_free(f);
}

/* A link that is closed with no end told: a reset.  What was said in its
 * close(), for a test that has no fake host any more by then. */
static char cut_off[4096];

static void
note_report(struct frl_link *link, const struct frl_event *event,
    const void *record)
{
	const struct ws_summary *summary = record;

	(void)link;
	(void)event;
	snprintf(cut_off + strlen(cut_off), 100, "payload %llu longest %llu;",
	    (unsigned long long)summary->ways[1].payload_bytes,
	    (unsigned long long)summary->ways[1].max_payload_bytes);
}

static enum frl_verdict
note_publish(struct frl_link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record)
{
	(void)link;
	(void)flow;
	if (event == &ws_error)
		snprintf(cut_off + strlen(cut_off), 100, "missing %lld;",
		    (long long)((const struct frl_ws_error *)
		    record)->missing_bytes);
	else
		snprintf(cut_off + strlen(cut_off), 100, "%s;", event->name);
	return (FRL_OK);
}

static void
close_watched(struct frl_link *link)
{
	const struct frl_host *host = link->host;
	struct frl_host watched = *host;

	watched.report = note_report;
	watched.publish = note_publish;
	/* The fake's functions find it by the link, which stays. */
	link->host = &watched;
	frl_plugin.close(link);
	link->host = host;
}

static void
test_reset(void **state)
{
	struct frl_plugin watched = frl_plugin;
	struct fake *f;

	(void)state;
	watched.close = close_watched;
	cut_off[0] = '\0';
	f = fake_create(&(struct fake_options){ .plugin = &watched,
	    .options = &each_frame });
	fake_feed(f, FRL_FROM_SERVER, "\x82\x05""ab", 4, false);
	fake_free(f);
	assert_string_equal(cut_off,
	    "missing 3;ws.close;payload 2 longest 2;");
	cut_off[0] = '\0';
	f = fake_create(&(struct fake_options){ .plugin = &watched,
	    .options = &each_frame });
	fake_free(f);
	assert_string_equal(cut_off, "");
}

static void
test_long_reason(void **state)
{
	char reason[200];
	struct fake *f = start();

	(void)state;
	memset(reason, 'x', sizeof(reason));
	memcpy(reason + 122, "\xc3\xa9", 2);	/* across the limit */
	reason[199] = '\0';
	fake_refuse(f, FRL_WHY_REFUSED, "policy", reason);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 2 + 2 + 122);
	fake_free(f);
	f = start();
	fake_refuse(f, FRL_WHY_REFUSED, "policy", "\xff");
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 4);
	fake_free(f);
}

/* ------------------------------------------------------------------ */
/* Verdicts								*/

static void
test_refused_frame(void **state)
{
	struct fake *f = start();

	(void)state;
	fake_answer(f, "ws.frame", FRL_OK);
	fake_answer(f, "ws.frame", FRL_REFUSE);
	fake_feed(f, FRL_FROM_SERVER, "\x81\1a\x82\2bc\x81\1d", 10, false);
	assert_string_equal(fake_refused(f), "refused: a hook objected");
	/* The flow of the refuser ends where it refused: what it lets go
	 * still leaves, its last words do. */
	assert_memory_equal(fake_output(f, FRL_FROM_SERVER).data, "\x81\1a",
	    3);
	assert_memory_equal(fake_output(f, FRL_FROM_SERVER).data + 3,
	    "\x88\x11\x03\xf0", 4);
	assert_non_null(strstr(fake_report(f, "ws.summary"),
	    "ws.s2c.text=1 ws.s2c.binary=0 "));
	fake_free(f);
}

static void
test_waiting(void **state)
{
	struct fake *f = start();

	(void)state;
	fake_answer(f, "ws.frame", FRL_WAIT);
	fake_answer(f, "ws.frame", FRL_WAIT);
	fake_feed(f, FRL_FROM_SERVER, "\x81\1a\x82\2b", 6, false);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 0);
	assert_true(fake_decide(f, FRL_FROM_SERVER, FRL_OK));
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 3);
	assert_int_equal(fake_count(f, "ws.frame"), 2);
	assert_true(fake_decide(f, FRL_FROM_SERVER, FRL_REFUSE));
	assert_memory_equal(fake_output(f, FRL_FROM_SERVER).data,
	    "\x81\1a\x88", 4);
	assert_int_equal(fake_count(f, "ws.frame"), 2);
	fake_free(f);
}

/* ------------------------------------------------------------------ */
/* What is logged							*/

static void
test_control_rate(void **state)
{
	static const struct options ten = { .log = LOG_FRAME,
	    .control_rate = 10 };
	struct fake *f = start_with(&ten, "");

	(void)state;
	for (int i = 0; i < 15; i++)
		fake_feed(f, FRL_FROM_SERVER, "\x89\0", 2, false);
	assert_int_equal(fake_count(f, "ws.frame"), 10);
	fake_advance(f, 999999);
	fake_feed(f, FRL_FROM_SERVER, "\x8a\0", 2, false);
	assert_int_equal(fake_count(f, "ws.frame"), 10);
	fake_advance(f, 1);
	fake_feed(f, FRL_FROM_SERVER, "\x8a\0", 2, false);
	assert_int_equal(fake_count(f, "ws.frame"), 11);
	for (int i = 0; i < 15; i++)
		fake_feed(f, FRL_FROM_SERVER, "\x89\0", 2, false);
	fake_feed(f, FRL_FROM_SERVER, "\x81\0\x88\0", 4, false);
	assert_int_equal(fake_count(f, "ws.frame"), 22);
	assert_true(fake_saw(f, "ws.frame", "ws.type=close"));
	fake_over(f, FRL_FROM_SERVER);
	fake_over(f, FRL_FROM_CLIENT);
	assert_non_null(strstr(fake_report(f, "ws.summary"),
	    "ws.s2c.ping=30 ws.s2c.pong=2 ws.s2c.close=1"));
	fake_free(f);
}

static void
test_levels(void **state)
{
	static const size_t frames[] = { 4, 0, 0 }, messages[] = { 1, 2, 0 };

	(void)state;
	for (uint32_t log = LOG_FRAME; log <= LOG_SUMMARY; log++) {
		const struct options options = { .log = log };
		struct fake *f = start_with(&options, "");

		fake_feed(f, FRL_FROM_SERVER,
		    "\x81\1a\x02\1b\x80\2cd\x88\0", 12, true);
		fake_over(f, FRL_FROM_CLIENT);
		assert_int_equal(fake_count(f, "ws.frame"), frames[log]);
		assert_int_equal(fake_count(f, "ws.message"), messages[log]);
		assert_int_equal(fake_count(f, "ws.handshake"), 1);
		assert_int_equal(fake_count(f, "ws.close"), 1);
		assert_string_equal(fake_report(f, "ws.summary"),
		    "ws.summary ws.c2s.frames=0 "
		    "ws.c2s.text=0 ws.c2s.binary=0 "
		    "ws.c2s.continuation=0 ws.c2s.ping=0 ws.c2s.pong=0 "
		    "ws.c2s.close=0 ws.c2s.messages=0 "
		    "ws.c2s.payload_bytes=0 ws.c2s.max_payload_bytes=0 "
		    "ws.s2c.frames=4 ws.s2c.text=1 ws.s2c.binary=1 "
		    "ws.s2c.continuation=1 ws.s2c.ping=0 ws.s2c.pong=0 "
		    "ws.s2c.close=1 ws.s2c.messages=2 "
		    "ws.s2c.payload_bytes=4 ws.s2c.max_payload_bytes=2");
		fake_free(f);
	}
}

static void
test_nobody_wants_it(void **state)
{
	struct fake *f = start();

	(void)state;
	fake_want(f, false);
	fake_feed(f, FRL_FROM_SERVER, "\x81\1a\x02\1b\x80\2cd", 10, false);
	assert_int_equal(fake_count(f, "ws.frame"), 0);
	assert_int_equal(fake_count(f, "ws.message"), 0);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 10);
	fake_free(f);
}

/* ------------------------------------------------------------------ */
/* How it goes through							*/

/* A long payload is let go at its header, and never shown. */
static void
test_payload_runs_ahead(void **state)
{
	struct bytes *b = calloc(1, sizeof(*b));
	struct fake *f = start();

	(void)state;
	assert_non_null(b);
	ws_add(b, &(struct ws_wish){ .first = 0x82, .announced = 100000 });
	fake_feed(f, FRL_FROM_SERVER, b->mem, b->len, false);
	assert_true(fake_credit(f, FRL_FROM_SERVER) == 100000);
	for (int i = 0; i < 10; i++)
		fake_feed(f, FRL_FROM_SERVER, b->mem, 10000, false);
	assert_int_equal(fake_calls(f, FRL_FROM_SERVER), 1);
	fake_feed(f, FRL_FROM_SERVER, "\x81\0", 2, false);
	assert_int_equal(fake_count(f, "ws.frame"), 2);
	assert_true(fake_saw(f, "ws.frame", "ws.frame=2 ws.msg=2"));
	fake_free(f);
	free(b);
}

/* A header that comes in pieces is asked for, not looked for. */
static void
test_slow_header(void **state)
{
	static const uint8_t head[14] = { 0x82, 0xff, 0, 0, 0, 0, 0, 1, 0,
	    0, 1, 2, 3, 4 };
	struct fake *f = start();

	(void)state;
	for (size_t i = 0; i < sizeof(head); i++)
		fake_feed(f, FRL_FROM_CLIENT, head + i, 1, false);
	assert_int_equal(fake_count(f, "ws.frame"), 1);
	assert_int_equal(fake_calls(f, FRL_FROM_CLIENT), 3);
	fake_free(f);
}

/* Many small frames: few calls, no end of them in one. */
static void
test_many_frames(void **state)
{
	struct bytes *b = calloc(1, sizeof(*b));
	const struct options summary = { .log = LOG_SUMMARY };
	struct fake *f = start_with(&summary, "");

	(void)state;
	assert_non_null(b);
	for (int i = 0; i < 1000; i++)
		ws_good(b, 0x81, true, "hello", 5);
	fake_feed(f, FRL_FROM_CLIENT, b->mem, b->len, false);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, b->len);
	assert_int_equal(fake_calls(f, FRL_FROM_CLIENT), 4);
	fake_free(f);
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_handshake_is_first),
		cmocka_unit_test(test_clean_close),
		cmocka_unit_test(test_end_without_close),
		cmocka_unit_test(test_half_a_close),
		cmocka_unit_test(test_half_a_ping_in_question),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_last_words_at_a_boundary),
		cmocka_unit_test(test_no_words_where_framing_is_lost),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_long_reason),
		cmocka_unit_test(test_refused_frame),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_control_rate),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_nobody_wants_it),
		cmocka_unit_test(test_payload_runs_ahead),
		cmocka_unit_test(test_slow_header),
		cmocka_unit_test(test_many_frames)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
