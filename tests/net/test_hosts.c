/* SPDX-License-Identifier: MIT */
/*
 * hosts -- what a file of names says, before and after it changed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/hosts.h"

#define PATH "hosts.test"

static void
put(const char *text, size_t n)
{
	FILE *f = fopen(PATH, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* "a,b"; "-" not there; "" there, but not in this family */
static void
expect(struct hosts *hosts, const char *name, int family, const char *wanted)
{
	struct addr addrs[4];
	char have[512] = "-", one[ADDR_TEXT_SIZE];
	size_t i, count;

	if (hosts_find(hosts, name, family, addrs, 4, &count)) {
		have[0] = '\0';
		for (i = 0; i < count; i++) {
			addr_format(&addrs[i], one);
			strcat(have, i == 0 ? "" : ",");
			strcat(have, one);
			assert_int_equal(addr_port(&addrs[i]), 0);
		}
	}
	assert_string_equal(have, wanted);
}

static void
test_file(void **state)
{
	static const char text[] =
	    "# 192.0.2.9 hidden\n"
	    "192.0.2.1\tOne.Test one # also 192.0.2.8\n"
	    "\n   192.0.2.2  two.test\r\n"
	    "192.0.2.3 one.test\n"
	    "2001:db8::1 one.test six.test\n"
	    "not.an.address bad.test\n"
	    "192.0.2.4\n"
	    "192.0.2.5 a\0b\n"
	    "192.0.2.6 last.test";
	struct hosts *hosts = hosts_create(PATH);

	(void)state;
	put(text, sizeof(text) - 1);
	expect(hosts, "one.test", AF_INET, "192.0.2.1,192.0.2.3");
	expect(hosts, "one.test", AF_INET6, "2001:db8::1");
	expect(hosts, "one", AF_INET, "192.0.2.1");
	expect(hosts, "one", AF_INET6, "");
	expect(hosts, "two.test", AF_INET, "192.0.2.2");
	expect(hosts, "six.test", AF_INET, "");
	expect(hosts, "six.test", AF_INET6, "2001:db8::1");
	expect(hosts, "bad.test", AF_INET, "-");
	expect(hosts, "hidden", AF_INET, "-");
	expect(hosts, "also", AF_INET, "-");
	expect(hosts, "192.0.2.8", AF_INET, "-");
	expect(hosts, "a", AF_INET, "192.0.2.5");
	expect(hosts, "last.test", AF_INET, "192.0.2.6");
	expect(hosts, "", AF_INET, "-");
	expect(hosts, "zzz", AF_INET, "-");
	hosts_free(hosts);
	unlink(PATH);
}

static void
test_changes(void **state)
{
	struct hosts *hosts;

	(void)state;
	unlink(PATH);
	hosts = hosts_create(PATH);
	expect(hosts, "a", AF_INET, "-");
	put("192.0.2.1 a\n", 12);
	expect(hosts, "a", AF_INET, "192.0.2.1");
	put("192.0.2.22 b\n", 13);
	expect(hosts, "a", AF_INET, "-");
	expect(hosts, "b", AF_INET, "192.0.2.22");
	put("", 0);
	expect(hosts, "b", AF_INET, "-");
	unlink(PATH);
	expect(hosts, "b", AF_INET, "-");
	hosts_free(hosts);
}

/* One that replaces it and may not be read (a worker is locked in): what was
 * read before holds. */
static void
test_locked(void **state)
{
	struct hosts *hosts;

	(void)state;
	if (geteuid() != 0)
		skip();		/* nobody to be refused something */
	put("192.0.2.1 a\n", 12);
	hosts = hosts_create(PATH);
	unlink(PATH);
	put("192.0.2.22 a\n", 13);
	assert_int_equal(chmod(PATH, 0), 0);
	assert_int_equal(seteuid(65534), 0);
	expect(hosts, "a", AF_INET, "192.0.2.1");
	expect(hosts, "a", AF_INET, "192.0.2.1");
	assert_int_equal(seteuid(0), 0);
	put("192.0.2.3 a\n", 12);
	expect(hosts, "a", AF_INET, "192.0.2.3");
	hosts_free(hosts);
	unlink(PATH);
}

/* A hundred thousand names cost once. */
static void
test_long(void **state)
{
	struct hosts *hosts = hosts_create(PATH);
	FILE *f = fopen(PATH, "w");
	clock_t first, others;
	char name[32];
	int i;

	(void)state;
	assert_non_null(f);
	for (i = 0; i < 100000; i++)
		fprintf(f, "0.0.0.0 n%d.blocked.test\n", i);
	fclose(f);
	first = clock();
	expect(hosts, "n77.blocked.test", AF_INET, "0.0.0.0");
	others = clock();
	first = others - first;
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n%d.blocked.test", i * 999);
		expect(hosts, name, AF_INET, "0.0.0.0");
	}
	/* Each of them would cost as much. */
	assert_true(clock() - others < 10 * first);
	hosts_free(hosts);
	unlink(PATH);
}

/* More addresses than wanted. */
static void
test_many(void **state)
{
	static const char text[] = "192.0.2.1 m\n192.0.2.2 m\n192.0.2.3 m\n"
	    "192.0.2.4 m\n192.0.2.5 m\n192.0.2.6 m\n";
	struct hosts *hosts = hosts_create(PATH);

	(void)state;
	put(text, sizeof(text) - 1);
	expect(hosts, "m", AF_INET, "192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4");
	hosts_free(hosts);
	unlink(PATH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_many),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
