/* SPDX-License-Identifier: MIT */
/*
 * addr -- an IP address with a port, what kind of address it is, and ranges
 * of addresses.
 *
 * Knows no names.  An IPv4 address inside an IPv6 one (mapped, compatible,
 * NAT64, 6to4, Teredo) is judged as the IPv4 address it leads to.
 */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <netinet/in.h>

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} u;
};

#define ADDR_TEXT_SIZE 48		/* "address" without port */
#define ADDR_PORT_TEXT_SIZE 56		/* "[address]:port" */

socklen_t addr_len(const struct addr *a);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);

/* From 4 or 16 bytes in network order. */
void addr_from_bytes(struct addr *a, const uint8_t *bytes, size_t len,
    uint16_t port);

/* "1.2.3.4:80", "[::1]:80"; only literal addresses.  0 or -1. */
int addr_parse(struct addr *a, const char *text);

/* A peer on a UNIX socket is "unix", its port is 0, no range holds it. */
void addr_format(const struct addr *a, char text[ADDR_TEXT_SIZE]);
void addr_format_port(const struct addr *a, char text[ADDR_PORT_TEXT_SIZE]);

/* ::ffff:a.b.c.d is a.b.c.d (RFC 4291, 2.5.5.2); others stay. */
struct addr addr_unmapped(const struct addr *a);

/* The same address and port? */
bool addr_equal(const struct addr *a, const struct addr *b);

/*
 * What an address leads to (bad inputs 10, 12-14; IANA special-purpose
 * registries).
 *
 *	PUBLIC		anybody's
 *	SHARED		private in some way: RFC 1918, ULA, 100.64/10,
 *			192.0.0/24, 198.18/15, the documentation ranges
 *	LOCAL		loopback, link-local, unspecified
 *	METADATA	a cloud's metadata or credential service:
 *			169.254.169.254, fd00:ec2::254, 100.100.100.200, ...
 *	NEVER		multicast, broadcast, 240/4, discard-only: no TCP
 *			server is there
 */
enum addr_class { ADDR_PUBLIC, ADDR_SHARED, ADDR_LOCAL, ADDR_METADATA,
	ADDR_NEVER };

enum addr_class addr_classify(const struct addr *a);

/* A range of addresses: "10.0.0.0/8", "::1", "2001:db8::/32". */
struct addr_range {
	uint8_t bytes[16];
	uint8_t family;		/* 4 or 6 */
	uint8_t bits;		/* of the prefix */
};

/* 0, or -1: malformed, or bits set behind the prefix. */
int addr_range_parse(struct addr_range *r, const char *text);

/*
 * Is the address (or the IPv4 address inside it) in the range?  A range of
 * IPv6 holds IPv6 addresses as they are written, too.
 */
bool addr_range_has(const struct addr_range *r, const struct addr *a);

/*
 * Is this peer in the range?  A mapped address is its IPv4 address; the other
 * forms hide a place to go to, but not who came: anybody may own one.
 */
bool addr_range_has_peer(const struct addr_range *r, const struct addr *peer);

/* Is the range one single address? */
bool addr_range_single(const struct addr_range *r);

#endif
