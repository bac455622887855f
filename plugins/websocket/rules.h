/* SPDX-License-Identifier: MIT */
/*
 * rules -- what RFC 6455 allows a frame to be, given the frames before it.
 *
 * Sans-IO.  Only judges and counts messages; what follows from a violation is
 * decided elsewhere.  One struct rules per direction; zeroed memory is a
 * direction in which nothing was sent.
 */
#ifndef WEBSOCKET_RULES_H
#define WEBSOCKET_RULES_H

#include <fairlead/websocket.h>

#include "frame.h"

/* What the handshake negotiated. */
#define RULES_DEFLATE 1u	/* RSV1 says "compressed" (RFC 7692, 6) */
#define RULES_FOREIGN 2u	/* an extension that we do not know: reserved
				 * bits and opcodes are its affair */

struct rules {
	uint64_t msg;		/* messages begun */
	uint64_t frames;	/* of the last one */
	uint64_t payload;	/* likewise */
	uint8_t opcode;		/* of the open message; 0: none is open */
	uint8_t begun;		/* opcode of the last one that was begun */
	bool compressed;	/* that one */
	bool closed;		/* a close frame has passed */
};

/* The number of the message a frame would belong to; 0: to none. */
uint64_t rules_msg(const struct rules *rules, const struct frame *frame);

/*
 * The `kind` of ws.error, or NULL.  Of several violations one, in a fixed
 * order: one line per bad frame.
 */
const char *rules_check(const struct rules *rules, const struct frame *frame,
    enum frl_flow flow, unsigned int negotiated);

/* A message of one frame where one may be: nearly all are, and rules_check()
 * has nothing to say of them. */
static inline bool
rules_is_plain(const struct rules *rules, const struct frame *frame,
    enum frl_flow flow)
{
	return ((frame->opcode == FRAME_TEXT ||
	    frame->opcode == FRAME_BINARY) && frame->fin &&
	    frame->rsv == 0 && frame->length == FRAME_LENGTH_FINE &&
	    frame->masked == (flow == FRL_FROM_CLIENT) &&
	    rules->opcode == 0 && !rules->closed);
}

/*
 * Judge the unmasked payload of a close frame.  The code is 1005 where there
 * is none; the reason points into payload.  NULL or a `kind`.
 */
const char *rules_close(struct frl_bytes payload, uint16_t *ret_code,
    struct frl_bytes *ret_reason);

/* The frame goes on: follow the messages.  True: a message is at its last
 * frame. */
bool rules_take(struct rules *rules, const struct frame *frame);

/* What is known of the message that was begun last. */
struct frl_ws_message rules_message(const struct rules *rules);

/* Names for the log: never NULL. */
const char *rules_type(uint8_t opcode);
const char *rules_code_name(uint32_t code);

/* Is it, as a whole, UTF-8? */
bool rules_utf8(struct frl_bytes text);

#endif
