/* SPDX-License-Identifier: MIT */
/*
 * guard -- see guard.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"

/* Every `kind` that closes in enforce mode: the code (RFC 6455, 7.4.1), and
 * what people are told. */
static const struct ruling {
	const char *kind, *text;
	uint16_t code;
} rulings[] = {
	{ "reserved_opcode", "an opcode that means nothing", 1002 },
	{ "rsv_bits", "reserved bits that no extension uses", 1002 },
	{ "control_too_long", "a control frame of more than 125 bytes", 1002 },
	{ "control_fragmented", "a control frame without FIN", 1002 },
	{ "unexpected_continuation", "a continuation of nothing", 1002 },
	{ "interleaved_data", "a message inside another one", 1002 },
	{ "bad_length", "a length that is written wrongly", 1002 },
	{ "unmasked_client", "a client's frame without a mask", 1002 },
	{ "masked_server", "a server's frame with a mask", 1002 },
	{ "bad_close_code", "a close code that may not be sent", 1002 },
	{ "bad_close_length", "a close frame of one byte", 1002 },
	{ "bad_utf8", "a text that is not UTF-8", 1007 },
	{ "bad_deflate", "a message that cannot be inflated", 1007 },
	{ "inflate_limit", "a message that inflates to too much", 1009 }
};

struct guard *
guard_create(const struct options *options,
    const struct frl_ws_handshake *handshake)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	for (int i = 0; guard != NULL && i < 2; i++)
		payload_open(&guard->ways[i].payload, options, handshake,
		    (enum frl_flow)i);
	return (guard);
}

void
guard_free(struct guard *guard)
{
	if (guard == NULL)
		return;
	payload_free(&guard->ways[0].payload);
	payload_free(&guard->ways[1].payload);
	free(guard);
}

static struct guard *
guard_of(const struct frl_link *link)
{
	return (((const struct ws *)link->state)->guard);
}

static const struct options *
options_of(const struct frl_link *link)
{
	return (((const struct instance *)link->instance)->options);
}

static const char *
name_of(enum frl_flow flow)
{
	return (flow == FRL_FROM_CLIENT ? "client" : "server");
}

/* What is left of a frame whose header has left. */
static int
let_go(struct frl_link *link, enum frl_flow flow)
{
	struct payload *payload = &guard_of(link)->ways[flow].payload;
	uint64_t rest = payload->left;

	payload->left = 0;
	return (rest > 0 ? frl_pass(link, flow, rest) : 0);
}

/* The end of the tunnel, with this code for farewell(). */
static enum frl_verdict
refuse(struct frl_link *link, enum frl_flow flow, enum frl_why why,
    uint16_t code, const char *text)
{
	struct guard *guard = guard_of(link);

	if (let_go(link, flow) != 0)
		return (FRL_FAIL);
	guard->why = (uint8_t)why;
	guard->code = code;
	return (frl_refuse(link, why, text));
}

static enum frl_verdict
refuse_limit(struct frl_link *link, enum frl_flow flow, enum limit limit,
    uint64_t offset)
{
	char text[FRL_REASON_SIZE];

	snprintf(text, sizeof(text), "%s %s, %llu (from the %s, at byte %llu)",
	    limits_text(limit), limits_name(limit), (unsigned long long)
	    limits_value(limit, options_of(link)), name_of(flow),
	    (unsigned long long)offset);
	return (refuse(link, flow, FRL_WHY_LIMIT, limits_code(limit), text));
}

static enum frl_verdict
refuse_kind(struct frl_link *link, enum frl_flow flow, const char *kind,
    bool of_close, uint64_t offset)
{
	const struct ruling *ruling = rulings;
	struct frl_ws_error error = { .kind = kind, .offset_bytes = offset,
	    .missing_bytes = -1, .action = "close" };
	char text[FRL_REASON_SIZE];

	while (strcmp(ruling->kind, kind) != 0)
		ruling++;
	error.code = ruling->code;
	frl_publish(link, flow, &ws_error, &error);
	/* Texts and reasons share one kind, not one sentence. */
	snprintf(text, sizeof(text), "%s (%s, from the %s, at byte %llu)",
	    of_close && ruling->code == 1007 ? "a close whose reason is not "
	    "UTF-8" : ruling->text, kind, name_of(flow),
	    (unsigned long long)offset);
	return (refuse(link, flow, ruling->code == 1009 ? FRL_WHY_LIMIT :
	    FRL_WHY_PROTOCOL, ruling->code, text));
}

