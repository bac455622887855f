/* SPDX-License-Identifier: MIT */
/*
 * resolve -- against a name server that answers, is silent, lies and fails.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "fakedns.h"
#include "net/cache.h"
#include "net/resolve.h"

static const struct fake_row rows[] = {
	{ "a.test", AF_INET, FAKE_ANSWER, 60, 0, { "192.0.2.1",
	    "192.0.2.2" } },
	{ "a.test", AF_INET6, FAKE_ANSWER, 60, 0, { "2001:db8::1" } },
	{ "b.test", AF_INET, FAKE_ANSWER, 60, 0, { "192.0.2.3" } },
	{ "c.test", AF_INET, FAKE_ANSWER, 60, 0, { "192.0.2.4" } },
	{ "brief.test", 0, FAKE_ANSWER, 0, 0, { "192.0.2.5" } },
	{ "many.test", 0, FAKE_ANSWER, 60, 19, { "192.0.2.6" } },
	{ "empty.test", 0, FAKE_ANSWER, 60, 0, { NULL } },
	{ "silent.test", 0, FAKE_SILENT, 0, 0, { NULL } },
	{ "fail.test", 0, FAKE_SERVFAIL, 0, 0, { NULL } },
	{ "nx.test", 0, FAKE_NXDOMAIN, 0, 0, { NULL } },
	{ "garbage.test", 0, FAKE_GARBAGE, 60, 0, { "192.0.2.7" } },
	{ "forged.test", 0, FAKE_FORGED, 60, 0, { "192.0.2.8" } },
	{ "alias.test", 0, FAKE_ALIAS, 60, 0, { "192.0.2.9" } },
	{ "held.test", 0, FAKE_HELD, 60, 0, { "192.0.2.10" } },
	{ NULL, 0, 0, 0, 0, { NULL } }
};

struct result {
	struct fixture *f;
	struct answer answer;
	unsigned calls;
	struct query *cancel;		/* in the callback */
	const char *then;		/* asked for in the callback */
};

struct fixture {
	struct loop *loop;
	struct fakedns dns;
	struct resolver *resolver;
	struct result again;
	struct quota quota;
};

static void
open_with(struct fixture *f, uint64_t timeout_ms, size_t entries,
    uint64_t ttl_min_ms)
{
	struct resolver_options o = { .timeout_ms = timeout_ms,
		.cache_entries = entries, .ttl_min_ms = ttl_min_ms,
		.ttl_max_ms = 3600000 };
	struct err err;

	memset(f, 0, sizeof(*f));
	f->loop = loop_create();
	assert_non_null(f->loop);
	assert_int_equal(fakedns_start(&f->dns, f->loop, rows), 0);
	o.servers = f->dns.servers;
	o.queries = &f->quota;
	f->resolver = resolver_create(f->loop, &o, &err);
	assert_non_null(f->resolver);
}

static void
shut(struct fixture *f)
{

	resolver_free(f->resolver);
	fakedns_stop(&f->dns);
	loop_free(f->loop);
}

static void
on_done(void *arg, const struct answer *answer)
{
	struct result *r = arg;

	r->answer = *answer;
	r->calls++;
	if (r->cancel != NULL)
		resolve_cancel(r->cancel);
	if (r->then != NULL)
		assert_non_null(resolve_start(r->f->resolver, r->then,
		    AF_INET, on_done, &r->f->again));
}

static struct query *
start(struct fixture *f, const char *name, int family, struct result *r)
{
	struct query *q;

	memset(r, 0, sizeof(*r));
	r->f = f;
	q = resolve_start(f->resolver, name, family, on_done, r);
	assert_non_null(q);
	assert_int_equal(r->calls, 0);
	return (q);
}

static void
wait_for(struct fixture *f, struct result *r)
{

	while (r->calls == 0)
		loop_turn(f->loop, true);
	assert_int_equal(r->calls, 1);
}

static void
ask(struct fixture *f, const char *name, int family, struct result *r)
{

	start(f, name, family, r);
	wait_for(f, r);
}

static void
assert_addr(const struct result *r, size_t i, const char *text)
{
	char have[ADDR_TEXT_SIZE];

	assert_true(i < r->answer.count);
	addr_format(&r->answer.addrs[i], have);
	assert_string_equal(have, text);
	assert_int_equal(addr_port(&r->answer.addrs[i]), 0);
}

