/* SPDX-License-Identifier: MIT */
/*
 * test_websocket_ping -- how long pings take, the peers' and our own; that
 * our own are where they may be, and answers to them go no further.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_host.h"
#include "websocket/tell.h"
#include "ws_bytes.h"

extern const struct frl_plugin frl_plugin;

#define PERIOD 30000u			/* ms */
#define PING_TO_CLIENT 14u		/* bytes of ours */
#define PING_TO_SERVER 18u

static const struct options watching = { .log = LOG_FRAME };
static const struct options keeping = { .log = LOG_FRAME,
	.keepalive = PERIOD };

static struct fake *
start_with(const struct options *options, const char *extensions)
{
	const struct frl_context context = { .size = sizeof(context),
	    .token = "websocket", .extensions = {
	    (const uint8_t *)extensions, strlen(extensions) } };
	struct fake *f = fake_create(&(struct fake_options){
	    .plugin = &frl_plugin, .options = options,
	    .context = &context });

	assert_non_null(f);
	assert_true(fake_timer(f));
	return (f);
}

static struct fake *
start(const struct options *options)
{
	return (start_with(options, ""));
}

/* A frame of a peer, as it should be. */
static void
say(struct fake *f, enum frl_flow flow, unsigned int first,
    const void *payload, size_t n)
{
	struct bytes *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	ws_good(b, first, flow == FRL_FROM_CLIENT, payload, n);
	fake_feed(f, flow, b->mem, b->len, false);
	free(b);
}

static void
ping(struct fake *f, enum frl_flow flow, const char *text)
{
	say(f, flow, 0x89, text, strlen(text));
}

static void
pong(struct fake *f, enum frl_flow flow, const char *text)
{
	say(f, flow, 0x8a, text, strlen(text));
}

static void
check_report(struct fake *f, const char *part)
{
	const char *line;

	fake_over(f, FRL_FROM_SERVER);
	fake_over(f, FRL_FROM_CLIENT);
	line = fake_report(f, "ws.summary");
	assert_non_null(line);
	if (strstr(line, part) == NULL)
		fail_msg("<%s> is not in <%s>", part, line);
	fake_free(f);
}

/* ------------------------------------------------------------------ */
/* The peers' pings							*/

static void
test_round_trip(void **state)
{
	struct fake *f = start(&watching);

	(void)state;
	ping(f, FRL_FROM_SERVER, "abc");
	fake_advance(f, 1500);
	pong(f, FRL_FROM_CLIENT, "abc");
	assert_string_equal(fake_event(f, "ws.rtt", 0),
	    "s2c ws.rtt ws.rtt_us=1500 ws.by=server");
	ping(f, FRL_FROM_CLIENT, "");
	fake_advance(f, 7);
	pong(f, FRL_FROM_SERVER, "");
	assert_string_equal(fake_event(f, "ws.rtt", 1),
	    "c2s ws.rtt ws.rtt_us=7 ws.by=client");
	ping(f, FRL_FROM_SERVER, "def");
	fake_advance(f, 100);
	pong(f, FRL_FROM_CLIENT, "def");
	assert_int_equal(fake_count(f, "ws.rtt"), 3);
	check_report(f, "ws.s2c.rtt_last_us=100 ws.s2c.rtt_min_us=100 "
	    "ws.s2c.rtt_max_us=1500");
}

/* An answer to nothing; twice; of the wrong side; not as it should be. */
static void
test_no_answer(void **state)
{
	struct fake *f = start(&watching);

	(void)state;
	pong(f, FRL_FROM_CLIENT, "abc");
	ping(f, FRL_FROM_SERVER, "abc");
	pong(f, FRL_FROM_CLIENT, "abd");
	pong(f, FRL_FROM_CLIENT, "ab");
	pong(f, FRL_FROM_SERVER, "abc");
	fake_feed(f, FRL_FROM_CLIENT, "\x8a\3""abc", 5, false);
	assert_int_equal(fake_count(f, "ws.rtt"), 0);
	pong(f, FRL_FROM_CLIENT, "abc");
	pong(f, FRL_FROM_CLIENT, "abc");
	assert_int_equal(fake_count(f, "ws.rtt"), 1);
	fake_free(f);
}

