/* SPDX-License-Identifier: MIT */
/*
 * link -- the parts of a chain, for chain.c and link.c alone.
 *
 *	chain -- place 0 -- link (an inspector with its state)
 *	      |    |
 *	      |    +------ streams: client's, server's
 *	      |
 *	      +- place n-1, the protocol's: link, and in a handoff its heir
 *
 * A place stays when its link changes: its two streams go on.
 */
#ifndef FLOW_LINK_H
#define FLOW_LINK_H

#include "base/crumbs.h"
#include "flow/chain.h"
#include "flow/stream.h"

struct link {
	struct frl_link pub;		/* what the plugin holds */
	const struct plugin *plugin;
	struct link_place *place;
	void *slots[3];			/* of whoever owns the chain */
	uint64_t idle_ms;
	uint64_t who;			/* of its crumbs */
	bool busy;			/* a callback is on the stack */
	bool opening;			/* open() or close() is: no verbs */
	bool barred;			/* failed open before it began: it is
					 * never called */
	max_align_t state[];		/* desc->state_size bytes */
};

struct link_place {
	struct chain *chain;
	struct link *link;
	struct link *heir;		/* rule 8: opened, takes over soon */
	struct frl_context *handed;	/* a copy, for ops->switched */
	bool blind;			/* failed open */
	struct stream streams[2];
};

struct chain {
	const struct chain_ops *ops;
	void *arg;
	const struct frl_tunnel *tunnel;
	const bool *stalled;		/* is the log full?  Or NULL */
	size_t limit;
	uint32_t number;		/* of the tunnel, in crumbs */
	uint64_t detect_ms;
	struct chain_refusal *noted;	/* by refuse() or publish() */
	struct chain_refusal *refusal;	/* rule 9: latched */
	size_t room[2];			/* as settle() left it */
	bool ending;			/* steps 3 to 5 may have to be taken:
					 * an end came in, or one of those
					 * below was set */
	bool latched;			/* also without memory for refusal */
	bool busy;			/* settling */
	bool said;			/* farewell was called */
	bool starved;			/* broken off: memory was out */
	bool forward;			/* next() may be asked for */
	bool leaving, left;		/* rule 11: it was; it came to be */
	bool ended[2];			/* what leaves is over */
	unsigned count;
	struct link_place places[];
};

static inline struct link *
link_of(const struct frl_link *pub)
{
	return ((struct link *)(uintptr_t)pub);	/* its first member */
}

/* Client's flow first, then the server's (rule 8). */
#define LANES(flow) \
	for ((flow) = FRL_FROM_CLIENT; (flow) <= FRL_FROM_SERVER; \
	    (flow) = (enum frl_flow)((flow) + 1))

/* The stream of a lane that is `i` places from its source. */
static inline struct stream *
chain_lane(struct chain *chain, enum frl_flow flow, unsigned i)
{
	if (flow == FRL_FROM_SERVER)
		i = chain->count - 1 - i;
	return (&chain->places[i].streams[flow]);
}

static inline struct link_place *
chain_last(const struct chain *chain)
{
	return ((struct link_place *)(uintptr_t)
	    &chain->places[chain->count - 1]);
}

static inline struct crumb
link_enter(const struct link *link, enum crumbs_callback callback)
{
	return (crumbs_enter(link->who, callback, link->pub.tunnel));
}

/* Make a link for a place and call open(); NULL: it refused, is barred, or no
 * memory. */
struct link *link_open(struct link_place *place, const struct plugin *plugin,
    const struct frl_context *context);

/* Nobody looks from here on: it failed open. */
void chain_go_blind(struct link_place *place);

/* Call close(), stop its timer, forget its questions, free it. */
void link_close(struct link *link);

/* Note a reason for the refusal that is about to be returned. */
void chain_note(struct chain *chain, enum frl_why why, enum why end,
    const char *plugin, const char *text);

/* Rule 9: the first refusal counts.  Uses what was noted, if anything. */
void chain_latch(struct chain *chain, enum frl_why why, enum why end,
    const char *plugin, const char *text);

/*
 * Steps of the schedule, for chain.c; was it anything?  Rule 8: the heir, which
 * there is, takes over.  Rule 9: last words.  Rule 11: leave for another
 * server.  Rule 4: fail at the limit.
 */
void chain_switch_link(struct chain *chain);
bool chain_say_farewell(struct chain *chain);
bool chain_leave(struct chain *chain);
bool chain_over_limit(struct chain *chain, enum frl_flow flow);

#endif
