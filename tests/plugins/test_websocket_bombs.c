/* SPDX-License-Identifier: MIT */
/*
 * test_websocket_bombs -- little that inflates to much: what it costs, when it
 * is noticed, what follows.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#include "fake_host.h"
#include "websocket/payload.h"
#include "websocket/tell.h"
#include "ws_bytes.h"

extern const struct frl_plugin frl_plugin;

static const struct options observe = { .inflate = true,
    .inflate_ratio = 100, .inflate_max = 64 << 20 };
static const struct options enforce = { .inflate = true,
    .inflate_ratio = 100, .inflate_max = 64 << 20, .mode = MODE_ENFORCE };

/* "Hello" as RFC 7692, 7.2.3 has it. */
#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00"
#define DEFLATE "permessage-deflate"

static struct fake *
start(const struct options *options, const char *extensions)
{
	const struct frl_context context = { .size = sizeof(context),
	    .token = "websocket", .extensions = {
	    (const uint8_t *)extensions, strlen(extensions) } };
	struct fake *f = fake_create(&(struct fake_options){
	    .plugin = &frl_plugin, .options = options,
	    .context = &context });

	assert_non_null(f);
	return (f);
}

static int
told_size(struct fake *f, size_t nth)
{
	const char *line = fake_event(f, "ws.message", nth), *at;

	if (line == NULL || (at = strstr(line, "inflated_bytes=")) == NULL)
		return (-1);
	return (atoi(at + 15));
}

/* This many MiB of zeros, in pieces that stand for themselves: the payload
 * of one frame.  free() it. */
static uint8_t *
bomb(size_t mib, size_t *ret_len)
{
	uint8_t *zeros = calloc(1, 1 << 20), *all;
	uint8_t one[4096];
	z_stream z = { 0 };
	size_t len;

	assert_non_null(zeros);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9,
	    Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = zeros;
	z.avail_in = 1 << 20;
	z.next_out = one;
	z.avail_out = sizeof(one);
	assert_int_equal(deflate(&z, Z_FULL_FLUSH), Z_OK);
	len = sizeof(one) - z.avail_out;
	deflateEnd(&z);
	free(zeros);
	all = malloc(mib * len);
	assert_non_null(all);
	for (size_t i = 0; i < mib; i++)
		memcpy(all + i * len, one, len);
	*ret_len = mib * len - 4;
	return (all);
}

/* Send it from the server; how many bytes had left when it was noticed? */
static size_t
drop_bomb(struct fake *f, size_t mib)
{
	struct bytes *b = calloc(1, sizeof(*b));
	size_t before = fake_output(f, FRL_FROM_SERVER).len;
	size_t len, at, n, noticed = 0;
	struct frl_bytes out;
	uint8_t *payload = bomb(mib, &len);

	assert_non_null(b);
	ws_add(b, &(struct ws_wish){ .first = 0xc2, .announced = len });
	fake_feed(f, FRL_FROM_SERVER, b->mem, b->len, false);
	for (at = 0; at < len; at += n) {
		n = len - at < 1000 ? len - at : 1000;
		fake_feed(f, FRL_FROM_SERVER, payload + at, n, false);
		if (noticed == 0 && (fake_count(f, "ws.error") > 0 ||
		    fake_refused(f) != NULL))
			noticed = at + n;
	}
	/* Its frame went to its end. */
	out = fake_output(f, FRL_FROM_SERVER);
	assert_memory_equal(out.data + before, b->mem, b->len);
	assert_memory_equal(out.data + before + b->len, payload, len);
	free(payload);
	free(b);
	return (noticed);
}

static void
check_code(struct fake *f, unsigned int code, const char *word)
{
	struct frl_bytes out = fake_output(f, FRL_FROM_CLIENT);

	assert_true(ws_is_close(out.data, out.len, true, code, word));
	assert_true(fake_closed(f));
}