/* RFC 6455, 5.5.3: only the latest may be answered. */
static void
test_latest_answers_all(void **state)
{
	struct fake *f = start(&watching);

	(void)state;
	ping(f, FRL_FROM_SERVER, "a");
	fake_advance(f, 10);
	ping(f, FRL_FROM_SERVER, "b");
	fake_advance(f, 10);
	ping(f, FRL_FROM_SERVER, "c");
	fake_advance(f, 10);
	pong(f, FRL_FROM_CLIENT, "b");
	assert_non_null(strstr(fake_event(f, "ws.rtt", 0), "rtt_us=20 "));
	pong(f, FRL_FROM_CLIENT, "a");
	assert_int_equal(fake_count(f, "ws.rtt"), 1);
	pong(f, FRL_FROM_CLIENT, "c");
	assert_non_null(strstr(fake_event(f, "ws.rtt", 1), "rtt_us=10 "));
	fake_free(f);
}

/* Of those that say the same, one that was never answered makes no later one
 * seem slow. */
static void
test_same_payload(void **state)
{
	struct fake *f = start(&watching);

	(void)state;
	ping(f, FRL_FROM_SERVER, "");
	fake_advance(f, 1000000);
	ping(f, FRL_FROM_SERVER, "");
	fake_advance(f, 5);
	pong(f, FRL_FROM_CLIENT, "");
	assert_non_null(strstr(fake_event(f, "ws.rtt", 0), "rtt_us=5 "));
	pong(f, FRL_FROM_CLIENT, "");
	assert_int_equal(fake_count(f, "ws.rtt"), 1);
	fake_free(f);
}

static void
test_only_the_last_few(void **state)
{
	struct fake *f = start(&watching);
	char text[2] = "0";

	(void)state;
	for (; text[0] <= '9'; text[0]++)
		ping(f, FRL_FROM_SERVER, text);
	pong(f, FRL_FROM_CLIENT, "5");
	assert_int_equal(fake_count(f, "ws.rtt"), 0);
	for (text[0] = '6'; text[0] <= '9'; text[0]++)
		pong(f, FRL_FROM_CLIENT, text);
	assert_int_equal(fake_count(f, "ws.rtt"), 4);
	fake_free(f);
}

static void
test_rate_and_levels(void **state)
{
	static const size_t lines[] = { 5, 20, 0 };

	(void)state;
	for (uint32_t log = LOG_FRAME; log <= LOG_SUMMARY; log++) {
		struct options options = { .log = log, .control_rate = 20 };
		struct fake *f;

		if (log == LOG_FRAME)
			options.control_rate = 15;
		f = start(&options);
		for (int i = 0; i < 100; i++) {
			ping(f, FRL_FROM_SERVER, "x");
			pong(f, FRL_FROM_CLIENT, "x");
		}
		assert_int_equal(fake_count(f, "ws.rtt"), lines[log]);
		check_report(f, "ws.s2c.rtt_last_us=1 ");
	}
}

/* ------------------------------------------------------------------ */
/* Our own								*/

/* Time goes by, and the timer fires. */
static void
quiet_for(struct fake *f, uint64_t ms)
{
	fake_advance(f, ms * 1000);
	assert_true(fake_timer(f));
}

/* The payload of our latest ping, at the end of what left. */
static const uint8_t *
our_ping(const struct fake *f, enum frl_flow flow, uint8_t *ret_payload)
{
	struct frl_bytes out = fake_output(f, flow);
	const uint8_t *at;

	if (flow == FRL_FROM_SERVER) {
		assert_true(out.len >= PING_TO_CLIENT);
		at = out.data + out.len - PING_TO_CLIENT;
		assert_memory_equal(at, "\x89\x0c", 2);
		memcpy(ret_payload, at + 2, 12);
		return (ret_payload);
	}
	assert_true(out.len >= PING_TO_SERVER);
	at = out.data + out.len - PING_TO_SERVER;
	assert_memory_equal(at, "\x89\x8c", 2);
	for (size_t i = 0; i < 12; i++)
		ret_payload[i] = at[6 + i] ^ at[2 + i % 4];
	return (ret_payload);
}

