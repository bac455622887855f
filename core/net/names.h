/* SPDX-License-Identifier: MIT */
/*
 * names -- the addresses of a dial's target, and which is next (RFC 8305, 3
 * and 4).
 *
 * A name has two queries, one per family; their addresses take turns as long
 * as both have some, IPv6 first.  A target that is an address has that one.
 * Knows no attempt and no time: how long to wait for the other family is the
 * dial's business.
 *
 * What always holds: each address is given once, with the target's port;
 * answered() comes from the loop, once per query that was not cancelled.
 */
#ifndef NET_NAMES_H
#define NET_NAMES_H

#include "base/target.h"
#include "net/addr.h"
#include "net/fault.h"
#include "net/resolve.h"

#include <stdbool.h>
#include <stddef.h>

#define NAMES_MAX (2 * RESOLVE_MAX)

struct names {
	/* A family's query and the addresses it brought. */
	struct family {
		struct names *names;
		struct query *query;
		struct addr addrs[RESOLVE_MAX];
		size_t count, next;
	} families[2];			/* IPv6's, IPv4's */
	unsigned turn;			/* the family whose address is next */
	const struct target *target;
	struct fault *fault;
	void (*answered)(void *arg, const struct answer *answer);
	void *arg;
};

/* Zeroed memory is empty; then one of these two, where the names stay.  target
 * and fault: borrow for the names' life.  What goes wrong is noted in fault
 * before answered() is told.  -1: no memory, and what was begun is to be
 * cancelled. */
int names_ask(struct names *names, struct resolver *resolver,
    const struct target *target, struct fault *fault,
    void (*answered)(void *arg, const struct answer *answer), void *arg);
void names_give(struct names *names, const struct target *target);

/* No more answers; the addresses stay. */
void names_cancel(struct names *names);

/* Is it time to try?  Without an IPv6 address only when none will come. */
bool names_ready(const struct names *names);

/* Was there any address at all?  May there be more? */
bool names_known(const struct names *names);
bool names_pending(const struct names *names);

/* The next address; false: there is none just now. */
bool names_next(struct names *names, struct addr *ret_addr);

#endif
