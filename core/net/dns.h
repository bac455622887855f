/* SPDX-License-Identifier: MIT */
/*
 * dns -- questions to name servers: c-ares on our loop.
 *
 * Knows the sockets and the clock of c-ares, and no question of its own.
 *
 * What always holds: c-ares is entered from the loop, from dns_ask() and from
 * dns_close() only.  Whoever is called back by it must not enter it again.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <ares.h>

#include "base/err.h"
#include "net/loop.h"

struct dns_socket;

struct dns {
	struct loop *loop;
	ares_channel channel;
	struct timer timer;		/* c-ares' own */
	struct dns_socket *sockets;
};

/* timeout_ms: of a question with all its tries.  servers:
 * "127.0.0.1:5353,..."; NULL: the system's. */
int dns_open(struct dns *dns, struct loop *loop, uint64_t timeout_ms,
    const char *servers, struct err *err);

/* The addresses of a name, of one family.  done() may be called in here. */
void dns_ask(struct dns *dns, const char *name, int family,
    ares_callback done, void *arg);

/* What is still asked is done with ARES_EDESTRUCTION. */
void dns_close(struct dns *dns);

#endif
