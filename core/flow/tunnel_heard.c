/* SPDX-License-Identifier: MIT */
/*
 * tunnel_heard -- notices peers that vanish without a FIN or RST while bytes
 * are on their way to them.  Where none are, the kernel's keepalive does.
 *
 * What always holds: a tunnel on which nothing moves and all is acknowledged
 * is not looked at, however many of them there are.
 */
#include "flow/tunnel_parts.h"

/* Looks within the time that a peer has. */
#define LOOKS 4

static uint64_t
limit_of(const struct tunnel *t)
{
	return (t->all->options.rules->patience.unacknowledged_ms);
}

static uint64_t
pace(const struct tunnel *t)
{
	return (limit_of(t) / LOOKS + 1);
}

bool
tunnel_heard(struct tunnel *t, uint64_t *next_ms)
{
	enum frl_flow flow;

	t->guarded = false;
	if (limit_of(t) == 0 || (t->state != RELAY && t->state != DRAIN))
		return (true);
	for (flow = FRL_FROM_CLIENT; flow <= FRL_FROM_SERVER;
	    flow = (enum frl_flow)(flow + 1)) {
		struct conn *conn = t->relay.flows[flow].source;

		if (conn == NULL || t->relay.flows[!flow].gone)
			continue;
		switch (conn_heard(conn, limit_of(t))) {
		case HEARD_ALL:
			break;
		case HEARD_WAITING:
			t->guarded = true;
			break;
		case HEARD_NOTHING:
			t->relay.reset(t, flow);
			return (false);
		}
	}
	if (t->guarded && pace(t) < *next_ms)
		*next_ms = pace(t);
	return (true);
}

void
tunnel_guard(struct tunnel *t)
{
	if (t->guarded || t->looking || t->why != WHY_NONE ||
	    limit_of(t) == 0)
		return;
	t->guarded = true;
	tunnel_tick_within(t, pace(t));
}
