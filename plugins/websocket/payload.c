/* SPDX-License-Identifier: MIT */
/*
 * payload -- see payload.h.
 */
#include <string.h>

#include "limits.h"
#include "payload.h"

#define EYE_OPEN 1u		/* the message is shown, whatever is asked */
#define EYE_TEXT 2u
#define EYE_DEFLATE 4u

#define PIECE 4096

void
payload_open(struct payload *payload, const struct options *options,
    const struct frl_ws_handshake *handshake, enum frl_flow flow)
{
	bool client = flow == FRL_FROM_CLIENT;
	int64_t bits;

	payload->options = options;
	if (!options->inflate || handshake == NULL)
		return;
	bits = client ? handshake->client_window_bits :
	    handshake->server_window_bits;
	if (bits < 0)
		return;
	payload->bits = (uint8_t)bits;
	payload->takeover = (client ? handshake->client_context_takeover :
	    handshake->server_context_takeover) != 0;
}

static void
end_inflating(struct payload *payload)
{
	inflater_free(payload->inflater);
	payload->inflater = NULL;
}

void
payload_free(struct payload *payload)
{
	end_inflating(payload);
}

/* It is known now; from here on nobody asks. */
static void
give_up(struct payload *payload, unsigned int found)
{
	if (found != 0)
		payload->eyes &= (uint8_t)~EYE_TEXT;
	if ((found & ~FOUND_NOT_UTF8) == 0)
		return;
	payload->eyes &= (uint8_t)~EYE_DEFLATE;
	payload->bits = 0;
	payload->sized = false;
	end_inflating(payload);
}

/* What is to be asked of this message? */
static uint8_t
choose_eyes(const struct payload *payload, const struct frame *frame,
    bool plain)
{
	const struct options *options = payload->options;
	bool text = frame->opcode == FRAME_TEXT;
	uint8_t eyes = 0;

	if (limits_want_bytes(options))
		eyes |= EYE_OPEN;
	if (!plain)
		return (eyes);
	if (frame->rsv == 4 && payload->bits != 0)
		eyes |= EYE_DEFLATE | (text ? EYE_TEXT : 0);
	else if (frame->rsv == 0 && text &&
	    (options->mode == MODE_ENFORCE || options->inflate))
		eyes |= EYE_TEXT;
	return (eyes);
}

static void
begin_message(struct payload *payload, const struct frame *frame,
    bool abandons, bool plain, uint64_t now_us)
{
	/* One that never ends has half a block in the window. */
	if (abandons && (payload->eyes & EYE_DEFLATE) != 0)
		give_up(payload, FOUND_NOT_DEFLATE);
	payload->wire = payload->inflated = 0;
	payload->utf8 = (struct utf8){ 0 };
	payload->began_us = now_us;
	payload->eyes = choose_eyes(payload, frame, plain);
	payload->sized = (payload->eyes & EYE_DEFLATE) != 0;
	if (payload->eyes != 0)		/* to its end: for its line */
		payload->eyes |= EYE_OPEN;
}

bool
payload_begin(struct payload *payload, const struct frame *frame,
    const struct rules *rules, bool plain, uint64_t now_us)
{
	if (frame->opcode == FRAME_TEXT || frame->opcode == FRAME_BINARY)
		begin_message(payload, frame, rules->opcode != 0,
		    plain && !rules->closed, now_us);
	else if (frame->opcode != FRAME_CONTINUATION || rules->opcode == 0)
		return (false);
	if (payload->eyes == 0)
		return (false);
	if (now_us - payload->second_us >= 1000000) {
		payload->second_us = now_us;
		payload->second_wire = payload->second_inflated = 0;
	}
	payload->left = frame->payload;
	payload->at = 0;
	payload->fin = frame->fin;
	memcpy(payload->key, frame->key, sizeof(payload->key));
	return (true);
}

static bool
is_dense(uint64_t inflated, uint64_t wire, uint64_t floor, uint64_t ratio)
{
	return (ratio != 0 && inflated > floor && inflated / ratio > wire);
}

