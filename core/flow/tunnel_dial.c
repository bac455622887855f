/* SPDX-License-Identifier: MIT */
/*
 * tunnel_dial -- how a tunnel gets its server's connection: what may be
 * dialled, whom to ask about it, what came of it.
 *
 * What always holds: outside of DIAL no dial runs; outside of CHECK and DIAL
 * no question of the core is pending and no target takes memory.
 */
#include "flow/tunnel_parts.h"

#include <stdlib.h>

int
tunnel_aim(struct tunnel *t, const struct target *target)
{
	if (t->target == NULL)
		t->target = malloc(sizeof(*t->target));
	if (t->target == NULL)
		return (-1);
	*t->target = *target;
	return (story_target(&t->story, target));
}

/* Nobody waits any more for a hook's answer or for a connection. */
void
tunnel_stop_dial(struct tunnel *t)
{
	if (t->token != 0)
		events_forget(t->all->options.events, t->token);
	t->token = 0;
	dial_cancel(t->dial);
	t->dial = NULL;
	tunnel_parent_free(t->parent);
	t->parent = NULL;
	free(t->target);
	t->target = NULL;
}

enum why
tunnel_dial_allow(void *arg, const struct addr *addr, const char **ret_text)
{
	struct tunnel *t = arg;
	const struct target *named = &t->listener->server;
	struct addr own;

	if (t->listener->mode != TUNNEL_REVERSE)
		return (rules_allow(t->all->options.rules, addr, NULL,
		    ret_text));
	/* A reverse listener may reach its own server, whatever address its
	 * name leads to. */
	own = *addr;
	if (named->kind != TARGET_NAME)
		addr_from_bytes(&own, named->address,
		    named->kind == TARGET_IPV4 ? 4 : 16, named->port);
	return (rules_allow(t->all->options.rules, addr, &own, ret_text));
}

static void
dial_decided(void *arg, const struct frl_event *event, const void *record,
    const struct decision *decision)
{
	struct tunnel *t = arg;

	(void)event;
	(void)record;
	t->token = 0;
	if (decision->verdict != FRL_OK)
		story_note(&t->story, decision);
	dial_decide(t->dial, decision->verdict == FRL_OK ? DIAL_OK :
	    DIAL_REFUSE);
}

enum dial_verdict
tunnel_dial_ask(void *arg, const struct addr *addr, unsigned attempt)
{
	struct tunnel *t = arg;
	struct asker asker = { dial_decided, t };
	struct decision decision;

	switch (story_dial(&t->story, addr, attempt, &asker, &decision,
	    &t->token)) {
	case FRL_OK:
		return (DIAL_OK);
	case FRL_WAIT:
		return (DIAL_WAIT);
	case FRL_REFUSE:
	case FRL_FAIL:
		break;
	}
	story_note(&t->story, &decision);
	return (DIAL_REFUSE);
}

/* Every address was objected to; the last objection is told. */
static void
deny_noted(struct tunnel *t)
{
	if (t->story.noted != NULL)
		tunnel_deny_by(t, t->story.noted);
	else
		tunnel_deny(t, WHY_REFUSED, NULL, NULL);
}

void
tunnel_dial_failed(struct tunnel *t, const struct dial_result *result)
{
	if (result->why == WHY_REFUSED)
		deny_noted(t);
	else
		tunnel_deny(t, result->why, result->text, NULL);
}

static void
dial_done(void *arg, const struct dial_result *result)
{
	struct tunnel *t = arg;
	struct conn *conn;

	/* This dial is no longer pending; a hook may still think about an
	 * address that another one was faster than. */
	t->dial = NULL;
	tunnel_stop_dial(t);

	if (result->fd < 0) {
		tunnel_dial_failed(t, result);
		return;
	}
	conn = conn_create(t->all->options.loop, result->fd);
	if (conn == NULL) {
		tunnel_deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
		return;
	}
	relay_attach(&t->relay, FRL_FROM_SERVER, conn);
	if (story_connect(&t->story, result) != 0)
		tunnel_deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
	else
		tunnel_step(t, STEP_CONNECTED);
}

void
tunnel_dial(struct tunnel *t)
{
	static const struct dial_handlers handlers = { tunnel_dial_allow,
		tunnel_dial_ask, dial_done };
	struct dial_options options = t->all->dial_options;

	if (t->parent != NULL) {
		tunnel_ask_parent(t);
		return;
	}
	options.connect_ms = t->listener->timeouts.connect_ms;
	t->dial = dial_start(&options, t->target, &handlers, t);
	if (t->dial == NULL)
		tunnel_deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
	else
		tunnel_hurry(t, LOOK_MS);
}
