/* SPDX-License-Identifier: MIT */
/*
 * test_chain -- the rules of the chain on random tunnels.
 *
 *	FRL_TUNNELS=N	how many (20,000)
 *	FRL_SEED=S	the first seed (1); tunnel i has seed S + i
 *
 * A failure prints the property and the seed of its tunnel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../model/random.h"

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return (text == NULL ? otherwise : strtoull(text, NULL, 10));
}

static void
test_random_tunnels(void **state)
{
	const uint64_t n = number("FRL_TUNNELS", 20000);
	const uint64_t seed = number("FRL_SEED", 1);
	uint64_t i;

	(void)state;
	for (i = 0; i < n; i++)
		tunnel_run(seed + i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_tunnels),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
