/* SPDX-License-Identifier: MIT */
/*
 * tables -- the event types that the websocket inspector publishes, and the
 * record of the one that is nobody else's business: its part of tunnel.close.
 *
 * Only tables; the records of the others are in <fairlead/websocket.h>.
 */
#ifndef WEBSOCKET_TABLES_H
#define WEBSOCKET_TABLES_H

#include <fairlead/websocket.h>

/* One direction, exactly: whatever was logged or not. */
struct ws_counts {
	uint64_t text, binary, continuation, ping, pong, close;	/* frames */
	uint64_t messages;		/* that came to their last frame */
	uint64_t payload_bytes;		/* of all frames, as they arrived */
	uint64_t max_payload_bytes;
};

/* Of the pings in one direction; 0: none was answered. */
struct ws_pings {
	uint64_t rtt_last_us, rtt_min_us, rtt_max_us;
	uint64_t proxy_ping, proxy_pong;	/* ours, and answers to them:
						 * no frames of the peers */
};

struct ws_summary {
	struct ws_counts ways[2];	/* by enum frl_flow */
	struct ws_pings pings[2];	/* likewise */
	uint64_t frames[2];		/* of all types, unknown ones too */
	uint64_t ping_age_us[2];	/* 0: there was none */
	uint64_t inflated_bytes[2];
};

extern const struct frl_event ws_handshake;
extern const struct frl_event ws_frame;
extern const struct frl_event ws_message;
extern const struct frl_event ws_close;
extern const struct frl_event ws_rtt;
extern const struct frl_event ws_error;
extern const struct frl_event ws_summary;

#endif
