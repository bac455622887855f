/* SPDX-License-Identifier: MIT */
/*
 * limits -- see limits.h.
 */
#include "limits.h"

#define SECOND_US 1000000u

static const struct row {
	const char *text, *name;
	size_t offset;
	uint16_t code;
} rows[] = {
#define ROW(member, code, text) \
	{ text, #member, offsetof(struct options, member), code }
	[LIMIT_FRAME] = ROW(max_frame, 1009, "a frame of more bytes than"),
	[LIMIT_MESSAGE] = ROW(max_message, 1009,
	    "a message of more bytes than"),
	[LIMIT_FRAGMENTS] = ROW(max_fragments, 1009,
	    "a message of more frames than"),
	[LIMIT_FRAME_RATE] = ROW(max_frame_rate, 1008,
	    "more frames a second than"),
	[LIMIT_MESSAGE_RATE] = ROW(max_message_rate, 1008,
	    "more messages a second than"),
	[LIMIT_BYTE_RATE] = ROW(max_byte_rate, 1008,
	    "more bytes a second than")
#undef ROW
};

const char *
limits_text(enum limit limit)
{
	return (rows[limit].text);
}

const char *
limits_name(enum limit limit)
{
	return (rows[limit].name);
}

uint16_t
limits_code(enum limit limit)
{
	return (rows[limit].code);
}

uint64_t
limits_value(enum limit limit, const struct options *options)
{
	uint64_t value = *(const uint64_t *)(const void *)
	    ((const char *)options + rows[limit].offset);

	if (limit == LIMIT_FRAGMENTS && value == 0 &&
	    options->mode == MODE_ENFORCE)
		return (OPTIONS_FRAGMENTS);
	return (value);
}

/* 0: there is no limit. */
static bool
is_above(enum limit limit, const struct options *options, uint64_t n)
{
	uint64_t value = limits_value(limit, options);

	return (value != 0 && n > value);
}

static enum limit
check_size(const struct options *options, const struct rules *rules,
    const struct frame *frame)
{
	bool begins = frame->opcode == FRAME_TEXT ||
	    frame->opcode == FRAME_BINARY;
	uint64_t before = begins ? 0 : rules->payload;
	uint64_t frames = begins ? 0 : rules->frames;

	if (is_above(LIMIT_FRAME, options, frame->payload))
		return (LIMIT_FRAME);
	if (!begins && (frame->opcode != FRAME_CONTINUATION ||
	    rules->opcode == 0))
		return (LIMIT_NONE);
	/* Bit 63 may be set: the sum may leave 64 bits. */
	if (is_above(LIMIT_MESSAGE, options, frame->payload > UINT64_MAX -
	    before ? UINT64_MAX : before + frame->payload))
		return (LIMIT_MESSAGE);
	return (is_above(LIMIT_FRAGMENTS, options, frames + 1) ?
	    LIMIT_FRAGMENTS : LIMIT_NONE);
}

static void
begin_second(struct limits *limits, uint64_t now_us)
{
	if (now_us - limits->second_us >= SECOND_US)
		*limits = (struct limits){ .second_us = now_us };
}

enum limit
limits_frame(struct limits *limits, const struct options *options,
    const struct rules *rules, const struct frame *frame, uint64_t now_us)
{
	enum limit limit = LIMIT_NONE;

	if (!frame_is_control(frame))
		limit = check_size(options, rules, frame);
	if (limit != LIMIT_NONE)
		return (limit);
	begin_second(limits, now_us);
	limits->frames++;
	if (frame->opcode == FRAME_TEXT || frame->opcode == FRAME_BINARY)
		limits->messages++;
	if (is_above(LIMIT_FRAME_RATE, options, limits->frames))
		return (LIMIT_FRAME_RATE);
	return (is_above(LIMIT_MESSAGE_RATE, options, limits->messages) ?
	    LIMIT_MESSAGE_RATE : LIMIT_NONE);
}

enum limit
limits_bytes(struct limits *limits, const struct options *options, uint64_t n,
    uint64_t now_us)
{
	begin_second(limits, now_us);
	limits->bytes = n > UINT64_MAX - limits->bytes ? UINT64_MAX :
	    limits->bytes + n;
	return (is_above(LIMIT_BYTE_RATE, options, limits->bytes) ?
	    LIMIT_BYTE_RATE : LIMIT_NONE);
}
