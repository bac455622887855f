/* SPDX-License-Identifier: MIT */
/*
 * tunnel_parts -- the insides of a tunnel, for tunnel.c (its life),
 * tunnel_greet.c (what its client wants), tunnel_dial.c (its way to the
 * server), tunnel_parent.c (that way by another proxy), tunnel_chain.c (what its
 * chain asks for) and tunnels.c (all of
 * them) alone.
 */
#ifndef FLOW_TUNNEL_PARTS_H
#define FLOW_TUNNEL_PARTS_H

#include "base/board.h"
#include "flow/audit.h"
#include "flow/limits.h"
#include "flow/story.h"
#include "flow/tunnel.h"
#include "net/dial.h"

enum state { GREET, CHECK, DIAL, RELAY, DRAIN, DEAD };

enum step {
	STEP_TARGET,	/* the client has named one */
	STEP_ALLOWED,	/* the hooks have nothing against it */
	STEP_CONNECTED,
	STEP_DENIED,	/* no tunnel will be: answer */
	STEP_ENDED,	/* both flows have ended */
	STEP_NEXT,	/* the client goes on to another server */
	STEP_KILL
};

struct tunnel {
	struct tunnel *prev, *next;
	struct tunnels *all;
	const struct tunnel_listener *listener;
	enum state state;
	enum why why;			/* of the end; WHY_NONE: still on */
	bool reset;			/* end with RST */
	bool nameless;			/* its PROXY header is to come */
	bool looking;			/* tick() comes within LOOK_MS */
	bool goes_on;			/* the client goes on to a tunnel */
	bool settled;			/* it is older than SETTLED_MS */
	bool named;			/* in the list of that round */
	bool guarded;			/* tick() asks whether peers hear */
	struct timer timer;		/* of the state */
	uint64_t tick_us;		/* when tunnel_tick() comes; UINT64_MAX:
					 * it does not */
	struct buf early;		/* greeting, then the first bytes */
	struct target *target;		/* until it is reached */
	const struct plugin *forwarder;	/* mode forward: the protocol link */
	struct dial *dial;
	struct tunnel_parent *parent;	/* who leads there; NULL: nobody, or
					 * it does already */
	struct limit_pass pass;
	uint64_t token;			/* of the core's own question */
	uint64_t idle_ms;		/* 0: as the rules say */
	struct relay relay;
	struct story story;
};

struct tunnels {
	struct tunnels_options options;
	struct relay_env relay_env;
	struct dial_options dial_options;
	struct stories stories;
	struct plugin detect;
	const struct plugin **fronts;	/* links of every tunnel, and room
					 * for the protocol link */
	size_t front_count;
	struct tunnel *list;
	size_t count;
	struct tunnel *cursor;		/* the next one of a list being made */
	bool round;			/* of lists */
	struct board own_board, *board;
	const struct event_slot *now;	/* a list's line */
	struct timer stirring;		/* wakes drained and stalled ones */
	void (*empty)(void *arg);
	void *empty_arg;
	bool draining;
};

/* How often peers are looked at that are not being read. */
#define LOOK_MS 1000

/* The only function that changes a state. */
void tunnel_step(struct tunnel *t, enum step step);

/* Idempotent; nothing happens to the tunnel after it but its burial. */
void tunnel_kill(struct tunnel *t, enum why why);

/* No tunnel will be: answer the client, if it can be. */
void tunnel_deny(struct tunnel *t, enum why why, const char *detail,
    const char *plugin);

/* The same: a hook objected, or is barred. */
void tunnel_deny_by(struct tunnel *t, const struct decision *decision);

/* The first reason counts. */
void tunnel_note_end(struct tunnel *t, enum why why);

/* How long may this tunnel go on if nothing moves?  0: it may not any more;
 * FRL_ALL: for ever. */
uint64_t tunnel_patience(const struct tunnel *t, enum why *ret_why);

/* Is a peer not read, so that nobody would notice that it is gone? */
bool tunnel_unwatched(const struct tunnel *t);

/* The state's timer. */
void tunnel_tick(void *arg);
void tunnel_tick_in(struct tunnel *t, uint64_t ms);

/* Begin it in RELAY. */
void tunnel_tick_begin(struct tunnel *t);

/* Let it come within ms, if it would come later; FRL_ALL: no need. */
void tunnel_tick_within(struct tunnel *t, uint64_t ms);

/* Let the state's timer look in ms; a farewell's deadline stays. */
void tunnel_hurry(struct tunnel *t, uint64_t ms);

/*
 * Do both peers hear us?  False: one has vanished, and so has the tunnel.
 * *next_ms is lowered to when to ask again, while bytes are on their way.
 */
bool tunnel_heard(struct tunnel *t, uint64_t *next_ms);

/* Something moved: ask so, if tick() would not do it soon. */
void tunnel_guard(struct tunnel *t);

/* Give last words their deadline. */
void tunnel_limit_farewell(struct tunnel *t);

/* A tunnel whose client's connection is attached next: of this peer, or
 * (NULL) of the client of another tunnel.  NULL without memory. */
struct tunnel *tunnel_create(const struct tunnel_listener *listener,
    const struct addr *peer, const struct tunnel *from);

/*
 * Make a tunnel's relay tell it the news; begin to greet.  peer: whom to
 * judge; NULL: one that was let in before.  no: why it is only turned away,
 * or NULL.
 */
void tunnel_begin(struct tunnel *t, const struct addr *peer, const char *no);

/* In GREET: judge the peer, look at the bytes that are there, wait for more;
 * more came. */
void tunnel_await(struct tunnel *t, const struct addr *peer);
void tunnel_greet(struct tunnel *t);

/* Remember where to (target: copy).  0, or -1 without memory. */
int tunnel_aim(struct tunnel *t, const struct target *target);

/* Enter DIAL; leave it, or CHECK, and forget where to. */
void tunnel_dial(struct tunnel *t);
void tunnel_stop_dial(struct tunnel *t);

/* A dialler's judge and its questions, about the server; and its failure. */
enum why tunnel_dial_allow(void *arg, const struct addr *addr,
    const char **ret_text);
enum dial_verdict tunnel_dial_ask(void *arg, const struct addr *addr,
    unsigned attempt);
void tunnel_dial_failed(struct tunnel *t, const struct dial_result *result);

/*
 * Who leads to t->target?  head_size: of the head at the beginning of
 * `early`, or 0.  False: the tunnel is denied, for its request is in a loop,
 * or there is no memory.
 */
bool tunnel_find_parent(struct tunnel *t, size_t head_size);

/* In DIAL: be led there; forget about it (NULL is fine). */
void tunnel_ask_parent(struct tunnel *t);
void tunnel_parent_free(struct tunnel_parent *parent);

/* What a tunnel's chain asks for. */
extern const struct chain_ops tunnel_chain_ops;

#endif
