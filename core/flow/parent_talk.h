/* SPDX-License-Identifier: MIT */
/*
 * parent_talk -- what is said to a parent proxy to be led on by it, and what
 * it answers (RFC 9110, 9.3.6).
 *
 * Sans-IO: bytes in, bytes out.  It reads heads and never looks behind the
 * last one: what follows a 2xx are the server's first bytes.
 */
#ifndef FLOW_PARENT_TALK_H
#define FLOW_PARENT_TALK_H

#include "base/buf.h"
#include "base/why.h"
#include "flow/parents.h"

struct parent_request {
	const struct parent *parent;
	const struct target *target;
	const char *token;		/* our own name in Via */
	const char *via;		/* what came in it, or NULL */
	bool old;			/* in a head of HTTP/1.0 */
};

/* Append the CONNECT.  0, or -1 without memory: then nothing was. */
int parent_ask(struct buf *out, const struct parent_request *request);

enum parent_result { PARENT_MORE, PARENT_OPEN, PARENT_NO };

struct parent_answer {
	size_t size;			/* PARENT_OPEN: of all heads */
	unsigned status;		/* the last that was read; 0: none */
	enum why why;			/* PARENT_NO */
	char detail[200];		/* "answered 403 Forbidden" */
};

/*
 * Read the answer, from its first byte on; 1xx are passed over.  max_bytes
 * bounds them all together, max_fields each.
 */
enum parent_result parent_read(struct parent_answer *answer,
    const struct parent *parent, const struct buf *in, size_t max_bytes,
    size_t max_fields);

#endif
