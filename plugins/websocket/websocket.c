/* SPDX-License-Identifier: MIT */
/*
 * websocket -- tell of every frame of a WebSocket, and change none.
 *
 * It reads headers.  A payload runs ahead unlooked at, however long it says
 * it is, unless the guard has a question about it; only control frames are
 * held until they are whole, because a close says why.  In observe mode a
 * frame that breaks RFC 6455 is reported and goes on, byte for byte; in
 * enforce mode it ends the tunnel.  What it writes itself, never inside
 * somebody's frame, is one close frame, when the tunnel ends against its will,
 * and with keepalive pings, whose pongs it takes out again.
 *
 * A frame is asked about (ws.frame) before any byte of it is let go, and
 * counted when it is.
 */
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "farewell.h"
#include "keepalive.h"

/* Frames handled in one call; then others may have their turn. */
#define FRAMES_PER_CALL 256

/* RFC 6455, 7.1.1: behind both closes TCP ends, the server first.  Peers that
 * leave it open are not waited for. */
#define CLOSED_IDLE_MS 10000

static enum frl_verdict
websocket_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	struct instance *instance = calloc(1, sizeof(*instance));

	if (instance != NULL)
		instance->reader = frame_reader_create();
	if (instance == NULL || instance->reader == NULL) {
		host->say(host, FRL_ERROR, "no memory");
		free(instance);
		return (FRL_FAIL);
	}
	instance->options = options;
	*ret_instance = instance;
	return (FRL_OK);
}

static void
websocket_unload(void *arg)
{
	struct instance *instance = arg;

	frame_reader_free(instance->reader);
	free(instance);
}

static enum frl_verdict
websocket_open(struct frl_link *link, const struct frl_context *context)
{
	const struct instance *instance = link->instance;
	struct ws *ws = link->state;
	unsigned int negotiated = 0;

	if (context != NULL && context->size >= sizeof(*context)) {
		ws->handshake = handshake_read(context, &negotiated);
		if (ws->handshake == NULL)
			return (FRL_FAIL);
		ws->negotiated = (uint8_t)negotiated;
	}
	if (options_guard(instance->options)) {
		ws->guard = guard_create(instance->options,
		    ws->handshake == NULL ? NULL : &ws->handshake->record);
		if (ws->guard == NULL) {
			free(ws->handshake);
			return (FRL_FAIL);
		}
	}
	/* The first line, even if nobody sends a frame. */
	frl_set_timer(link, 0);
	return (FRL_OK);
}

/* A control frame is held until it is whole, unless it is none. */
static bool
is_held_whole(const struct frame *frame)
{
	return (frame_is_control(frame) &&
	    frame->payload <= FRAME_CONTROL_MAX);
}

/* What a close frame says; a `kind` if it says it badly. */
static const char *
read_close(struct ws *ws, enum frl_flow flow, const struct frame *frame,
    struct frl_bytes held)
{
	uint8_t payload[FRAME_CONTROL_MAX];
	struct frl_bytes reason, plain = { payload, 0 };
	const char *kind;
	uint16_t code;

	plain.len = frame_control(frame, held, payload);
	kind = rules_close(plain, &code, &reason);
	tell_closer(ws, flow == FRL_FROM_CLIENT ? CLIENT : SERVER, code,
	    reason);
	return (kind);
}

/* Bit 63 of a length: no frame of this flow can be found any more. */
static enum frl_verdict
go_blind(struct frl_link *link, enum frl_flow flow)
{
	struct ws *ws = link->state;
	struct way *way = &ws->ways[flow];

	if (frl_pass(link, flow, FRL_ALL) != 0)
		return (FRL_FAIL);
	way->blind = true;
	tell_error(link, flow, "bad_length", way->offset, -1);
	return (FRL_OK);
}

/* May this frame pass?  *ret_used is not 0 if it was dropped instead. */
static enum frl_verdict
ask_about(struct frl_link *link, enum frl_flow flow,
    const struct frame *frame, struct frl_bytes held, uint64_t *ret_used)
{
	const struct ws *ws = link->state;
	enum frl_verdict verdict;

	if (ws->guard != NULL) {
		verdict = guard_judge(link, flow, frame, held, ret_used);
		if (verdict != FRL_OK || *ret_used != 0)
			return (verdict);
	}
	return (tell_frame(link, flow, frame));
}

/*
 * The frame goes on, its payload unlooked at or, if it is watched, as it
 * comes; then follow what it means.  *ret_used: what was let go.
 */
