/* SPDX-License-Identifier: MIT */
/*
 * tables -- see tables.h.  From these come the JSON lines, the lines for
 * people and the reference.
 */
#include "tables.h"

#define FIELD(record, path, member, kind, about) { \
	.name = path, .help = about, \
	.offset = (uint16_t)offsetof(struct record, member), .type = kind }
#define FIELD_IF(record, path, member, kind, about) { \
	.name = path, .help = about, .flags = FRL_ABSENT_ZERO, \
	.offset = (uint16_t)offsetof(struct record, member), .type = kind }
#define END { .name = NULL }

#define F(...) FIELD(frl_ws_handshake, __VA_ARGS__)
static const struct frl_field handshake_fields[] = {
	F("ws.subprotocols_offered", subprotocols_offered, FRL_TEXT,
	    "what the client's Sec-WebSocket-Protocol lists"),
	F("ws.subprotocol", subprotocol, FRL_TEXT,
	    "which of them the server chose"),
	F("ws.extensions_offered", extensions_offered, FRL_TEXT,
	    "what the client's Sec-WebSocket-Extensions lists"),
	F("ws.extensions", extensions, FRL_TEXT,
	    "which of them the server chose, with parameters"),
	F("ws.client_window_bits", client_window_bits, FRL_I64,
	    "permessage-deflate: the client's window, 8 to 15"),
	F("ws.server_window_bits", server_window_bits, FRL_I64,
	    "permessage-deflate: the server's window, 8 to 15"),
	F("ws.client_context_takeover", client_context_takeover, FRL_BOOL,
	    "permessage-deflate: the client keeps its window"),
	F("ws.server_context_takeover", server_context_takeover, FRL_BOOL,
	    "permessage-deflate: the server keeps its window"),
	END
};
#undef F

const struct frl_event ws_handshake = {
	.name = "ws.handshake",
	.help = "A WebSocket begins behind a valid 101.",
	.text = "websocket begins {ws.subprotocol:\"} {ws.extensions:\"}",
	.fields = handshake_fields,
	.record_size = sizeof(struct frl_ws_handshake)
};

#define F(...) FIELD(frl_ws_frame, __VA_ARGS__)
static const struct frl_field frame_fields[] = {
	F("ws.frame", frame, FRL_U64,
	    "number of the frame, from 1 in its direction"),
	FIELD_IF(frl_ws_frame, "ws.msg", msg, FRL_U64,
	    "number of its message, from 1 in its direction; data frames"),
	F("ws.opcode", opcode, FRL_U32, "RFC 6455, 5.2"),
	F("ws.type", type, FRL_NAME, "text, binary, continuation, close, "
	    "ping, pong or reserved"),
	F("ws.fin", fin, FRL_BOOL, "the last frame of its message"),
	F("ws.rsv", rsv, FRL_U32, "RSV1 is 4 (compressed), RSV2 2, RSV3 1"),
	F("ws.masked", masked, FRL_BOOL, "the payload is masked"),
	F("ws.header_bytes", header_bytes, FRL_U32, "with the masking key"),
	F("ws.payload_bytes", payload_bytes, FRL_U64, "as announced"),
	END
};
#undef F

/* Reserved bits that are no compression have a ws.error of their own. */
const struct frl_event ws_frame = {
	.name = "ws.frame",
	.help = "The header of a frame is whole; a hook may refuse it, and "
	    "then no byte of it leaves.",
	.text = "{>} {ws.type:12} {ws.fin?fin} {ws.payload_bytes:-10} B "
	    "{ws.rsv?compressed}",
	.fields = frame_fields,
	.record_size = sizeof(struct frl_ws_frame),
	.flags = FRL_EVENT_FLOW | FRL_EVENT_ASKS
};

#define F(...) FIELD(frl_ws_message, __VA_ARGS__)
static const struct frl_field message_fields[] = {
	F("ws.msg", msg, FRL_U64,
	    "number of the message, from 1 in its direction"),
	F("ws.opcode", opcode, FRL_U32, "of its first frame"),
	F("ws.type", type, FRL_NAME, "text or binary"),
	F("ws.frames", frames, FRL_U64, "frames it has"),
	F("ws.payload_bytes", payload_bytes, FRL_U64,
	    "of all its frames, as announced"),
	F("ws.compressed", compressed, FRL_BOOL, "RSV1 of its first frame"),
	F("ws.inflated_bytes", inflated_bytes, FRL_I64,
	    "what they inflate to, if that was asked for"),
	F("ws.duration_us", duration_us, FRL_I64, "from its first header to "
	    "its last byte, if its payload was looked at"),
	END
};
#undef F

const struct frl_event ws_message = {
	.name = "ws.message",
	.help = "A message is at the header of its last frame, or at its end "
	    "if its payload is looked at.",
	.text = "{>} {ws.type:12} frames {ws.frames} "
	    "{ws.payload_bytes:-10} B {ws.compressed?compressed} "
	    "{ws.inflated_bytes?inflates to} {ws.inflated_bytes}",
	.fields = message_fields,
	.record_size = sizeof(struct frl_ws_message),
	.flags = FRL_EVENT_FLOW
};

