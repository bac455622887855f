/* SPDX-License-Identifier: MIT */
/*
 * test_websocket_rows -- every way a frame can be wrong, and the next one
 * that is right: whole, byte by byte, and cut at every place, in both modes.
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

#define BYTES(text) \
	((struct frl_bytes){ (const uint8_t *)(text), sizeof(text) - 1 })

static const char filler[70000] = "some payload";

static struct fake *
start(const char *extensions, enum mode mode)
{
	static const struct options modes[] = {
		[MODE_OBSERVE] = { .log = LOG_FRAME },
		[MODE_ENFORCE] = { .log = LOG_FRAME, .mode = MODE_ENFORCE }
	};
	const struct frl_context context = { .size = sizeof(context),
	    .token = "websocket", .extensions = {
	    (const uint8_t *)extensions, strlen(extensions) } };
	struct fake *f = fake_create(&(struct fake_options){
	    .plugin = &frl_plugin, .options = &modes[mode],
	    .context = &context });

	assert_non_null(f);
	return (f);
}

/* Up to three frames in one direction, and what must be said of them. */
struct row {
	const char *name, *kind, *extensions;
	bool server;
	struct ws_wish frames[3];
};

#define C .masked = true
#define FRAME(b, n, ...) { .first = (b), .announced = (n), \
	.payload = filler, .sent = (n), \
	__VA_ARGS__ }
#define CLOSE(bytes, ...) { .first = 0x88, .payload = (bytes), \
	.announced = sizeof(bytes) - 1, .sent = sizeof(bytes) - 1, \
	__VA_ARGS__ }

static const struct row rows[] = {
	{ "text", NULL, "", false, { FRAME(0x81, 5, C) } },
	{ "from the server", NULL, "", true, { FRAME(0x82, 5) } },
	{ "empty", NULL, "", false, { FRAME(0x81, 0, C) } },
	{ "fragments around a ping", NULL, "", true, { FRAME(0x01, 3),
	    FRAME(0x89, 2), FRAME(0x80, 1) } },
	{ "RSV1", "rsv_bits", "", false, { FRAME(0xc1, 5, C) } },
	{ "RSV1 with deflate", NULL, "permessage-deflate", false,
	    { FRAME(0xc1, 5, C) } },
	{ "RSV2 with deflate", "rsv_bits", "permessage-deflate", false,
	    { FRAME(0xa1, 5, C) } },
	{ "RSV3", "rsv_bits", "", true, { FRAME(0x91, 5) } },
	{ "RSV1 on a control frame", "rsv_bits", "permessage-deflate", false,
	    { FRAME(0xc9, 5, C) } },
	{ "RSV1 on a continuation", "rsv_bits", "permessage-deflate", true,
	    { FRAME(0x41, 5), FRAME(0xc0, 5) } },
	{ "an extension of which we know nothing", NULL, "x-new", true,
	    { FRAME(0xf3, 5) } },
	{ "unmasked", "unmasked_client", "", false, { FRAME(0x81, 5) } },
	{ "masked", "masked_server", "", true, { FRAME(0x81, 5, C) } },
	{ "opcode 3", "reserved_opcode", "", false, { FRAME(0x83, 5, C) } },
	{ "opcode 7", "reserved_opcode", "", true, { FRAME(0x87, 5) } },
	{ "opcode 11", "reserved_opcode", "", false, { FRAME(0x8b, 5, C) } },
	{ "opcode 15", "reserved_opcode", "", true, { FRAME(0x8f, 5) } },
	{ "ping without FIN", "control_fragmented", "", true,
	    { FRAME(0x09, 5) } },
	{ "ping of 126", "control_too_long", "", true,
	    { FRAME(0x89, 126) } },
	{ "ping of 125", NULL, "", true,
	    { FRAME(0x89, 125) } },
	{ "a text inside a text", "interleaved_data", "", false,
	    { FRAME(0x01, 5, C), FRAME(0x81, 5, C) } },
	{ "a continuation of nothing", "unexpected_continuation", "", true,
	    { FRAME(0x80, 5) } },
	{ "a continuation of what is over", "unexpected_continuation", "",
	    true, { FRAME(0x81, 5), FRAME(0x80, 5) } },
	{ "16 bits for 5", "bad_length", "", false,
	    { FRAME(0x82, 5, C, .wide = 2) } },
	{ "64 bits for 5", "bad_length", "", true,
	    { FRAME(0x82, 5, .wide = 8) } },
	{ "16 bits for a ping of 5", "bad_length", "", true,
	    { FRAME(0x89, 5, .wide = 2) } },
	{ "16 bits for 125", "bad_length", "", true,
	    { FRAME(0x82, 125, .wide = 2) } },
	{ "16 bits for 126", NULL, "", true, { FRAME(0x82, 126) } },
	{ "64 bits for 65535", "bad_length", "", false,
	    { FRAME(0x82, 65535, C, .wide = 8) } },
	{ "64 bits for 65536", NULL, "", false, { FRAME(0x82, 65536, C) } },
	{ "bit 63", "bad_length", "", true, { { .first = 0x82, .wide = 8,
	    .announced = UINT64_C(1) << 63, .payload = "abc", .sent = 3 },
	    FRAME(0x83, 5) } },
	{ "close", NULL, "", false, { CLOSE("\x03\xe8 bye", C) } },
	{ "empty close", NULL, "", true, { CLOSE("") } },
	{ "close of one byte", "bad_close_length", "", true, { CLOSE("x") } },
	{ "close 999", "bad_close_code", "", true, { CLOSE("\x03\xe7") } },
	{ "close 1003", NULL, "", true, { CLOSE("\x03\xeb") } },
	{ "close 1004", "bad_close_code", "", true, { CLOSE("\x03\xec") } },
	{ "close 1006", "bad_close_code", "", true, { CLOSE("\x03\xee") } },
	{ "close 1007", NULL, "", true, { CLOSE("\x03\xef") } },
	{ "close 1014", NULL, "", false, { CLOSE("\x03\xf6", C) } },
	{ "close 1015", "bad_close_code", "", false,
	    { CLOSE("\x03\xf7", C) } },
	{ "close 2999", "bad_close_code", "", true, { CLOSE("\x0b\xb7") } },
	{ "close 3000", NULL, "", true, { CLOSE("\x0b\xb8") } },
	{ "close 4999", NULL, "", true, { CLOSE("\x13\x87") } },
	{ "close 5000", "bad_close_code", "", true, { CLOSE("\x13\x88") } },
	{ "reason in Latin-1", "bad_utf8", "", false,
	    { CLOSE("\x03\xe8 caf\xe9", C) } },
	{ "text after a close", "frame_after_close", "", true,
	    { CLOSE("\x03\xe8"), FRAME(0x81, 5) } },
	{ "close after a close", "frame_after_close", "", true,
	    { CLOSE("\x03\xe8"), CLOSE("\x03\xe9") } },
	{ "2^62 announced, three sent", "truncated", "", true,
	    { { .first = 0x82, .announced = UINT64_C(1) << 62,
	    .payload = "abc", .sent = 3 } } },
	{ "the same of a text", "truncated", "", false,
	    { { .first = 0x81, .announced = UINT64_C(1) << 62, C,
	    .payload = "abc", .sent = 3 } } },
	{ "half a text", "truncated", "", true,
	    { FRAME(0x81, 5), { .first = 0x81, .announced = 5,
	    .payload = "ab", .sent = 2 } } },
	{ "half a close", "truncated", "", true,
	    { { .first = 0x88, .announced = 5, .payload = "\3",
	    .sent = 1 } } },
	{ "half a ping", "truncated", "", false,
	    { { .first = 0x89, .announced = 5, C, .payload = "ab",
	    .sent = 2 } } }
};

