/* SPDX-License-Identifier: MIT */
#include "flow/relay_parts.h"

#include <string.h>
#include <utlist.h>

static bool keep_span(struct relay *relay, struct relay_flow *f);

static void
client_readable(void *arg)
{
	relay_read(arg, FRL_FROM_CLIENT);
}

static void
server_readable(void *arg)
{
	relay_read(arg, FRL_FROM_SERVER);
}

static void
any_writable(void *arg)
{
	relay_update(arg);
}

void
relay_attach(struct relay *relay, enum frl_flow whose, struct conn *conn)
{
	static const struct conn_handlers client = { client_readable,
		any_writable };
	static const struct conn_handlers server = { server_readable,
		any_writable };

	relay->flows[whose].source = conn;
	relay->flows[!whose].sink = conn;
	conn_set_handlers(conn, whose == FRL_FROM_CLIENT ? &client : &server,
	    relay);
	relay->last_us = loop_recent_us(relay->env->loop);
}

void
relay_move_client(struct relay *to, struct relay *from)
{
	struct relay_flow *old = &from->flows[FRL_FROM_SERVER];
	struct relay_flow *new = &to->flows[FRL_FROM_SERVER];
	struct conn *client = old->sink;

	/* Killed before the turn's end: what was put off goes along. */
	if (!keep_span(from, old))
		old->gone = true;
	new->out = old->out;
	new->pipe = old->pipe;
	new->gone = old->gone;
	new->writing = old->writing;
	memset(&old->out, 0, sizeof(old->out));
	old->pipe = NULL;
	old->sink = from->flows[FRL_FROM_CLIENT].source = NULL;
	conn_want_read(client, false);
	relay_attach(to, FRL_FROM_CLIENT, client);
}

struct buf *
relay_out(struct relay *relay, enum frl_flow flow)
{
	return (&relay->flows[flow].out);
}

bool
relay_pending(const struct relay *relay, enum frl_flow flow)
{
	return (relay_waits(&relay->flows[flow]));
}

/* Is this memory part of the read buffer?  Then it stays until the turn is
 * over. */
static bool
lasting(const struct relay *relay, const uint8_t *bytes)
{
	uintptr_t from = (uintptr_t)relay->env->buffer;

	return ((uintptr_t)bytes >= from &&
	    (uintptr_t)bytes < from + RELAY_BUFFER);
}

void
relay_emit(struct relay *relay, enum frl_flow flow, const uint8_t *bytes,
    size_t n)
{
	struct relay_flow *f = &relay->flows[flow];

	if (f->shut || f->gone || f->sink == NULL)
		return;
	if (lasting(relay, bytes)) {
		if (f->span_len == 0) {
			f->span = bytes;
			f->span_len = n;
			return;
		}
		if (f->span + f->span_len == bytes) {
			f->span_len += n;
			return;
		}
	}
	if (!keep_span(relay, f) || buf_append(&f->out, bytes, n) != 0)
		relay->starved(relay->arg);
}

void
relay_fin(struct relay *relay, enum frl_flow flow)
{
	relay->flows[flow].fin = true;
}

void
relay_cut(struct relay *relay, enum frl_flow flow)
{
	struct relay_flow *f = &relay->flows[flow];

	f->cut = true;
	f->may_end = !f->over;
}

/* Copy what was to be sent straight from the read buffer. */
static bool
keep_span(struct relay *relay, struct relay_flow *f)
{
	const uint8_t *bytes = f->span;
	size_t n = f->span_len;

	(void)relay;
	f->span = NULL;
	f->span_len = 0;
	return (n == 0 || buf_append(&f->out, bytes, n) == 0);
}

/* Forget n sent bytes: of `out` first, then of the span. */
static void
sent(struct relay_flow *f, size_t n)
{
	size_t queued = buf_len(&f->out);
	size_t k = n < queued ? n : queued;

	if (k != 0)
		buf_drain(&f->out, k);
	if (n == k)
		return;			/* there may be no span at all */
	f->span += n - k;
	f->span_len -= n - k;
}