#define F(...) FIELD(frl_ws_close, __VA_ARGS__)
static const struct frl_field close_fields[] = {
	F("ws.code", code, FRL_U32,
	    "of the first close frame; 1005: it had none, 1006: no frame"),
	F("ws.code_name", code_name, FRL_NAME, "what the code means"),
	F("ws.reason", reason, FRL_TEXT, "what the first close frame says"),
	F("ws.initiator", initiator, FRL_NAME,
	    "who sent it: client, server or proxy; without any: who left "
	    "first"),
	F("ws.clean", clean, FRL_BOOL, "both sides sent a close frame"),
	END
};
#undef F

const struct frl_event ws_close = {
	.name = "ws.close",
	.help = "Both close frames have passed, or the WebSocket ended.",
	.text = "{>} close {ws.code} {ws.code_name} {ws.reason:\"} by "
	    "{ws.initiator}{ws.clean? cleanly}",
	.fields = close_fields,
	.record_size = sizeof(struct frl_ws_close),
	.flags = FRL_EVENT_FLOW
};

#define F(...) FIELD(frl_ws_rtt, __VA_ARGS__)
static const struct frl_field rtt_fields[] = {
	F("ws.rtt_us", rtt_us, FRL_U64,
	    "from the ping's leaving to its pong's coming"),
	F("ws.by", by, FRL_NAME, "whose ping: client, server or proxy"),
	END
};
#undef F

const struct frl_event ws_rtt = {
	.name = "ws.rtt",
	.help = "A ping was answered: c2s by the server, s2c by the client.",
	.text = "{>} rtt              {ws.rtt_us:-10} us, ping of the {ws.by}",
	.fields = rtt_fields,
	.record_size = sizeof(struct frl_ws_rtt),
	.flags = FRL_EVENT_FLOW
};

#define F(...) FIELD(frl_ws_error, __VA_ARGS__)
static const struct frl_field error_fields[] = {
	F("ws.kind", kind, FRL_NAME,
	    "reserved_opcode, rsv_bits, control_too_long, "
	    "control_fragmented, unexpected_continuation, "
	    "interleaved_data, bad_length, unmasked_client, masked_server, "
	    "bad_close_code, bad_close_length, bad_utf8, bad_deflate, "
	    "inflate_limit, frame_after_close, truncated"),
	F("ws.offset_bytes", offset_bytes, FRL_U64,
	    "where the frame begins, since the 101"),
	F("ws.missing_bytes", missing_bytes, FRL_I64,
	    "truncated: how many bytes of the frame never came"),
	F("ws.action", action, FRL_NAME,
	    "what was done: forward, drop or close; not of truncated"),
	FIELD_IF(frl_ws_error, "ws.code", code, FRL_U32,
	    "close: the code that both sides got"),
	END
};
#undef F

const struct frl_event ws_error = {
	.name = "ws.error",
	.help = "A frame breaks RFC 6455 or RFC 7692.",
	.text = "{>} bad frame: {ws.kind} at byte {ws.offset_bytes}"
	    "{ws.action?; action} {ws.action}{ws.code?, code} {ws.code}",
	.fields = error_fields,
	.record_size = sizeof(struct frl_ws_error),
	.flags = FRL_EVENT_FLOW
};

#define F(way, n, member, about) \
	FIELD(ws_summary, "ws." way "." #member, ways[n].member, FRL_U64, \
	    about)
#define P(way, n, member, about) \
	FIELD_IF(ws_summary, "ws." way "." #member, pings[n].member, \
	    FRL_U64, about)
#define S(way, n, member, flag, about) { \
	.name = "ws." way "." #member, .help = about, .flags = flag, \
	.offset = (uint16_t)offsetof(struct ws_summary, member[n]), \
	.type = FRL_U64 }
#define WAY(way, n) \
	S(way, n, frames, 0, "of all types"), \
	F(way, n, text, "text frames"), \
	F(way, n, binary, "binary frames"), \
	F(way, n, continuation, "continuation frames"), \
	F(way, n, ping, "ping frames"), \
	F(way, n, pong, "pong frames"), \
	F(way, n, close, "close frames"), \
	F(way, n, messages, "messages that came to their last frame"), \
	F(way, n, payload_bytes, "payload of all frames, as it arrived"), \
	F(way, n, max_payload_bytes, "the longest payload of a frame"), \
	S(way, n, ping_age_us, FRL_ABSENT_ZERO, \
	    "since the latest ping, the proxy's own included"), \
	P(way, n, rtt_last_us, "of the latest ping that was answered"), \
	P(way, n, rtt_min_us, "of the one that was answered soonest"), \
	P(way, n, rtt_max_us, "of the one that was answered latest"), \
	P(way, n, proxy_ping, "pings of the proxy's own"), \
	P(way, n, proxy_pong, "answers to those, which went no further"), \
	S(way, n, inflated_bytes, FRL_ABSENT_ZERO, \
	    "what was inflated, in all")

static const struct frl_field summary_fields[] = {
	WAY("c2s", FRL_FROM_CLIENT),
	WAY("s2c", FRL_FROM_SERVER),
	END
};

const struct frl_event ws_summary = {
	.name = "ws.summary",
	.help = "The counters of a WebSocket, in the tunnel's last line.",
	.text = "messages -> {ws.c2s.messages} with {ws.c2s.payload_bytes} B, "
	    "<- {ws.s2c.messages} with {ws.s2c.payload_bytes} B",
	.fields = summary_fields,
	.record_size = sizeof(struct ws_summary),
	.flags = FRL_EVENT_PART
};
