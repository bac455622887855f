/* SPDX-License-Identifier: MIT */
/*
 * addr -- IP addresses, what they lead to, and ranges of them.
 *
 * Knows no names and no policy: what may be connected to is decided by
 * whoever asks.  All rows of the tables below are read top down and the first
 * that fits counts, so the narrower ones come first.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "net/addr.h"

struct class_row {
	uint8_t bytes[16];
	uint8_t bits;
	uint8_t class;		/* enum addr_class */
};

/* RFC 6890 and the IANA IPv4 Special-Purpose Address Registry. */
static const struct class_row classes4[] = {
	{ { 169, 254, 169, 254 }, 32, ADDR_METADATA },
	{ { 169, 254, 170, 2 }, 32, ADDR_METADATA },	/* of containers */
	{ { 169, 254, 170, 23 }, 32, ADDR_METADATA },	/* of pods */
	{ { 169, 254, 0, 23 }, 32, ADDR_METADATA },
	{ { 100, 100, 100, 200 }, 32, ADDR_METADATA },
	{ { 168, 63, 129, 16 }, 32, ADDR_METADATA },	/* a host's agent */
	{ { 192, 0, 0, 192 }, 32, ADDR_METADATA },
	{ { 0 }, 8, ADDR_LOCAL },
	{ { 10 }, 8, ADDR_SHARED },
	{ { 100, 64 }, 10, ADDR_SHARED },	/* RFC 6598 */
	{ { 127 }, 8, ADDR_LOCAL },
	{ { 169, 254 }, 16, ADDR_LOCAL },
	{ { 172, 16 }, 12, ADDR_SHARED },
	{ { 192, 0, 0 }, 24, ADDR_SHARED },
	{ { 192, 0, 2 }, 24, ADDR_SHARED },	/* RFC 5737 */
	{ { 192, 88, 99 }, 24, ADDR_SHARED },	/* once 6to4 relays */
	{ { 192, 168 }, 16, ADDR_SHARED },
	{ { 198, 18 }, 15, ADDR_SHARED },	/* RFC 2544 */
	{ { 198, 51, 100 }, 24, ADDR_SHARED },
	{ { 203, 0, 113 }, 24, ADDR_SHARED },
	{ { 224 }, 4, ADDR_NEVER },
	{ { 240 }, 4, ADDR_NEVER },
};

/*
 * The IPv6 registry.  What is neither listed nor in 2000::/3 belongs to
 * nobody yet (RFC 4291, 2.4) and so is not public.
 */
static const struct class_row classes6[] = {
	{ { 0xfd, 0, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 }, 128,
	    ADDR_METADATA },
	{ { 0xfd, 0, 0x0e, 0xc2, [15] = 0x23 }, 128, ADDR_METADATA },
	{ { 0xfd, 0x20, 0, 0xce, [14] = 0x02, [15] = 0x54 }, 128,
	    ADDR_METADATA },
	{ { 0xfd, 0, 0, 0xc1, [12] = 0xa9, 0xfe, 0xa9, 0xfe }, 128,
	    ADDR_METADATA },
	{ { 0 }, 128, ADDR_LOCAL },
	{ { [15] = 1 }, 128, ADDR_LOCAL },
	{ { 0x01, 0 }, 64, ADDR_NEVER },	/* RFC 6666 */
	{ { 0x01, 0, [7] = 1 }, 64, ADDR_NEVER },	/* RFC 9780 */
	{ { 0x20, 0x01, 0, 0 }, 23, ADDR_SHARED },	/* RFC 2928 */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, ADDR_SHARED },	/* RFC 3849 */
	{ { 0x3f, 0xff }, 20, ADDR_SHARED },	/* RFC 9637 */
	{ { 0x20 }, 3, ADDR_PUBLIC },
	{ { 0xfe, 0x80 }, 10, ADDR_LOCAL },
	{ { 0xff }, 8, ADDR_NEVER },
	{ { 0 }, 0, ADDR_SHARED },		/* fc00::/7, and the rest */
};

/* Where an IPv6 address hides an IPv4 one. */
struct inside_row {
	uint8_t bytes[12];
	uint8_t bits;
	uint8_t at;		/* offset of the four bytes */
	uint8_t xor;
};

