/* SPDX-License-Identifier: MIT */
/*
 * tunnel_greet -- the state GREET: one request head, within its deadline, and
 * what becomes of the bytes behind it.
 *
 * A client that comes from another tunnel (next()) brings the bytes it has
 * sent already.  It may be silent between two requests, and may leave then:
 * no line is written about a tunnel that was not asked for.
 */
#include "flow/greet.h"
#include "flow/tunnel_parts.h"

static void
head_too_slow(void *arg)
{
	struct tunnel *t = arg;

	tunnel_deny(t, t->story.unasked ? WHY_IDLE_TIMEOUT :
	    WHY_HEAD_TIMEOUT, NULL, NULL);
}

static void
start_deadline(struct tunnel *t)
{
	const struct rules *rules = t->all->options.rules;
	uint64_t ms = rules->head_ms;

	if (t->story.unasked)
		ms = t->idle_ms != 0 ? t->idle_ms : rules->idle_ms;
	if (ms != 0)
		timer_start(t->all->options.loop, &t->timer, ms,
		    head_too_slow, t);
}

/* Who takes absolute-form requests here?  NULL: nobody. */
static const struct plugin *
forwarder(const struct tunnel *t)
{
	const struct rules *rules = t->all->options.rules;
	const struct plugin *fixed = t->listener->protocol;
	size_t i;

	if (fixed != NULL)
		return ((fixed->desc->flags & FRL_FORWARDS) != 0 ? fixed :
		    NULL);
	for (i = 0; i < rules->plugin_count; i++)
		if ((rules->plugins[i]->desc->flags & FRL_FORWARDS) != 0)
			return (rules->plugins[i]);
	return (NULL);
}

/* The head is whole. */
static void
named(struct tunnel *t, const struct greet *g)
{
	t->target = g->target;
	if (g->forward) {
		/* The head is the first message of the tunnel. */
		t->forwarder = forwarder(t);
		t->story.tunnel.mode = "forward";
		if (t->forwarder == NULL) {
			tunnel_deny(t, WHY_BAD_METHOD, "absolute-form "
			    "requests need the plugin http", NULL);
			return;
		}
	} else {
		/* What follows belongs to the tunnel and is not parsed. */
		buf_drain(&t->early, g->size);
	}
	tunnel_step(t, STEP_TARGET);
}

/* Is the head whole? */
static void
read_head(struct tunnel *t)
{
	const struct rules *rules = t->all->options.rules;
	struct greet g;

	switch (greet_read(&g, buf_data(&t->early), buf_len(&t->early),
	    rules->head_bytes, rules->head_fields)) {
	case GREET_MORE:
		break;
	case GREET_DENY:
		tunnel_deny(t, g.why, g.detail, NULL);
		break;
	case GREET_TARGET:
		named(t, &g);
		break;
	}
}

void
tunnel_greet(struct tunnel *t)
{
	struct conn *client = t->relay.flows[FRL_FROM_CLIENT].source;
	uint8_t bytes[4096];
	ssize_t n;

	/* A new tunnel means new lines: on_room() goes on. */
	if (events_stalled(t->all->options.events)) {
		conn_want_read(client, false);
		return;
	}
	n = conn_read(client, bytes, sizeof(bytes));
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
	if (t->story.unasked) {
		t->story.unasked = false;
		start_deadline(t);	/* of the head, from here on */
	}
	read_head(t);
}

void
tunnel_await(struct tunnel *t)
{
	t->relay.greeting = true;
	start_deadline(t);
	if (buf_len(&t->early) != 0)
		read_head(t);
	if (t->state == GREET)
		conn_want_read(t->relay.flows[FRL_FROM_CLIENT].source, true);
}