static void
test_answers(void **state)
{
	struct fixture f;
	struct result r;

	(void)state;
	open_with(&f, 60000, 16, 0);
	ask(&f, "a.test", AF_INET, &r);
	assert_int_equal(r.answer.count, 2);
	assert_addr(&r, 0, "192.0.2.1");
	assert_addr(&r, 1, "192.0.2.2");
	assert_int_equal(r.answer.why, WHY_NONE);
	ask(&f, "a.test", AF_INET6, &r);
	assert_int_equal(r.answer.count, 1);
	assert_addr(&r, 0, "2001:db8::1");
	ask(&f, "many.test", AF_INET, &r);
	assert_int_equal(r.answer.count, RESOLVE_MAX);
	ask(&f, "alias.test", AF_INET, &r);
	assert_int_equal(r.answer.count, 1);
	assert_addr(&r, 0, "192.0.2.9");
	shut(&f);
}

static void
test_localhost(void **state)
{
	struct fixture f;
	struct result r;

	(void)state;
	open_with(&f, 60000, 16, 0);
	ask(&f, "localhost", AF_INET, &r);
	assert_int_equal(r.answer.count, 1);
	assert_addr(&r, 0, "127.0.0.1");
	ask(&f, "x.localhost", AF_INET6, &r);
	assert_addr(&r, 0, "::1");
	assert_int_equal(f.dns.asked, 0);
	ask(&f, "notlocalhost", AF_INET, &r);
	assert_int_equal(r.answer.count, 0);
	assert_true(f.dns.asked > 0);
	shut(&f);
}

/* A file of names goes first; what it has in the other family alone is not
 * asked of a server. */
static void
test_hosts(void **state)
{
	struct resolver_options o = { .timeout_ms = 60000,
		.ttl_max_ms = 3600000, .hosts = "resolve-hosts.test" };
	FILE *file = fopen(o.hosts, "w");
	struct fixture f;
	struct result r;
	struct err err;

	(void)state;
	assert_non_null(file);
	fputs("192.0.2.77 a.test\n", file);
	fclose(file);
	open_with(&f, 60000, 16, 0);
	resolver_free(f.resolver);
	o.servers = f.dns.servers;
	f.resolver = resolver_create(f.loop, &o, &err);
	assert_non_null(f.resolver);
	ask(&f, "a.test", AF_INET, &r);
	assert_int_equal(r.answer.count, 1);
	assert_addr(&r, 0, "192.0.2.77");
	ask(&f, "a.test", AF_INET6, &r);
	assert_int_equal(r.answer.count, 0);
	assert_int_equal(r.answer.why, WHY_DNS_FAILED);
	assert_string_equal(r.answer.text, "the name has no address");
	assert_int_equal(f.dns.asked, 0);
	ask(&f, "b.test", AF_INET, &r);
	assert_addr(&r, 0, "192.0.2.3");
	unlink(o.hosts);
	ask(&f, "a.test", AF_INET, &r);
	assert_addr(&r, 0, "192.0.2.1");
	shut(&f);
}

/* It says nothing about itself to name servers. */
static void
test_onion(void **state)
{
	struct fixture f;
	struct result r;

	(void)state;
	open_with(&f, 60000, 16, 0);
	ask(&f, "abc.onion", AF_INET, &r);
	assert_int_equal(r.answer.why, WHY_DNS_FAILED);
	assert_int_equal(f.dns.asked, 0);
	ask(&f, "notonion", AF_INET, &r);
	assert_true(f.dns.asked > 0);
	shut(&f);
}

static void
test_failures(void **state)
{
	static const char *const names[] = { "nx.test", "empty.test",
		"fail.test", "unknown.test" };
	struct fixture f;
	struct result r;
	size_t i;

	(void)state;
	open_with(&f, 60000, 16, 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ask(&f, names[i], AF_INET, &r);
		assert_int_equal(r.answer.count, 0);
		assert_int_equal(r.answer.why, WHY_DNS_FAILED);
		assert_non_null(r.answer.text);
	}
	shut(&f);
}

/* One question per name: there is no search list behind it. */
static void
test_no_search(void **state)
{
	struct fixture f;
	struct result r;

	(void)state;
	assert_int_equal(setenv("LOCALDOMAIN", "search.test", 1), 0);
	open_with(&f, 60000, 0, 0);
	ask(&f, "unknown", AF_INET, &r);
	assert_int_equal(f.dns.asked, 1);
	unsetenv("LOCALDOMAIN");
	shut(&f);
}

