/* SPDX-License-Identifier: MIT */
/*
 * chain -- the links of one tunnel, and the rules by which bytes go through
 * them.  The heart.
 *
 *	client bytes  -->  front 0  -->  front 1  -->  protocol  -->  server
 *	client  <--  front 0  <--  front 1  <--  protocol  <--  server bytes
 *
 * Sans-IO: bytes come in by chain_feed, go out by ops->out; time is a call of
 * chain_timer.  The rules are docs/ARCHITECTURE.md, "The chain"; comments
 * here cite them by number.
 *
 * No function may be called from inside a callback of a plugin but those
 * that the plugin reaches through its host table, and none of those enters a
 * plugin.  ops are called with no plugin on the stack, except publish,
 * lookup, refused, set_timer, set_idle, quiet and cut.
 */
#ifndef FLOW_CHAIN_H
#define FLOW_CHAIN_H

#include "base/buf.h"
#include "base/why.h"
#include "flow/plugin.h"

#include <fairlead/inspector.h>

struct chain;
struct link;

/* Why a chain ends against its will: the first refusal, latched. */
struct chain_refusal {
	enum frl_why why;	/* what farewell() is told */
	enum why end;		/* what the tunnel's last line says */
	const char *plugin;	/* who refused; NULL: the core */
	char text[FRL_REASON_SIZE];
};

/* Another inspector took over. */
struct chain_switch {
	const struct plugin *from, *to;
	const struct frl_context *context;	/* borrow; NULL: detection */
	uint64_t pending[2];			/* held bytes it is shown */
};

struct chain_ops {
	/* Bytes leave the chain (borrow). */
	void (*out)(void *arg, enum frl_flow flow, const uint8_t *bytes,
	    size_t len);
	/* Nothing more leaves on this flow. */
	void (*fin)(void *arg, enum frl_flow flow);
	/* The first refusal; the chain winds down by itself. */
	void (*refused)(void *arg, const struct chain_refusal *refusal);
	/* Ask the hooks, write the line.  On FRL_WAIT the answer comes by
	 * chain_decide(link, flow, ...). */
	enum frl_verdict (*publish)(void *arg, struct link *link,
	    enum frl_flow flow, const struct frl_event *event,
	    const void *record, struct decision *decision);
	/* The same without a line if nobody objects. */
	enum frl_verdict (*ask)(void *arg, struct link *link,
	    enum frl_flow flow, const struct frl_event *event,
	    const void *record, struct decision *decision);
	/* A pending question of this flow will not be listened to. */
	void (*forget)(void *arg, struct link *link, enum frl_flow flow);
	void (*report)(void *arg, struct link *link,
	    const struct frl_event *event, const void *record);
	/* The inspector for a token, or NULL.  ret_how: as frl_host.permits. */
	const struct plugin *(*lookup)(void *arg, const char *token,
	    int *ret_how);
	void (*switched)(void *arg, const struct chain_switch *change);
	/* A plugin failed open: nobody looks from here on. */
	void (*blind)(void *arg, const struct plugin *plugin);
	/* FRL_ALL stops; calls chain_timer(link). */
	void (*set_timer)(void *arg, struct link *link, uint64_t ms);
	/* This link's memory goes; its timer is stopped. */
	void (*closed)(void *arg, struct link *link);
	void (*set_idle)(void *arg, uint64_t ms);
	/* What moves now is no sign of life. */
	void (*quiet)(void *arg);
	/* A flow's end is to be told as a reset, unless it comes first. */
	void (*cut)(void *arg, enum frl_flow flow);
};

struct chain_options {
	const struct chain_ops *ops;	/* borrow; blind, closed, set_idle,
					 * quiet, cut, forget, report, switched
					 * may be NULL */
	void *arg;
	const struct frl_tunnel *tunnel;
	size_t limit;			/* held bytes per flow */
	bool forward;			/* the protocol link may say next() */
	const bool *stalled;		/* borrow; is the log full?  Then no
					 * link is called until chain_resume().
					 * Or NULL */
	uint64_t detect_ms;		/* for whoever finds out */
	uint32_t number;		/* of the tunnel in crumbs, from 1 */
};

/*
 * Open a chain: front links in order, then the protocol link.  NULL: no
 * memory, or a link did not open (*ret_refusal says who).
 */
struct chain *chain_open(const struct chain_options *options,
    const struct plugin *const *plugins, size_t count,
    struct chain_refusal *ret_refusal);

/* Close every link and free.  No callback of this chain may be on the
 * stack. */
void chain_close(struct chain *chain);

/*
 * Bytes of a peer, or with `over` its end behind them.  bytes: borrow.  len
 * is at most chain_room().
 */
void chain_feed(struct chain *chain, enum frl_flow flow,
    const uint8_t *bytes, size_t len, bool over);

/* How many bytes may be fed now (rule 4). */
size_t chain_room(const struct chain *chain, enum frl_flow flow);

/*
 * How many bytes from this peer will go through without anyone looking
 * (FRL_ALL: all of them).  chain_skip accounts n of them as gone through, by
 * another way than feed and out.
 */
uint64_t chain_runway(const struct chain *chain, enum frl_flow flow);
void chain_skip(struct chain *chain, enum frl_flow flow, uint64_t n);

/* Refuse, drain, reload, a limit: last words, then both flows end. */
void chain_refuse(struct chain *chain, enum frl_why why, enum why end,
    const char *text);

/* The verdict that publish left open. */
void chain_decide(struct link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    const struct decision *decision);

/* A link's timer fired. */
void chain_timer(struct link *link);

/* Go on after a stall. */
void chain_resume(struct chain *chain);

/* Both flows have ended, or the client goes on to another server: nothing
 * will ever leave again. */
bool chain_done(const struct chain *chain);

/*
 * Rule 11: the protocol link has said next(), and all that was let go has
 * left.  chain_unread gives what the client sent and nobody let go; 0, or -1
 * without memory.
 */
bool chain_left(const struct chain *chain);
int chain_unread(struct chain *chain, struct buf *ret_bytes);

/* Memory was out and bytes are lost: the tunnel must be cut. */
bool chain_starved(const struct chain *chain);

/* NULL while nobody refused. */
const struct chain_refusal *chain_refused(const struct chain *chain);

/* Who owns the protocol now. */
const struct plugin *chain_protocol(const struct chain *chain);

/* Has the protocol link decided on bytes that did not come yet? */
bool chain_runs_ahead(const struct chain *chain, enum frl_flow flow);

/* What every link let through (rule 7). */
uint64_t chain_moved(const struct chain *chain, enum frl_flow flow);

/* The bytes the protocol link holds (borrow until the next call). */
struct frl_bytes chain_held(const struct chain *chain, enum frl_flow flow);

/* Bytes held over both flows; and the memory they take. */
size_t chain_memory(const struct chain *chain);
size_t chain_heap(const struct chain *chain);

/* Have every link report what it would at the end. */
void chain_report(struct chain *chain);

const struct plugin *link_plugin(const struct link *link);

/* A place for whoever implements set_timer and publish to keep something. */
void **link_slot(struct link *link, int which);	/* 0-2, NULL at first */
#define LINK_SLOT_TIMER 2

/*
 * Switch the protocol link as handoff does, on the core's behalf
 * (detection).  From inside a callback of the protocol link only.
 */
int chain_hand_to(struct frl_link *link, const struct plugin *plugin);
struct chain *chain_of(struct frl_link *link);

/* Fill in the functions that act on links. */
void chain_host(struct frl_host *host);

#endif
