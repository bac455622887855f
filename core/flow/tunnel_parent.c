/* SPDX-License-Identifier: MIT */
/*
 * tunnel_parent -- how a tunnel gets to its server by another proxy.
 *
 *	  resolve: here, or            hooks say yes
 *	  the target is an address  +----------------+
 *	 --------------------------> find its address |
 *	                            +----------------+ v
 *	 --------------------------> ask the hooks ---> dial the parent
 *	  names are the parent's                          |
 *	                                        CONNECT --+--> 2xx: connected
 *
 * Requests in absolute-form need no CONNECT, which many a proxy allows to port
 * 443 alone: the protocol link asks the parent in the same form.  But where an
 * address was judged that is what must be reached, and few proxies send on an
 * upgrade.
 *
 * The configuration trusts the parent, so its own address is not judged, but
 * for being ours.  The server's is: by the rules that hold without a parent,
 * as far as it is known.
 *
 * What always holds: outside of CHECK and DIAL there is no tunnel_parent; the
 * relay does not know the parent's connection before it is the server's.
 */
#include "flow/tunnel_parts.h"

#include "base/head.h"
#include "flow/parent_talk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tunnel_parent {
	struct tunnel *tunnel;
	const struct parent *parent;	/* borrow */
	char *via;			/* what the client's head said, or
					 * NULL */
	bool old;			/* it was one of HTTP/1.0 */
	bool upgrade;			/* it asked for another protocol */
	struct conn *conn;
	struct timer deadline;		/* of the answer */
	struct buf out, in;
	struct dial_result reached;
	uint64_t asked_us, found_us;	/* when; how long it took to resolve */
};

void
tunnel_parent_free(struct tunnel_parent *p)
{
	if (p == NULL)
		return;
	timer_stop(&p->deadline);
	conn_close(p->conn, false);
	buf_free(&p->out);
	buf_free(&p->in);
	free(p->via);
	free(p);
}

/* The tunnel will not be, because of its parent.  p is gone then. */
static void
refuse(struct tunnel_parent *p, enum why why, const char *text)
{
	char detail[512];

	(void)snprintf(detail, sizeof(detail), "the parent %s %s",
	    p->parent->name, text);
	tunnel_deny(p->tunnel, why, detail, NULL);
}

/* ------------------------------------------------------------------ */
/* Which one								*/

/* All that the Via of a head says, in one line; shorter than the head. */
static char *
join_via(const struct head *head)
{
	const struct frl_http_head *m = &head->message;
	char *via = malloc(head->size);
	size_t at = 0;
	uint32_t i;

	for (i = 0; via != NULL && i < m->count; i++) {
		const struct frl_http_field *f = &m->fields[i];

		if (!head_equals(f->name, "via") || f->value.len == 0)
			continue;
		if (at != 0) {
			memcpy(via + at, ", ", 2);
			at += 2;
		}
		memcpy(via + at, f->value.data, f->value.len);
		at += f->value.len;
	}
	if (via != NULL)
		via[at] = '\0';
	return (via);
}

/* Where has this request been?  p learns of it.  WHY_NONE, WHY_LOOP or
 * WHY_OUT_OF_RESOURCES. */
static enum why
read_via(struct tunnel_parent *p, const struct buf *early, size_t size)
{
	const struct rules *rules = p->tunnel->all->options.rules;
	struct head_limits limits = { (uint32_t)size,
		(uint32_t)rules->head_fields };
	struct frl_http_field *fields;
	enum why why = WHY_NONE;
	struct head head;

	if (size == 0)
		return (WHY_NONE);
	fields = reallocarray(NULL, rules->head_fields, sizeof(*fields));
	if (fields == NULL)
		return (WHY_OUT_OF_RESOURCES);
	/* It was read by the greeting before. */
	if (head_scan_request(&head, fields, buf_data(early), size,
	    &limits) == HEAD_OK) {
		p->old = head.message.minor == 0;
		p->upgrade = head_first(&head, HEAD_UPGRADE) !=
		    NULL;
		p->via = join_via(&head);
		if (p->via == NULL)
			why = WHY_OUT_OF_RESOURCES;
		else if (parents_sent(rules->parents, &head.message))
			why = WHY_LOOP;
	}
	free(fields);
	return (why);
}

bool
tunnel_find_parent(struct tunnel *t, size_t head_size)
{
	const struct parents *parents = t->all->options.rules->parents;
	struct tunnel_parent *p;
	enum why why;

	if (parents == NULL || parents->count == 0)
		return (true);
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		tunnel_deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
		return (false);
	}
	p->tunnel = t;
	/* Also where no parent is asked: a loop ends where it is seen. */
	why = read_via(p, &t->early, head_size);
	if (why != WHY_NONE) {
		tunnel_parent_free(p);
		tunnel_deny(t, why, why == WHY_LOOP ? "a parent proxy sent "
		    "it back here: does one have this proxy as its parent?" :
		    NULL, NULL);
		return (false);
	}
	p->parent = parents_find(parents, t->target);
	if (p->parent == NULL) {
		tunnel_parent_free(p);
		return (true);
	}
	t->parent = p;
	t->story.via = p->parent->name;
	return (true);
}