void
relay_give_pipe(struct relay *relay, struct relay_flow *f)
{
	if (f->pipe != NULL)
		pipe_give(relay->env->pipes, f->pipe);
	f->pipe = NULL;
}

static void
lose_sink(struct relay *relay, struct relay_flow *f)
{
	f->gone = true;
	relay_give_pipe(relay, f);
	buf_free(&f->out);
	f->span = NULL;
	f->span_len = 0;
}

/*
 * A peer that takes nothing any more may have said why: what it sent before
 * still goes to the other one, and the end of that is the reset.  False:
 * nothing of it can come.
 */
static bool
give_up(struct relay *relay, struct relay_flow *f)
{
	const struct relay_flow *back =
	    &relay->flows[f == &relay->flows[FRL_FROM_CLIENT]];

	if (f->gone || relay->chain == NULL || back->over || back->shut)
		return (false);
	lose_sink(relay, f);
	return (true);
}

void
relay_lose_server(struct relay *relay)
{
	lose_sink(relay, &relay->flows[FRL_FROM_CLIENT]);
	relay->flows[FRL_FROM_SERVER].over = true;
	chain_feed(relay->chain, FRL_FROM_SERVER, NULL, 0, true);
	relay_update(relay);
}

/* Is this flow the last one, and nobody has more to say?  Then closing is all
 * that is left to do, and says the same as a shutdown. */
static bool
is_last(const struct relay *relay, const struct relay_flow *f)
{
	const struct relay_flow *back =
	    &relay->flows[f == &relay->flows[FRL_FROM_CLIENT]];

	return (back->over && back->shut && (f->source == NULL || f->over));
}

/* Write what waits: 0, CONN_RESET or CONN_STARVED. */
static int
flush(struct relay *relay, struct relay_flow *f)
{
	struct iovec iov[2];
	ssize_t n;
	int parts;

	while (f->pipe != NULL && f->pipe->fill != 0) {
		n = conn_splice_out(f->sink, f->pipe);
		if (n < 0)
			return (n == CONN_AGAIN ? 0 : (int)n);
		relay->moved = true;
	}
	relay_give_pipe(relay, f);		/* others may need it meanwhile */
	while (!buf_empty(&f->out) || f->span_len != 0) {
		parts = 0;
		if (!buf_empty(&f->out)) {
			iov[parts].iov_base =
			    (void *)(uintptr_t)buf_data(&f->out);
			iov[parts++].iov_len = buf_len(&f->out);
		}
		if (f->span_len != 0) {
			iov[parts].iov_base = (void *)(uintptr_t)f->span;
			iov[parts++].iov_len = f->span_len;
		}
		n = conn_write(f->sink, iov, parts);
		if (n < 0)
			return (n == CONN_AGAIN ? 0 : (int)n);
		relay->moved = true;
		sent(f, (size_t)n);
	}
	if (f->fin && !f->shut) {
		f->cut = f->cut && !(f->may_end && f->over);
		f->shut = true;
		if (!f->gone && !f->cut && !is_last(relay, f) &&
		    conn_shutdown(f->sink) == CONN_RESET)
			return (CONN_RESET);
	}
	return (0);
}

static inline void
set_watches(struct relay *relay, enum frl_flow flow)
{
	struct relay_flow *f = &relay->flows[flow];
	bool on;

	if (f->source != NULL) {
		f->reading = relay_readable_now(relay, flow) != 0;
		conn_want_read(f->source, f->reading);
	}
	on = relay_waits(f);
	if (f->sink != NULL && on != f->writing) {
		conn_want_write(f->sink, on);
		f->writing = on;
	}
}

