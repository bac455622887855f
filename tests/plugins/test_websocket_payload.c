/* SPDX-License-Identifier: MIT */
/*
 * test_websocket_payload -- text that is UTF-8 or not, over fragments and
 * cuts; what is said behind a frame whose header had left; what comes behind
 * a close.
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
#include "websocket/utf8.h"
#include "ws_bytes.h"

extern const struct frl_plugin frl_plugin;

static const struct options enforce = { .mode = MODE_ENFORCE };
static const struct options observe = { .log = LOG_FRAME };
static const struct options looking = { .inflate = true };

static struct fake *
start(const struct options *options)
{
	const struct frl_context context = { .size = sizeof(context),
	    .token = "websocket" };
	struct fake *f = fake_create(&(struct fake_options){
	    .plugin = &frl_plugin, .options = options,
	    .context = &context });

	assert_non_null(f);
	return (f);
}

/* ------------------------------------------------------------------ */
/* UTF-8								*/

/* What RFC 3629 says of one character, by its code point. */
static bool
is_character(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t point = n == 1 ? p[0] : p[0] & (0x7fu >> n);

	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return (false);
		point = point << 6 | (p[i] & 0x3fu);
	}
	if (n == 1)
		return (p[0] < 0x80);
	/* As many ones as bytes, and a zero. */
	return (p[0] >> (7 - n) == (1 << (n + 1)) - 2 && point >= least[n] &&
	    point <= 0x10ffff && (point < 0xd800 || point > 0xdfff));
}

static bool
is_text(const uint8_t *p, size_t len)
{
	size_t n;

	for (; len > 0; p += n, len -= n) {
		for (n = 1; n <= 4 && n <= len; n++)
			if (is_character(p, n))
				break;
		if (n > 4 || n > len)
			return (false);
	}
	return (true);
}

/* Whole, and in two pieces, whatever surrounds it. */
static bool
judge(const uint8_t *p, size_t len)
{
	struct utf8 whole = { 0 };
	bool verdict = utf8_feed(&whole, p, len) && utf8_whole(&whole);

	for (size_t cut = 0; cut <= len; cut++) {
		struct utf8 utf8 = { 0 };

		assert_int_equal(verdict, utf8_feed(&utf8, p, cut) &&
		    utf8_feed(&utf8, p + cut, len - cut) &&
		    utf8_whole(&utf8));
	}
	return (verdict);
}

/* All of two bytes, and of three and four all whose first two are not plain;
 * behind eight letters, which are taken at once. */
static void
test_utf8(void **state)
{
	static const uint8_t ends[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90,
		0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xff };
	uint8_t text[12] = "abcdefgh";
	size_t n = sizeof(ends);

	(void)state;
	for (unsigned int i = 0; i < 0x10000; i++) {
		text[8] = (uint8_t)(i >> 8);
		text[9] = (uint8_t)i;
		assert_int_equal(judge(text + 8, 2), is_text(text + 8, 2));
		if ((i & 0x80) == 0 || i >> 8 < 0xc0)
			continue;
		for (size_t k = 0; k < n * n; k++) {
			text[10] = ends[k % n];
			text[11] = ends[k / n];
			assert_int_equal(judge(text + 8, 3),
			    is_text(text + 8, 3));
			assert_int_equal(judge(text, 12), is_text(text, 12));
		}
	}
}

/* ------------------------------------------------------------------ */
/* Texts in frames							*/

/* Up to three fragments; wrong: the one that is found out, from 1. */
struct text {
	const char *name, *parts[3];
	size_t wrong;
};

static const struct text texts[] = {
	{ "one frame", { "na\xc3\xafve" }, 0 },
	{ "characters across fragments", { "\xe2", "\x82", "\xac" }, 0 },
	{ "four bytes in three", { "\xf0\x9f", "", "\x98\x80" }, 0 },
	{ "empty", { "" }, 0 },
	{ "Latin-1", { "caf\xe9 au lait" }, 1 },
	{ "at its end", { "caf\xc3" }, 1 },
	{ "in a later fragment", { "fine", "still", "\xff" }, 3 },
	{ "across fragments", { "\xe2", "\x82", "z" }, 3 },
	{ "ends in an empty fragment", { "\xe2\x82", "" }, 2 },
	{ "a surrogate, cut", { "\xed", "\xa0\x80" }, 2 }
};

static size_t
write_text(const struct text *text, bool masked, struct bytes *b,
    size_t *ret_good)
{
	size_t count = 0;

	while (count < 3 && text->parts[count] != NULL)
		count++;
	b->len = 0;
	for (size_t i = 0; i < count; i++) {
		ws_good(b, (i == 0 ? 1u : 0u) | (i + 1 == count ? WS_FIN :
		    0u), masked, text->parts[i], strlen(text->parts[i]));
		if (i + 1 == text->wrong)
			*ret_good = b->len;
	}
	if (text->wrong == 0)
		*ret_good = b->len;
	ws_good(b, 0x89, masked, "x", 1);
	return (count);
}

