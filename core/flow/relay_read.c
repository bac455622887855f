/* SPDX-License-Identifier: MIT */
/*
 * relay_read -- the reading half of a relay: how much, which way, and when what
 * was read is sent on.
 */
#include "flow/relay_parts.h"

#include <utlist.h>

/* Where so many bytes may go on unseen, moving them inside the kernel begins;
 * it goes on while so many come at a time.  Going back and forth costs more
 * than some small pieces. */
#define SPLICE_LEAST (128 * 1024)
#define SPLICE_AGAIN (16 * 1024)

/* What is read of a source that has not shown that it has more. */
#define RELAY_LEAST (64 * 1024)

/* So many slow readers, and some, have room in the memory for all. */
#define MEMORY_PARTS 256
#define READ_LEAST 4096

/* A piece that may wait for the turn's end is shorter than this; so many may.
 * More would not be cheaper, but make the first one wait. */
#define TURN_PIECE 4096
#define TURN_PIECES 32

_Static_assert(TURN_PIECE * TURN_PIECES <= RELAY_BUFFER - RELAY_LEAST,
    "pieces that were put off leave room for a read");

/* How much may be read, given that all of it may have to wait? */
static size_t
affordable(const struct relay *relay)
{
	struct quota *memory = relay->env->memory;
	uint64_t part = quota_left(memory) / MEMORY_PARTS;

	if (part >= RELAY_BUFFER)
		return (RELAY_BUFFER);
	quota_look(memory);
	part = quota_left(memory) / MEMORY_PARTS;
	return (part < READ_LEAST ? READ_LEAST : part < RELAY_BUFFER ?
	    (size_t)part : RELAY_BUFFER);
}

/* Leave the update to the turn's end: n bytes at the buffer's used end stay. */
static void
put_off(struct relay *relay, size_t n)
{
	struct relay_env *env = relay->env;

	env->used += n;
	env->pieces++;
	relay->due = true;
	DL_APPEND(env->due, relay);
}

/*
 * How much to read.  The first time little: what a sink does not take stays in
 * memory for as long as its reader likes.  Where that much came, a large read
 * saves calls, and as many bytes as the sink has room for are not kept.
 */
static size_t
appetite(const struct relay *relay, const struct relay_flow *f, size_t most)
{
	size_t room = RELAY_LEAST, part = affordable(relay);

	if (most > RELAY_BUFFER - relay->env->used)
		most = RELAY_BUFFER - relay->env->used;
	if (f->full_reads != 0 && f->sink != NULL) {
		room = conn_room(f->sink);
		if (room < RELAY_LEAST)
			room = RELAY_LEAST;
		if (room > RELAY_BUFFER)
			room = RELAY_BUFFER;
	}
	if (room > part)
		room = part;
	return (room < most ? room : most);
}

/*
 * Move bytes inside the kernel while nobody wants to see them: where large
 * reads came in a row.  How many; 0: read; or CONN_RESET, which the kernel
 * tells once: a read would find an end.
 */
static ssize_t
splice_on(struct relay *relay, enum frl_flow flow)
{
	struct relay_flow *f = &relay->flows[flow];
	uint64_t runway;
	ssize_t n;

	if (f->fin || f->gone)
		return (0);
	runway = chain_runway(relay->chain, flow);
	if (runway < SPLICE_LEAST || !conn_can_splice(f->source) ||
	    !conn_can_splice(f->sink))
		return (0);
	if (f->pipe == NULL)
		f->pipe = pipe_take(relay->env->pipes);
	if (f->pipe == NULL)
		return (0);
	if (runway > f->pipe->cap)
		runway = f->pipe->cap;
	n = conn_splice_in(f->source, f->pipe, (size_t)runway);
	if (n <= 0)
		return (n == CONN_RESET ? n : 0);
	if (n < SPLICE_AGAIN)
		f->full_reads = 0;
	chain_skip(relay->chain, flow, (uint64_t)n);
	return (n);
}

/* Bytes came. */
static inline void
count(const struct relay_env *env, enum frl_flow flow, ssize_t n)
{
	board_add(&env->board->rows[flow == FRL_FROM_CLIENT ?
	    BOARD_from_client : BOARD_from_server], (uint64_t)n);
}

void
relay_read(struct relay *relay, enum frl_flow flow)
{
	struct relay_flow *f = &relay->flows[flow];
	struct relay_env *env = relay->env;
	uint8_t *buffer;
	size_t room;
	ssize_t n;
	bool seen;

	if (env->pieces == TURN_PIECES)
		relay_turns_end(env);
	if (relay->due)		/* its other flow was read just now */
		relay_update(relay);
	if (relay->dead)
		return;
	if (relay->greeting) {
		relay->progress(relay->arg);
		return;
	}
	room = relay_readable_now(relay, flow);
	if (room == 0) {
		/* The log filled up or a greeting ended since this was
		 * watched: it must not be told of again and again. */
		relay_update(relay);
		return;
	}
	seen = relay->chain != NULL && !f->shut;
	buffer = env->buffer + env->used;
	n = seen && f->full_reads == 2 ? splice_on(relay, flow) : 0;
	if (n > 0) {
		count(env, flow, n);
		relay->moved = true;
		relay_update(relay);
		return;
	}
	if (n == 0) {
		if (seen && f->pipe != NULL)
			relay_give_pipe(relay, f);
		room = appetite(relay, f, room);
		n = conn_read(f->source, buffer, room);
	}
	if (n == CONN_AGAIN)
		return;
	if (n == CONN_STARVED) {
		relay->starved(relay->arg);
		return;
	}
	if (n == CONN_RESET || (n == 0 && relay->flows[!flow].gone)) {
		relay->reset(relay->arg, flow);
		return;
	}
	count(env, flow, n);
	relay->moved = true;
	f->over = n == 0;
	if ((size_t)n < room)
		f->full_reads = 0;
	else if (f->full_reads < 2)
		f->full_reads++;
	if (relay->chain != NULL)
		chain_feed(relay->chain, flow, buffer, (size_t)n, f->over);
	if (n != 0 && n < TURN_PIECE)
		put_off(relay, (size_t)n);
	else
		relay_update(relay);
}
