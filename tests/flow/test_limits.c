/* SPDX-License-Identifier: MIT */
/* limits: who is let in, what is given back, and how often it is told. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "events_fixture.h"
#include "flow/limits.h"

struct bench {
	struct limits limits;
	struct addr one, two;
};

static void
begin(struct bench *b, struct fixture *f, uint64_t tunnels, uint64_t client)
{
	const uint64_t max[LIMITS] = { [LIMIT_TUNNELS] = tunnels,
	    [LIMIT_CLIENT] = client, [LIMIT_MEMORY] = 1000 };
	struct err err = { "" };

	memset(b, 0, sizeof(*b));
	assert_int_equal(limits_begin(&b->limits, f->loop, f->events, max,
	    &err), 0);
	add_sink(f, f->path, "none", SINK_JSON, SINK_BLOCK);
	assert_int_equal(addr_parse(&b->one, "192.0.2.1:1000"), 0);
	assert_int_equal(addr_parse(&b->two, "[2001:db8::1]:1000"), 0);
}

static void
assert_in(struct bench *b, const struct addr *peer, struct limit_pass *pass)
{
	memset(pass, 0, sizeof(*pass));
	assert_null(limits_enter(&b->limits, peer, pass));
	assert_true(pass->taken);
}

static void
assert_out(struct bench *b, const struct addr *peer, const char *why)
{
	struct limit_pass pass = { NULL, false };
	const char *no = limits_enter(&b->limits, peer, &pass);

	assert_non_null(no);
	assert_string_equal(no, why);
	assert_false(pass.taken);
}

static void
of_all(void **state)
{
	struct limit_pass passes[3];
	struct bench b;

	begin(&b, *state, 3, 0);
	assert_in(&b, &b.one, &passes[0]);
	assert_in(&b, &b.one, &passes[1]);
	assert_in(&b, &b.two, &passes[2]);
	assert_out(&b, &b.two, "too many tunnels");
	limits_leave(&b.limits, &passes[0]);
	limits_leave(&b.limits, &passes[0]);	/* is idempotent */
	assert_in(&b, &b.two, &passes[0]);
	assert_out(&b, &b.one, "too many tunnels");
	for (unsigned i = 0; i < 3; i++)
		limits_leave(&b.limits, &passes[i]);
	limits_end(&b.limits);
}

static void
of_a_client(void **state)
{
	struct limit_pass passes[4];
	struct addr other_port, local;
	struct bench b;

	begin(&b, *state, 0, 2);
	other_port = b.one;
	addr_set_port(&other_port, 1001);
	assert_in(&b, &b.one, &passes[0]);
	assert_in(&b, &other_port, &passes[1]);
	assert_out(&b, &b.one, "too many tunnels from this client");
	assert_in(&b, &b.two, &passes[2]);
	/* Who has no address is not counted. */
	memset(&local, 0, sizeof(local));
	local.u.sa.sa_family = AF_UNIX;
	for (unsigned i = 0; i < 3; i++) {
		assert_in(&b, &local, &passes[3]);
		limits_leave(&b.limits, &passes[3]);
	}
	limits_leave(&b.limits, &passes[1]);
	assert_in(&b, &b.one, &passes[1]);
	for (unsigned i = 0; i < 3; i++)
		limits_leave(&b.limits, &passes[i]);
	assert_null(b.limits.clients);
	limits_end(&b.limits);
}

static void
of_memory(void **state)
{
	struct limit_pass pass;
	struct bench b;

	begin(&b, *state, 0, 0);
	b.limits.quotas[LIMIT_MEMORY].used = 999;
	assert_in(&b, &b.one, &pass);
	b.limits.quotas[LIMIT_MEMORY].used = 1000;
	assert_out(&b, &b.one, "too many bytes wait in the tunnels");
	limits_leave(&b.limits, &pass);
	limits_end(&b.limits);
}

/* Two workers share what they count; the second one's limits are its own. */
static void
of_two_workers(void **state)
{
	struct census *census = census_create();
	struct limit_pass passes[4];
	struct census_seat seat = { census, 0 };
	struct bench a, b;

	assert_non_null(census);
	begin(&a, *state, 3, 2);
	begin(&b, *state, 4, 3);
	seat.row = (uint32_t)census_admit(census, 1);
	limits_share(&a.limits, &seat);
	seat.row = (uint32_t)census_admit(census, 2);
	limits_share(&b.limits, &seat);
	assert_int_equal(census_bound(census, 2, LIMIT_TUNNELS), 4);
	assert_in(&a, &a.one, &passes[0]);
	assert_in(&b, &b.one, &passes[1]);
	assert_out(&a, &a.one, "too many tunnels from this client");
	assert_in(&b, &b.one, &passes[2]);
	assert_out(&b, &b.one, "too many tunnels from this client");
	assert_out(&a, &a.two, "too many tunnels");
	assert_in(&b, &b.two, &passes[3]);
	assert_out(&b, &b.two, "too many tunnels");
	limits_leave(&a.limits, &passes[0]);
	assert_in(&b, &b.one, &passes[0]);
	limits_leave(&b.limits, &passes[0]);
	limits_leave(&b.limits, &passes[1]);
	limits_leave(&b.limits, &passes[2]);
	assert_in(&a, &a.one, &passes[0]);
	b.limits.quotas[LIMIT_MEMORY].used = 1000;
	quota_changed(&b.limits.quotas[LIMIT_MEMORY]);
	assert_out(&a, &a.one, "too many bytes wait in the tunnels");
	limits_leave(&a.limits, &passes[0]);
	limits_leave(&b.limits, &passes[3]);
	assert_null(a.limits.clients);
	limits_end(&a.limits);
	limits_end(&b.limits);
	census_free(census);
}

/* A thousand that are turned away make one line at once and one after a
 * second, and nobody is forgotten. */
static void
told_of(void **state)
{
	struct fixture *f = *state;
	struct limit_pass pass;
	const char *text;
	struct bench b;
	uint64_t begun;
	int i;

	begin(&b, f, 0, 1);
	assert_in(&b, &b.one, &pass);
	for (i = 0; i < 1000; i++)
		assert_out(&b, &b.one, "too many tunnels from this client");
	while (timer_running(&b.limits.timer))
		loop_turn(f->loop, true);
	text = read_log(f, f->path);
	assert_int_equal(count(text, "\n"), 1);
	assert_non_null(strstr(text, "\"event\":\"proxy.limit\""));
	assert_non_null(strstr(text, "\"limit\":\"tunnels_per_client\","
	    "\"value\":1,\"refused\":1000,"
	    "\"client\":{\"addr\":\"192.0.2.1\"}"));
	begun = loop_now_us(f->loop);
	for (i = 0; i < 7; i++)
		assert_out(&b, &b.one, "too many tunnels from this client");
	while (timer_running(&b.limits.timer))
		loop_turn(f->loop, true);
	assert_true(loop_now_us(f->loop) - begun >= 900000);
	text = read_log(f, f->path);
	assert_int_equal(count(text, "\n"), 2);
	assert_non_null(strstr(text, "\"refused\":7,"));
	/* What is still due is told at the end. */
	assert_out(&b, &b.one, "too many tunnels from this client");
	limits_tell(&b.limits);
	text = read_log(f, f->path);
	assert_int_equal(count(text, "\n"), 3);
	limits_leave(&b.limits, &pass);
	limits_end(&b.limits);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(of_all),
		TEST(of_a_client),
		TEST(of_memory),
		TEST(of_two_workers),
		TEST(told_of),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
