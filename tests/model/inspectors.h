/* SPDX-License-Identifier: MIT */
/*
 * inspectors -- the toy inspectors.  Each is written as a plugin would be; of
 * the harness they know only the struct taste in their instance.
 */
#ifndef MODEL_INSPECTORS_H
#define MODEL_INSPECTORS_H

#include "model.h"

static enum frl_verdict
end_passes(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    uint64_t unmet)
{
	(void)unmet;
	frl_pass(link, flow, held.len);
	return (FRL_OK);
}

/* Raw: lets all go and never looks again. */

static enum frl_verdict
raw_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	(void)held, (void)seen;
	frl_pass(link, flow, FRL_ALL);
	return (FRL_OK);
}

static const struct frl_plugin toy_raw = {
	FRL_ABI, .flags = FRL_OWNS_PROTOCOL, .name = "raw",
	.data = raw_data, .end = end_passes
};

/* Fragment: lets go of one byte per call. */

static enum frl_verdict
fragment_data(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	(void)held, (void)seen;
	frl_pass(link, flow, 1);
	return (FRL_OK);
}

static const struct frl_plugin toy_fragment = {
	FRL_ABI, .name = "fragment", .data = fragment_data, .end = end_passes
};

/*
 * Hold: decides on `least` bytes at a time, with or without asking for them.
 * With three it is harmless; with twenty it holds more than small limits
 * allow.
 */

static enum frl_verdict
hold_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	const struct taste *taste = link->instance;

	(void)seen;
	if (held.len >= taste->least)
		frl_pass(link, flow, taste->least);
	else if (taste->asks)
		frl_need(link, flow, taste->least);
	return (FRL_OK);
}

static const struct frl_plugin toy_hold = {
	FRL_ABI, .name = "hold", .data = hold_data, .end = end_passes
};

/* Slow: pauses what it sees and lets it go at the next timer. */

struct slow {
	bool awake[2];
};

static enum frl_verdict
slow_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	struct slow *slow = link->state;

	(void)seen;
	if (slow->awake[flow])
		frl_pass(link, flow, held.len);
	else
		frl_pause(link, flow);
	slow->awake[flow] = false;
	return (FRL_OK);
}

static enum frl_verdict
slow_timer(struct frl_link *link)
{
	struct slow *slow = link->state;

	slow->awake[0] = slow->awake[1] = true;
	frl_again(link, FRL_FROM_CLIENT);
	frl_again(link, FRL_FROM_SERVER);
	return (FRL_OK);
}

static const struct frl_plugin toy_slow = {
	FRL_ABI, .name = "slow", .state_size = sizeof(struct slow),
	.data = slow_data, .timer = slow_timer, .end = end_passes
};

/* Budget: refuses the tunnel in mid stream, at the first byte too many. */

struct budget {
	size_t used;
	bool spent;
};

static enum frl_verdict
budget_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	const struct taste *taste = link->instance;
	struct budget *budget = link->state;
	size_t n = held.len;

	(void)seen;
	/* Once spent, last words of others may pass. */
	if (!budget->spent && n > taste->budget - budget->used)
		n = taste->budget - budget->used;
	if (!budget->spent)
		budget->used += n;
	frl_pass(link, flow, n);
	if (n == held.len)
		return (FRL_OK);
	budget->spent = true;
	return (frl_refuse(link, FRL_WHY_REFUSED, "the budget is spent"));
}

static const struct frl_plugin toy_budget = {
	FRL_ABI, .name = "budget", .state_size = sizeof(struct budget),
	.data = budget_data, .end = end_passes
};

/*
 * Frames: the toy protocol.  Logs headers, lets bodies run ahead, asks hooks
 * about `s`, replaces `r`, writes frames of its own.
 */

struct frames {
	int asked, unanswered;		/* keepalives */
};

struct unit {
	uint32_t kind, size;
};

static const struct frl_field unit_fields[] = {
	{ .name = "kind", .help = "the kind of a unit", .type = FRL_U32,
	  .offset = offsetof(struct unit, kind) },
	{ .name = "size", .help = "bytes of body", .type = FRL_U32,
	  .offset = offsetof(struct unit, size) },
	{ .name = NULL }
};

static const struct frl_event unit_event = {
	.name = "toy.unit", .help = "The head of an `s` unit is there.",
	.fields = unit_fields, .record_size = sizeof(struct unit),
	.flags = FRL_EVENT_FLOW | FRL_EVENT_ASKS
};

static const struct frl_event *const unit_events[] = { &unit_event, NULL };

static enum frl_verdict
frames_timer(struct frl_link *link)
{
	struct frames *frames = link->state;

	if (frames->asked < 2 && frl_insert(link, FRL_FROM_CLIENT,
	    WORD_KEEPALIVE, WORD_LEN(WORD_KEEPALIVE)) == 0) {
		frames->asked++;
		frames->unanswered++;
	}
	return (FRL_OK);
}