/* The frame that is wrong, or what would be behind the last one. */
static size_t
wrong_frame(const struct row *row)
{
	size_t n = 0;

	while (n < 3 && row->frames[n].payload != NULL)
		n++;
	if (row->kind == NULL)
		return (n);
	return (row->frames[0].announced >> 63 != 0 ? 0 : n - 1);
}

static enum frl_flow
other(enum frl_flow flow)
{
	return (flow == FRL_FROM_CLIENT ? FRL_FROM_SERVER : FRL_FROM_CLIENT);
}

/* All went on; n bytes of it where the rest was to be dropped. */
static void
check_passed(struct fake *f, const struct row *row, const struct bytes *b,
    size_t n)
{
	enum frl_flow flow = row->server ? FRL_FROM_SERVER : FRL_FROM_CLIENT;

	assert_int_equal(fake_output(f, flow).len, n);
	assert_memory_equal(fake_output(f, flow).data, b->mem, n);
	assert_null(fake_refused(f));
	fake_over(f, other(flow));
}

/* No byte of the wrong frame left; both sides were closed, at once. */
static void
check_closed(struct fake *f, const struct row *row, const struct bytes *b,
    size_t good)
{
	enum frl_flow flow = row->server ? FRL_FROM_SERVER : FRL_FROM_CLIENT;
	unsigned int code = strcmp(row->kind, "bad_utf8") == 0 ? 1007 : 1002;
	struct frl_bytes out = fake_output(f, flow);
	char word[16];

	assert_true(out.len > good);
	assert_memory_equal(out.data, b->mem, good);
	assert_true(ws_is_close(out.data + good, out.len - good, !row->server,
	    code, row->kind));
	out = fake_output(f, other(flow));
	assert_true(ws_is_close(out.data, out.len, row->server, code,
	    row->kind));
	snprintf(word, sizeof(word), "ws.code=%u", code);
	assert_true(fake_saw(f, "ws.error", word));
	assert_true(fake_saw(f, "ws.error", "ws.action=close"));
	assert_true(fake_saw(f, "ws.close", word));
	assert_true(fake_saw(f, "ws.close", "ws.initiator=proxy"));
	assert_true(strstr(fake_refused(f), "protocol: ") != NULL);
}

