/* SPDX-License-Identifier: MIT */
/*
 * test_websocket_limits -- each limit, at its value and one above, in both
 * modes and directions; seconds; what a flood comes to.
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

static const char filler[1000] = "some payload";

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

static enum frl_flow
other(enum frl_flow flow)
{
	return (flow == FRL_FROM_CLIENT ? FRL_FROM_SERVER : FRL_FROM_CLIENT);
}

/* A frame of this flow, as it should be: its size. */
static size_t
feed(struct fake *f, enum frl_flow flow, unsigned int first, size_t n)
{
	static struct bytes b;

	b.len = 0;
	ws_good(&b, first, flow == FRL_FROM_CLIENT, filler, n);
	fake_feed(f, flow, b.mem, b.len, false);
	return (b.len);
}

/* `passed` bytes and then our close on this flow, our close on the other. */
static void
check_closed(struct fake *f, enum frl_flow flow, size_t passed,
    unsigned int code, const char *word)
{
	struct frl_bytes out = fake_output(f, flow);

	assert_true(out.len > passed);
	assert_true(ws_is_close(out.data + passed, out.len - passed,
	    flow == FRL_FROM_CLIENT, code, word));
	out = fake_output(f, other(flow));
	assert_true(ws_is_close(out.data, out.len, flow == FRL_FROM_SERVER,
	    code, word));
	assert_non_null(fake_refused(f));
	assert_true(strncmp(fake_refused(f), "limit: ", 7) == 0);
	assert_true(strstr(fake_refused(f), word) != NULL);
	/* It breaks no rule. */
	assert_int_equal(fake_count(f, "ws.error"), 0);
	assert_true(fake_closed(f));
}

/* Some frames; all but the last may pass. */
struct row {
	const char *name, *word;
	struct options options;
	unsigned int code;
	size_t count;
	struct {
		unsigned int first;
		size_t n;
	} frames[6];
};

static const struct row rows[] = {
	{ "max_frame", "max_frame, 100 ", { .max_frame = 100 }, 1009, 3,
	    { { 0x81, 100 }, { 0x89, 125 }, { 0x82, 101 } } },
	{ "max_frame in a continuation", "max_frame", { .max_frame = 100 },
	    1009, 3, { { 0x01, 100 }, { 0x00, 100 }, { 0x80, 101 } } },
	{ "max_message", "max_message, 100 ", { .max_message = 100 }, 1009, 2,
	    { { 0x82, 100 }, { 0x82, 101 } } },
	{ "max_message in fragments", "max_message", { .max_message = 100 },
	    1009, 5, { { 0x02, 50 }, { 0x80, 50 }, { 0x02, 50 }, { 0x00, 50 },
	    { 0x80, 1 } } },
	{ "max_fragments", "max_fragments, 3 ", { .max_fragments = 3 }, 1009,
	    5,
	    { { 0x01, 1 }, { 0x00, 0 }, { 0x89, 0 }, { 0x00, 0 },
	    { 0x80, 0 } } },
	{ "max_message_rate", "max_message_rate, 2 ",
	    { .max_message_rate = 2 }, 1008, 5,
	    { { 0x01, 1 }, { 0x80, 0 }, { 0x89, 0 }, { 0x82, 0 },
	    { 0x82, 0 } } },
	{ "max_frame_rate", "max_frame_rate, 3 ", { .max_frame_rate = 3 },
	    1008, 4, { { 0x89, 1 }, { 0x8a, 0 }, { 0x82, 0 }, { 0x89, 0 } } },
	{ "max_byte_rate by a ping", "max_byte_rate, 100 ",
	    { .max_byte_rate = 100 }, 1008, 3, { { 0x81, 60 }, { 0x89, 40 },
	    { 0x89, 1 } } }
};

static void
play_row(const struct row *row, enum frl_flow flow, enum mode mode)
{
	struct options options = row->options;
	struct fake *f;
	size_t passed = 0, i;

	options.mode = mode;
	f = start(&options);
	for (i = 0; i + 1 < row->count; i++)
		passed += feed(f, flow, row->frames[i].first,
		    row->frames[i].n);
	assert_null(fake_refused(f));
	assert_int_equal(fake_output(f, flow).len, passed);
	feed(f, flow, row->frames[i].first, row->frames[i].n);
	check_closed(f, flow, passed, row->code, row->word);
	fake_free(f);
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("           %s\n", rows[i].name);
		play_row(&rows[i], FRL_FROM_CLIENT, MODE_OBSERVE);
		play_row(&rows[i], FRL_FROM_CLIENT, MODE_ENFORCE);
		play_row(&rows[i], FRL_FROM_SERVER, MODE_OBSERVE);
		play_row(&rows[i], FRL_FROM_SERVER, MODE_ENFORCE);
	}
}

