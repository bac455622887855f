/* SPDX-License-Identifier: MIT */
/*
 * resolve -- host names to addresses, with c-ares, one family per query.
 *
 * Answers are kept as long as their TTL says (within bounds), equal queries
 * in flight are merged, an answer is cut at RESOLVE_MAX addresses.  c-ares is
 * never called from inside its own callback.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "base/err.h"
#include "base/quota.h"
#include "base/why.h"
#include "net/addr.h"
#include "net/loop.h"

#define RESOLVE_MAX 16

struct resolver;
struct query;

struct resolver_options {
	uint64_t timeout_ms;	/* of a whole query */
	size_t cache_entries;
	uint64_t ttl_min_ms, ttl_max_ms;
	struct quota *queries;	/* that are under way; NULL: no bound */
	const char *servers;	/* "127.0.0.1:5353,..."; NULL: the system's */
	const char *hosts;	/* a file that is asked first; NULL: none */
};

/* What a query found.  count 0: `why` is WHY_DNS_FAILED, WHY_DNS_TIMEOUT,
 * WHY_LIMIT or WHY_OUT_OF_RESOURCES, and `text` a sentence. */
struct answer {
	struct addr addrs[RESOLVE_MAX];	/* ports are 0 */
	size_t count;
	enum why why;
	const char *text;
};

struct resolver *resolver_create(struct loop *loop,
    const struct resolver_options *options, struct err *err);

/* No query may be running. */
void resolver_free(struct resolver *resolver);

/*
 * Ask for a canonical name's addresses of one family (AF_INET, AF_INET6).
 * "localhost" and names under it are answered 127.0.0.1 and ::1 (RFC 6761).
 * done(arg, answer) runs exactly once unless cancelled, never from inside the
 * start; answer: borrow.  NULL without memory.
 */
struct query *resolve_start(struct resolver *resolver, const char *name,
    int family, void (*done)(void *arg, const struct answer *answer),
    void *arg);
void resolve_cancel(struct query *query);

#endif
