/* SPDX-License-Identifier: MIT */
/*
 * addr -- texts, classes and ranges; the rows of what must not be reached.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "net/addr.h"

/* Brackets and port around a bare address. */
static void
make(struct addr *a, const char *text)
{
	char whole[80];

	(void)snprintf(whole, sizeof(whole),
	    strchr(text, ':') != NULL ? "[%s]:80" : "%s:80", text);
	if (addr_parse(a, whole) != 0)
		fail_msg("%s does not parse", whole);
}

static void
test_text(void **state)
{
	static const char *const good[] = { "1.2.3.4:80", "[::1]:443",
		"0.0.0.0:0", "255.255.255.255:65535",
		"[2001:db8::ffff:1:2]:1", "[::ffff:1.2.3.4]:8080",
		"[1111:2222:3333:4444:5555:6666:7777:8888]:65535" };
	static const char *const bad[] = { "", ":", ":80", "1.2.3.4",
		"1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:+1",
		"1.2.3.4:080", "1.2.3.4: 80", "1.2.3.4:80 ", " 1.2.3.4:80",
		"1.2.3:80", "01.2.3.4:80", "0x1.2.3.4:80", "::1:80",
		"[::1]", "[::1]80", "[::1:80", "::1]:80", "[]:80",
		"[1.2.3.4]:80", "[fe80::1%lo]:80", "[::1%25lo]:80",
		"[[::1]]:80", "localhost:80", "1.2.3.4:99999999999999999999",
		"[1111:2222:3333:4444:5555:6666:7777:8888:9999:1:1:1]:1" };
	char text[ADDR_PORT_TEXT_SIZE];
	struct addr a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(addr_parse(&a, good[i]), 0);
		addr_format_port(&a, text);
		assert_string_equal(text, good[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (addr_parse(&a, bad[i]) != -1)
			fail_msg("\"%s\" parses", bad[i]);
}

static void
test_bytes(void **state)
{
	static const uint8_t four[4] = { 192, 0, 2, 1 };
	static const uint8_t six[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	char text[ADDR_TEXT_SIZE];
	struct addr a, b;

	(void)state;
	addr_from_bytes(&a, four, 4, 80);
	addr_format(&a, text);
	assert_string_equal(text, "192.0.2.1");
	assert_int_equal(addr_port(&a), 80);
	assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in));
	addr_from_bytes(&b, six, 16, 443);
	addr_format(&b, text);
	assert_string_equal(text, "2001:db8::1");
	assert_int_equal(addr_len(&b), sizeof(struct sockaddr_in6));
	assert_false(addr_equal(&a, &b));
	b = a;
	assert_true(addr_equal(&a, &b));
	addr_set_port(&b, 81);
	assert_int_equal(addr_port(&b), 81);
	assert_false(addr_equal(&a, &b));
}

struct class_case {
	const char *text;
	enum addr_class class;
};

static const struct class_case class_cases[] = {
	{ "8.8.8.8", ADDR_PUBLIC }, { "1.0.0.0", ADDR_PUBLIC },
	{ "9.255.255.255", ADDR_PUBLIC }, { "11.0.0.0", ADDR_PUBLIC },
	{ "10.0.0.0", ADDR_SHARED }, { "10.255.255.255", ADDR_SHARED },
	{ "100.63.255.255", ADDR_PUBLIC }, { "100.64.0.0", ADDR_SHARED },
	{ "100.127.255.255", ADDR_SHARED }, { "100.128.0.0", ADDR_PUBLIC },
	{ "172.15.255.255", ADDR_PUBLIC }, { "172.16.0.1", ADDR_SHARED },
	{ "172.31.255.255", ADDR_SHARED }, { "172.32.0.0", ADDR_PUBLIC },
	{ "192.168.1.1", ADDR_SHARED }, { "192.169.0.0", ADDR_PUBLIC },
	{ "192.0.0.8", ADDR_SHARED }, { "192.0.1.0", ADDR_PUBLIC },
	{ "192.0.2.9", ADDR_SHARED }, { "198.51.100.1", ADDR_SHARED },
	{ "203.0.113.1", ADDR_SHARED }, { "198.17.255.255", ADDR_PUBLIC },
	{ "198.18.0.0", ADDR_SHARED }, { "198.19.255.255", ADDR_SHARED },
	{ "198.20.0.0", ADDR_PUBLIC },
	{ "0.0.0.0", ADDR_LOCAL }, { "0.1.2.3", ADDR_LOCAL },
	{ "127.0.0.1", ADDR_LOCAL }, { "127.255.255.254", ADDR_LOCAL },
	{ "128.0.0.0", ADDR_PUBLIC }, { "169.254.1.1", ADDR_LOCAL },
	{ "169.253.255.255", ADDR_PUBLIC },
	{ "169.254.169.254", ADDR_METADATA },
	{ "169.254.169.253", ADDR_LOCAL },
	{ "169.254.170.2", ADDR_METADATA }, { "169.254.170.3", ADDR_LOCAL },
	{ "169.254.170.23", ADDR_METADATA }, { "169.254.0.23", ADDR_METADATA },
	{ "168.63.129.16", ADDR_METADATA }, { "168.63.129.17", ADDR_PUBLIC },
	{ "192.0.0.192", ADDR_METADATA }, { "192.0.0.193", ADDR_SHARED },
	{ "100.100.100.200", ADDR_METADATA },
	{ "100.100.100.201", ADDR_SHARED },
	{ "223.255.255.255", ADDR_PUBLIC }, { "224.0.0.1", ADDR_NEVER },
	{ "239.255.255.255", ADDR_NEVER }, { "240.0.0.0", ADDR_NEVER },
	{ "255.255.255.255", ADDR_NEVER },

	{ "2606:4700::1111", ADDR_PUBLIC }, { "2000::", ADDR_PUBLIC },
	{ "2001:200::1", ADDR_PUBLIC },
	{ "::", ADDR_LOCAL }, { "::1", ADDR_LOCAL },
	{ "fe80::1", ADDR_LOCAL }, { "febf::1", ADDR_LOCAL },
	{ "fec0::1", ADDR_SHARED }, { "fc00::1", ADDR_SHARED },
	{ "fdff::1", ADDR_SHARED }, { "fd00:ec2::254", ADDR_METADATA },
	{ "fd00:ec2::23", ADDR_METADATA },
	{ "fd20:ce::254", ADDR_METADATA }, { "fd20:ce::253", ADDR_SHARED },
	{ "fd00:c1::a9fe:a9fe", ADDR_METADATA },
	{ "fd00:ec2::253", ADDR_SHARED }, { "2001:db8::1", ADDR_SHARED },
	{ "3fff:fff::1", ADDR_SHARED }, { "3fff:1000::1", ADDR_PUBLIC },
	{ "2001:2::1", ADDR_SHARED }, { "5f00::1", ADDR_SHARED },
	{ "64:ff9b:1::7f00:1", ADDR_SHARED }, { "4000::1", ADDR_SHARED },
	{ "ff02::1", ADDR_NEVER }, { "100::1", ADDR_NEVER },
	{ "100:0:0:1::1", ADDR_NEVER }, { "100:0:0:2::1", ADDR_SHARED },

	/* The IPv4 address inside. */
	{ "::ffff:127.0.0.1", ADDR_LOCAL }, { "::127.0.0.1", ADDR_LOCAL },
	{ "::ffff:8.8.8.8", ADDR_PUBLIC }, { "::2", ADDR_LOCAL },
	{ "::ffff:169.254.169.254", ADDR_METADATA },
	{ "::ffff:0:10.0.0.1", ADDR_SHARED },
	{ "64:ff9b::7f00:1", ADDR_LOCAL }, { "64:ff9b::808:808", ADDR_PUBLIC },
	{ "64:ff9b::a9fe:a9fe", ADDR_METADATA },
	{ "2002:7f00:1::", ADDR_LOCAL }, { "2002:808:808::1", ADDR_PUBLIC },
	{ "2002:a00:1::", ADDR_SHARED }, { "2002:e000:1::", ADDR_NEVER },
	/* Teredo: the client's address, inverted. */
	{ "2001:0:808:808:0:0:80ff:fffe", ADDR_LOCAL },
	{ "2001:0:808:808:0:0:f7f7:f7f7", ADDR_PUBLIC },
};

static void
test_classes(void **state)
{
	struct addr a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(class_cases) / sizeof(class_cases[0]); i++) {
		make(&a, class_cases[i].text);
		if (addr_classify(&a) != class_cases[i].class)
			fail_msg("%s is of class %d", class_cases[i].text,
			    (int)addr_classify(&a));
	}
	memset(&a, 0, sizeof(a));
	assert_int_equal(addr_classify(&a), ADDR_NEVER);
}