static void
check_text(struct fake *f, const struct text *text, enum frl_flow flow,
    const struct options *options, const struct bytes *b, size_t good)
{
	bool client = flow == FRL_FROM_CLIENT;
	struct frl_bytes out = fake_output(f, flow);

	assert_int_equal(fake_count(f, "ws.error"), options != &observe &&
	    text->wrong != 0);
	if (options != &enforce || text->wrong == 0) {
		assert_int_equal(out.len, b->len);
		assert_memory_equal(out.data, b->mem, b->len);
		return;
	}
	/* The wrong frame to its end, then ours. */
	assert_true(out.len > good);
	assert_memory_equal(out.data, b->mem, good);
	assert_true(ws_is_close(out.data + good, out.len - good, client,
	    1007, "bad_utf8"));
	out = fake_output(f, client ? FRL_FROM_SERVER : FRL_FROM_CLIENT);
	assert_true(ws_is_close(out.data, out.len, !client, 1007,
	    "bad_utf8"));
	assert_true(fake_saw(f, "ws.error", "ws.kind=bad_utf8"));
	assert_true(fake_closed(f));
}

static char *
play_text(const struct text *text, enum frl_flow flow,
    const struct options *options, size_t cut, size_t step)
{
	static struct bytes b;
	struct fake *f = start(options);
	size_t good = 0;
	char *lines;

	write_text(text, flow == FRL_FROM_CLIENT, &b, &good);
	cut = cut < b.len ? cut : b.len;
	fake_feed(f, flow, b.mem, cut, false);
	for (; step > 0 && cut + step < b.len; cut += step)
		fake_feed(f, flow, b.mem + cut, step, false);
	fake_feed(f, flow, b.mem + cut, b.len - cut, false);
	check_text(f, text, flow, options, &b, good);
	lines = strdup(fake_events(f));
	fake_free(f);
	return (lines);
}

static void
play_cuts(const struct text *text, enum frl_flow flow,
    const struct options *options)
{
	char *whole = play_text(text, flow, options, SIZE_MAX, 0), *pieces;

	pieces = play_text(text, flow, options, 0, 1);
	assert_string_equal(pieces, whole);
	free(pieces);
	for (size_t cut = 0; cut < 40; cut++) {
		pieces = play_text(text, flow, options, cut, 0);
		assert_string_equal(pieces, whole);
		free(pieces);
	}
	free(whole);
}

static void
test_texts(void **state)
{
	static const struct options *const all[] = { &observe, &looking,
		&enforce };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		print_message("           %s\n", texts[i].name);
		for (size_t k = 0; k < 3; k++) {
			play_cuts(&texts[i], FRL_FROM_CLIENT, all[k]);
			play_cuts(&texts[i], FRL_FROM_SERVER, all[k]);
		}
	}
}

/* Its message is told when it is over, and how long that took. */
static void
test_duration(void **state)
{
	struct fake *f = start(&enforce);

	(void)state;
	fake_feed(f, FRL_FROM_SERVER, "\x01\x02""ab", 4, false);
	fake_advance(f, 1000);
	fake_feed(f, FRL_FROM_SERVER, "\x80\x02""c", 3, false);
	fake_advance(f, 500);
	assert_int_equal(fake_count(f, "ws.message"), 0);
	fake_feed(f, FRL_FROM_SERVER, "d", 1, false);
	assert_string_equal(fake_event(f, "ws.message", 0), "s2c ws.message "
	    "ws.msg=1 ws.opcode=1 ws.type=text ws.frames=2 "
	    "ws.payload_bytes=4 ws.compressed=false ws.duration_us=1500");
	/* Nobody asks what a binary message holds: it runs ahead. */
	fake_feed(f, FRL_FROM_SERVER, "\x02\x02""ab\x80\x02", 6, false);
	assert_int_equal(fake_credit(f, FRL_FROM_SERVER), 2);
	assert_string_equal(fake_event(f, "ws.message", 1), "s2c ws.message "
	    "ws.msg=2 ws.opcode=2 ws.type=binary ws.frames=2 "
	    "ws.payload_bytes=4 ws.compressed=false");
	fake_free(f);
}

/* ------------------------------------------------------------------ */
/* At a frame's boundary						*/

/* The other flow is inside a frame, watched or not, when we close. */
static void
test_other_flow_inside_a_frame(void **state)
{
	static const char *const heads[] = { "\x81\x05""he", "\x82\x05""he" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fake *f = start(&enforce);
		struct frl_bytes out;

		fake_feed(f, FRL_FROM_SERVER, heads[i], 4, false);
		fake_feed(f, FRL_FROM_CLIENT, "\x81\x01x", 3, false);
		out = fake_output(f, FRL_FROM_CLIENT);
		assert_true(ws_is_close(out.data, out.len, true, 1002,
		    "unmasked_client"));
		assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 4);
		assert_false(fake_closed(f));
		fake_feed(f, FRL_FROM_SERVER, "llo\x81\x01x", 6, false);
		out = fake_output(f, FRL_FROM_SERVER);
		assert_memory_equal(out.data + 4, "llo", 3);
		assert_true(ws_is_close(out.data + 7, out.len - 7, false,
		    1002, "unmasked_client"));
		assert_true(fake_closed(f));
		assert_false(fake_saw(f, "ws.error", "truncated"));
		fake_free(f);
	}
}