/* RFC 6455, 5.5.1: nothing follows a close, so nothing is lost.  One line;
 * then it is not looked at any more. */
static enum frl_verdict
drop_rest(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    uint64_t *ret_used)
{
	struct guard_way *way = &guard_of(link)->ways[flow];
	const struct frl_ws_error error = { .kind = "frame_after_close",
	    .offset_bytes = ((struct ws *)link->state)->ways[flow].offset,
	    .missing_bytes = -1, .action = "drop" };

	if (frl_drop(link, flow, held.len) != 0)
		return (FRL_FAIL);
	*ret_used = held.len;
	if (!way->dropping)
		frl_publish(link, flow, &ws_error, &error);
	way->dropping = true;
	return (FRL_OK);
}

/* A `kind`, or NULL. */
static const char *
check(const struct ws *ws, enum frl_flow flow, const struct frame *frame,
    struct frl_bytes held)
{
	uint8_t payload[FRAME_CONTROL_MAX];
	struct frl_bytes reason, plain = { payload, 0 };
	const char *kind;
	uint16_t code;

	kind = rules_check(&ws->ways[flow].rules, frame, flow,
	    ws->negotiated);
	if (kind != NULL || frame->opcode != FRAME_CLOSE)
		return (kind);
	plain.len = frame_control(frame, held, payload);
	if (plain.len < frame->payload)		/* cut off: `truncated` */
		return (NULL);
	return (rules_close(plain, &code, &reason));
}

enum frl_verdict
guard_judge(struct frl_link *link, enum frl_flow flow,
    const struct frame *frame, struct frl_bytes held, uint64_t *ret_used)
{
	struct ws *ws = link->state;
	struct way *way = &ws->ways[flow];
	struct limits *limits = &ws->guard->ways[flow].limits;
	const struct options *options = options_of(link);
	uint64_t now = frl_now_us(link);
	const char *kind;
	enum limit limit;

	if (way->allowed)	/* judged before a hook was waited for */
		return (FRL_OK);
	kind = options->mode == MODE_ENFORCE ? check(ws, flow, frame, held) :
	    NULL;
	if (kind != NULL && way->rules.closed)
		return (drop_rest(link, flow, held, ret_used));
	if (kind != NULL)
		return (refuse_kind(link, flow, kind,
		    frame->opcode == FRAME_CLOSE, way->offset));
	limit = limits_frame(limits, options, &way->rules, frame, now);
	/* What is of no message is not watched. */
	if (limit == LIMIT_NONE && rules_msg(&way->rules, frame) == 0)
		limit = limits_bytes(limits, options, frame->payload, now);
	if (limit == LIMIT_NONE)
		return (FRL_OK);
	return (refuse_limit(link, flow, limit, way->offset));
}

bool
guard_watches(struct frl_link *link, enum frl_flow flow,
    const struct frame *frame)
{
	const struct ws *ws = link->state;

	/* An extension that we do not know may turn payloads over. */
	return (payload_begin(&ws->guard->ways[flow].payload, frame,
	    &ws->ways[flow].rules, !(ws->negotiated & RULES_FOREIGN),
	    frl_now_us(link)));
}

/* Where the frame at hand begins. */
static uint64_t
frame_offset(const struct way *way)
{
	return (way->offset - way->last - way->last_header);
}

/* What follows from FOUND_*, one after the other. */
static enum frl_verdict
heed(struct frl_link *link, enum frl_flow flow, unsigned int found)
{
	static const struct {
		unsigned int found;
		const char *kind;
	} kinds[] = { { FOUND_NOT_UTF8, "bad_utf8" },
		{ FOUND_NOT_DEFLATE, "bad_deflate" },
		{ FOUND_BOMB, "inflate_limit" } };
	struct way *way = &((struct ws *)link->state)->ways[flow];
	uint64_t offset = frame_offset(way);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if ((found & kinds[i].found) == 0)
			continue;
		if (options_of(link)->mode == MODE_ENFORCE)
			return (refuse_kind(link, flow, kinds[i].kind, false,
			    offset));
		tell_error(link, flow, kinds[i].kind, offset, -1);
	}
	if ((found & FOUND_BIG) != 0)
		return (refuse_limit(link, flow, LIMIT_MESSAGE, offset));
	return ((found & FOUND_NOMEM) != 0 ? FRL_FAIL : FRL_OK);
}

