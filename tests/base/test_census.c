/* SPDX-License-Identifier: MIT */
/* census: what one process counts the others see, and who is killed leaves
 * nothing behind. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/census.h"
#include "base/quota.h"

#define CLIENTS 3000

static int
set_up(void **state)
{
	*state = census_create();
	assert_non_null(*state);
	return (0);
}

static int
tear_down(void **state)
{
	census_free(*state);
	return (0);
}

static struct census_seat
sit(struct census *census, uint32_t generation)
{
	int row = census_admit(census, generation);

	assert_true(row >= 0);
	return ((struct census_seat){ census, (uint32_t)row });
}

static uint64_t
client(const struct census_seat *seat, unsigned number)
{
	uint8_t key[CENSUS_KEY_SIZE] = { 0x20, 0x01 };

	memcpy(key + 8, &number, sizeof(number));
	return (census_hash(seat, key));
}

static void
gauges(void **state)
{
	struct census *census = *state;
	struct census_seat a = sit(census, 1), b = sit(census, 1), c;

	assert_int_equal(census_others(&a, 0), 0);
	census_set(&a, 0, 3);
	census_set(&b, 0, 4);
	census_set(&b, 7, 5);
	assert_int_equal(census_others(&a, 0), 4);
	assert_int_equal(census_others(&b, 0), 3);
	assert_int_equal(census_others(&a, 7), 5);
	assert_int_equal(census_total(census, 0), 7);
	/* A row that is given away again is empty. */
	census_dismiss(census, (int)a.row);
	assert_int_equal(census_others(&b, 0), 0);
	assert_int_equal(census_total(census, 0), 4);
	c = sit(census, 2);
	assert_int_equal(c.row, a.row);
	assert_int_equal(census_others(&c, 0), 4);
	assert_int_equal(census_total(census, 0), 4);
	census_dismiss(census, -1);
	census_dismiss(census, 1000000);
}

static void
bounds(void **state)
{
	struct census *census = *state;
	struct census_seat a = sit(census, 1), b = sit(census, 2);

	assert_int_equal(census_bound(census, 1, 0), 0);
	census_set_bound(&a, 0, 10);
	census_set_bound(&b, 0, 20);
	(void)sit(census, 2);			/* it has not said yet */
	assert_int_equal(census_bound(census, 1, 0), 10);
	assert_int_equal(census_bound(census, 2, 0), 20);
	assert_int_equal(census_bound(census, 3, 0), 0);
	census_dismiss(census, (int)a.row);
	assert_int_equal(census_bound(census, 1, 0), 0);
}

static void
all_rows(void **state)
{
	struct census *census = *state;
	int i;

	for (i = 0; i < CENSUS_ROWS; i++)
		assert_int_equal(census_admit(census, 1), i);
	assert_int_equal(census_admit(census, 1), -1);
	census_dismiss(census, 5);
	assert_int_equal(census_admit(census, 1), 5);
}

static void
clients(void **state)
{
	struct census *census = *state;
	struct census_seat a = sit(census, 1), b = sit(census, 1);
	_Atomic uint64_t *at_a = NULL, *at_b = NULL;
	uint64_t one = client(&a, 1), two = client(&a, 2);

	assert_true(one == client(&b, 1));
	assert_true(one != two);
	assert_int_equal(census_client_others(&a, one), 0);
	census_client_set(&a, one, &at_a, 1);
	census_client_set(&b, one, &at_b, 6);
	census_client_set(&a, one, &at_a, 2);
	assert_int_equal(census_client_others(&a, one), 6);
	assert_int_equal(census_client_others(&b, one), 2);
	assert_int_equal(census_client_others(&b, two), 0);
	census_client_set(&a, one, &at_a, 0);
	assert_null(at_a);
	assert_int_equal(census_client_others(&b, one), 0);
	/* The word counts no further, and nobody becomes another one. */
	census_client_set(&b, one, &at_b, UINT64_MAX);
	assert_int_equal(census_client_others(&a, one), (1 << 24) - 1);
	census_dismiss(census, (int)b.row);
	assert_int_equal(census_client_others(&a, one), 0);
}

/* Many have room; who has none is not told of, and room comes back. */
static void
crowd(void **state)
{
	static _Atomic uint64_t *places[100 * CLIENTS];
	struct census *census = *state;
	struct census_seat a = sit(census, 1), b = sit(census, 1);
	unsigned i, n = sizeof(places) / sizeof(places[0]), untold = 0;

	for (i = 0; i < CLIENTS; i++) {
		census_client_set(&a, client(&a, i), &places[i], i % 5 + 1);
		assert_non_null(places[i]);
	}
	for (i = 0; i < CLIENTS; i++)
		assert_int_equal(census_client_others(&b, client(&b, i)),
		    i % 5 + 1);
	for (; i < n; i++) {
		census_client_set(&a, client(&a, i), &places[i], 1);
		untold += places[i] == NULL;
	}
	assert_true(untold > n / 2 && untold < n);
	for (i = 0; i < n; i++)
		census_client_set(&a, client(&a, i), &places[i], 0);
	for (i = 0; i < CLIENTS; i++)
		assert_int_equal(census_client_others(&b, client(&b, i)), 0);
	census_client_set(&a, client(&a, n - 1), &places[n - 1], 1);
	assert_non_null(places[n - 1]);
}

