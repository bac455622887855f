/* SPDX-License-Identifier: MIT */
/*
 * rules -- see rules.h.  Section numbers are of RFC 6455.
 */
#include <string.h>

#include "rules.h"
#include "utf8.h"

static bool
is_reserved(uint8_t opcode)
{
	return (opcode > FRAME_PONG ||
	    (opcode > FRAME_BINARY && opcode < FRAME_CLOSE));
}

static bool
begins_message(const struct frame *frame)
{
	return (frame->opcode == FRAME_TEXT || frame->opcode == FRAME_BINARY);
}

uint64_t
rules_msg(const struct rules *rules, const struct frame *frame)
{
	if (begins_message(frame))
		return (rules->msg + 1);
	if (frame->opcode == FRAME_CONTINUATION && rules->opcode != 0)
		return (rules->msg);
	return (0);
}

/* 5.2: reserved bits mean what was negotiated, or nothing may set them. */
static bool
bad_rsv(const struct frame *frame, unsigned int negotiated)
{
	uint8_t fine = 0;

	if (negotiated & RULES_FOREIGN)
		return (false);
	/* RFC 7692, 6.1: only on the first frame of a message. */
	if ((negotiated & RULES_DEFLATE) && begins_message(frame))
		fine = 4;
	return ((frame->rsv & ~fine) != 0);
}

static const char *
check_control(const struct frame *frame)
{
	if (!frame->fin)
		return ("control_fragmented");
	if (frame->payload > FRAME_CONTROL_MAX)
		return ("control_too_long");
	return (NULL);
}

/* 5.4: a message is its first frame and continuations, the last with FIN. */
static const char *
check_message(const struct rules *rules, const struct frame *frame)
{
	if (begins_message(frame) && rules->opcode != 0)
		return ("interleaved_data");
	if (frame->opcode == FRAME_CONTINUATION && rules->opcode == 0)
		return ("unexpected_continuation");
	return (NULL);
}

const char *
rules_check(const struct rules *rules, const struct frame *frame,
    enum frl_flow flow, unsigned int negotiated)
{
	const char *kind;

	/* After this one there are no frames to judge. */
	if (frame->length == FRAME_LENGTH_LOST)
		return ("bad_length");
	if (rules->closed)
		return ("frame_after_close");
	if (bad_rsv(frame, negotiated))
		return ("rsv_bits");
	/* 5.1 */
	if (flow == FRL_FROM_CLIENT && !frame->masked)
		return ("unmasked_client");
	if (flow == FRL_FROM_SERVER && frame->masked)
		return ("masked_server");
	if (is_reserved(frame->opcode) && !(negotiated & RULES_FOREIGN))
		return ("reserved_opcode");
	kind = frame_is_control(frame) ? check_control(frame) :
	    check_message(rules, frame);
	if (kind == NULL && frame->length == FRAME_LENGTH_PADDED)
		return ("bad_length");
	return (kind);
}

const char *
rules_close(struct frl_bytes payload, uint16_t *ret_code,
    struct frl_bytes *ret_reason)
{
	uint16_t code;

	*ret_code = 1005;	/* 7.1.5: no code was sent */
	*ret_reason = (struct frl_bytes){ NULL, 0 };
	if (payload.len == 0)
		return (NULL);
	if (payload.len == 1)
		return ("bad_close_length");
	code = (uint16_t)(payload.data[0] << 8 | payload.data[1]);
	*ret_code = code;
	if (payload.len > 2)
		*ret_reason = (struct frl_bytes){ payload.data + 2,
		    payload.len - 2 };
	/* 7.4 and the registry: 1004 to 1006 and 1015 are never sent. */
	if (!((code >= 1000 && code <= 1003) ||
	    (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999)))
		return ("bad_close_code");
	return (rules_utf8(*ret_reason) ? NULL : "bad_utf8");
}

bool
rules_take(struct rules *rules, const struct frame *frame)
{
	if (frame->opcode == FRAME_CLOSE)
		rules->closed = true;
	if (begins_message(frame)) {
		/* One that was open is forgotten: it has no end. */
		rules->msg++;
		rules->frames = rules->payload = 0;
		rules->opcode = rules->begun = frame->opcode;
		rules->compressed = (frame->rsv & 4) != 0;
	} else if (frame->opcode != FRAME_CONTINUATION || rules->opcode == 0)
		return (false);
	rules->frames++;
	rules->payload += frame->payload;
	if (!frame->fin)
		return (false);
	rules->opcode = 0;
	return (true);
}

struct frl_ws_message
rules_message(const struct rules *rules)
{
	return ((struct frl_ws_message){
		.msg = rules->msg, .opcode = rules->begun,
		.type = rules_type(rules->begun), .frames = rules->frames,
		.payload_bytes = rules->payload,
		.compressed = rules->compressed, .inflated_bytes = -1,
		.duration_us = -1
	});
}

const char *
rules_type(uint8_t opcode)
{
	static const char *const types[16] = {
		[FRAME_CONTINUATION] = "continuation", [FRAME_TEXT] = "text",
		[FRAME_BINARY] = "binary", [FRAME_CLOSE] = "close",
		[FRAME_PING] = "ping", [FRAME_PONG] = "pong"
	};

	if (opcode > 15 || types[opcode] == NULL)
		return ("reserved");
	return (types[opcode]);
}

/* The registry of RFC 6455, 11.7, as it stands today. */
const char *
rules_code_name(uint32_t code)
{
	static const char *const names[16] = {
		[0] = "normal_closure", [1] = "going_away",
		[2] = "protocol_error", [3] = "unsupported_data",
		[5] = "no_status_received", [6] = "abnormal_closure",
		[7] = "invalid_payload", [8] = "policy_violation",
		[9] = "message_too_big", [10] = "mandatory_extension",
		[11] = "internal_error", [12] = "service_restart",
		[13] = "try_again_later", [14] = "bad_gateway",
		[15] = "tls_handshake"
	};

	if (code >= 1000 && code < 1016 && names[code - 1000] != NULL)
		return (names[code - 1000]);
	if (code >= 3000 && code < 4000)
		return ("registered");
	if (code >= 4000 && code < 5000)
		return ("private");
	return ("unknown");
}

bool
rules_utf8(struct frl_bytes text)
{
	struct utf8 utf8 = { 0 };

	return (utf8_feed(&utf8, text.data, text.len) && utf8_whole(&utf8));
}