static enum frl_verdict
let_go(struct frl_link *link, enum frl_flow flow, const struct frame *frame,
    struct frl_bytes held, uint64_t *ret_used)
{
	struct ws *ws = link->state;
	struct way *way = &ws->ways[flow];
	const char *kind, *close_kind = NULL;
	bool watched = ws->guard != NULL && guard_watches(link, flow, frame);

	*ret_used = frame->header + (watched ? 0 : frame->payload);
	if (frl_pass(link, flow, *ret_used) != 0)
		return (FRL_FAIL);
	kind = rules_is_plain(&way->rules, frame, flow) ? NULL :
	    rules_check(&way->rules, frame, flow, ws->negotiated);
	if (frame->opcode == FRAME_CLOSE && !way->rules.closed)
		close_kind = read_close(ws, flow, frame, held);
	if (kind != NULL || close_kind != NULL)
		tell_error(link, flow, kind != NULL ? kind : close_kind,
		    way->offset, -1);
	if (kind == NULL && is_held_whole(frame))
		keepalive_passed(link, flow, frame, held);
	tell_count(link, flow, frame);
	if (rules_take(&way->rules, frame)) {
		way->counts.messages++;
		if (!watched)
			tell_message(link, flow);
	}
	if (ws->ways[0].rules.closed && ws->ways[1].rules.closed) {
		tell_close(link);
		frl_set_idle(link, CLOSED_IDLE_MS);
	}
	if (!watched)
		return (FRL_OK);
	held.data += frame->header;
	held.len -= frame->header;
	return (guard_payload(link, flow, held, ret_used));
}

/*
 * The frame at the start of held.  *ret_used: how much of it was let go, or 0
 * when more bytes or a verdict are needed first.
 */
static enum frl_verdict
one_frame(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    uint64_t *ret_used)
{
	const struct instance *instance = link->instance;
	const struct ws *ws = link->state;
	enum frame_status status;
	enum frl_verdict verdict;
	struct frame frame;
	uint64_t size;
	size_t need;

	*ret_used = 0;
	status = frame_read(instance->reader, held, &frame, &need);
	if (status == FRAME_NOMEM)
		return (FRL_FAIL);
	if (status == FRAME_MORE) {
		frl_need(link, flow, need);
		return (FRL_OK);
	}
	size = frame.header + frame.payload;
	if (is_held_whole(&frame) && held.len < size) {
		frl_need(link, flow, (size_t)size);
		return (FRL_OK);
	}
	/* What a hook was asked about is a peer's for good: its ping may have
	 * been sent meanwhile. */
	if (ws->pings != NULL && !ws->ways[flow].allowed &&
	    keepalive_is_own(link, flow, &frame, held)) {
		*ret_used = size;
		return (keepalive_swallow(link, flow, &frame, held));
	}
	verdict = ask_about(link, flow, &frame, held, ret_used);
	if (verdict != FRL_OK || *ret_used != 0)
		return (verdict);
	if (frame.length == FRAME_LENGTH_LOST) {
		*ret_used = FRL_ALL;
		return (go_blind(link, flow));
	}
	return (let_go(link, flow, &frame, held, ret_used));
}

/* Frame after frame, until one needs more; *ret_frames: so many were taken. */
static enum frl_verdict
frames(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    uint64_t *ret_frames)
{
	const struct ws *ws = link->state;
	uint64_t used, swallowed = keepalive_swallowed(link, flow);
	enum frl_verdict verdict;

	for (int i = 0; i < FRAMES_PER_CALL && held.len > 0; i++) {
		used = 0;
		if (ws->guard != NULL && guard_busy(ws->guard, flow))
			verdict = guard_payload(link, flow, held, &used);
		else
			verdict = one_frame(link, flow, held, &used);
		if (verdict != FRL_OK || used == 0)
			return (verdict);
		++*ret_frames;
		/* Drops and passes in turn would fill the queue of verbs; the
		 * rest is shown at once. */
		if (used >= held.len ||
		    keepalive_swallowed(link, flow) != swallowed)
			break;
		held.data += used;
		held.len -= (size_t)used;
	}
	return (FRL_OK);
}

static enum frl_verdict
websocket_data(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	uint64_t taken = 0, swallowed = keepalive_swallowed(link, flow);
	enum frl_verdict verdict;

	(void)seen;
	tell_begin(link);
	verdict = frames(link, flow, held, &taken);
	swallowed = keepalive_swallowed(link, flow) - swallowed;
	if (taken > 0)
		keepalive_heard(link, flow, taken > swallowed);
	return (verdict);
}