static void
judge(struct fake *f, const struct row *row, enum mode mode,
    const struct bytes *b, size_t good)
{
	bool fine = row->kind == NULL || strcmp(row->kind, "truncated") == 0;

	if (fine || mode == MODE_OBSERVE) {
		check_passed(f, row, b, b->len);
	} else if (strcmp(row->kind, "frame_after_close") == 0) {
		check_passed(f, row, b, good);
		assert_true(fake_saw(f, "ws.error", "ws.action=drop"));
	} else {
		check_closed(f, row, b, good);
	}
	assert_true(fake_closed(f));
	assert_int_equal(fake_count(f, "ws.close"), 1);
	assert_int_equal(fake_count(f, "ws.error"), row->kind != NULL);
	if (row->kind != NULL)
		assert_true(fake_saw(f, "ws.error", row->kind));
}

static size_t
write_row(const struct row *row, struct bytes *b)
{
	size_t good = 0;

	b->len = 0;
	for (size_t i = 0; i < 3 && row->frames[i].payload != NULL; i++) {
		if (i == wrong_frame(row))
			good = b->len;
		ws_add(b, &row->frames[i]);
	}
	return (good);
}

/* Feed the row in two pieces (or, with step, in many); its lines. */
static char *
play_row(const struct row *row, enum mode mode, size_t cut, size_t step)
{
	enum frl_flow flow = row->server ? FRL_FROM_SERVER : FRL_FROM_CLIENT;
	struct fake *f = start(row->extensions, mode);
	static struct bytes mem;	/* large, and rewritten each time */
	struct bytes *b = &mem;
	size_t good = write_row(row, b);
	char *lines;

	cut = cut < b->len ? cut : b->len;
	fake_feed(f, flow, b->mem, cut, false);
	for (; step > 0 && cut + step < b->len; cut += step)
		fake_feed(f, flow, b->mem + cut, step, false);
	fake_feed(f, flow, b->mem + cut, b->len - cut, true);
	judge(f, row, mode, b, good);
	lines = strdup(fake_events(f));
	fake_free(f);
	return (lines);
}

/* Of long ones only the header is cut everywhere. */
static void
play_rows(enum mode mode)
{
	static struct bytes b;
	char *whole, *pieces;
	size_t cuts;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("           %s\n", rows[i].name);
		write_row(&rows[i], &b);
		whole = play_row(&rows[i], mode, SIZE_MAX, 0);
		pieces = play_row(&rows[i], mode, 1, b.len > 1000 ? 997 : 1);
		assert_string_equal(pieces, whole);
		free(pieces);
		cuts = b.len < 150 ? b.len : 20;
		for (size_t cut = 0; cut < cuts; cut++) {
			pieces = play_row(&rows[i], mode, cut, 0);
			assert_string_equal(pieces, whole);
			free(pieces);
		}
		free(whole);
	}
}

static void
test_rows_observed(void **state)
{
	(void)state;
	play_rows(MODE_OBSERVE);
}

static void
test_rows_enforced(void **state)
{
	(void)state;
	play_rows(MODE_ENFORCE);
}

static void
test_utf8(void **state)
{
	(void)state;
	assert_true(rules_utf8(BYTES("")));
	assert_true(rules_utf8(BYTES(
	    "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
	assert_true(rules_utf8(BYTES("\xf4\x8f\xbf\xbf\xed\x9f\xbf")));
	assert_false(rules_utf8(BYTES("\x80")));
	assert_false(rules_utf8(BYTES("\xc0\x80")));
	assert_false(rules_utf8(BYTES("\xe0\x9f\xbf")));
	assert_false(rules_utf8(BYTES("\xed\xa0\x80")));
	assert_false(rules_utf8(BYTES("\xf0\x8f\xbf\xbf")));
	assert_false(rules_utf8(BYTES("\xf4\x90\x80\x80")));
	assert_false(rules_utf8(BYTES("\xf5\x80\x80\x80")));
	assert_false(rules_utf8(BYTES("\xe2\x82")));
	assert_false(rules_utf8(BYTES("\xe2\x82z")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_observed),
		cmocka_unit_test(test_rows_enforced),
		cmocka_unit_test(test_utf8)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
