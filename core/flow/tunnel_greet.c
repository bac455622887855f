/* SPDX-License-Identifier: MIT */
/*
 * tunnel_greet -- the beginning of a tunnel: who comes, what is asked for.
 *
 *	peer not in `clients` --> answered 403, or closed
 *	PROXY header, where the listener requires one
 *	CONNECT or absolute-form head, or the listener's own server
 *
 * What always holds: in GREET the client is read here alone, one deadline
 * covers all that it has to say, and what came behind it is kept in `early`.
 *
 * A client that comes from another tunnel (next()) brings the bytes it has
 * sent already.  It may be silent between two requests, and may leave then:
 * no line is written about a tunnel that was not asked for.
 */
#include "flow/greet.h"
#include "flow/proxy_header.h"
#include "flow/tunnel_parts.h"

#include <stdio.h>

/* ------------------------------------------------------------------ */
/* Who comes								*/

/* It is the peer that is judged: whom else would we believe a header of? */
static bool
welcome(const struct tunnel_listener *listener, const struct addr *peer)
{
	size_t i;

	for (i = 0; i < listener->client_count; i++)
		if (addr_range_has_peer(&listener->clients[i], peer))
			return (true);
	return (listener->client_count == 0);
}

/* The answer shows the peer which address of its own was judged. */
static void
turn_away(struct tunnel *t)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
	    "%s is not among the `clients` of the listener %s",
	    t->story.tunnel.client_addr, t->listener->name);
	tunnel_deny(t, WHY_REFUSED, text, NULL);
}

/* Only now is it known whose limit counts. */
static bool
count_client(struct tunnel *t, const struct addr *client)
{
	struct limits *limits = t->all->options.limits;
	const char *no;

	limits_leave(limits, &t->pass);
	no = limits_enter(limits, client, &t->pass);
	if (no != NULL)
		tunnel_deny(t, WHY_LIMIT, no, NULL);
	return (no == NULL);
}

/* True: the header was there, and the client has its address. */
static bool
read_proxy_header(struct tunnel *t)
{
	struct proxy_header h;

	switch (proxy_header_read(&h, buf_data(&t->early),
	    buf_len(&t->early))) {
	case PROXY_HEADER_MORE:
		return (false);
	case PROXY_HEADER_BAD:
		/* Not answered: it does not know that it speaks to us. */
		tunnel_deny(t, WHY_BAD_PROXY_HEADER, h.detail, NULL);
		return (false);
	case PROXY_HEADER_WHOLE:
		break;
	}
	buf_drain(&t->early, h.size);
	if (h.named && story_client(&t->story, &h.client) != 0) {
		tunnel_kill(t, WHY_OUT_OF_RESOURCES);
		return (false);
	}
	t->nameless = false;
	return (count_client(t, h.named ? &h.client : NULL));
}

/* It asks for something: can that be written down? */
static bool
is_logged(struct tunnel *t)
{
	const char *no = audit_enter(t->all->options.audit);

	if (no != NULL)
		tunnel_deny(t, WHY_UNLOGGED, no, NULL);
	return (no == NULL);
}

/* ------------------------------------------------------------------ */
/* What it asks for							*/

static void
too_slow(void *arg)
{
	struct tunnel *t = arg;

	if (t->nameless)
		tunnel_deny(t, WHY_BAD_PROXY_HEADER,
		    "the PROXY header came too slowly", NULL);
	else
		tunnel_deny(t, t->story.unasked ? WHY_IDLE_TIMEOUT :
		    WHY_HEAD_TIMEOUT, NULL, NULL);
}

static void
start_deadline(struct tunnel *t)
{
	const struct rules_timeouts *timeouts = &t->listener->timeouts;
	uint64_t ms = timeouts->head_ms;

	if (t->story.unasked)
		ms = t->idle_ms != 0 ? t->idle_ms : timeouts->idle_ms;
	if (ms != 0)
		timer_start(t->all->options.loop, &t->timer, ms,
		    too_slow, t);
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
	if (tunnel_aim(t, &g->target) != 0) {
		tunnel_kill(t, WHY_OUT_OF_RESOURCES);
		return;
	}
	if (!tunnel_find_parent(t, g->size))
		return;
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

/* What is known of the target, now that the client is known? */
static void
find_target(struct tunnel *t)
{
	if (t->listener->mode == TUNNEL_REVERSE) {
		if (tunnel_aim(t, &t->listener->server) != 0)
			tunnel_kill(t, WHY_OUT_OF_RESOURCES);
		else if (tunnel_find_parent(t, 0))
			tunnel_step(t, STEP_TARGET);
	} else if (buf_len(&t->early) != 0)
		read_head(t);
}

void
tunnel_greet(struct tunnel *t)
{
	struct conn *client = t->relay.flows[FRL_FROM_CLIENT].source;
	uint8_t bytes[4096];
	ssize_t n;

	/* A new tunnel means new lines: on_room() goes on; but where there
	 * will be none, the client is told. */
	if (*events_stalled(t->all->options.events) &&
	    !audit_is_shut(t->all->options.audit)) {
		conn_want_read(client, false);
		return;
	}
	n = conn_read(client, bytes, sizeof(bytes));
	if (n == CONN_AGAIN)
		return;
	if (n == CONN_STARVED) {
		tunnel_deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
		return;
	}
	if (n <= 0) {
		tunnel_deny(t, n == 0 ? WHY_CLIENT_FIN : WHY_CLIENT_RESET,
		    t->nameless ?
		    "the client left before its PROXY header was whole" :
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
	if (is_logged(t) && (!t->nameless || read_proxy_header(t)))
		find_target(t);
}

void
tunnel_await(struct tunnel *t, const struct addr *peer)
{
	if (peer != NULL && !welcome(t->listener, peer)) {
		turn_away(t);
		return;
	}
	if (t->all->draining || (t->all->empty != NULL && t->story.unasked)) {
		/* It comes from another tunnel, and there is nothing to do. */
		tunnel_deny(t, WHY_SHUTDOWN, NULL, NULL);
		return;
	}
	t->nameless = peer != NULL && t->listener->proxy_header;
	t->relay.greeting = true;
	start_deadline(t);
	/* Whoever comes was asked about by tunnel_accept(); whoever goes on
	 * was not. */
	if (!t->nameless && (peer != NULL || t->story.unasked ||
	    is_logged(t)))
		find_target(t);
	if (t->state == GREET)
		conn_want_read(t->relay.flows[FRL_FROM_CLIENT].source, true);
}
