/* SPDX-License-Identifier: MIT */
/* fullness: which limits are reached, and when they no longer are. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "app/fullness.h"
#include "base/census.h"
#include "flow/limits.h"

struct bench {
	struct census *census;
	struct fullness *fullness;
	struct census_seat old, one, two;
};

static struct census_seat
sit(struct bench *b, uint32_t generation, uint64_t tunnels)
{
	struct census_seat seat = { b->census,
	    (uint32_t)census_admit(b->census, generation) };

	census_set_bound(&seat, LIMIT_TUNNELS, tunnels);
	census_set_bound(&seat, LIMIT_MEMORY, 64000);
	return (seat);
}

static void
begin(struct bench *b)
{
	b->census = census_create();
	assert_non_null(b->census);
	b->fullness = fullness_create(b->census);
	assert_non_null(b->fullness);
	b->old = sit(b, 1, 5);
	b->one = sit(b, 2, 160);
	b->two = sit(b, 2, 160);
}

static void
end(struct bench *b)
{
	fullness_free(b->fullness);
	census_free(b->census);
}

static void
assert_full(struct bench *b, uint32_t generation, const char *wanted)
{
	char text[160];

	assert_true(fullness_say(b->fullness, generation, text,
	    sizeof(text)));
	assert_string_equal(text, wanted);
}

static void
assert_fine(struct bench *b, uint32_t generation)
{
	char text[160];

	assert_false(fullness_say(b->fullness, generation, text,
	    sizeof(text)));
}

static void
of_all_generations(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	assert_fine(&b, 2);
	census_set(&b.old, LIMIT_TUNNELS, 10);
	census_set(&b.one, LIMIT_TUNNELS, 100);
	census_set(&b.two, LIMIT_TUNNELS, 49);
	assert_fine(&b, 2);
	census_set(&b.two, LIMIT_TUNNELS, 50);
	assert_full(&b, 2, "tunnels: 160 of 160");
	census_set(&b.two, LIMIT_MEMORY, 63000);
	assert_full(&b, 2, "tunnels: 160 of 160, memory: 63000 of 64000");
	end(&b);
}

/* One that leaves makes no room for all who come. */
static void
until_there_is_room(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	census_set(&b.one, LIMIT_TUNNELS, 159);
	assert_fine(&b, 2);
	census_set(&b.one, LIMIT_TUNNELS, 160);
	assert_full(&b, 2, "tunnels: 160 of 160");
	census_set(&b.one, LIMIT_TUNNELS, 150);
	assert_full(&b, 2, "tunnels: 150 of 160");
	census_set(&b.one, LIMIT_TUNNELS, 149);
	assert_fine(&b, 2);
	census_set(&b.one, LIMIT_TUNNELS, 159);
	assert_fine(&b, 2);
	/* Few: the next one finds room. */
	census_set(&b.one, LIMIT_TUNNELS, 5);
	assert_full(&b, 1, "tunnels: 5 of 5");
	census_set(&b.one, LIMIT_TUNNELS, 4);
	assert_fine(&b, 1);
	end(&b);
}

static void
without_bound(void **state)
{
	struct bench b;

	(void)state;
	begin(&b);
	census_set(&b.one, LIMIT_CONNECTS, 1000000);
	census_set(&b.one, LIMIT_CLIENT, 1000000);
	assert_fine(&b, 2);
	census_set(&b.one, LIMIT_TUNNELS, 1000000);
	assert_fine(&b, 3);
	end(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_all_generations),
		cmocka_unit_test(until_there_is_room),
		cmocka_unit_test(without_bound),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
