/* SPDX-License-Identifier: MIT */
/*
 * payload -- what the messages of one direction hold, looked at as their bytes
 * come: is a text UTF-8, what does a compressed message inflate to?
 *
 * Sans-IO.  Keeps no payload; a copy of a few KiB is unmasked at a time, and
 * the bytes that are read are never changed.  What follows from a finding is
 * decided elsewhere.
 *
 * A message is *watched* if anybody has a question about its payload.  The
 * payloads of others are never shown to us.
 */
#ifndef WEBSOCKET_PAYLOAD_H
#define WEBSOCKET_PAYLOAD_H

#include <fairlead/websocket.h>

#include "inflater.h"
#include "options.h"
#include "rules.h"
#include "utf8.h"

/* No ratio is asked of messages that are this small once inflated. */
#define PAYLOAD_FLOOR (1024 * 1024)

/* Nor of all messages of a second together: zlib takes some 70 ms for so
 * much. */
#define PAYLOAD_SECOND (16 * PAYLOAD_FLOOR)

/* What a piece of payload may turn out to be; several at once. */
#define FOUND_NOT_UTF8 1u
#define FOUND_NOT_DEFLATE 2u
#define FOUND_BOMB 4u		/* above inflate_ratio or inflate_max */
#define FOUND_BIG 8u		/* above max_message */
#define FOUND_NOMEM 16u

struct payload {
	const struct options *options;
	struct inflater *inflater;	/* only while it is needed */
	uint64_t left;		/* of the frame at hand */
	uint64_t at;		/* in it, for its mask */
	uint64_t wire;		/* of this message, as it came */
	uint64_t inflated;	/* likewise */
	uint64_t total;		/* of all messages */
	uint64_t second_us;	/* when this second began, */
	uint64_t second_wire, second_inflated;	/* and what came in it */
	uint64_t began_us;	/* its first header */
	uint8_t key[4];
	struct utf8 utf8;
	uint8_t eyes;		/* what is looked at; 0: nothing */
	uint8_t bits;		/* of the window; 0: none is inflated */
	uint8_t found;		/* FOUND_*: since the last look */
	bool takeover;		/* the window stays over messages */
	bool fin;		/* the frame at hand */
	bool sized;		/* `inflated` is the whole truth */
};

/* handshake: NULL, or what was agreed (borrow). */
void payload_open(struct payload *payload, const struct options *options,
    const struct frl_ws_handshake *handshake, enum frl_flow flow);
void payload_free(struct payload *payload);

/*
 * The header of a data frame goes on; rules: before it.  plain: no extension
 * that we do not know has a say in payloads.  Is the frame watched?
 */
bool payload_begin(struct payload *payload, const struct frame *frame,
    const struct rules *rules, bool plain, uint64_t now_us);

/*
 * Look at some of a watched frame's next bytes (borrow), payload->left at
 * most.  ret_found: FOUND_*.  What was found is not looked for any more; what
 * cannot be inflated leaves a window that is wrong for all that follows.
 */
size_t payload_look(struct payload *payload, struct frl_bytes bytes,
    unsigned int *ret_found);

/* A watched message's last frame is over: FOUND_*. */
unsigned int payload_finish(struct payload *payload);

#endif