static void
test_silence(void **state)
{
	static const char *const names[] = { "silent.test", "forged.test",
		"garbage.test" };
	struct fixture f;
	struct result r;
	uint64_t begin;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		open_with(&f, 100, 16, 0);
		begin = loop_now_us(f.loop);
		ask(&f, names[i], AF_INET, &r);
		assert_int_equal(r.answer.count, 0);
		if (i == 0) {
			assert_int_equal(r.answer.why, WHY_DNS_TIMEOUT);
			assert_true(loop_now_us(f.loop) - begin >= 50000);
		}
		shut(&f);
	}
}

static void
test_cache(void **state)
{
	struct fixture f;
	struct result r;
	unsigned before;

	(void)state;
	open_with(&f, 60000, 2, 0);
	ask(&f, "a.test", AF_INET, &r);
	ask(&f, "a.test", AF_INET, &r);
	assert_int_equal(r.answer.count, 2);
	assert_int_equal(f.dns.asked, 1);
	/* The family is part of the question. */
	ask(&f, "a.test", AF_INET6, &r);
	assert_int_equal(f.dns.asked, 2);
	/* A TTL of 0 is not kept, nor a failure. */
	ask(&f, "brief.test", AF_INET, &r);
	ask(&f, "brief.test", AF_INET, &r);
	assert_int_equal(f.dns.asked, 4);
	/* The third entry drives out the first. */
	ask(&f, "b.test", AF_INET, &r);
	ask(&f, "b.test", AF_INET, &r);
	assert_int_equal(f.dns.asked, 5);
	ask(&f, "a.test", AF_INET6, &r);
	assert_int_equal(f.dns.asked, 5);
	ask(&f, "a.test", AF_INET, &r);
	assert_int_equal(f.dns.asked, 6);
	shut(&f);

	/* The lower bound holds for answers without a TTL. */
	open_with(&f, 60000, 16, 600000);
	ask(&f, "brief.test", AF_INET, &r);
	ask(&f, "brief.test", AF_INET, &r);
	assert_int_equal(f.dns.asked, 1);
	ask(&f, "nx.test", AF_INET, &r);
	ask(&f, "nx.test", AF_INET, &r);
	assert_int_equal(r.answer.why, WHY_DNS_FAILED);
	assert_int_equal(f.dns.asked, 2);
	/* A server that failed may be well again the next moment. */
	ask(&f, "fail.test", AF_INET, &r);
	before = f.dns.asked;
	ask(&f, "fail.test", AF_INET, &r);
	assert_true(f.dns.asked > before);
	shut(&f);
}

/* The cache itself, with a clock of its own. */
static void
test_cache_ages(void **state)
{
	struct answer answer, *kept;
	struct cache *cache = cache_create(4);
	struct cache_key key;
	char name[16];
	int i;

	(void)state;
	memset(&answer, 0, sizeof(answer));
	answer.count = 1;
	key = cache_key(cache, "a.test", AF_INET);
	cache_put(cache, &key, &answer, 1000);
	assert_non_null(cache_find(cache, &key, 999));
	assert_null(cache_find(cache, &key, 1000));
	answer.count = 2;
	cache_put(cache, &key, &answer, 2000);
	kept = (struct answer *)(uintptr_t)cache_find(cache, &key, 1000);
	assert_non_null(kept);
	assert_int_equal(kept->count, 2);
	for (i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		key = cache_key(cache, name, AF_INET);
		cache_put(cache, &key, &answer, 2000);
	}
	for (i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		key = cache_key(cache, name, AF_INET);
		assert_int_equal(cache_find(cache, &key, 0) != NULL,
		    i >= 96);
	}
	cache_free(cache);
}

static void
test_merge(void **state)
{
	struct fixture f;
	struct result r[5];
	size_t i;

	(void)state;
	open_with(&f, 60000, 16, 0);
	for (i = 0; i < 5; i++)
		start(&f, "a.test", AF_INET, &r[i]);
	for (i = 0; i < 5; i++) {
		wait_for(&f, &r[i]);
		assert_int_equal(r[i].answer.count, 2);
	}
	assert_int_equal(f.dns.asked, 1);
	shut(&f);
}

