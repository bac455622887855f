/* SPDX-License-Identifier: MIT */
/*
 * tell -- see tell.h.
 *
 * Counters are exact whatever is published: they count what is announced and
 * take back what a stream that ended early did not bring.
 */
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "tell.h"

void
tell_begin(struct frl_link *link)
{
	struct ws *ws = link->state;

	if (ws->begun)
		return;
	ws->begun = true;
	for (int i = 0; i < 2; i++)
		ws->ways[i].base = frl_moved(link, (enum frl_flow)i);
	if (ws->handshake == NULL)
		return;
	frl_publish(link, FRL_FROM_SERVER, &ws_handshake,
	    &ws->handshake->record);
	free(ws->handshake);
	ws->handshake = NULL;
}

void
tell_error(struct frl_link *link, enum frl_flow flow, const char *kind,
    uint64_t offset, int64_t missing)
{
	const struct frl_ws_error error = {
		.kind = kind, .offset_bytes = offset, .missing_bytes = missing,
		.action = missing < 0 ? "forward" : NULL
	};

	frl_publish(link, flow, &ws_error, &error);
}

void
tell_truncated(struct frl_link *link, enum frl_flow flow, uint64_t missing)
{
	struct ws *ws = link->state;
	struct way *way = &ws->ways[flow];
	uint64_t start = way->offset - way->last - way->last_header;

	tell_error(link, flow, "truncated", start,
	    missing > INT64_MAX ? INT64_MAX : (int64_t)missing);
	missing = missing < way->last ? missing : way->last;
	way->counts.payload_bytes -= missing;
	way->last -= missing;
	way->offset -= missing;
}

/* The longest payload, once it is known how much of the last one came. */
static void
count_longest(struct way *way)
{
	if (way->last > way->counts.max_payload_bytes)
		way->counts.max_payload_bytes = way->last;
}

static void
count_opcode(struct ws_counts *counts, uint8_t opcode)
{
	switch (opcode) {
	case FRAME_CONTINUATION:
		counts->continuation++;
		break;
	case FRAME_TEXT:
		counts->text++;
		break;
	case FRAME_BINARY:
		counts->binary++;
		break;
	case FRAME_CLOSE:
		counts->close++;
		break;
	case FRAME_PING:
		counts->ping++;
		break;
	case FRAME_PONG:
		counts->pong++;
		break;
	default:
		break;
	}
}

void
tell_count(struct frl_link *link, enum frl_flow flow,
    const struct frame *frame)
{
	struct ws *ws = link->state;
	struct way *way = &ws->ways[flow];

	count_longest(way);
	count_opcode(&way->counts, frame->opcode);
	way->counts.payload_bytes += frame->payload;
	way->frames++;
	way->last = frame->payload;
	way->last_header = frame->header;
	way->offset += frame->header + frame->payload;
}

void
tell_close(struct frl_link *link)
{
	static const char *const names[] = { NULL, "client", "server",
	    "proxy" };
	struct ws *ws = link->state;
	enum party by = ws->closer != NOBODY ? ws->closer : ws->leaver;
	struct frl_ws_close record = {
		.code = ws->closer != NOBODY ? ws->code : 1006,
		.initiator = names[by],
		.clean = ws->ways[0].rules.closed && ws->ways[1].rules.closed
	};

	if (ws->close_said)
		return;
	ws->close_said = true;
	record.code_name = rules_code_name(record.code);
	if (ws->reason_len > 0)
		record.reason = (struct frl_bytes){ ws->reason,
		    ws->reason_len };
	frl_publish(link, by == SERVER ? FRL_FROM_SERVER : FRL_FROM_CLIENT,
	    &ws_close, &record);
}

void
tell_closer(struct ws *ws, enum party closer, uint16_t code,
    struct frl_bytes reason)
{
	size_t n = reason.len < FRAME_REASON_MAX ? reason.len :
	    FRAME_REASON_MAX;