static void
test_both_are_pinged(void **state)
{
	struct fake *f = start(&keeping);
	uint8_t client[12], server[12], next[12];

	(void)state;
	assert_int_equal(fake_timer_ms(f), PERIOD);
	quiet_for(f, PERIOD - 1);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 0);
	assert_int_equal(fake_timer_ms(f), 1);
	quiet_for(f, 1);
	assert_int_equal(fake_timer_ms(f), PERIOD);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, PING_TO_CLIENT);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, PING_TO_SERVER);
	our_ping(f, FRL_FROM_SERVER, client);
	our_ping(f, FRL_FROM_CLIENT, server);
	assert_true(memcmp(client, server, 8) != 0);
	assert_int_equal(fake_quiets(f), 1);
	assert_int_equal(fake_count(f, "ws.frame"), 0);

	fake_advance(f, 300);
	say(f, FRL_FROM_CLIENT, 0x8a, client, 12);
	fake_advance(f, 50);
	say(f, FRL_FROM_SERVER, 0x8a, server, 12);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, PING_TO_CLIENT);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, PING_TO_SERVER);
	assert_int_equal(fake_quiets(f), 3);
	assert_int_equal(fake_count(f, "ws.frame"), 0);
	assert_string_equal(fake_event(f, "ws.rtt", 0),
	    "s2c ws.rtt ws.rtt_us=300 ws.by=proxy");
	assert_string_equal(fake_event(f, "ws.rtt", 1),
	    "c2s ws.rtt ws.rtt_us=350 ws.by=proxy");

	quiet_for(f, PERIOD);
	our_ping(f, FRL_FROM_SERVER, next);
	assert_true(memcmp(client, next, 12) != 0);
	check_report(f, "ws.c2s.rtt_max_us=350 ws.c2s.proxy_ping=2 "
	    "ws.c2s.proxy_pong=1 ws.s2c.frames=0");
}

/* When was the latest one?  Answered or not, whosever it was. */
static void
test_age(void **state)
{
	struct fake *f = start(&watching);

	(void)state;
	ping(f, FRL_FROM_SERVER, "abc");
	fake_advance(f, 1500);
	pong(f, FRL_FROM_CLIENT, "abc");
	fake_advance(f, 200);
	check_report(f, "ws.s2c.ping_age_us=1700 ws.s2c.rtt_last_us=1500 ");

	f = start(&watching);
	ping(f, FRL_FROM_CLIENT, "abc");
	fake_advance(f, 10);
	ping(f, FRL_FROM_CLIENT, "def");
	fake_advance(f, 5);
	check_report(f, "ws.c2s.ping_age_us=5 ws.s2c.frames=0 ");

	f = start(&keeping);
	quiet_for(f, PERIOD);
	fake_advance(f, 42);
	check_report(f, "ws.c2s.ping_age_us=42 ws.c2s.proxy_ping=1 ");
}

/* Around frames, cut everywhere, the peer gets all but the pong. */
static void
test_pong_is_swallowed(void **state)
{
	struct bytes *b = calloc(1, sizeof(*b));
	uint8_t payload[12];

	(void)state;
	assert_non_null(b);
	for (size_t cut = 0; cut <= 40; cut++) {
		struct fake *f = start(&keeping);
		size_t first, from = PING_TO_SERVER;
		struct frl_bytes out;

		quiet_for(f, PERIOD);
		our_ping(f, FRL_FROM_SERVER, payload);
		b->len = 0;
		ws_good(b, 0x01, true, "hello", 5);
		first = b->len;
		ws_good(b, 0x8a, true, payload, 12);
		ws_good(b, 0x80, true, "world", 5);
		fake_feed(f, FRL_FROM_CLIENT, b->mem, cut, false);
		fake_feed(f, FRL_FROM_CLIENT, b->mem + cut, b->len - cut,
		    false);
		out = fake_output(f, FRL_FROM_CLIENT);
		assert_int_equal(out.len, from + 2 * first);
		assert_memory_equal(out.data + from, b->mem, first);
		assert_memory_equal(out.data + from + first,
		    b->mem + b->len - first, first);
		assert_int_equal(fake_count(f, "ws.frame"), 2);
		assert_true(fake_saw(f, "ws.frame", "ws.frame=2 ws.msg=1"));
		assert_int_equal(fake_count(f, "ws.error"), 0);
		check_report(f, "ws.c2s.pong=0 ");
	}
	free(b);
}

/* However many come in one piece, frames in between. */
static void
test_many_pongs(void **state)
{
	struct bytes *b = calloc(1, sizeof(*b));
	struct fake *f = start(&keeping);
	uint8_t payload[12];

	(void)state;
	assert_non_null(b);
	quiet_for(f, PERIOD);
	our_ping(f, FRL_FROM_SERVER, payload);
	for (int i = 0; i < 20; i++) {
		ws_good(b, 0x8a, true, payload, 12);
		ws_good(b, 0x81, true, "x", 1);
	}
	fake_feed(f, FRL_FROM_CLIENT, b->mem, b->len, false);
	assert_false(fake_closed(f));
	assert_int_equal(fake_count(f, "ws.frame"), 20);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len,
	    PING_TO_SERVER + 20 * 7);
	fake_free(f);
	free(b);
}