static void
test_range_texts(void **state)
{
	static const char *const good[] = { "10.0.0.0/8", "0.0.0.0/0",
		"1.2.3.4", "1.2.3.4/32", "10.128.0.0/9", "::1", "::/0",
		"2001:db8::/32", "2001:db8::/128", "fe80::/10" };
	static const char *const bad[] = { "", "/", "/8", "10.0.0.0/",
		"10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/ 8",
		"10.0.0.1/8", "10.64.0.0/9", "10.0.0.0/8/8", "10/8",
		"10.0.0.0/255.0.0.0", "::/129", "2001:db8::1/32",
		"fec0::/9", "::1%lo", "[::1]", "1.2.3.4:80", "localhost",
		"*", "1.2.3.4/32 " };
	struct addr_range r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (addr_range_parse(&r, good[i]) != 0)
			fail_msg("\"%s\" does not parse", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (addr_range_parse(&r, bad[i]) != -1)
			fail_msg("\"%s\" parses", bad[i]);
}

struct range_case {
	const char *range, *addr;
	bool has, single;
};

static const struct range_case range_cases[] = {
	{ "10.0.0.0/8", "10.255.0.1", true, false },
	{ "10.0.0.0/8", "11.0.0.0", false, false },
	{ "10.128.0.0/9", "10.128.0.0", true, false },
	{ "10.128.0.0/9", "10.127.255.255", false, false },
	{ "0.0.0.0/0", "8.8.8.8", true, false },
	{ "0.0.0.0/0", "2606:4700::1", false, false },
	{ "0.0.0.0/0", "::1", false, false },
	{ "127.0.0.1", "127.0.0.1", true, true },
	{ "127.0.0.1", "127.0.0.2", false, true },
	{ "127.0.0.0/8", "::ffff:127.0.0.1", true, false },
	{ "127.0.0.0/8", "64:ff9b::7f00:1", true, false },
	{ "127.0.0.0/8", "2002:7f00:1::", true, false },
	{ "::1", "::1", true, true },
	{ "::1", "127.0.0.1", false, true },
	{ "::/0", "2606:4700::1", true, false },
	{ "::/0", "8.8.8.8", false, false },
	{ "::ffff:0.0.0.0/96", "::ffff:8.8.8.8", true, false },
	{ "2001:db8::/33", "2001:db8:7fff::1", true, false },
	{ "2001:db8::/33", "2001:db8:8000::1", false, false },
};

static void
test_ranges(void **state)
{
	const struct range_case *c;
	struct addr_range r;
	struct addr a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(range_cases) / sizeof(range_cases[0]); i++) {
		c = &range_cases[i];
		assert_int_equal(addr_range_parse(&r, c->range), 0);
		make(&a, c->addr);
		if (addr_range_has(&r, &a) != c->has)
			fail_msg("%s in %s", c->addr, c->range);
		assert_int_equal(addr_range_single(&r), c->single);
	}
}