/* ------------------------------------------------------------------ */
/* The CONNECT and its answer						*/

/* The parent's connection is the server's from here on. */
static void
led_there(struct tunnel_parent *p)
{
	struct tunnel *t = p->tunnel;
	struct dial_result reached = p->reached;
	struct conn *conn = p->conn;
	struct buf first = p->in;

	reached.dns_us += p->found_us;
	reached.connect_us += loop_now_us(t->all->options.loop) -
	    p->asked_us;
	p->conn = NULL;
	memset(&p->in, 0, sizeof(p->in));
	tunnel_stop_dial(t);

	conn_want_read(conn, false);
	conn_want_write(conn, false);
	relay_attach(&t->relay, FRL_FROM_SERVER, conn);
	if (story_connect(&t->story, &reached) != 0)
		tunnel_deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
	else
		tunnel_step(t, STEP_CONNECTED);
	/* What came behind the answer are the server's first bytes. */
	if (buf_len(&first) != 0 && t->state == RELAY)
		relay_feed(&t->relay, FRL_FROM_SERVER, buf_data(&first),
		    buf_len(&first));
	buf_free(&first);
}

static void
judge(struct tunnel_parent *p)
{
	const struct rules *rules = p->tunnel->all->options.rules;
	struct parent_answer answer;

	switch (parent_read(&answer, p->parent, &p->in, rules->head_bytes,
	    rules->head_fields)) {
	case PARENT_MORE:
		break;
	case PARENT_OPEN:
		buf_drain(&p->in, answer.size);
		led_there(p);
		break;
	case PARENT_NO:
		p->tunnel->story.via_status = (uint16_t)answer.status;
		refuse(p, answer.why, answer.detail);
		break;
	}
}

static void
parent_readable(void *arg)
{
	struct tunnel_parent *p = arg;
	uint8_t bytes[4096];
	ssize_t n = conn_read(p->conn, bytes, sizeof(bytes));

	if (n == CONN_AGAIN)
		return;
	if (n == CONN_STARVED || (n > 0 &&
	    buf_append(&p->in, bytes, (size_t)n) != 0))
		tunnel_deny(p->tunnel, WHY_OUT_OF_RESOURCES, NULL, NULL);
	else if (n <= 0)
		refuse(p, WHY_PARENT_REFUSED, n == 0 ?
		    "closed the connection before its answer was whole" :
		    "reset the connection before its answer was whole");
	else
		judge(p);
}

static void
parent_writable(void *arg)
{
	struct tunnel_parent *p = arg;
	struct iovec iov;
	ssize_t n = 0;

	while (!buf_empty(&p->out) && n >= 0) {
		iov.iov_base = (void *)(uintptr_t)buf_data(&p->out);
		iov.iov_len = buf_len(&p->out);
		n = conn_write(p->conn, &iov, 1);
		if (n > 0)
			buf_drain(&p->out, (size_t)n);
	}
	if (n == CONN_STARVED) {
		tunnel_deny(p->tunnel, WHY_OUT_OF_RESOURCES, NULL, NULL);
		return;
	}
	/* After a reset what it may have said before is still to be read. */
	conn_want_write(p->conn, n == CONN_AGAIN);
}

static void
too_slow(void *arg)
{
	refuse(arg, WHY_PARENT_TIMEOUT, "did not answer the CONNECT");
}

static void
parent_ask_now(struct tunnel_parent *p)
{
	static const struct conn_handlers handlers = { parent_readable,
		parent_writable };
	struct tunnel *t = p->tunnel;
	const struct parent_request request = { p->parent, t->target,
		t->all->options.rules->parents->token, p->via, p->old };
	struct loop *loop = t->all->options.loop;

	if (parent_ask(&p->out, &request) != 0) {
		tunnel_deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
		return;
	}
	p->asked_us = loop_now_us(loop);
	conn_set_handlers(p->conn, &handlers, p);
	conn_want_read(p->conn, true);
	timer_start(loop, &p->deadline, t->listener->timeouts.connect_ms,
	    too_slow, p);
	parent_writable(p);
}

/* ------------------------------------------------------------------ */
/* The way to the parent						*/

static bool
needs_connect(const struct tunnel_parent *p)
{
	return (p->tunnel->forwarder == NULL || !p->parent->resolves ||
	    p->tunnel->target->kind != TARGET_NAME || p->upgrade);
}

