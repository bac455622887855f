/* SPDX-License-Identifier: MIT */
/*
 * test_raw -- a plain program with a fake host: raw needs nothing else.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "fake_host.h"

extern const struct frl_plugin frl_plugin;

static void
test_descriptor(void **state)
{
	(void)state;
	assert_int_equal(frl_plugin.magic, FRL_MAGIC);
	assert_int_equal(frl_plugin.size, sizeof(struct frl_plugin));
	assert_string_equal(frl_plugin.name, "raw");
	assert_int_equal(frl_plugin.flags, FRL_OWNS_PROTOCOL);
	assert_int_equal(frl_plugin.state_size, 0);
	assert_null(frl_plugin.events);
}

/* One look at the first bytes; then nothing is shown any more. */
static void
test_everything_goes_through(void **state)
{
	struct fake *f = fake_create(&(struct fake_options){
	    .plugin = &frl_plugin });

	(void)state;
	assert_non_null(f);
	fake_text(f, FRL_FROM_CLIENT, "SSH-2.0-x\r\n");
	fake_feed(f, FRL_FROM_SERVER, "\0\1\2", 3, false);
	for (int i = 0; i < 100; i++) {
		fake_text(f, FRL_FROM_CLIENT, "a");
		fake_text(f, FRL_FROM_SERVER, "b");
	}
	assert_int_equal(fake_output(f, FRL_FROM_CLIENT).len, 111);
	assert_memory_equal(fake_output(f, FRL_FROM_CLIENT).data,
	    "SSH-2.0-x\r\naaa", 14);
	assert_int_equal(fake_output(f, FRL_FROM_SERVER).len, 103);
	assert_memory_equal(fake_output(f, FRL_FROM_SERVER).data,
	    "\0\1\2bbb", 6);
	assert_int_equal(fake_calls(f, FRL_FROM_CLIENT), 1);
	assert_int_equal(fake_calls(f, FRL_FROM_SERVER), 1);
	assert_true(fake_credit(f, FRL_FROM_CLIENT) == FRL_ALL);
	fake_free(f);
}

/* Each direction ends by itself. */
static void
test_ends(void **state)
{
	struct fake *f = fake_create(&(struct fake_options){
	    .plugin = &frl_plugin });

	(void)state;
	fake_feed(f, FRL_FROM_CLIENT, "bye", 3, true);
	assert_true(fake_output_is(f, FRL_FROM_CLIENT, "bye"));
	assert_true(fake_ended(f, FRL_FROM_CLIENT));
	assert_false(fake_ended(f, FRL_FROM_SERVER));
	fake_feed(f, FRL_FROM_SERVER, "later", 5, false);
	assert_true(fake_output_is(f, FRL_FROM_SERVER, "later"));
	fake_over(f, FRL_FROM_SERVER);
	assert_true(fake_closed(f));
	fake_free(f);
}

static void
test_nothing_is_said_at_the_end(void **state)
{
	struct fake *f = fake_create(&(struct fake_options){
	    .plugin = &frl_plugin });

	(void)state;
	fake_text(f, FRL_FROM_CLIENT, "x");
	fake_refuse(f, FRL_WHY_LIMIT, "lifetime", "too long");
	assert_true(fake_closed(f));
	assert_true(fake_output_is(f, FRL_FROM_CLIENT, "x"));
	assert_true(fake_output_is(f, FRL_FROM_SERVER, ""));
	fake_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptor),
		cmocka_unit_test(test_everything_goes_through),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_nothing_is_said_at_the_end)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
