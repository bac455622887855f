/* SPDX-License-Identifier: MIT */
/*
 * limits -- how much of everything the proxy takes on, and who is told when
 * it is too much.  Workers share what they count (census.h): a limit is of all
 * of them together, whatever their generation; alone, of this process.
 *
 *	tunnels		at a time; those that are only told "no" are not
 *			counted here, but bounded by LIMITS_LINGER
 *	client		tunnels of one client address; clients without an
 *			IP address are not counted by it
 *	resolves	queries to name servers
 *	connects	tunnels that are connecting
 *	memory		bytes that wait in all tunnels
 *
 * What always holds: of each limit at most one proxy.limit a second is
 * written, however many are turned away, and none is forgotten.  It decides
 * nothing about a tunnel that was let in.
 */
#ifndef FLOW_LIMITS_H
#define FLOW_LIMITS_H

#include "base/census.h"
#include "base/err.h"
#include "base/quota.h"
#include "flow/events.h"
#include "net/addr.h"
#include "net/loop.h"

enum limit { LIMIT_TUNNELS, LIMIT_CLIENT, LIMIT_RESOLVES, LIMIT_CONNECTS,
	LIMIT_MEMORY, LIMITS };

/* Clients that are turned away and may still be reading why. */
#define LIMITS_LINGER 256

struct limit_client;

struct limits {
	struct quota quotas[LIMITS];
	struct limit_client *clients;		/* a hash table */
	struct census_seat seat;		/* zeroed: alone */
	struct loop *loop;
	struct events *events;
	const struct event_slot *slot;
	struct timer timer;			/* the next lines */
	uint64_t told_us;			/* the last ones; 0: none */
	char last_client[ADDR_TEXT_SIZE];	/* turned away by its own */
};

/* How the configuration calls it. */
const char *limits_name(enum limit limit);

/* What a tunnel that was let in gives back.  Zeroed: nothing. */
struct limit_pass {
	struct limit_client *client;
	bool taken;
};

/* limits: zeroed, and stays where it is until limits_end(); max: LIMITS
 * numbers, 0 for none.  -1 and a sentence. */
int limits_begin(struct limits *limits, struct loop *loop,
    struct events *events, const uint64_t *max, struct err *err);
void limits_end(struct limits *limits);

/* Share them (copy), before anybody is let in.  Their gauges there have the
 * numbers of enum limit. */
void limits_share(struct limits *limits, const struct census_seat *seat);

/* May a client come in?  NULL, and *pass is filled in; or why not.  peer NULL:
 * it is not known yet who it is. */
const char *limits_enter(struct limits *limits, const struct addr *peer,
    struct limit_pass *pass);

/* Give a pass back; a second time nothing happens. */
void limits_leave(struct limits *limits, struct limit_pass *pass);

/* Write what is due later now. */
void limits_tell(struct limits *limits);

#endif
