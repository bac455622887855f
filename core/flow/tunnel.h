/* SPDX-License-Identifier: MIT */
/*
 * tunnel -- one client connection, the one server connection it leads to,
 * and the chain between them, from the first byte to the last line.
 *
 *	        CONNECT head          hooks say yes         connected
 *	GREET ---------------> CHECK --------------> DIAL -----------> RELAY
 *	  | (reverse: at once,   |
 *	  |  or a PROXY header)  |                    |                  |
 *	  | bad, slow            | refused            | failed           | both
 *	  v                      v                    v                  v ended
 *	DRAIN <------------------+--------------------+------------------+
 *	  | sent, or the deadline
 *	  v
 *	DEAD     (and from anywhere by tunnel_kill)
 *
 * Every state has a timer.  It knows the conns' table of operations, no
 * socket; what is written about a tunnel is written here.
 */
#ifndef FLOW_TUNNEL_H
#define FLOW_TUNNEL_H

#include "base/target.h"
#include "base/why.h"
#include "flow/relay.h"
#include "flow/rules.h"

struct audit;
struct limits;
struct tunnels;

enum tunnel_mode { TUNNEL_CONNECT, TUNNEL_REVERSE };

/* Where clients come in.  Lives, with all it borrows, as long as any of its
 * tunnels. */
struct tunnel_listener {
	struct tunnels *tunnels;
	const char *name;			/* borrow */
	enum tunnel_mode mode;
	struct target server;			/* TUNNEL_REVERSE */
	const struct plugin *protocol;		/* NULL: detect */
	const struct addr_range *clients;	/* borrow; who may connect */
	size_t client_count;			/* 0: anybody */
	bool proxy_header;			/* PROXY comes first */
	struct rules_timeouts timeouts;
};

struct tunnels_options {
	struct loop *loop;
	struct events *events;
	struct resolver *resolver;
	struct host_env *env;
	const struct rules *rules;		/* borrow */
	struct limits *limits;			/* borrow */
	struct audit *audit;			/* borrow */
};

/* The tunnels of one process.  NULL and a sentence. */
struct tunnels *tunnels_create(const struct tunnels_options *options,
    struct err *err);

/* No tunnel may be left. */
void tunnels_free(struct tunnels *tunnels);

/* A client connected (fd: take). */
void tunnel_accept(const struct tunnel_listener *listener, int fd,
    const struct addr *peer);

size_t tunnels_count(const struct tunnels *tunnels);

/* Was there ever one? */
bool tunnels_came(const struct tunnels *tunnels);

/*
 * No client will come any more: clients that have not asked for anything yet
 * are let go, empty() is called when no tunnel is left (at the loop's next turn
 * where there was none).
 */
void tunnels_leave(struct tunnels *tunnels, void (*empty)(void *arg),
    void *arg);

/* Behind it: let every tunnel say its last words and end. */
void tunnels_drain(struct tunnels *tunnels, enum frl_why why);

/* Cut what is left, now. */
void tunnels_cut(struct tunnels *tunnels);

#endif