/* Does this message inflate to more than it may?  Or do many small ones? */
static unsigned int
weigh(const struct payload *payload)
{
	const struct options *options = payload->options;
	uint64_t ratio = options->inflate_ratio, most = options->inflate_max;

	if (options->max_message != 0 &&
	    payload->inflated > options->max_message)
		return (FOUND_BIG);
	if (most != 0 && payload->inflated > most)
		return (FOUND_BOMB);
	if (is_dense(payload->inflated, payload->wire, PAYLOAD_FLOOR, ratio) ||
	    is_dense(payload->second_inflated, payload->second_wire,
	    PAYLOAD_SECOND, ratio))
		return (FOUND_BOMB);
	return (0);
}

/* Take what an inflater gives.  Its size still counts when it is no text. */
static bool
take(void *arg, const uint8_t *bytes, size_t n)
{
	struct payload *payload = arg;
	unsigned int found;

	payload->inflated += n;
	payload->total += n;
	payload->second_inflated += n;
	if ((payload->eyes & EYE_TEXT) != 0 &&
	    !utf8_feed(&payload->utf8, bytes, n)) {
		payload->eyes &= (uint8_t)~EYE_TEXT;
		payload->found |= FOUND_NOT_UTF8;
		if (payload->options->mode == MODE_ENFORCE)
			return (false);
	}
	found = weigh(payload);
	payload->found |= (uint8_t)found;
	return (found == 0);
}

static unsigned int
conclude(struct payload *payload, enum inflater_status status)
{
	unsigned int found = payload->found;

	payload->found = 0;
	if (status == INFLATER_BAD)
		found |= FOUND_NOT_DEFLATE;
	else if (status == INFLATER_NOMEM)
		found |= FOUND_NOMEM;
	return (found);
}

static bool
have_inflater(struct payload *payload)
{
	if (payload->inflater == NULL)
		payload->inflater = inflater_create(payload->bits);
	return (payload->inflater != NULL);
}

static unsigned int
look_at(struct payload *payload, struct frl_bytes plain)
{
	const struct inflater_sink sink = { take, payload };

	if ((payload->eyes & EYE_DEFLATE) != 0)
		return (have_inflater(payload) ? conclude(payload,
		    inflater_feed(payload->inflater, plain, &sink)) :
		    FOUND_NOMEM);
	return (utf8_feed(&payload->utf8, plain.data, plain.len) ? 0 :
	    FOUND_NOT_UTF8);
}

/* Unmask n bytes: eight at a time, as the key has four. */
static void
unmask(const struct payload *payload, const uint8_t *bytes, size_t n,
    uint8_t *ret_bytes)
{
	uint8_t key[8];
	uint64_t mask, eight;
	size_t at = 0;

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = payload->key[(payload->at + i) % 4];
	memcpy(&mask, key, sizeof(mask));
	for (; n - at >= sizeof(eight); at += sizeof(eight)) {
		memcpy(&eight, bytes + at, sizeof(eight));
		eight ^= mask;
		memcpy(ret_bytes + at, &eight, sizeof(eight));
	}
	for (; at < n; at++)
		ret_bytes[at] = bytes[at] ^ key[at % 8];
}

size_t
payload_look(struct payload *payload, struct frl_bytes bytes,
    unsigned int *ret_found)
{
	uint8_t piece[PIECE];

	*ret_found = 0;
	if ((payload->eyes & (EYE_TEXT | EYE_DEFLATE)) == 0) {
		payload->wire += bytes.len;
		payload->left -= bytes.len;
		return (bytes.len);
	}
	if (bytes.len > PIECE)
		bytes.len = PIECE;
	unmask(payload, bytes.data, bytes.len, piece);
	payload->wire += bytes.len;
	payload->second_wire += bytes.len;
	payload->at += bytes.len;
	payload->left -= bytes.len;
	*ret_found = look_at(payload, (struct frl_bytes){ piece, bytes.len });
	give_up(payload, *ret_found);
	return (bytes.len);
}

unsigned int
payload_finish(struct payload *payload)
{
	const struct inflater_sink sink = { take, payload };
	unsigned int found = 0;

	if ((payload->eyes & EYE_DEFLATE) != 0)
		found = have_inflater(payload) ? conclude(payload,
		    inflater_finish(payload->inflater, &sink)) : FOUND_NOMEM;
	if (found == 0 && (payload->eyes & EYE_TEXT) != 0 &&
	    !utf8_whole(&payload->utf8))
		found = FOUND_NOT_UTF8;
	give_up(payload, found);
	if (!payload->takeover)
		end_inflating(payload);
	return (found);
}
