/* SPDX-License-Identifier: MIT */
/*
 * greet -- what a client of the proxy asks for, and how it is answered.
 *
 * Sans-IO: bytes in, a target or a reason out.  It reads one head and never
 * looks behind it.
 */
#ifndef FLOW_GREET_H
#define FLOW_GREET_H

#include "base/buf.h"
#include "base/target.h"
#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum greet_result { GREET_MORE, GREET_TARGET, GREET_DENY };

struct greet {
	struct target target;	/* GREET_TARGET */
	bool forward;		/* not CONNECT, but http://host/path: the
				 * head belongs to the tunnel */
	size_t size;		/* of the head; the tunnel's bytes follow */
	enum why why;		/* GREET_DENY */
	const char *detail;	/* static sentence */
};

/*
 * Read the head of a CONNECT (RFC 9110, 9.3.6) or of a request in
 * absolute-form (RFC 9112, 3.2.2).  max_bytes, max_fields bound it; no
 * memory is kept.
 */
enum greet_result greet_read(struct greet *greet, const uint8_t *bytes,
    size_t len, size_t max_bytes, size_t max_fields);

/*
 * Append the answer to a client whose tunnel will not be: status, an exact
 * Content-Length, Connection: close, a sentence for people and Proxy-Status
 * (RFC 9209) for programs.  detail may be NULL.  0, or -1 without memory.
 */
int greet_refuse(struct buf *out, enum why why, const char *detail);

/* Append the 200 that opens a tunnel. */
int greet_accept(struct buf *out);

#endif
