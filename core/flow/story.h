/* SPDX-License-Identifier: MIT */
/*
 * story -- what is written about a tunnel: its id, its lines, and that each
 * tunnel.open has exactly one tunnel.close.
 *
 * It publishes; it decides nothing.
 */
#ifndef FLOW_STORY_H
#define FLOW_STORY_H

#include "base/target.h"
#include "base/why.h"
#include "flow/chain.h"
#include "flow/events.h"
#include "base/id.h"
#include "net/dial.h"

#include <fairlead/tunnel.h>

/* Shared by the stories of one process. */
struct stories {
	struct events *events;
	const struct event_slot *open, *dial, *connect, *handoff;
	const struct event_slot *uninspected, *refused, *failed, *close;
	const struct event_slot *plugin_error;
	uint32_t prefix;		/* of ids; its last byte counts the
					 * workers of one proxy */
	uint32_t count;			/* of ids */
	bool began;			/* was there ever a story? */
};

/* The texts that `tunnel` points at are the story's own, each as long as it
 * is: who asked for an address in figures has one text for name and address.
 */
struct story {
	struct stories *all;
	struct frl_tunnel tunnel;	/* what plugins are told */
	struct origin origin;
	uint64_t began_us;
	struct decision *noted;		/* why hooks objected to a dial */
	const char *via;		/* borrow; the parent, or NULL */
	uint16_t via_status;		/* what it answered; 0: nothing */
	int8_t closed_by;		/* 0 client, 1 server, -1 neither */
	bool unasked;			/* no line if it ends like this */
	bool opened, told_why;
	char id[ID_SIZE];		/* "" until a line is due */
};

/* What the chain knew at the end. */
struct story_end {
	const char *inspector;		/* of the protocol; NULL: no chain */
	uint64_t moved[2];
};

/* Find the core's events.  -1 and a sentence. */
int stories_begin(struct stories *all, struct events *events, uint64_t seed,
    struct err *err);

/* listener, mode: borrow for the story's life.  story: zeroed. */
void story_begin(struct story *story, struct stories *all,
    const char *listener, const char *mode, uint64_t now_us);

/* Who the client is (copy); the one of another story.  0, or -1 without
 * memory. */
int story_client(struct story *story, const struct addr *client);
int story_same_client(struct story *story, const struct story *other);

/* Where the tunnel is to lead (target: copy).  0, or -1 without memory. */
int story_target(struct story *story, const struct target *target);

/* tunnel.open, tunnel.dial: ask the hooks (events_publish).  addr NULL: a
 * parent will resolve the name. */
enum frl_verdict story_open(struct story *story, const struct asker *asker,
    struct decision *decision, uint64_t *ret_token);
enum frl_verdict story_dial(struct story *story, const struct addr *addr,
    unsigned attempt, const struct asker *asker, struct decision *decision,
    uint64_t *ret_token);

/* Remember in story->noted why a dial was refused. */
void story_note(struct story *story, const struct decision *decision);

/* The server's address, where a parent is asked for it.  0, or -1 without
 * memory. */
int story_found(struct story *story, const struct addr *addr);

/* tunnel.connect.  0, or -1 without memory: then nothing was told. */
int story_connect(struct story *story, const struct dial_result *result);
void story_handoff(struct story *story, const struct chain_switch *change);
void story_uninspected(struct story *story, const char *reason,
    const struct plugin *plugin, uint64_t from_bytes);

/* tunnel.refused or tunnel.failed: no tunnel will be. */
void story_denied(struct story *story, enum why why, const char *detail,
    const char *plugin);

/* tunnel.refused: an inspector or a limit ended it in mid-stream. */
void story_refused(struct story *story, const struct chain_refusal *refusal);

/* plugin.error: an inspector answered FRL_FAIL. */
void story_failed(struct story *story, const char *plugin,
    const char *detail);

/* Take the counters before the chain is closed; NULL: there was none. */
void story_moved(struct story_end *ret_end, const struct chain *chain);

/* tunnel.close, where there was a tunnel.open; then the texts are gone. */
void story_close(struct story *story, enum why why,
    const struct story_end *end, uint64_t now_us);

#endif