/* Who came: only a mapped address is an IPv4 peer. */
static const struct range_case peer_cases[] = {
	{ "10.0.0.0/8", "10.255.0.1", true, false },
	{ "10.0.0.0/8", "11.0.0.0", false, false },
	{ "10.0.0.0/8", "::ffff:10.0.0.1", true, false },
	{ "10.0.0.0/8", "::ffff:11.0.0.1", false, false },
	{ "10.0.0.0/8", "64:ff9b::a00:1", false, false },
	{ "10.0.0.0/8", "2002:a00:1::", false, false },
	{ "10.0.0.0/8", "::10.0.0.1", false, false },
	{ "0.0.0.0/0", "2001:db8::1", false, false },
	{ "::/0", "2001:db8::1", true, false },
	{ "::/0", "10.0.0.1", false, false },
	{ "::1", "::1", true, true },
	{ "2001:db8::/32", "2001:db9::1", false, false },
};

static void
test_peers(void **state)
{
	static const struct addr_range all4 = { .family = 4 },
	    all6 = { .family = 6 };
	struct addr a, unix_peer = { .u.sa.sa_family = AF_UNIX };
	const struct range_case *c;
	struct addr_range r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(peer_cases) / sizeof(peer_cases[0]); i++) {
		c = &peer_cases[i];
		assert_int_equal(addr_range_parse(&r, c->range), 0);
		make(&a, c->addr);
		if (addr_range_has_peer(&r, &a) != c->has)
			fail_msg("%s in %s", c->addr, c->range);
	}
	assert_false(addr_range_has_peer(&all4, &unix_peer));
	assert_false(addr_range_has_peer(&all6, &unix_peer));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_range_texts),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_peers),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
