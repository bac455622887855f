/* SPDX-License-Identifier: MIT */
/*
 * tunnel_greet -- the beginning of a tunnel: what the client asks for.
 *
 * What always holds: in GREET the client is read here alone, under the
 * deadline of a head, and what came behind the head is kept in `early`.
 */
#include "flow/greet.h"
#include "flow/tunnel_parts.h"

static void
head_too_slow(void *arg)
{
	tunnel_deny(arg, WHY_HEAD_TIMEOUT, NULL, NULL);
}

/* The client sent something: is the head whole? */
void
tunnel_greet(struct tunnel *t)
{
	const struct rules *rules = t->all->options.rules;
	uint8_t bytes[4096];
	struct greet g;
	ssize_t n;

	/* A new tunnel means new lines: on_room() goes on. */
	if (events_stalled(t->all->options.events)) {
		conn_want_read(t->relay.flows[FRL_FROM_CLIENT].source, false);
		return;
	}
	n = conn_read(t->relay.flows[FRL_FROM_CLIENT].source, bytes,
	    sizeof(bytes));
	if (n == CONN_AGAIN)
		return;
	if (n <= 0) {
		tunnel_deny(t, n == 0 ? WHY_CLIENT_FIN : WHY_CLIENT_RESET,
		    "the client left before its request was whole", NULL);
		return;
	}
	if (buf_append(&t->early, bytes, (size_t)n) != 0) {
		tunnel_kill(t, WHY_OUT_OF_RESOURCES);
		return;
	}
	switch (greet_read(&g, buf_data(&t->early), buf_len(&t->early),
	    rules->head_bytes, rules->head_fields)) {
	case GREET_MORE:
		break;
	case GREET_DENY:
		tunnel_deny(t, g.why, g.detail, NULL);
		break;
	case GREET_TARGET:
		/* What follows belongs to the tunnel and is not parsed. */
		buf_drain(&t->early, g.size);
		t->target = g.target;
		tunnel_step(t, STEP_TARGET);
		break;
	}
}

void
tunnel_await(struct tunnel *t)
{
	if (t->listener->mode == TUNNEL_REVERSE) {
		t->target = t->listener->server;
		tunnel_step(t, STEP_TARGET);
		return;
	}
	t->relay.greeting = true;
	timer_start(t->all->options.loop, &t->timer,
	    t->all->options.rules->head_ms, head_too_slow, t);
	conn_want_read(t->relay.flows[FRL_FROM_CLIENT].source, true);
}
