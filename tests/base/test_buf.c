/* SPDX-License-Identifier: MIT */
/* buf against a plain array that does the same the slow way. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
assert_empty(const struct buf *b)
{
	assert_null(b->mem);
	assert_null(buf_data(b));
	assert_int_equal(buf_len(b), 0);
	assert_int_equal(buf_cap(b), 0);
}

static void
test_empty(void **state)
{
	struct buf b = { .mem = NULL };

	(void)state;
	assert_empty(&b);
	assert_int_equal(buf_append(&b, NULL, 0), 0);
	assert_empty(&b);
	buf_drain(&b, 0);
	assert_empty(&b);
	buf_free(&b);
	buf_free(&b);
	assert_empty(&b);
}

static void
test_drained_gives_memory_back(void **state)
{
	struct buf b = { .mem = NULL };

	(void)state;
	assert_int_equal(buf_append(&b, "abcdef", 6), 0);
	buf_drain(&b, 2);
	assert_int_equal(buf_len(&b), 4);
	assert_memory_equal(buf_data(&b), "cdef", 4);
	buf_drain(&b, 4);
	assert_empty(&b);
}

static void
test_too_much(void **state)
{
	struct buf b = { .mem = NULL };

	(void)state;
	assert_int_equal(buf_append(&b, "abc", 3), 0);
	assert_int_equal(buf_append(&b, "x", SIZE_MAX), -1);
	assert_int_equal(buf_append(&b, "x", SIZE_MAX / 2), -1);
	assert_int_equal(buf_len(&b), 3);
	assert_memory_equal(buf_data(&b), "abc", 3);
	buf_free(&b);
}

/* Many appends and drains of all sizes; the stream is a counter. */
static void
test_like_a_queue(void **state)
{
	struct buf b = { .mem = NULL };
	uint8_t bytes[1500], in = 0, out = 0;
	unsigned seed = 1, round;
	size_t n, i;

	(void)state;
	for (round = 0; round < 5000; round++) {
		seed = seed * 1103515245u + 12345u;
		n = seed >> 16 & 1023;
		for (i = 0; i < n; i++)
			bytes[i] = in++;
		assert_int_equal(buf_append(&b, bytes, n), 0);
		seed = seed * 1103515245u + 12345u;
		n = seed >> 16 & 2047;
		if (n > buf_len(&b))
			n = buf_len(&b);
		for (i = 0; i < n; i++)
			assert_int_equal(buf_data(&b)[i], out++);
		buf_drain(&b, n);
		assert_true(b.mem == NULL || (b.mem->head < b.mem->tail &&
		    b.mem->tail <= b.mem->cap));
		/* What is kept for a short queue stays in proportion. */
		assert_true(buf_cap(&b) < 64 * 1024);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_drained_gives_memory_back),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_like_a_queue),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
