/* SPDX-License-Identifier: MIT */
/*
 * guard -- what a WebSocket's frames and payloads may be, beyond being told
 * of: enforce mode, limits, text that is UTF-8, messages that inflate.
 *
 * Decides what follows from what rules, limits and payload find: a line, a
 * drop, or the end of the tunnel with a code.  There is none where the
 * configuration asks for nothing of all this: then payloads run ahead.
 *
 * What always holds: no byte of a frame that is refused at its header leaves;
 * a frame whose header has left is passed to its end, and our close comes
 * behind it.
 */
#ifndef WEBSOCKET_GUARD_H
#define WEBSOCKET_GUARD_H

#include "limits.h"
#include "payload.h"
#include "tell.h"

struct guard {
	struct guard_way {
		struct limits limits;
		struct payload payload;
		bool dropping;		/* the rest of the flow */
	} ways[2];			/* by enum frl_flow */
	uint16_t code;			/* of our refusal; 0: there is none */
	uint8_t why;			/* enum frl_why, likewise */
};

/* handshake: NULL, or what was agreed (borrow).  NULL without memory. */
struct guard *guard_create(const struct options *options,
    const struct frl_ws_handshake *handshake);
void guard_free(struct guard *guard);

/*
 * A frame's header (and of a control frame all) is held, and nobody was asked
 * about it yet.  FRL_REFUSE: it may not pass.  *ret_used is not 0 if it was
 * dropped.
 */
enum frl_verdict guard_judge(struct frl_link *link, enum frl_flow flow,
    const struct frame *frame, struct frl_bytes held, uint64_t *ret_used);

/* A header goes on; before rules_take().  Is the frame watched?  Then its
 * payload goes by guard_payload(), which is called at once. */
bool guard_watches(struct frl_link *link, enum frl_flow flow,
    const struct frame *frame);

/* Must what comes next go by guard_payload()? */
static inline bool
guard_busy(const struct guard *guard, enum frl_flow flow)
{
	return (guard->ways[flow].payload.left > 0 ||
	    guard->ways[flow].dropping);
}

/* Look at the next bytes of a watched frame, and let them go; or drop what
 * comes behind a close. */
enum frl_verdict guard_payload(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, uint64_t *ret_used);

/* The flow ended: how many bytes of a watched frame never came? */
uint64_t guard_cut_off(struct frl_link *link, enum frl_flow flow);

/* Is this flow closed, so that what is left of it goes nowhere? */
bool guard_drops(const struct frl_link *link, enum frl_flow flow);

/*
 * The tunnel ends for this reason: let the frames that have begun run to
 * their ends.  Returns the code of our refusal if it is the reason, or else
 * this code.
 */
uint16_t guard_farewell(struct frl_link *link, enum frl_why why,
    uint16_t code);

#endif