/* A second goes by, and all may come again. */
static void
test_next_second(void **state)
{
	const struct options options = { .max_message_rate = 2,
	    .max_frame_rate = 2, .max_byte_rate = 100 };
	struct fake *f = start(&options);
	size_t passed = 0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		passed += feed(f, FRL_FROM_SERVER, 0x82, 50);
		passed += feed(f, FRL_FROM_SERVER, 0x82, 50);
		fake_advance(f, 1000000);
	}
	assert_null(fake_refused(f));
	passed += feed(f, FRL_FROM_SERVER, 0x82, 50);
	fake_advance(f, 999999);
	passed += feed(f, FRL_FROM_SERVER, 0x82, 50);
	assert_null(fake_refused(f));
	feed(f, FRL_FROM_SERVER, 0x82, 0);
	check_closed(f, FRL_FROM_SERVER, passed, 1008, "max_frame_rate");
	fake_free(f);
}

/* Bytes count as they come; the frame they are of runs to its end. */
static void
test_bytes_inside_a_frame(void **state)
{
	const struct options options = { .max_byte_rate = 100 };
	struct fake *f = start(&options);

	(void)state;
	fake_feed(f, FRL_FROM_SERVER, "\x82\x7e\x03\xe8", 4, false);
	for (int i = 0; i < 5; i++) {
		fake_feed(f, FRL_FROM_SERVER, filler, 100, false);
		fake_advance(f, 1000000);
	}
	assert_null(fake_refused(f));
	fake_feed(f, FRL_FROM_SERVER, filler, 101, false);
	assert_non_null(fake_refused(f));
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 605);
	assert_false(fake_closed(f));
	fake_feed(f, FRL_FROM_SERVER, filler, 399, false);
	check_closed(f, FRL_FROM_SERVER, 1004, 1008, "max_byte_rate");
	fake_free(f);
}

/* A flood of empty continuations, with nothing configured: 4096 in enforce
 * mode, and none of it matters to one who only watches. */
static void
test_continuation_flood(void **state)
{
	const struct options enforce = { .mode = MODE_ENFORCE,
	    .log = LOG_SUMMARY };
	const struct options observe = { .log = LOG_SUMMARY };
	struct fake *f = start(&enforce);
	size_t passed = feed(f, FRL_FROM_CLIENT, 0x01, 0);

	(void)state;
	for (int i = 1; i < 4096; i++)
		passed += feed(f, FRL_FROM_CLIENT, 0x00, 0);
	assert_null(fake_refused(f));
	feed(f, FRL_FROM_CLIENT, 0x00, 0);
	check_closed(f, FRL_FROM_CLIENT, passed, 1009, "max_fragments, 4096");
	fake_free(f);

	f = start(&observe);
	feed(f, FRL_FROM_CLIENT, 0x01, 0);
	for (int i = 1; i < 5000; i++)
		feed(f, FRL_FROM_CLIENT, 0x00, 0);
	assert_null(fake_refused(f));
	fake_free(f);
}

/* A length that is none (bit 63) does not make a message small again. */
static void
test_lost_length(void **state)
{
	const struct options options = { .max_message = 100 };
	struct fake *f = start(&options);
	struct bytes *b = calloc(1, sizeof(*b));
	size_t passed = feed(f, FRL_FROM_SERVER, 0x02, 10);

	(void)state;
	assert_non_null(b);
	ws_add(b, &(struct ws_wish){ .first = 0x80, .announced =
	    UINT64_MAX });
	fake_feed(f, FRL_FROM_SERVER, b->mem, b->len, false);
	check_closed(f, FRL_FROM_SERVER, passed, 1009, "max_message");
	fake_free(f);
	free(b);
}

/* A limit judges a frame once, however long a hook thinks about it. */
static void
test_waiting_is_not_counted_twice(void **state)
{
	const struct options options = { .max_frame_rate = 1 };
	struct fake *f = start(&options);
	size_t passed;

	(void)state;
	fake_answer(f, "ws.frame", FRL_WAIT);
	passed = feed(f, FRL_FROM_SERVER, 0x82, 5);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 0);
	assert_true(fake_decide(f, FRL_FROM_SERVER, FRL_OK));
	assert_null(fake_refused(f));
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, passed);
	fake_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_next_second),
		cmocka_unit_test(test_bytes_inside_a_frame),
		cmocka_unit_test(test_continuation_flood),
		cmocka_unit_test(test_lost_length),
		cmocka_unit_test(test_waiting_is_not_counted_twice)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
