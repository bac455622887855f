/* SPDX-License-Identifier: MIT */
/*
 * dial -- from a target to a connected socket, by RFC 8305 (Happy Eyeballs).
 *
 * Two queries, one per family; IPv6 goes first when it is there within 50 ms
 * of IPv4; addresses of both families alternate; attempts start 250 ms apart
 * or when the one before failed; the first to connect wins and the others are
 * closed.
 *
 * Every address is first judged (`allow`, again right before connect(2)) and
 * then asked about (`ask`, which may answer later).
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "base/quota.h"
#include "base/target.h"
#include "base/why.h"
#include "net/addr.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "net/sock.h"

#include <stdbool.h>

struct dial;
struct dial_result;

enum dial_verdict { DIAL_OK, DIAL_REFUSE, DIAL_WAIT };

struct dial_handlers {
	/*
	 * May this address be connected to?  WHY_NONE; or why not, and what
	 * can be said of the address (a static text).  Pure: it is asked
	 * twice, the second time with the very sockaddr given to connect(2).
	 */
	enum why (*allow)(void *arg, const struct addr *addr,
	    const char **ret_text);

	/* About to try this address.  DIAL_WAIT: dial_decide() follows; no
	 * other attempt begins meanwhile. */
	enum dial_verdict (*ask)(void *arg, const struct addr *addr,
	    unsigned attempt);

	/* The end of it, exactly once unless cancelled; the dial is gone. */
	void (*done)(void *arg, const struct dial_result *result);
};

struct dial_result {
	int fd;			/* give; -1: failed */
	struct addr addr;	/* the one connected to */
	uint64_t dns_us, connect_us;
	unsigned attempts;
	enum why why;		/* when failed: CONNECT_FAILED, DNS_FAILED,
				 * FORBIDDEN_ADDRESS, REFUSED, ... */
	char text[160];		/* "connect to 127.0.0.1:1: Connection
				 * refused" */
};

struct dial_options {
	struct loop *loop;
	struct resolver *resolver;
	uint64_t resolve_ms;	/* for the names */
	uint64_t connect_ms;	/* for all attempts together */
	struct quota *connects;	/* dials that do; NULL: no bound */
	bool find;		/* do not connect: the first address that may
				 * be is the result, with fd -1 and no why */
};

/* handlers: borrow for the dial's life; options, target: copy.  NULL without
 * memory. */
struct dial *dial_start(const struct dial_options *options,
    const struct target *target, const struct dial_handlers *handlers,
    void *arg);

/* The verdict on the address that was asked about. */
void dial_decide(struct dial *dial, enum dial_verdict verdict);

void dial_cancel(struct dial *dial);

#endif
