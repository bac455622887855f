/* SPDX-License-Identifier: MIT */
/*
 * handshake -- what a WebSocket's two sides agreed upon, from the heads that
 * the handoff brings.
 *
 * Sans-IO.  Judges nothing: whether the 101 was a proper answer is the HTTP
 * inspector's affair.
 */
#ifndef WEBSOCKET_HANDSHAKE_H
#define WEBSOCKET_HANDSHAKE_H

#include <fairlead/http.h>
#include <fairlead/websocket.h>

/* Most bytes kept of each text; the log shows fewer. */
#define HANDSHAKE_TEXT_MAX 512

/* The record, with the bytes that it points to behind it. */
struct handshake {
	struct frl_ws_handshake record;
	uint8_t text[4 * HANDSHAKE_TEXT_MAX];
};

/*
 * Copy what the log wants from a context (borrow).  ret_negotiated: RULES_*
 * of rules.h.  free() it; NULL without memory.
 */
struct handshake *handshake_read(const struct frl_context *context,
    unsigned int *ret_negotiated);

#endif
