/* SPDX-License-Identifier: MIT */
/*
 * relay_parts -- what relay.c (sends, watches) and relay_read.c (reads) share;
 * nobody else's.
 */
#ifndef FLOW_RELAY_PARTS_H
#define FLOW_RELAY_PARTS_H

#include "flow/relay.h"

/* Does something wait to be sent? */
static inline bool
relay_waits(const struct relay_flow *f)
{
	return (f->span_len != 0 || !buf_empty(&f->out) ||
	    (f->pipe != NULL && f->pipe->fill != 0));
}

/* How much may be read of the source of a flow now? */
static inline size_t
relay_readable_now(const struct relay *relay, enum frl_flow flow)
{
	const struct relay_flow *f = &relay->flows[flow];

	if (f->source == NULL || f->over)
		return (0);
	if (relay->chain == NULL)
		return (relay->greeting || f->fin || relay->flows[!flow].fin ?
		    RELAY_BUFFER : 0);
	if (f->shut)
		return (RELAY_BUFFER);	/* to be thrown away */
	return (relay_waits(f) ? 0 : chain_room(relay->chain, flow));
}

/* The source of a flow has something to read, or has ended. */
void relay_read(struct relay *relay, enum frl_flow flow);

/* A pipe that is not needed goes back. */
void relay_give_pipe(struct relay *relay, struct relay_flow *f);

#endif