static void
test_pong_byte_by_byte(void **state)
{
	struct bytes *b = calloc(1, sizeof(*b));
	struct fake *f = start(&keeping);
	uint8_t payload[12];

	(void)state;
	assert_non_null(b);
	quiet_for(f, PERIOD);
	our_ping(f, FRL_FROM_CLIENT, payload);
	ws_good(b, 0x8a, false, payload, 12);
	for (size_t i = 0; i < b->len; i++)
		fake_feed(f, FRL_FROM_SERVER, b->mem + i, 1, false);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, PING_TO_CLIENT);
	assert_int_equal(fake_count(f, "ws.rtt"), 1);
	fake_free(f);
	free(b);
}

/* Late and repeated answers are ours, too; what only looks like one is not:
 * one of the wrong side, one to a ping that was not sent yet. */
static void
test_whose_pong(void **state)
{
	struct fake *f = start(&keeping);
	uint8_t first[12], second[12], foreign[12];
	size_t sent;

	(void)state;
	quiet_for(f, PERIOD);
	our_ping(f, FRL_FROM_SERVER, first);
	quiet_for(f, PERIOD);
	our_ping(f, FRL_FROM_SERVER, second);
	our_ping(f, FRL_FROM_CLIENT, foreign);
	sent = fake_output(f, FRL_FROM_CLIENT).len;
	say(f, FRL_FROM_CLIENT, 0x8a, first, 12);
	assert_int_equal(fake_count(f, "ws.rtt"), 0);
	say(f, FRL_FROM_CLIENT, 0x8a, second, 12);
	say(f, FRL_FROM_CLIENT, 0x8a, second, 12);
	assert_int_equal(fake_count(f, "ws.rtt"), 1);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, sent);
	say(f, FRL_FROM_CLIENT, 0x8a, foreign, 12);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, sent + 18);
	second[11]++;
	say(f, FRL_FROM_CLIENT, 0x8a, second, 12);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, sent + 36);
	second[11]--;
	say(f, FRL_FROM_CLIENT, 0x8a, second, 11);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, sent + 53);
	say(f, FRL_FROM_CLIENT, 0x89, second, 12);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, sent + 71);
	check_report(f, "ws.c2s.ping=1 ws.c2s.pong=3 ");
}

/* Half an answer to ours is nobody's; half another one is its peer's. */
static void
test_half_a_pong(void **state)
{
	struct bytes *b = calloc(1, sizeof(*b));
	uint8_t payload[12];

	(void)state;
	assert_non_null(b);
	for (int ours = 0; ours < 2; ours++) {
		struct fake *f = start(&keeping);

		quiet_for(f, PERIOD);
		our_ping(f, FRL_FROM_SERVER, payload);
		payload[3] = (uint8_t)(payload[3] + !ours);
		b->len = 0;
		ws_good(b, 0x8a, true, payload, 12);
		fake_feed(f, FRL_FROM_CLIENT, b->mem, 15, true);
		assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len,
		    PING_TO_SERVER + (ours ? 0u : 15u));
		assert_int_equal(fake_count(f, "ws.error"), !ours);
		fake_free(f);
	}
	free(b);
}

/*
 * A pong to a ping that is yet to come is its peer's, and hooks are asked
 * about it.  It stays so if that ping is sent while they think: what they
 * allow is this frame, not the one behind it.
 */
static void
test_foretold_pong(void **state)
{
	struct fake *f = start(&keeping);
	uint8_t payload[12];
	size_t sent;

	(void)state;
	quiet_for(f, PERIOD);
	our_ping(f, FRL_FROM_SERVER, payload);
	payload[11]++;
	fake_answer(f, "ws.frame", FRL_WAIT);
	fake_answer(f, "ws.frame", FRL_REFUSE);
	say(f, FRL_FROM_CLIENT, 0x8a, payload, 12);
	say(f, FRL_FROM_CLIENT, 0x81, "not asked", 9);
	quiet_for(f, PERIOD);
	our_ping(f, FRL_FROM_SERVER, payload);
	assert_int_equal(payload[11], 2);
	sent = fake_output(f, FRL_FROM_CLIENT).len;
	assert_true(fake_decide(f, FRL_FROM_CLIENT, FRL_OK));
	assert_int_equal(fake_count(f, "ws.frame"), 2);
	assert_true(fake_saw(f, "ws.frame", "ws.type=text"));
	assert_true(fake_closed(f));
	assert_memory_equal(fake_output(f, FRL_FROM_CLIENT).data + sent,
	    "\x8a\x8c", 2);
	assert_memory_equal(fake_output(f, FRL_FROM_CLIENT).data + sent + 18,
	    "\x88", 1);
	fake_free(f);
}