/* Send what waits of a flow.  False: this relay is at its end. */
static inline bool
send_on(struct relay *relay, enum frl_flow flow)
{
	struct relay_flow *f = &relay->flows[flow];
	int result;

	if (f->sink == NULL || (!relay_waits(f) && f->fin == f->shut))
		return (true);		/* nearly always the one of them */
	result = flush(relay, f);
	if (result == CONN_STARVED) {
		relay->starved(relay->arg);
		return (false);
	}
	if (result == CONN_RESET && !give_up(relay, f)) {
		relay->reset(relay->arg, flow == FRL_FROM_CLIENT ?
		    FRL_FROM_SERVER : FRL_FROM_CLIENT);
		return (false);
	}
	if (!keep_span(relay, f)) {
		relay->starved(relay->arg);
		return (false);
	}
	return (true);
}

/* What waits here, as a part of what waits in all tunnels. */
static void
weigh(struct relay *relay)
{
	struct quota *memory = relay->env->memory;
	size_t weight = buf_cap(&relay->flows[0].out) +
	    buf_cap(&relay->flows[1].out);

	if (relay->chain != NULL)
		weight += chain_heap(relay->chain);
	if (weight == relay->weight)
		return;
	memory->used = memory->used - relay->weight + weight;
	quota_changed(memory);
	if (weight > relay->weight && quota_full(memory) && !relay->heavy) {
		relay->heavy = true;
		quota_turn_away(memory);
	}
	relay->weight = weight;
}

static inline void
take_off(struct relay *relay)
{
	if (relay->due)
		DL_DELETE(relay->env->due, relay);
	relay->due = false;
}

void
relay_turns_end(struct relay_env *env)
{
	while (env->due != NULL)
		relay_update(env->due);
	env->used = env->pieces = 0;
}

void
relay_update(struct relay *relay)
{
	take_off(relay);
	if (relay->dead || !send_on(relay, FRL_FROM_CLIENT) ||
	    !send_on(relay, FRL_FROM_SERVER))
		return;
	weigh(relay);
	set_watches(relay, FRL_FROM_CLIENT);
	set_watches(relay, FRL_FROM_SERVER);
	if (relay->moved && !relay->quiet)
		relay->last_us = loop_recent_us(relay->env->loop);
	relay->moved = relay->quiet = false;
	relay->progress(relay->arg);
}

void
relay_feed(struct relay *relay, enum frl_flow flow, const uint8_t *bytes,
    size_t n)
{
	chain_feed(relay->chain, flow, bytes, n, false);
	relay_update(relay);
}

bool
relay_flushed(const struct relay *relay)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		const struct relay_flow *f = &relay->flows[i];

		if (f->sink != NULL && (!f->shut ||
		    relay_pending(relay, (enum frl_flow)i)))
			return (false);
	}
	return (true);
}

bool
relay_finished(const struct relay *relay)
{
	const struct relay_flow *f = relay->flows;

	return (relay_flushed(relay) && (f[0].cut || f[1].cut ||
	    ((f[0].source == NULL || f[0].over) &&
	    (f[1].source == NULL || f[1].over))));
}

/* A FIN behind bytes that will not come would claim that they were all. */
static bool
cut_short(const struct relay_flow *f)
{
	return (!f->gone && (f->cut || relay_waits(f)));
}

void
relay_close(struct relay *relay, bool reset)
{
	bool cut[2] = { cut_short(&relay->flows[0]),
		cut_short(&relay->flows[1]) };
	unsigned i;

	take_off(relay);
	relay->env->memory->used -= relay->weight;
	quota_changed(relay->env->memory);
	relay->weight = 0;
	for (i = 0; i < 2; i++) {
		struct relay_flow *f = &relay->flows[i];

		relay_give_pipe(relay, f);
		buf_free(&f->out);
		f->span_len = 0;
		if (f->source != NULL)
			conn_close(f->source, reset || cut[!i]);
	}
	for (i = 0; i < 2; i++)
		relay->flows[i].source = relay->flows[i].sink = NULL;
}