/* One frame per call: with need(), the queue never fills. */
static enum frl_verdict
frames_decided(struct frl_link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    enum frl_verdict verdict)
{
	const struct taste *taste = link->instance;
	const struct unit *unit = record;
	struct frames *frames = link->state;
	const uint8_t head[2] = { (uint8_t)unit->kind, (uint8_t)unit->size };

	assert_ptr_equal(event, &unit_event);
	if (verdict != FRL_OK)
		return (verdict);
	if (unit->kind == 'a' && frames->unanswered > 0) {
		/* The answer to our keepalive is for us. */
		frames->unanswered--;
		frl_drop(link, flow, 2u + unit->size);
		return (FRL_OK);
	}
	bytes_add(&taste->log[flow], head, 2);
	if (unit->kind == 'r') {
		/* Replaced, once all of it is gone. */
		frl_drop(link, flow, 2u + unit->size);
		return (frl_insert(link, flow, WORD_NEW, WORD_LEN(WORD_NEW))
		    == 0 ? FRL_OK : FRL_FAIL);
	}
	frl_pass(link, flow, 2u + unit->size);
	if (unit->kind == 'q')		/* acts on the other flow */
		frames_timer(link);
	return (FRL_OK);
}

static enum frl_verdict
frames_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	struct unit unit;
	enum frl_verdict verdict = FRL_OK;

	(void)seen;
	if (held.len < 2) {
		frl_need(link, flow, 2);
		return (FRL_OK);
	}
	unit.kind = held.data[0];
	unit.size = held.data[1];
	if (unit.kind == 's')
		verdict = frl_publish(link, flow, &unit_event, &unit);
	if (verdict == FRL_WAIT)
		return (verdict);
	return (frames_decided(link, flow, &unit_event, &unit, verdict));
}

static void
frames_farewell(struct frl_link *link, const struct frl_farewell *farewell)
{
	(void)farewell;
	frl_insert(link, FRL_FROM_CLIENT, WORD_CLOSE, WORD_LEN(WORD_CLOSE));
	frl_insert(link, FRL_FROM_SERVER, WORD_CLOSE, WORD_LEN(WORD_CLOSE));
}

static const struct frl_plugin toy_frames = {
	FRL_ABI, .flags = FRL_OWNS_PROTOCOL | FRL_CHANGES, .name = "frames",
	.state_size = sizeof(struct frames), .events = unit_events,
	.data = frames_data, .timer = frames_timer, .end = end_passes,
	.decided = frames_decided, .farewell = frames_farewell
};

/*
 * Switch: like http, requests, answers, and an answer that changes the
 * protocol.
 */

struct swtch {
	bool asked, gone;
};

/* What an answer hands the protocol to; NULL: it goes on. */
static const char *
switch_token(uint8_t kind)
{
	switch (kind) {
	case '!':
		return ("frames");
	case '~':
		return ("raw");
	case 'x':
		return ("unknown");
	default:
		return (NULL);
	}
}

static bool
switch_hands(struct frl_link *link, const char *token, struct frl_bytes held)
{
	const struct frl_context context = {
		.size = sizeof(context), .token = token,
		.subprotocol = { held.data, 2 }
	};

	return (frl_handoff(link, token, &context) == 0);
}

static enum frl_verdict
switch_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	struct swtch *swtch = link->state;
	const char *token;

	(void)seen;
	if (flow == FRL_FROM_CLIENT && swtch->asked) {
		/* Early bytes: whose, the answer will say. */
		frl_pause(link, flow);
		return (FRL_OK);
	}
	if (held.len < 2) {
		frl_need(link, flow, 2);
		return (FRL_OK);
	}
	token = switch_token(held.data[0]);
	if (flow == FRL_FROM_CLIENT) {
		swtch->asked = true;
	} else if (token == NULL) {
		/* "No": early bytes are the next request. */
		swtch->asked = false;
		frl_again(link, FRL_FROM_CLIENT);
	} else if (!switch_hands(link, token, held)) {
		/* Asked before the answer is let go. */
		return (frl_refuse(link, FRL_WHY_REFUSED, token));
	}
	frl_pass(link, flow, 2u + held.data[1]);
	if (swtch->gone)	/* nobody is left to answer */
		frl_end(link, FRL_FROM_CLIENT);
	return (FRL_OK);
}

static enum frl_verdict
switch_end(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    uint64_t unmet)
{
	struct swtch *swtch = link->state;

	(void)held, (void)unmet;
	if (flow == FRL_FROM_SERVER) {
		swtch->gone = true;
		if (swtch->asked)
			frl_end(link, FRL_FROM_CLIENT);
	}
	return (FRL_OK);
}

static void
switch_farewell(struct frl_link *link, const struct frl_farewell *farewell)
{
	const struct swtch *swtch = link->state;

	(void)farewell;
	if (swtch->asked)
		frl_insert(link, FRL_FROM_SERVER, WORD_CLOSE,
		    WORD_LEN(WORD_CLOSE));
}

static const struct frl_plugin toy_switch = {
	FRL_ABI, .flags = FRL_OWNS_PROTOCOL, .name = "switch",
	.state_size = sizeof(struct swtch), .data = switch_data,
	.end = switch_end, .farewell = switch_farewell
};

#endif