/* A callback may cancel its neighbour and ask for the same again. */
static void
test_inside_callback(void **state)
{
	struct fixture f;
	struct result r[3];
	struct query *q;

	(void)state;
	open_with(&f, 60000, 16, 0);
	start(&f, "a.test", AF_INET, &r[0]);
	q = start(&f, "a.test", AF_INET, &r[1]);
	start(&f, "a.test", AF_INET, &r[2]);
	r[0].cancel = q;
	r[2].then = "a.test";
	wait_for(&f, &r[2]);
	wait_for(&f, &f.again);
	assert_int_equal(r[0].calls, 1);
	assert_int_equal(r[1].calls, 0);
	assert_int_equal(f.dns.asked, 1);
	shut(&f);
}

/* Cancel after so many turns: at any point, and nothing is lost. */
static void
test_cancel(void **state)
{
	struct fixture f;
	struct result r, other;
	struct query *q;
	int turns, i;

	(void)state;
	for (turns = 0; turns < 8; turns++) {
		open_with(&f, 60000, 16, 0);
		q = start(&f, "a.test", AF_INET, &r);
		for (i = 0; i < turns && r.calls == 0; i++)
			loop_turn(f.loop, true);
		if (r.calls == 0)
			resolve_cancel(q);
		ask(&f, "b.test", AF_INET, &other);
		shut(&f);
	}
	/* The resolver goes with a question on its way. */
	open_with(&f, 60000, 16, 0);
	resolve_cancel(start(&f, "silent.test", AF_INET, &r));
	loop_turn(f.loop, false);
	shut(&f);
	assert_int_equal(r.calls, 0);
}

/* What nobody waits for any more still fills the cache. */
static void
test_cancelled_is_kept(void **state)
{
	struct fixture f;
	struct result r;

	(void)state;
	open_with(&f, 60000, 16, 0);
	resolve_cancel(start(&f, "held.test", AF_INET, &r));
	while (f.dns.nheld == 0)
		loop_turn(f.loop, true);
	fakedns_release(&f.dns);
	ask(&f, "c.test", AF_INET, &r);
	ask(&f, "held.test", AF_INET, &r);
	assert_int_equal(r.answer.count, 1);
	assert_int_equal(f.dns.asked, 2);
	shut(&f);
}

static void
test_bad_servers(void **state)
{
	struct resolver_options o = { .timeout_ms = 100,
		.servers = "nonsense" };
	struct loop *loop = loop_create();
	struct err err;

	(void)state;
	assert_null(resolver_create(loop, &o, &err));
	assert_non_null(strstr(err.text, "nonsense"));
	loop_free(loop);
}

/* Queries that name servers are asked are counted until they answer, also
 * when nobody waits any more; what is known needs none. */
static void
test_too_many(void **state)
{
	struct fixture f;
	struct result r, second, third;
	struct query *q, *p;

	(void)state;
	open_with(&f, 60000, 16, 0);
	f.quota.max = 1;
	ask(&f, "a.test", AF_INET, &r);
	assert_int_equal(f.quota.used, 0);
	q = start(&f, "silent.test", AF_INET, &r);
	p = start(&f, "silent.test", AF_INET, &second);	/* the same */
	assert_int_equal(f.quota.used, 1);
	ask(&f, "b.test", AF_INET, &third);
	assert_int_equal(third.answer.count, 0);
	assert_int_equal(third.answer.why, WHY_LIMIT);
	assert_string_equal(third.answer.text, "too many name lookups");
	assert_int_equal(f.quota.turned, 1);
	ask(&f, "a.test", AF_INET, &third);		/* is cached */
	assert_int_equal(third.answer.count, 2);
	ask(&f, "localhost", AF_INET, &third);
	assert_int_equal(third.answer.count, 1);
	resolve_cancel(q);
	assert_int_equal(f.quota.used, 1);
	/* A refusal is not kept. */
	f.quota.max = 2;
	ask(&f, "b.test", AF_INET, &third);
	assert_int_equal(third.answer.count, 1);
	resolve_cancel(p);
	shut(&f);
	assert_int_equal(f.quota.used, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_localhost),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_onion),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_no_search),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_cache_ages),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_inside_callback),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancelled_is_kept),
		cmocka_unit_test(test_bad_servers),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