/* Neither is a close of the core's put into a frame that is watched. */
static void
test_drain_inside_a_frame(void **state)
{
	struct fake *f = start(&enforce);

	(void)state;
	fake_feed(f, FRL_FROM_SERVER, "\x81\x05""he", 4, false);
	fake_refuse(f, FRL_WHY_DRAIN, "drain", "");
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 4);
	fake_feed(f, FRL_FROM_SERVER, "llo", 3, false);
	assert_memory_equal(fake_output(f, FRL_FROM_SERVER).data,
	    "\x81\x05hello\x88\x02\x03\xe9", 11);
	fake_free(f);
}

/* A long frame that is wrong at its beginning, and one more behind it, all in
 * one read: the first goes, to its last byte. */
static void
test_refused_frame_goes_to_its_end(void **state)
{
	static uint8_t text[20000];
	static struct bytes b;
	struct fake *f = start(&enforce);
	struct frl_bytes out;
	size_t first;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[10] = 0xff;
	b.len = 0;
	ws_good(&b, 0x81, false, text, sizeof(text));
	first = b.len;
	ws_good(&b, 0x81, false, text, 5);
	fake_feed(f, FRL_FROM_SERVER, b.mem, first - 10, false);
	fake_feed(f, FRL_FROM_SERVER, b.mem + first - 10, b.len - first + 10,
	    false);
	out = fake_output(f, FRL_FROM_SERVER);
	assert_true(out.len > first);
	assert_memory_equal(out.data, b.mem, first);
	assert_true(ws_is_close(out.data + first, out.len - first, false,
	    1007, "bad_utf8"));
	assert_true(fake_closed(f));
	fake_free(f);
}

/* What is wrong is found inside a frame that never ends: nothing of ours is
 * put where the peer would read it as payload. */
static void
test_refused_frame_is_cut_off(void **state)
{
	struct fake *f = start(&enforce);

	(void)state;
	fake_feed(f, FRL_FROM_SERVER, "\x81\x05""h\xff", 4, false);
	assert_non_null(fake_refused(f));
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 4);
	fake_feed(f, FRL_FROM_SERVER, "l", 1, true);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 5);
	assert_true(fake_closed(f));
	fake_free(f);
}

/* ------------------------------------------------------------------ */
/* Behind a close							*/

static void
test_dropped_behind_a_close(void **state)
{
	struct fake *f = start(&enforce);

	(void)state;
	fake_feed(f, FRL_FROM_SERVER, "\x88\x02\x03\xe8\x81\x01x\x83", 8,
	    false);
	for (int i = 0; i < 1000; i++)
		fake_feed(f, FRL_FROM_SERVER, "\x89\x01x\x81\xff", 5, false);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 4);
	assert_int_equal(fake_held(f, FRL_FROM_SERVER).len, 0);
	assert_int_equal(fake_count(f, "ws.error"), 1);
	assert_true(fake_saw(f, "ws.error", "frame_after_close"));
	assert_true(fake_saw(f, "ws.error", "ws.action=drop"));
	assert_null(fake_refused(f));
	/* The client may still answer, and both end as they like. */
	fake_feed(f, FRL_FROM_CLIENT, "\x88\x80""abcd", 6, true);
	fake_over(f, FRL_FROM_SERVER);
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, 6);
	assert_true(fake_saw(f, "ws.close", "ws.clean=true"));
	assert_true(fake_closed(f));
	fake_free(f);
}

/* Not even half a header, at the end; and one that has no end. */
static void
test_little_behind_a_close(void **state)
{
	struct fake *f = start(&enforce);

	(void)state;
	fake_feed(f, FRL_FROM_SERVER, "\x88\x02\x03\xe8\x81", 5, true);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 4);
	fake_free(f);
	f = start(&enforce);
	fake_feed(f, FRL_FROM_SERVER, "\x88\x02\x03\xe8\x82\x7f\xff\0\0\0"
	    "\0\0\0\0", 14, false);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 4);
	assert_null(fake_refused(f));
	fake_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_other_flow_inside_a_frame),
		cmocka_unit_test(test_drain_inside_a_frame),
		cmocka_unit_test(test_refused_frame_goes_to_its_end),
		cmocka_unit_test(test_refused_frame_is_cut_off),
		cmocka_unit_test(test_dropped_behind_a_close),
		cmocka_unit_test(test_little_behind_a_close)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
