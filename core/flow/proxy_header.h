/* SPDX-License-Identifier: MIT */
/*
 * proxy_header -- the PROXY protocol, versions 1 and 2: a load balancer says
 * in front of a connection's bytes who its client is.
 *
 *	v1	"PROXY TCP4 10.0.0.7 10.0.0.1 40000 443\r\n"
 *	v2	\r\n\r\n\0\r\nQUIT\n, version and command, family, length,
 *		addresses, then fields that are skipped
 *
 * Sans-IO: bytes in, an address or a reason out.  It reads one header and
 * never looks behind it.  Whether to believe it is for others to decide.
 * The specification is HAProxy's doc/proxy-protocol.txt, called "spec".
 */
#ifndef FLOW_PROXY_HEADER_H
#define FLOW_PROXY_HEADER_H

#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest v1 header, and the longest v2 block that is waited for. */
#define PROXY_HEADER_V1_MAX 107
#define PROXY_HEADER_V2_MAX 4096

enum proxy_header_result { PROXY_HEADER_MORE, PROXY_HEADER_WHOLE,
	PROXY_HEADER_BAD };

struct proxy_header {
	size_t size;		/* WHOLE: the connection's bytes follow */
	bool named;		/* WHOLE: client is set; else it is whoever
				 * has connected (LOCAL, UNKNOWN, UNIX) */
	struct addr client;
	const char *detail;	/* BAD: static sentence */
};

/* No byte is kept: call it again with all of them when more came. */
enum proxy_header_result proxy_header_read(struct proxy_header *header,
    const uint8_t *bytes, size_t len);

#endif