/* What the peers say puts it off. */
static void
test_not_quiet(void **state)
{
	struct fake *f = start(&keeping);

	(void)state;
	fake_advance(f, 10000000);
	say(f, FRL_FROM_CLIENT, 0x81, "x", 1);
	quiet_for(f, PERIOD - 10000);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 0);
	assert_int_equal(fake_timer_ms(f), 10000);
	quiet_for(f, 10000);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, PING_TO_CLIENT);
	fake_free(f);
}

/* Where a payload runs ahead there is no place for one; between the frames of
 * a message, and before half a header, there is. */
static void
test_only_between_frames(void **state)
{
	struct fake *f = start(&keeping);
	struct frl_bytes out;

	(void)state;
	fake_feed(f, FRL_FROM_SERVER, "\x02\x05""ab", 4, false);
	quiet_for(f, PERIOD);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 4);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, PING_TO_SERVER);
	fake_feed(f, FRL_FROM_SERVER, "cde\x80\x7e", 5, false);
	out = fake_output(f, FRL_FROM_SERVER);
	assert_int_equal(out.len, 7);
	quiet_for(f, PERIOD);
	fake_feed(f, FRL_FROM_SERVER, "\0\x7e", 2, false);
	out = fake_output(f, FRL_FROM_SERVER);
	assert_int_equal(out.len, 7 + PING_TO_CLIENT + 4);
	assert_memory_equal(out.data, "\x02\x05""abcde\x89\x0c", 9);
	assert_memory_equal(out.data + out.len - 4, "\x80\x7e\0\x7e", 4);
	fake_free(f);
}

static void
check_silence(struct fake *f)
{
	size_t client = fake_output(f, FRL_FROM_SERVER).len;
	size_t server = fake_output(f, FRL_FROM_CLIENT).len;

	fake_advance(f, PERIOD * 1000);
	(void)fake_timer(f);
	assert_true(fake_timer_ms(f) == FRL_ALL);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, client);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, server);
	fake_free(f);
}

static void
test_no_pings_any_more(void **state)
{
	struct fake *f = start(&keeping);

	(void)state;
	say(f, FRL_FROM_CLIENT, 0x88, "\x03\xe8", 2);
	check_silence(f);
	f = start(&keeping);
	say(f, FRL_FROM_SERVER, 0x88, "\x03\xe8", 2);
	check_silence(f);
	f = start(&keeping);
	fake_over(f, FRL_FROM_SERVER);
	check_silence(f);
	f = start(&keeping);
	fake_feed(f, FRL_FROM_SERVER, "\x82\x7f\x80\0\0\0\0\0\0\0abc", 13,
	    false);
	check_silence(f);
	f = start_with(&keeping, "x-new");
	check_silence(f);
	f = start(&watching);
	check_silence(f);
	f = start(&keeping);
	fake_feed(f, FRL_FROM_SERVER, "\x82\x05""ab", 4, false);
	fake_refuse(f, FRL_WHY_DRAIN, "drain", "");
	check_silence(f);
}

/* They do not gather on the way to who reads nothing. */
static void
test_nobody_answers(void **state)
{
	struct fake *f = start(&keeping);

	(void)state;
	for (int i = 0; i < 50; i++)
		quiet_for(f, PERIOD);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len,
	    8 * PING_TO_CLIENT);
	ping(f, FRL_FROM_CLIENT, "");
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len,
	    8 * PING_TO_SERVER + 6);
	for (int i = 0; i < 50; i++)
		quiet_for(f, PERIOD);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len,
	    16 * PING_TO_CLIENT);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len,
	    8 * PING_TO_SERVER + 6);
	check_report(f, "ws.s2c.proxy_ping=16");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_latest_answers_all),
		cmocka_unit_test(test_same_payload),
		cmocka_unit_test(test_only_the_last_few),
		cmocka_unit_test(test_rate_and_levels),
		cmocka_unit_test(test_both_are_pinged),
		cmocka_unit_test(test_pong_is_swallowed),
		cmocka_unit_test(test_many_pongs),
		cmocka_unit_test(test_pong_byte_by_byte),
		cmocka_unit_test(test_whose_pong),
		cmocka_unit_test(test_half_a_pong),
		cmocka_unit_test(test_foretold_pong),
		cmocka_unit_test(test_not_quiet),
		cmocka_unit_test(test_only_between_frames),
		cmocka_unit_test(test_no_pings_any_more),
		cmocka_unit_test(test_nobody_answers),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