/* The same for bytes of a frame that have been let go. */
static enum frl_verdict
look(struct frl_link *link, enum frl_flow flow, struct frl_bytes bytes)
{
	struct payload *payload = &guard_of(link)->ways[flow].payload;
	uint64_t rest = payload->left - bytes.len;
	enum frl_verdict verdict = FRL_OK;
	unsigned int found;
	size_t n;

	for (; bytes.len > 0 && verdict == FRL_OK; bytes.data += n,
	    bytes.len -= n) {
		n = payload_look(payload, bytes, &found);
		if (found == 0)
			continue;
		/* A refusal lets go what has not been let go. */
		payload->left = rest;
		verdict = heed(link, flow, found);
		if (verdict == FRL_OK)
			payload->left = rest + bytes.len - n;
	}
	return (verdict);
}

/* A watched message has ended.  What it inflates to stands in no other
 * line. */
static void
tell_watched(struct frl_link *link, enum frl_flow flow)
{
	const struct ws *ws = link->state;
	const struct rules *rules = &ws->ways[flow].rules;
	const struct payload *payload = &ws->guard->ways[flow].payload;
	uint32_t log = options_of(link)->log;
	struct frl_ws_message message;

	if (log == LOG_SUMMARY || (log == LOG_FRAME && rules->frames == 1 &&
	    !payload->sized) || !frl_wanted(link, &ws_message))
		return;
	message = rules_message(rules);
	message.duration_us = (int64_t)(frl_now_us(link) -
	    payload->began_us);
	if (payload->sized)
		message.inflated_bytes = payload->inflated > INT64_MAX ?
		    INT64_MAX : (int64_t)payload->inflated;
	frl_publish(link, flow, &ws_message, &message);
}

enum frl_verdict
guard_payload(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, uint64_t *ret_used)
{
	struct guard_way *way = &guard_of(link)->ways[flow];
	struct payload *payload = &way->payload;
	const struct options *options = options_of(link);
	uint64_t inflated = payload->total;
	enum limit limit = LIMIT_NONE;
	enum frl_verdict verdict;

	if (way->dropping)
		return (drop_rest(link, flow, held, ret_used));
	if (held.len > payload->left)
		held.len = (size_t)payload->left;
	if (held.len > 0 && frl_pass(link, flow, held.len) != 0)
		return (FRL_FAIL);
	*ret_used += held.len;
	verdict = look(link, flow, held);
	if (verdict != FRL_OK)
		return (verdict);
	if (limits_want_bytes(options))
		limit = limits_bytes(&way->limits, options, held.len +
		    (payload->total - inflated), frl_now_us(link));
	if (limit != LIMIT_NONE)
		return (refuse_limit(link, flow, limit, frame_offset(
		    &((struct ws *)link->state)->ways[flow])));
	if (payload->left > 0 || !payload->fin)
		return (FRL_OK);
	verdict = heed(link, flow, payload_finish(payload));
	if (verdict == FRL_OK)
		tell_watched(link, flow);
	return (verdict);
}

uint64_t
guard_cut_off(struct frl_link *link, enum frl_flow flow)
{
	struct payload *payload = &guard_of(link)->ways[flow].payload;
	uint64_t left = payload->left;

	payload->left = 0;
	return (left);
}

bool
guard_drops(const struct frl_link *link, enum frl_flow flow)
{
	const struct ws *ws = link->state;

	return (options_of(link)->mode == MODE_ENFORCE &&
	    ws->ways[flow].rules.closed);
}

uint16_t
guard_farewell(struct frl_link *link, enum frl_why why, uint16_t code)
{
	const struct guard *guard = guard_of(link);

	/* -1: no room for it; then nothing can be said behind it either. */
	(void)let_go(link, FRL_FROM_CLIENT);
	(void)let_go(link, FRL_FROM_SERVER);
	return (guard->code != 0 && guard->why == why ? guard->code : code);
}