	if (ws->closer != NOBODY)
		return;
	ws->closer = (uint8_t)closer;
	ws->code = code;
	if (n == 0 || (ws->reason = malloc(n)) == NULL)
		return;
	memcpy(ws->reason, reason.data, n);
	ws->reason_len = (uint8_t)n;
}

/* May pings and pongs have one more line in this second? */
static bool
within_rate(struct frl_link *link)
{
	const struct instance *instance = link->instance;
	struct ws *ws = link->state;
	uint64_t now, rate = instance->options->control_rate;

	if (rate == 0)
		return (true);
	now = frl_now_us(link);
	if (now - ws->second_us >= 1000000) {
		ws->second_us = now;
		ws->controls = 0;
	}
	if (ws->controls >= rate || ws->controls == UINT32_MAX)
		return (false);
	ws->controls++;
	return (true);
}

/* Does this frame get a line?  Control frames only up to the rate; a close in
 * any case. */
static bool
is_logged(struct frl_link *link, const struct frame *frame)
{
	const struct instance *instance = link->instance;

	if (instance->options->log != LOG_FRAME)
		return (false);
	return (!frame_is_control(frame) || frame->opcode == FRAME_CLOSE ||
	    within_rate(link));
}

enum frl_verdict
tell_frame(struct frl_link *link, enum frl_flow flow,
    const struct frame *frame)
{
	struct ws *ws = link->state;
	struct way *way = &ws->ways[flow];
	struct frl_ws_frame record;

	if (way->allowed) {
		way->allowed = false;
		return (FRL_OK);
	}
	if (!frl_wanted(link, &ws_frame))
		return (FRL_OK);
	record = (struct frl_ws_frame){
		.frame = way->frames + 1,
		.msg = rules_msg(&way->rules, frame),
		.opcode = frame->opcode, .type = rules_type(frame->opcode),
		.fin = frame->fin, .rsv = frame->rsv,
		.masked = frame->masked, .header_bytes = frame->header,
		.payload_bytes = frame->payload
	};
	/* Hooks decide on every frame, whatever is logged. */
	if (!is_logged(link, frame))
		return (frl_ask(link, flow, &ws_frame, &record));
	return (frl_publish(link, flow, &ws_frame, &record));
}

void
tell_message(struct frl_link *link, enum frl_flow flow)
{
	const struct instance *instance = link->instance;
	const struct ws *ws = link->state;
	const struct rules *rules = &ws->ways[flow].rules;
	uint32_t log = instance->options->log;
	struct frl_ws_message message;

	/* The line of its only frame says it all. */
	if (log == LOG_SUMMARY || (log == LOG_FRAME && rules->frames == 1))
		return;
	if (!frl_wanted(link, &ws_message))
		return;
	message = rules_message(rules);
	frl_publish(link, flow, &ws_message, &message);
}

void
tell_rtt(struct frl_link *link, enum frl_flow flow, uint64_t us, bool own)
{
	const struct instance *instance = link->instance;
	const struct frl_ws_rtt record = { .rtt_us = us, .by = own ? "proxy" :
	    flow == FRL_FROM_CLIENT ? "client" : "server" };

	if (instance->options->log != LOG_SUMMARY &&
	    frl_wanted(link, &ws_rtt) && within_rate(link))
		frl_publish(link, flow, &ws_rtt, &record);
}

void
tell_summary(struct frl_link *link)
{
	struct ws *ws = link->state;
	struct ws_summary summary = { 0 };

	for (int i = 0; i < 2; i++) {
		count_longest(&ws->ways[i]);
		summary.ways[i] = ws->ways[i].counts;
		summary.frames[i] = ws->ways[i].frames;
		if (ws->pings != NULL) {
			summary.pings[i] = ws->pings->ways[i].counts;
			summary.ping_age_us[i] = ping_age(
			    &ws->pings->ways[i], frl_now_us(link));
		}
		summary.inflated_bytes[i] = ws->guard == NULL ? 0 :
		    ws->guard->ways[i].payload.total;
	}
	frl_report(link, &ws_summary, &summary);
}