static void
test_bombs(void **state)
{
	const struct options size = { .inflate = true, .inflate_max =
	    4 << 20 };
	const struct options message = { .inflate = true, .inflate_ratio =
	    100, .max_message = 500000 };
	const struct options rate = { .inflate = true, .max_byte_rate =
	    1500000 };
	static const size_t sizes[] = { 10, 100, 1024 };
	struct fake *f;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		f = start(&enforce, DEFLATE);
		assert_in_range(drop_bomb(f, sizes[i]), 1000, 3000);
		check_code(f, 1009, "inflate_limit");
		fake_free(f);
		f = start(&observe, DEFLATE);
		assert_in_range(drop_bomb(f, sizes[i]), 1000, 3000);
		assert_true(fake_saw(f, "ws.error",
		    "inflate_limit ws.offset_bytes=0 ws.action=forward"));
		assert_null(fake_refused(f));
		/* From here on this direction is not inflated. */
		fake_feed(f, FRL_FROM_SERVER, "\xc1\x07" HELLO, 9, false);
		assert_int_equal(told_size(f, 0), -1);
		fake_free(f);
	}
	f = start(&size, DEFLATE);
	assert_in_range(drop_bomb(f, 10), 4000, 6000);
	assert_true(fake_saw(f, "ws.error", "inflate_limit"));
	fake_free(f);
	f = start(&message, DEFLATE);
	assert_in_range(drop_bomb(f, 10), 1, 1000);
	check_code(f, 1009, "max_message, 500000");
	fake_free(f);
	f = start(&rate, DEFLATE);
	assert_in_range(drop_bomb(f, 10), 1000, 2000);
	check_code(f, 1008, "max_byte_rate, 1500000");
	fake_free(f);
}

/* A small message may be as repetitive as it likes. */
static void
test_floor(void **state)
{
	struct fake *f = start(&enforce, DEFLATE);

	(void)state;
	assert_int_equal(drop_bomb(f, 1), 0);
	assert_int_equal(told_size(f, 0), 1 << 20);
	fake_free(f);
}

/* ------------------------------------------------------------------ */
/* Memory								*/

/* But not a flood of them: one after the other they are a bomb as well. */
static void
test_flood(void **state)
{
	(void)state;
	for (int quick = 0; quick < 2; quick++) {
		struct fake *f = start(&enforce, DEFLATE);

		for (int i = 0; i < 16; i++) {
			assert_int_equal(drop_bomb(f, 1), 0);
			fake_advance(f, quick ? 0 : 100000);
		}
		assert_int_equal(fake_count(f, "ws.message"), 16);
		assert_int_equal(drop_bomb(f, 1) > 0, quick);
		if (quick)
			check_code(f, 1009, "inflate_limit");
		fake_free(f);
	}
}

/* zlib has what it needs only while it needs it, and never more than said. */
static void
test_memory(void **state)
{
	struct frl_ws_handshake agreed = { .client_window_bits = 15,
	    .client_context_takeover = 0, .server_window_bits = -1 };
	const struct frame frame = { .opcode = FRAME_BINARY, .rsv = 4,
	    .payload = 7, .fin = true };
	const struct rules rules = { 0 };
	struct payload payload = { 0 };
	unsigned int found;

	(void)state;
	for (int takeover = 0; takeover < 2; takeover++) {
		agreed.client_context_takeover = (int8_t)takeover;
		payload_open(&payload, &observe, &agreed, FRL_FROM_CLIENT);
		assert_null(payload.inflater);
		assert_true(payload_begin(&payload, &frame, &rules, true,
		    0));
		assert_int_equal(payload_look(&payload, (struct frl_bytes){
		    (const uint8_t *)HELLO, 7 }, &found), 7);
		assert_non_null(payload.inflater);
		assert_int_equal(payload_finish(&payload), 0);
		assert_int_equal(payload.inflater != NULL, takeover);
		payload_free(&payload);
		payload = (struct payload){ 0 };
	}
	payload_open(&payload, &observe, &agreed, FRL_FROM_SERVER);
	assert_false(payload_begin(&payload, &frame, &rules, true, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_floor),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_memory)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