/* A late verdict: data() comes again, with the same frame first. */
static enum frl_verdict
websocket_decided(struct frl_link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    enum frl_verdict verdict)
{
	struct ws *ws = link->state;

	(void)record;
	if (verdict != FRL_OK)
		return (FRL_REFUSE);
	if (event == &ws_frame)
		ws->ways[flow].allowed = true;
	return (FRL_OK);
}

static enum frl_verdict
websocket_timer(struct frl_link *link)
{
	tell_begin(link);
	keepalive_tick(link);
	return (FRL_OK);
}

/*
 * The flow ended with part of a header, or of a control frame, held.  The
 * peer shall get it as it would without us; but what a hook may refuse is
 * asked about first.
 */
static enum frl_verdict
leftover(struct frl_link *link, enum frl_flow flow, struct frl_bytes held)
{
	const struct instance *instance = link->instance;
	struct ws *ws = link->state;
	enum frl_verdict verdict;
	struct frame frame;
	uint64_t used = 0;
	size_t need;

	switch (frame_read(instance->reader, held, &frame, &need)) {
	case FRAME_NOMEM:
		return (FRL_FAIL);
	case FRAME_MORE:
		if (ws->guard != NULL && guard_drops(link, flow))
			return (FRL_OK);
		tell_error(link, flow, "truncated", ws->ways[flow].offset,
		    (int64_t)(need - held.len));
		return (frl_pass(link, flow, held.len) == 0 ? FRL_OK :
		    FRL_FAIL);
	case FRAME_WHOLE:
		if (keepalive_is_own(link, flow, &frame, held))
			return (FRL_OK);	/* half of it: it is dropped */
		break;
	}
	verdict = ask_about(link, flow, &frame, held, &used);
	if (verdict == FRL_WAIT)	/* for nothing: the stream ends here */
		tell_error(link, flow, "truncated", ws->ways[flow].offset,
		    (int64_t)(frame.header + frame.payload - held.len));
	if (verdict != FRL_OK || used != 0)
		return (verdict);
	/* Not let_go(): half a close frame closes nothing. */
	if (frl_pass(link, flow, held.len) != 0)
		return (FRL_FAIL);
	tell_count(link, flow, &frame);
	tell_truncated(link, flow, frame.header + frame.payload - held.len);
	return (FRL_OK);
}

static enum frl_verdict
websocket_end(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, uint64_t unmet)
{
	struct ws *ws = link->state;
	enum frl_verdict verdict = FRL_OK;

	tell_begin(link);
	ws->ways[flow].ended = true;
	if (ws->leaver == NOBODY)
		ws->leaver = flow == FRL_FROM_CLIENT ? CLIENT : SERVER;
	if (ws->guard != NULL)
		unmet += guard_cut_off(link, flow);
	if (unmet > 0)
		tell_truncated(link, flow, unmet);
	else if (held.len > 0)
		verdict = leftover(link, flow, held);
	if (ws->ways[0].ended && ws->ways[1].ended)
		tell_close(link);
	return (verdict);
}

static void
websocket_close(struct frl_link *link)
{
	struct ws *ws = link->state;

	/* Nothing came behind open(): the switch may never have happened,
	 * and there is nothing to tell of. */
	if (!ws->begun) {
		free(ws->handshake);
		free(ws->pings);
		guard_free(ws->guard);
		return;
	}
	for (int i = 0; i < 2; i++) {
		struct way *way = &ws->ways[i];
		uint64_t moved = frl_moved(link, (enum frl_flow)i) - way->base;

		/* Cut off without an end: a reset, a deadline. */
		if (!way->ended && !way->blind && moved < way->offset)
			tell_truncated(link, (enum frl_flow)i,
			    way->offset - moved);
	}
	tell_close(link);
	tell_summary(link);
	guard_free(ws->guard);
	free(ws->reason);
	free(ws->pings);
}

static const struct frl_event *const events[] = {
	&ws_handshake, &ws_frame, &ws_message, &ws_close, &ws_rtt, &ws_error,
	&ws_summary, NULL
};

FRL_PLUGIN = {
	FRL_ABI,
	.flags = FRL_OWNS_PROTOCOL,
	.name = "websocket",
	.version = "0.1.0",
	.summary = "tells of every frame of a WebSocket, enforces RFC 6455",
	.licence = "MIT",
	.state_size = sizeof(struct ws),
	.options_size = sizeof(struct options),
	.options = options_table,
	.events = events,
	.load = websocket_load,
	.unload = websocket_unload,
	.open = websocket_open,
	.data = websocket_data,
	.end = websocket_end,
	.timer = websocket_timer,
	.decided = websocket_decided,
	.farewell = farewell_say,
	.close = websocket_close,
	.report = tell_summary
};