static enum why
reach_allow(void *arg, const struct addr *addr, const char **ret_text)
{
	struct tunnel_parent *p = arg;

	if (!rules_is_own(p->tunnel->all->options.rules, addr))
		return (WHY_NONE);
	*ret_text = "leads to a listener of this proxy: it is its own parent";
	return (WHY_LOOP);
}

static void
reached(void *arg, const struct dial_result *result)
{
	struct tunnel_parent *p = arg;
	struct tunnel *t = p->tunnel;
	char text[sizeof(result->text) + 32];

	/* This dial is no longer pending. */
	t->dial = NULL;
	if (result->fd < 0) {
		(void)snprintf(text, sizeof(text), "is out of reach: %s",
		    result->text);
		refuse(p, result->why, text);
		return;
	}
	p->reached = *result;
	p->conn = conn_create(t->all->options.loop, result->fd);
	if (p->conn == NULL)
		tunnel_deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
	else if (needs_connect(p))
		parent_ask_now(p);
	else {
		t->story.tunnel.parent = &p->parent->hop;
		p->asked_us = loop_now_us(t->all->options.loop);
		led_there(p);
	}
}

static void
reach(struct tunnel_parent *p)
{
	static const struct dial_handlers handlers = { reach_allow, NULL,
		reached };
	struct tunnel *t = p->tunnel;
	struct dial_options options = t->all->dial_options;

	options.connect_ms = t->listener->timeouts.connect_ms;
	t->dial = dial_start(&options, &p->parent->target, &handlers, p);
	if (t->dial == NULL)
		tunnel_deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
	else
		tunnel_hurry(t, LOOK_MS);
}

/* ------------------------------------------------------------------ */
/* May it be led there?							*/

/* The very address that was judged is what the parent is asked for. */
static int
aim_at(struct tunnel *t, const struct addr *addr)
{
	char text[ADDR_PORT_TEXT_SIZE];
	const char *why;

	addr_format_port(addr, text);
	if (target_parse(t->target, text, strlen(text), &why) != 0)
		return (-1);
	return (story_found(&t->story, addr));
}

static void
found(void *arg, const struct dial_result *result)
{
	struct tunnel *t = arg;

	/* This dial is no longer pending. */
	t->dial = NULL;
	if (result->why == WHY_NONE) {
		t->parent->found_us = result->dns_us;
		if (aim_at(t, &result->addr) != 0)
			tunnel_deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
		else
			reach(t->parent);
		return;
	}
	tunnel_dial_failed(t, result);
}

static void
find(struct tunnel *t)
{
	static const struct dial_handlers handlers = { tunnel_dial_allow,
		tunnel_dial_ask, found };
	struct dial_options options = t->all->dial_options;

	options.connect_ms = t->listener->timeouts.connect_ms;
	options.find = true;
	t->dial = dial_start(&options, t->target, &handlers, t);
	if (t->dial == NULL)
		tunnel_deny(t, WHY_OUT_OF_RESOURCES, NULL, NULL);
	else
		tunnel_hurry(t, LOOK_MS);
}

static void
name_decided(void *arg, const struct frl_event *event, const void *record,
    const struct decision *decision)
{
	struct tunnel *t = arg;

	(void)event;
	(void)record;
	/* This question is no longer pending. */
	t->token = 0;
	if (decision->verdict == FRL_OK)
		reach(t->parent);
	else
		tunnel_deny_by(t, decision);
}

static void
ask_name(struct tunnel *t)
{
	const struct rules *rules = t->all->options.rules;
	struct asker asker = { name_decided, t };
	char text[TARGET_TEXT_SIZE], detail[512];
	struct decision decision;
	enum why why = WHY_NONE;
	const char *no = "";

	/* A reverse listener may reach its own server. */
	if (t->listener->mode != TUNNEL_REVERSE)
		why = rules_allow_name(rules, t->target, &no);
	if (why != WHY_NONE) {
		target_format(t->target, text, sizeof(text));
		(void)snprintf(detail, sizeof(detail), "%s %s", text, no);
		tunnel_deny(t, why, detail, NULL);
		return;
	}
	decision.verdict = story_dial(&t->story, NULL, 1, &asker, &decision,
	    &t->token);
	if (decision.verdict != FRL_WAIT)
		name_decided(t, NULL, NULL, &decision);
	else
		tunnel_tick_in(t, LOOK_MS);
}

void
tunnel_ask_parent(struct tunnel *t)
{
	assert(t->parent != NULL && t->state == DIAL);
	if (t->target->kind == TARGET_NAME && t->parent->parent->resolves)
		ask_name(t);
	else
		find(t);
}
