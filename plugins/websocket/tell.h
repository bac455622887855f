/* SPDX-License-Identifier: MIT */
/*
 * tell -- the life of one WebSocket as lines and counters.
 *
 * Publishes and counts; lets nothing go.  Also the place of a link's state,
 * which websocket.c shares.
 */
#ifndef WEBSOCKET_TELL_H
#define WEBSOCKET_TELL_H

#include "frame.h"
#include "handshake.h"
#include "options.h"
#include "ping.h"
#include "rules.h"
#include "tables.h"

struct guard;

/* What load() makes: all tunnels share the reader. */
struct instance {
	const struct options *options;
	struct frame_reader *reader;
};

/* One direction. */
struct way {
	struct rules rules;
	struct ws_counts counts;
	uint64_t base;		/* moved() at the 101 */
	uint64_t offset;	/* behind the last frame, since the 101 */
	uint64_t last;		/* announced payload of that frame */
	uint64_t frames;
	uint8_t last_header;
	bool allowed;		/* the frame at hand, by a late verdict */
	bool blind;		/* framing is lost: the rest is let go */
	bool ended;
};

enum party { NOBODY, CLIENT, SERVER, PROXY };

/* A link's state. */
struct ws {
	struct way ways[2];
	struct handshake *handshake;	/* until it is published */
	struct pings *pings;		/* NULL: there was none */
	struct guard *guard;		/* NULL: nothing is asked for */
	uint64_t second_us;		/* when this second began, */
	uint32_t controls;		/* and what was published in it */
	uint16_t code;			/* of the first close frame */
	uint8_t closer, leaver;		/* enum party: closed, ended first */
	uint8_t negotiated;		/* RULES_* */
	bool begun, close_said;
	uint8_t reason_len;
	uint8_t *reason;		/* NULL: none was given */
};

/* Ten thousand idle tunnels have one each. */
_Static_assert(sizeof(struct ws) <= 344, "a link's state stays small");

/* Every callback begins with this; it acts in the first one behind open():
 * ws.handshake, and where the WebSocket's bytes begin. */
void tell_begin(struct frl_link *link);

/* ws.error for a frame that goes on all the same, and begins at offset;
 * missing: negative, or of `truncated`. */
void tell_error(struct frl_link *link, enum frl_flow flow, const char *kind,
    uint64_t offset, int64_t missing);

/*
 * Ask about a frame, and publish it if it gets a line: the hooks' answer.  A
 * frame that was allowed late is not asked about again.
 */
enum frl_verdict tell_frame(struct frl_link *link, enum frl_flow flow,
    const struct frame *frame);

/* The frame goes on: count it.  It ends a message: say so, if that is
 * wanted.  What the guard watched, it tells itself. */
void tell_count(struct frl_link *link, enum frl_flow flow,
    const struct frame *frame);
void tell_message(struct frl_link *link, enum frl_flow flow);

/* The stream ended inside the last frame that was counted. */
void tell_truncated(struct frl_link *link, enum frl_flow flow,
    uint64_t missing);

/* Keep what the first close frame says (reason: copy, or lost without
 * memory); say ws.close, once. */
void tell_closer(struct ws *ws, enum party closer, uint16_t code,
    struct frl_bytes reason);
void tell_close(struct frl_link *link);

/* A ping in this direction was answered: say so, up to the rate. */
void tell_rtt(struct frl_link *link, enum frl_flow flow, uint64_t us,
    bool own);

/* Report the counters for the tunnel's last line. */
void tell_summary(struct frl_link *link);

#endif
