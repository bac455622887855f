/* SPDX-License-Identifier: MIT */
/*
 * relay -- moves bytes between two connections and a chain.
 *
 *	client conn --read--> chain --out--> [pipe][out] --write--> server conn
 *	            <--write-- [pipe][out] <--out-- chain <--read--
 *
 * What always holds, per flow:
 *	1  while bytes wait in `pipe` or `out`, its source is not read
 *	2  what waits in `pipe` is older than what waits in `out`
 *	3  bytes that the peer's socket takes at once are never copied
 *	4  a FIN is sent when the chain has ended the flow and nothing waits
 *	5  the less memory is left for all, the less is read at a time
 *	6  what was read leaves in the same turn of the loop
 *
 * Small pieces leave when the turn is over, those of some tunnels one behind
 * another: so the code of each step, here and in the kernel, runs several times
 * in a row.  Till then they lie in the read buffer:
 *
 *	buffer         used                       RELAY_BUFFER
 *	   | put off    |  the next read             |
 *
 * Before there is a chain, and after its end, what arrives is thrown away
 * (an answer's reader may still be writing, and closing on it would destroy
 * the answer).  It knows nothing of states, names or reasons.
 */
#ifndef FLOW_RELAY_H
#define FLOW_RELAY_H

#include "base/board.h"
#include "base/buf.h"
#include "base/quota.h"
#include "flow/chain.h"
#include "net/conn.h"
#include "net/pipe.h"

#define RELAY_BUFFER (1024 * 1024)

/* Shared by all relays of a loop. */
struct relay_env {
	struct loop *loop;
	struct pipe_pool *pipes;
	uint8_t *buffer;		/* RELAY_BUFFER bytes */
	struct quota *memory;		/* bytes that wait in all of them */
	struct board *board;		/* what is read is counted there */
	struct relay *due;		/* to be updated at the turn's end */
	size_t used;			/* of the buffer, by pieces put off */
	unsigned pieces;		/* so many */
};

struct relay_flow {
	struct conn *source, *sink;
	struct buf out;
	const uint8_t *span;		/* of the read buffer, not yet sent */
	size_t span_len;
	struct pipe_end *pipe;
	uint8_t full_reads;		/* that brought all they asked for,
					 * in a row */
	bool over;			/* the source has finished */
	bool fin;			/* nothing more will be queued */
	bool shut;			/* the sink was told */
	bool gone;			/* the sink takes nothing any more */
	bool cut;			/* its end is told by a RST, */
	bool may_end;			/* unless its source finishes first */
	bool reading;			/* the source is watched, */
	bool writing;			/* the sink is */
};

struct relay {
	struct relay_env *env;
	struct chain *chain;
	struct relay_flow flows[2];
	struct relay *prev, *next;	/* of env->due */
	uint64_t last_us;		/* when a peer last moved a byte,
					 * roughly */
	size_t weight;			/* its part of env->memory */
	bool heavy;			/* it grew beyond what there may be */
	bool moved;			/* one did since last_us was noted, */
	bool quiet;			/* but it tells nothing of a peer */
	bool greeting;			/* the client is read by its owner */
	bool due;			/* it is one of env->due */
	bool dead;			/* about to be closed: do nothing */
	/* News for the owner, who must not free anything in it. */
	void (*reset)(void *arg, enum frl_flow whose);
	void (*progress)(void *arg);
	void (*starved)(void *arg);
	void *arg;
};

/* Take the client's connection; the server's comes with relay_begin.
 * relay: zeroed but for env and the functions. */
void relay_attach(struct relay *relay, enum frl_flow whose,
    struct conn *conn);

/* The client's connection, and what waits to be sent to it, go over to
 * another relay, which has none. */
void relay_move_client(struct relay *to, struct relay *from);

/* The server's connection broke.  It takes nothing any more, and the chain is
 * told that its flow has ended.  There is a chain. */
void relay_lose_server(struct relay *relay);

/* Queue the proxy's own bytes towards a peer, before anything of the chain.
 * NULL without memory is the caller's to notice by relay_pending. */
struct buf *relay_out(struct relay *relay, enum frl_flow flow);

/* ops->out and ops->fin of the chain. */
void relay_emit(struct relay *relay, enum frl_flow flow,
    const uint8_t *bytes, size_t n);
void relay_fin(struct relay *relay, enum frl_flow flow);

/* ops->cut: no FIN, but a RST when the relay is closed; unless the source, which
 * has not, finishes first. */
void relay_cut(struct relay *relay, enum frl_flow flow);

/* Feed bytes that were read earlier (borrow). */
void relay_feed(struct relay *relay, enum frl_flow flow,
    const uint8_t *bytes, size_t n);

/* Send what waits, set what is watched; after anything happened to the
 * chain.  Calls reset() or progress(). */
void relay_update(struct relay *relay);

/* The turn is over: update those that put it off. */
void relay_turns_end(struct relay_env *env);

/* Does a flow wait for a socket? */
bool relay_pending(const struct relay *relay, enum frl_flow flow);

/* Both flows have ended and everything is sent. */
bool relay_flushed(const struct relay *relay);

/* That was all: the peers have finished, or a RST is to say so. */
bool relay_finished(const struct relay *relay);

/* A source is not being read though it has not finished: nobody would notice
 * that its peer is gone. */
static inline bool
relay_unwatched(const struct relay *relay, enum frl_flow flow)
{
	const struct relay_flow *f = &relay->flows[flow];

	return (f->source != NULL && !f->over && !f->reading);
}

/* Close both connections; by a RST where bytes still wait to be sent. */
void relay_close(struct relay *relay, bool reset);

#endif
