/* SPDX-License-Identifier: MIT */
/* verbs against a plain array that does the same the slow way. */
#include "flow/verbs.h"

#include <fairlead/inspector.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct plain {
	uint64_t n[VERBS_MAX];
	enum verb verb[VERBS_MAX];
	unsigned count;
};

static void
assert_same(const struct verbs *v, const struct plain *p)
{
	assert_int_equal(v->count, p->count);
	assert_int_equal(verbs_empty(v), p->count == 0);
	/* What an idle stream keeps. */
	if (p->count == 0)
		assert_null(v->more);
	if (p->count == 0)
		return;
	assert_int_equal(verbs_first(v), p->verb[0]);
	assert_true(verbs_credit(v) == p->n[0]);
}

/* 0, or -1: no room. */
static int
plain_push(struct plain *p, enum verb verb, uint64_t n, unsigned room)
{
	unsigned last = p->count - 1;

	if (p->count != 0 && verb != VERB_END && p->verb[last] == verb) {
		if (p->n[last] != FRL_ALL)
			p->n[last] = n == FRL_ALL ? n : p->n[last] + n;
		return (0);
	}
	if (p->count >= room)
		return (-1);
	p->verb[p->count] = verb;
	p->n[p->count++] = n;
	return (0);
}

static void
plain_pop(struct plain *p)
{
	p->count--;
	memmove(p->n, p->n + 1, p->count * sizeof(p->n[0]));
	memmove(p->verb, p->verb + 1, p->count * sizeof(p->verb[0]));
}

static void
push_both(struct verbs *v, struct plain *p, uint32_t r)
{
	enum verb verb = (enum verb)(r & 3);
	uint64_t n = (r & 0xf0) == 0 ? FRL_ALL : r >> 8 & 255;
	bool core = (r & 4) != 0;
	int wanted = plain_push(p, verb, n, core ? VERBS_MAX : VERBS_OF_LINK);

	assert_int_equal(verbs_reserve(v, verb, core), wanted);
	if (wanted == 0)
		verbs_push(v, verb, n);
}

static void
test_random(void **state)
{
	struct verbs v = { .count = 0 };
	struct plain p = { .count = 0 };
	uint32_t seed = 1, r;
	unsigned i, most = 0;

	(void)state;
	for (i = 0; i < 200000; i++) {
		seed = seed * 1103515245u + 12345u;
		r = seed >> 12;
		if ((r & 3) != 0 || p.count == 0 || (r & 0x300) == 0) {
			push_both(&v, &p, r >> 2);
		} else if ((r & 4) != 0 && p.n[0] != FRL_ALL) {
			verbs_spend(&v, p.n[0] / 2);
			p.n[0] -= p.n[0] / 2;
		} else {
			verbs_pop(&v);
			plain_pop(&p);
		}
		if (p.count > most)
			most = p.count;
		assert_same(&v, &p);
	}
	assert_int_equal(most, VERBS_MAX);
	verbs_clear(&v);
	assert_true(verbs_empty(&v));
	assert_null(v.more);
}

/* Two at most: no memory. */
static void
test_idle(void **state)
{
	struct verbs v = { .count = 0 };

	(void)state;
	assert_int_equal(verbs_reserve(&v, VERB_PASS, false), 0);
	verbs_push(&v, VERB_PASS, FRL_ALL);
	assert_int_equal(verbs_reserve(&v, VERB_END, true), 0);
	verbs_push(&v, VERB_END, 0);
	assert_null(v.more);
	verbs_spend(&v, 5);
	assert_true(verbs_credit(&v) == FRL_ALL);
	assert_int_equal(verbs_reserve(&v, VERB_DROP, false), 0);
	verbs_push(&v, VERB_DROP, 1);
	assert_non_null(v.more);
	verbs_pop(&v);
	assert_null(v.more);
	verbs_pop(&v);
	assert_int_equal(verbs_first(&v), VERB_DROP);
	verbs_clear(&v);
}

/* Rule 5: a sum of counts is a count. */
static void
test_sums(void **state)
{
	struct verbs v = { .count = 0 };

	(void)state;
	verbs_push(&v, VERB_PASS, FRL_ALL - 1);
	verbs_push(&v, VERB_PASS, 7);
	assert_true(verbs_credit(&v) == FRL_ALL - 1);
	verbs_push(&v, VERB_PASS, FRL_ALL);
	assert_true(verbs_credit(&v) == FRL_ALL);
	assert_int_equal(v.count, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_sums),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