/* Keys differ, so nobody knows beforehand who shares a bucket. */
static void
keys(void **state)
{
	struct census *other = census_create();
	struct census_seat a = { *state, 0 }, b = { other, 0 };

	assert_non_null(other);
	assert_true(client(&a, 1) != client(&b, 1));
	census_free(other);
}

/* ------------------------------------------------------------------ */
/* Processes								*/

/* Counts up and down until it is killed; the word is always whole. */
static void
count(const struct census_seat *seat, int ready)
{
	_Atomic uint64_t *place = NULL;
	uint64_t n, hash = client(seat, 1);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);	/* of a test that fails */
	for (n = 1;; n = n % 9 + 1) {
		census_client_set(seat, hash, &place, n);
		census_set(seat, 0, n);
		if (ready >= 0 && write(ready, "", 1) != 1)
			_exit(1);
		ready = -1;
		if (n == 9)
			census_client_set(seat, hash, &place, 0);
	}
}

static pid_t
fork_counter(const struct census_seat *seat)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0)
		count(seat, ready[1]);
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return (pid);
}

static void
killed(void **state)
{
	struct census *census = *state;
	struct census_seat me = sit(census, 1), seats[3];
	uint64_t hash = client(&me, 1), n;
	pid_t pids[3];
	unsigned i, seen = 0;

	for (i = 0; i < 3; i++) {
		seats[i] = sit(census, 1);
		pids[i] = fork_counter(&seats[i]);
	}
	for (i = 0; i < 100000; i++) {
		n = census_others(&me, 0);
		assert_true(n >= 3 && n <= 27);
		n = census_client_others(&me, hash);
		assert_true(n <= 27);
		seen |= 1u << n;
	}
	assert_true((seen & ~1u) != 0);
	for (i = 0; i < 3; i++) {
		kill(pids[i], SIGKILL);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
		assert_int_not_equal(census_others(&me, 0), 0);
		census_dismiss(census, (int)seats[i].row);
	}
	assert_int_equal(census_others(&me, 0), 0);
	assert_int_equal(census_client_others(&me, hash), 0);
}

/* ------------------------------------------------------------------ */
/* Quotas that are shared						*/

static void
shared(void **state)
{
	struct census_seat a = sit(*state, 1), b = sit(*state, 1);
	struct quota one = { .max = 3 }, two = { .max = 3 };

	quota_share(&one, &a, 2, 0);
	quota_share(&two, &b, 2, 0);
	assert_int_equal(census_bound(*state, 1, 2), 3);
	assert_true(quota_take(&one));
	assert_true(quota_take(&two));
	assert_true(quota_take(&two));
	assert_false(quota_take(&one));
	assert_false(quota_take(&two));
	assert_int_equal(one.turned, 1);
	quota_give(&two);
	assert_true(quota_take(&one));
	quota_look(&two);
	assert_true(quota_full(&two));
	quota_give(&one);
	quota_give(&one);
	assert_false(quota_full(&two));
	assert_int_equal(census_total(*state, 2), 1);
}

/* Bytes are told of by the step. */
static void
steps(void **state)
{
	struct census_seat a = sit(*state, 1), b = sit(*state, 1);
	struct quota one = { .max = 1000 }, two = { .max = 1000 };

	quota_share(&one, &a, 4, 10);
	quota_share(&two, &b, 4, 10);
	one.used = 10;
	quota_changed(&one);
	assert_int_equal(census_total(*state, 4), 0);
	one.used = 900;
	quota_changed(&one);
	assert_int_equal(census_total(*state, 4), 900);
	two.used = 50;
	quota_changed(&two);
	assert_int_equal(quota_left(&two), 50);
	assert_false(quota_full(&two));
	two.used = 100;
	quota_changed(&two);
	assert_true(quota_full(&two));
	/* It looks again before it says so. */
	one.used = 0;
	quota_changed(&one);
	assert_int_equal(quota_left(&two), 0);
	assert_false(quota_full(&two));
	assert_int_equal(quota_left(&two), 900);
	two.used = 95;
	quota_changed(&two);
	assert_int_equal(census_total(*state, 4), 100);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(gauges),
		TEST(bounds),
		TEST(all_rows),
		TEST(clients),
		TEST(crowd),
		TEST(keys),
		TEST(killed),
		TEST(shared),
		TEST(steps),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
