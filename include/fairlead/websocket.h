/* SPDX-License-Identifier: MIT */
/*
 * websocket.h -- the records of the `websocket` inspector's events.
 */
#ifndef FAIRLEAD_WEBSOCKET_H
#define FAIRLEAD_WEBSOCKET_H

#include <fairlead/inspector.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ws.handshake: the first line of a WebSocket, behind tunnel.handoff. */
struct frl_ws_handshake {
	struct frl_bytes subprotocols_offered, subprotocol;
	struct frl_bytes extensions_offered, extensions;
	/* of permessage-deflate (RFC 7692, 7.1); negative where it was not
	 * negotiated */
	int64_t client_window_bits, server_window_bits;
	int8_t client_context_takeover, server_context_takeover;
};

/*
 * ws.frame: the header of a frame is whole; hooks may refuse it, and then
 * no byte of it leaves.
 */
struct frl_ws_frame {
	uint64_t frame;			/* counts from 1 per direction */
	uint64_t msg;			/* likewise; 0 on control frames */
	uint32_t opcode;		/* RFC 6455, 5.2 */
	const char *type;		/* "text", "binary", "continuation",
					 * "close", "ping", "pong",
					 * "reserved" */
	int8_t fin;
	uint32_t rsv;			/* RSV1 is 4, RSV2 2, RSV3 1 */
	int8_t masked;
	uint32_t header_bytes;
	uint64_t payload_bytes;		/* as announced */
};

/* ws.message: a message of several frames (or one that was inflated, or, if so
 * configured, any) is at its last frame; at its end if it was looked at. */
struct frl_ws_message {
	uint64_t msg;
	uint32_t opcode;
	const char *type;
	uint64_t frames;
	uint64_t payload_bytes;
	int8_t compressed;
	/* negative where the payload was not inflated, not looked at */
	int64_t inflated_bytes, duration_us;
};

/* ws.close: both close frames have passed, or the WebSocket ended. */
struct frl_ws_close {
	uint32_t code;			/* 1006 where none was sent */
	const char *code_name;
	struct frl_bytes reason;
	const char *initiator;		/* "client", "server", "proxy" */
	int8_t clean;
};

/* ws.rtt: a ping was answered.  Its direction is the ping's: c2s tells of the
 * way from here to the server and back. */
struct frl_ws_rtt {
	uint64_t rtt_us;
	const char *by;			/* "client", "server", "proxy" */
};

/* ws.error: a frame breaks RFC 6455 or 7692. */
struct frl_ws_error {
	const char *kind;
	uint64_t offset_bytes;		/* of the frame, since the 101 */
	int64_t missing_bytes;		/* `truncated` only; else negative */
	const char *action;		/* "forward", "drop", "close"; NULL of
					 * `truncated` */
	uint32_t code;			/* of "close"; else 0 */
};

#ifdef __cplusplus
}
#endif

#endif /* FAIRLEAD_WEBSOCKET_H */