static const struct inside_row insides[] = {
	{ { [10] = 0xff, [11] = 0xff }, 96, 12, 0 },	/* mapped */
	{ { [8] = 0xff, [9] = 0xff }, 96, 12, 0 },	/* RFC 2765 */
	{ { 0 }, 96, 12, 0 },				/* compatible */
	{ { 0, 0x64, 0xff, 0x9b }, 96, 12, 0 },		/* RFC 6052 */
	{ { 0x20, 0x02 }, 16, 2, 0 },			/* 6to4 */
	{ { 0x20, 0x01, 0, 0 }, 32, 12, 0xff },		/* Teredo */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool
same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	unsigned mask = 0xffu & (0xffu << (8 - rest));

	/* Nearly always the first byte tells. */
	if (whole != 0 && (a[0] != b[0] || memcmp(a, b, whole) != 0))
		return (false);
	return (rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static const uint8_t *
bytes_of(const struct addr *a)
{

	if (a->u.sa.sa_family == AF_INET6)
		return (a->u.in6.sin6_addr.s6_addr);
	return ((const uint8_t *)&a->u.in4.sin_addr);
}

socklen_t
addr_len(const struct addr *a)
{

	return (a->u.sa.sa_family == AF_INET6 ? sizeof(a->u.in6) :
	    sizeof(a->u.in4));
}

uint16_t
addr_port(const struct addr *a)
{

	if (a->u.sa.sa_family == AF_UNIX)
		return (0);
	return (ntohs(a->u.sa.sa_family == AF_INET6 ? a->u.in6.sin6_port :
	    a->u.in4.sin_port));
}

void
addr_set_port(struct addr *a, uint16_t port)
{

	if (a->u.sa.sa_family == AF_INET6)
		a->u.in6.sin6_port = htons(port);
	else
		a->u.in4.sin_port = htons(port);
}

void
addr_from_bytes(struct addr *a, const uint8_t *bytes, size_t len,
    uint16_t port)
{

	memset(a, 0, sizeof(*a));
	if (len == 16) {
		a->u.in6.sin6_family = AF_INET6;
		memcpy(&a->u.in6.sin6_addr, bytes, 16);
	} else {
		a->u.in4.sin_family = AF_INET;
		memcpy(&a->u.in4.sin_addr, bytes, 4);
	}
	addr_set_port(a, port);
}

/* Digits without sign or leading zero, at most max; -1 otherwise. */
static long
parse_number(const char *text, long max)
{
	long n = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return (-1);
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return (-1);
		if ((n = n * 10 + (*text - '0')) > max)
			return (-1);
	}
	return (n);
}

/* The address in text[0..n). */
static int
parse_host(int family, const char *text, size_t n, uint8_t bytes[16])
{
	char copy[ADDR_TEXT_SIZE];

	if (n >= sizeof(copy))
		return (-1);
	memcpy(copy, text, n);
	copy[n] = '\0';
	return (inet_pton(family, copy, bytes) == 1 ? 0 : -1);
}

int
addr_parse(struct addr *a, const char *text)
{
	uint8_t bytes[16];
	const char *colon = strrchr(text, ':');
	size_t n;
	long port;

	if (colon == NULL || (port = parse_number(colon + 1, 65535)) == -1)
		return (-1);
	n = (size_t)(colon - text);
	if (text[0] == '[') {
		if (n < 2 || text[n - 1] != ']' ||
		    parse_host(AF_INET6, text + 1, n - 2, bytes) == -1)
			return (-1);
		addr_from_bytes(a, bytes, 16, (uint16_t)port);
		return (0);
	}
	if (parse_host(AF_INET, text, n, bytes) == -1)
		return (-1);
	addr_from_bytes(a, bytes, 4, (uint16_t)port);
	return (0);
}

/* As inet_ntop(3) does, which prints with sprintf(3): most are IPv4. */
static void
format4(const uint8_t *bytes, char *text)
{
	unsigned i, n;

	for (i = 0; i < 4; i++) {
		n = bytes[i];
		if (n >= 100)
			*text++ = (char)('0' + n / 100);
		if (n >= 10)
			*text++ = (char)('0' + n / 10 % 10);
		*text++ = (char)('0' + n % 10);
		*text++ = i < 3 ? '.' : '\0';
	}
}

void
addr_format(const struct addr *a, char text[ADDR_TEXT_SIZE])
{

	if (a->u.sa.sa_family == AF_UNIX)
		(void)strcpy(text, "unix");
	else if (a->u.sa.sa_family == AF_INET)
		format4(bytes_of(a), text);
	else if (inet_ntop(a->u.sa.sa_family, bytes_of(a), text,
	    ADDR_TEXT_SIZE) == NULL)
		text[0] = '\0';
}

void
addr_format_port(const struct addr *a, char text[ADDR_PORT_TEXT_SIZE])
{
	char host[ADDR_TEXT_SIZE];
	bool v6 = a->u.sa.sa_family == AF_INET6;

	addr_format(a, host);
	(void)snprintf(text, ADDR_PORT_TEXT_SIZE, "%s%.45s%s:%u",
	    v6 ? "[" : "", host, v6 ? "]" : "", (unsigned)addr_port(a));
}

struct addr
addr_unmapped(const struct addr *a)
{
	static const struct addr_range mapped = {
		.family = 6, .bits = 96,
		.bytes = { [10] = 0xff, [11] = 0xff } };
	struct addr plain = *a;

	if (a->u.sa.sa_family == AF_INET6 && addr_range_has(&mapped, a))
		addr_from_bytes(&plain, a->u.in6.sin6_addr.s6_addr + 12, 4,
		    addr_port(a));
	return (plain);
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{

	return (a->u.sa.sa_family == b->u.sa.sa_family &&
	    addr_port(a) == addr_port(b) &&
	    memcmp(bytes_of(a), bytes_of(b),
	    a->u.sa.sa_family == AF_INET6 ? 16 : 4) == 0);
}

/* The IPv4 address that an IPv6 address leads to, if there is one. */
static bool
inside(const uint8_t *bytes, uint8_t ret_bytes[4])
{
	static const uint8_t zero[15];
	size_t i, j;

	/* "::" and "::1" look like compatible addresses and are none. */
	if (memcmp(bytes, zero, 15) == 0 && bytes[15] <= 1)
		return (false);
	for (i = 0; i < COUNT(insides); i++) {
		if (!same_prefix(bytes, insides[i].bytes, insides[i].bits))
			continue;
		for (j = 0; j < 4; j++)
			ret_bytes[j] = bytes[insides[i].at + j] ^
			    insides[i].xor;
		return (true);
	}
	return (false);
}

static enum addr_class
classify(const uint8_t *bytes, const struct class_row *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (same_prefix(bytes, rows[i].bytes, rows[i].bits))
			return ((enum addr_class)rows[i].class);
	return (ADDR_PUBLIC);
}

enum addr_class
addr_classify(const struct addr *a)
{
	const uint8_t *bytes = bytes_of(a);
	uint8_t four[4];

	if (a->u.sa.sa_family == AF_INET)
		return (classify(bytes, classes4, COUNT(classes4)));
	if (a->u.sa.sa_family != AF_INET6)
		return (ADDR_NEVER);
	if (inside(bytes, four))
		return (classify(four, classes4, COUNT(classes4)));
	return (classify(bytes, classes6, COUNT(classes6)));
}

int
addr_range_parse(struct addr_range *r, const char *text)
{
	static const uint8_t zero[16];
	const char *slash = strchr(text, '/');
	size_t n = slash == NULL ? strlen(text) : (size_t)(slash - text);
	bool v6 = memchr(text, ':', n) != NULL;
	unsigned i, max = v6 ? 128 : 32;
	long bits = max;

	memset(r, 0, sizeof(*r));
	if (slash != NULL && (bits = parse_number(slash + 1, max)) == -1)
		return (-1);
	if (parse_host(v6 ? AF_INET6 : AF_INET, text, n, r->bytes) == -1)
		return (-1);
	r->family = v6 ? 6 : 4;
	r->bits = (uint8_t)bits;

	/* "10.1.0.0/8" is a slip of somebody who meant something else. */
	i = r->bits;
	if (i % 8 != 0) {
		if ((r->bytes[i / 8] & (0xffu >> (i % 8))) != 0)
			return (-1);
		i += 8 - i % 8;
	}
	return (memcmp(r->bytes + i / 8, zero, (max - i) / 8) == 0 ? 0 : -1);
}

bool
addr_range_has(const struct addr_range *r, const struct addr *a)
{
	const uint8_t *bytes = bytes_of(a);
	uint8_t four[4];

	if (a->u.sa.sa_family == AF_INET)
		return (r->family == 4 &&
		    same_prefix(bytes, r->bytes, r->bits));
	if (a->u.sa.sa_family != AF_INET6)
		return (false);
	if (r->family == 6)
		return (same_prefix(bytes, r->bytes, r->bits));
	return (inside(bytes, four) && same_prefix(four, r->bytes, r->bits));
}

bool
addr_range_has_peer(const struct addr_range *r, const struct addr *peer)
{
	const struct addr plain = addr_unmapped(peer);

	if (r->family == 6)
		return (addr_range_has(r, peer));
	return (plain.u.sa.sa_family == AF_INET && addr_range_has(r, &plain));
}

bool
addr_range_single(const struct addr_range *r)
{

	return (r->bits == (r->family == 6 ? 128 : 32));
}
