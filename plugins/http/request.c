/* SPDX-License-Identifier: MIT */
/*
 * request -- see request.h.
 *
 * A head is held until it is whole, checked, and approved by the hooks; what
 * is needed of it then is in the exchange, since a verdict that had to wait
 * comes without the bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/via.h"
#include "events_table.h"
#include "lists.h"
#include "request.h"
#include "rewrite.h"

static int
permits(void *arg, const char *token)
{
	return (frl_permits(arg, token));
}

/*
 * RFC 9110, 7.6.2 and 9.3.8: nobody behind us is asked, and a TRACE sees its
 * head as it came.  Whatever else there is, this was the last exchange.
 */
static enum frl_verdict
request_answer(struct frl_link *link)
{
	struct http_link *l = link->state;
	struct exchange *x = l->x;
	bool trace = x->head[0] == 'T';		/* or an OPTIONS */
	char head[ANSWER_SIZE];
	int n, failed;

	n = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n"
	    "%sContent-Length: %zu\r\nConnection: close\r\n\r\n",
	    trace ? "Content-Type: message/http\r\n" : "",
	    trace ? x->head_len : 0);
	failed = frl_insert(link, FRL_FROM_SERVER, head, (size_t)n);
	if (trace)
		failed |= frl_insert(link, FRL_FROM_SERVER, x->head,
		    x->head_len);
	if (failed)
		return (step_no_memory(link));
	x->sent = x->answered = true;
	x->body[FRL_FROM_CLIENT].done = x->body[FRL_FROM_SERVER].done = true;
	l->closing = true;
	exchange_done(link);
	(void)frl_end(link, FRL_FROM_SERVER);
	(void)frl_end(link, FRL_FROM_CLIENT);
	return (FRL_OK);
}

/* The head that was written, to whom it is for.  0, or not. */
static int
insert_head(struct frl_link *link)
{
	const struct frl_parent *parent = link->tunnel->parent;
	const struct http_link *l = link->state;
	struct exchange *x = l->x;
	uint8_t *head;
	size_t len;
	int failed;

	if (parent == NULL)
		return (frl_insert(link, FRL_FROM_CLIENT, x->head,
		    x->head_len));
	/* The hooks have seen it without what is the parent's alone. */
	head = rewrite_for_parent(x->head, x->head_len, parent, &len);
	if (head == NULL)
		return (-1);
	failed = frl_insert(link, FRL_FROM_CLIENT, head, len);
	explicit_bzero(head, len);
	free(head);
	return (failed);
}

/* Let the request go that l->x describes. */
enum frl_verdict
request_send(struct frl_link *link)
{
	struct http_link *l = link->state;
	struct exchange *x = l->x;
	uint64_t moves = x->rewritten ? 0 : x->head_size;
	uint64_t ahead = 0;
	int failed = 0;

	if (x->last_hop)
		return (request_answer(link));
	/* What a client may withhold does not run ahead: if the server will
	 * not have it, the next bytes are something else. */
	if (!x->expects)
		ahead = message_ahead(&x->body[FRL_FROM_CLIENT]);
	x->base[FRL_FROM_CLIENT] = frl_moved(link, FRL_FROM_CLIENT) + moves;
	if (x->rewritten) {
		failed |= frl_drop(link, FRL_FROM_CLIENT, x->head_size);
		failed |= insert_head(link);
		l->dropped += x->head_size;
	}
	failed |= frl_pass(link, FRL_FROM_CLIENT, moves + ahead);
	if (failed)
		return (step_no_memory(link));
	x->sent = true;
	x->sent_us = frl_now_us(link);
	if (!x->upgrade) {
		free(x->head);
		x->head = NULL;
	}
	if (x->body[FRL_FROM_CLIENT].done)
		step_finished(link, FRL_FROM_CLIENT, moves);
	return (FRL_OK);
}

/*
 * RFC 9110, 10.1.1.  Servers differ in what they take for 100-continue, and
 * so in whether a body follows; only the exact word may pass.
 */
static bool
expectation_ok(const struct frl_http_head *head)
{
	for (uint32_t i = 0; i < head->count; i++)
		if (head_equals(head->fields[i].name, "expect") &&
		    !head_equals(head->fields[i].value, "100-continue"))
			return (false);
	return (true);
}

/* What head_scan_request does not know: what a request means here. */
static const char *
request_wrong(const struct head *h, unsigned connection, bool forward,
    enum answer *ret_answer)
{
	struct frl_bytes method = h->message.method;
	struct frl_bytes target = h->message.target;

	*ret_answer = ANSWER_BAD_REQUEST;
	if (connection & CONNECTION_FRAMING)
		return ("bad_connection");
	/* A tunnel has its target: no CONNECT, no absolute form.  And only
	 * OPTIONS may be about no resource (RFC 9112, 3.2.4). */
	if (!forward && target.data[0] != '/' &&
	    !(head_equals(target, "*") && head_equals(method, "options")) &&
	    !head_equals(method, "connect"))
		return ("bad_target");
	*ret_answer = ANSWER_EXPECTATION;
	if (!expectation_ok(&h->message))
		return ("bad_expectation");
	/* Methods are case-sensitive, and servers differ in that. */
	*ret_answer = ANSWER_NOT_IMPLEMENTED;
	for (size_t i = 0; i < method.len; i++)
		if (method.data[i] >= 'a' && method.data[i] <= 'z')
			return ("bad_method");
	return (head_equals(method, "connect") ? "bad_method" : NULL);
}

/* As a proxy sends it on.  NULL without memory. */
static uint8_t *
forward_head(struct frl_link *link, const struct head *h,
    const struct upgrade_rules *rules, size_t *ret_len)
{
	const struct http_instance *http = link->instance;
	const struct http_link *l = link->state;
	struct rewrite_forward forward = { .via = http->options->via,
	    .close = l->closing };
	const char *why;
	struct uri uri;

	if (uri_parse(&uri, h->message.target, &why) != URI_HTTP)
		return (NULL);		/* is_ours() has seen that it is */
	forward.uri = &uri;
	return (rewrite_request(h, rules, &forward, ret_len));
}

/* A parent that got it from us sent it back. */
static bool
was_here(const struct frl_tunnel *tunnel, const struct head *h)
{
	return (tunnel->parent != NULL &&
	    via_names(&h->message, tunnel->parent->via));
}

/* Is the request for this tunnel's server?  What is no valid request at all
 * goes to GREET as well, which says so, and what goes round and round.  The
 * first one came from there: if it went back, it would come again for ever. */
static bool
is_ours(const struct frl_link *link, const struct head *h)
{
	const struct frl_tunnel *tunnel = link->tunnel;
	const struct http_link *l = link->state;
	const char *why;
	struct uri uri;

	return (l->txns == 0 || (!head_equals(h->message.method, "connect") &&
	    uri_parse(&uri, h->message.target, &why) == URI_HTTP &&
	    uri.target.port == tunnel->server_port &&
	    strcmp(uri.target.host, tunnel->server_name) == 0 &&
	    !was_here(tunnel, h)));
}

/* Ask the hooks about the head as it will be sent: what they approve is what
 * the server reads. */
static enum frl_verdict
request_ask(struct frl_link *link, const struct head *h)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	struct head sent;

	if (!l->forward || !frl_wanted(link, &http_event_request))
		return (exchange_ask(link, h));
	if (head_scan_request(&sent, http->request_fields, l->x->head,
	    l->x->head_len, &http->sent) != HEAD_OK)
		return (step_no_memory(link));
	return (exchange_ask(link, &sent));
}

/* Fill in what is needed once the head is not at hand any more. */
static enum frl_verdict
request_keep(struct frl_link *link, const struct head *h,
    const struct frl_bytes held, const struct upgrade_rules *rules)
{
	struct http_link *l = link->state;
	struct exchange *x = l->x;

	message_request(&x->body[FRL_FROM_CLIENT], h);
	x->head_size = h->size;
	x->to_head = h->message.method.len == 4 &&
	    memcmp(h->message.method.data, "HEAD", 4) == 0;
	x->to_old = h->message.minor == 0;
	/* RFC 9110, 10.1.1: in HTTP/1.0 it means nothing. */
	x->expects = !x->body[FRL_FROM_CLIENT].done &&
	    !(l->forward && x->to_old) &&
	    head_lists(&h->message, "expect", "100-continue");
	x->last_hop = l->forward && rewrite_is_last(h);
	if (x->last_hop) {
		x->head = rewrite_reflected(h, &x->head_len);
	} else if (l->forward) {
		x->head = forward_head(link, h, rules, &x->head_len);
	} else if (x->rewritten) {
		x->head = rewrite_request(h, rules, NULL, &x->head_len);
	} else if (x->upgrade) {
		x->head_len = h->size;
		x->head = malloc(h->size);
		if (x->head != NULL)
			memcpy(x->head, held.data, h->size);
	} else {
		return (FRL_OK);
	}
	return (x->head != NULL ? FRL_OK : step_no_memory(link));
}

/* The server need not hear of it: its 101 could not be taken up. */
static enum frl_verdict
request_barred(struct frl_link *link)
{
	struct http_link *l = link->state;

	l->answer = ANSWER_UNAVAILABLE;
	return (frl_refuse(link, FRL_WHY_CAPACITY,
	    "the inspector of the protocol that is asked for is "
	    "quarantined"));
}

/* A whole request head. */
static enum frl_verdict
request_begin(struct frl_link *link, const struct head *h,
    struct frl_bytes held)
{
	struct http_link *l = link->state;
	struct upgrade_rules rules = { permits, link };
	enum upgrade_result asked;
	enum frl_verdict verdict;
	enum answer answer;
	unsigned connection = list_connection(&h->message);
	const char *kind = request_wrong(h, connection, l->forward, &answer);
	bool rewrite;

	if (kind != NULL)
		return (step_bad(link, FRL_FROM_CLIENT, (struct fault){
		    .kind = kind, .answer = answer }));
	asked = upgrade_request(h, &rules, &rewrite);
	if (asked == UPGRADE_BAD || asked == UPGRADE_BAD_VERSION)
		return (step_bad(link, FRL_FROM_CLIENT, (struct fault){
		    .kind = "bad_upgrade",
		    .text = asked == UPGRADE_BAD ?
		    "this is no valid WebSocket request" : NULL,
		    .answer = asked == UPGRADE_BAD ? ANSWER_BAD_REQUEST :
		    ANSWER_WEBSOCKET_VERSION }));
	if (asked == UPGRADE_BARRED)
		return (request_barred(link));
	l->x = exchange_create(frl_now_us(link));
	if (l->x == NULL)
		return (step_no_memory(link));
	l->txns++;
	l->blank = false;
	/* RFC 9112, 9.3: a proxy keeps no connection of HTTP/1.0. */
	if ((connection & CONNECTION_CLOSE) != 0 || (h->message.minor == 0 &&
	    (l->forward || (connection & CONNECTION_KEEP_ALIVE) == 0)))
		l->closing = true;
	/* A server may think, and a stream be quiet, for minutes. */
	frl_set_idle(link, 0);
	l->x->upgrade = asked == UPGRADE_ASKED;
	l->x->rewritten = rewrite || l->forward;
	verdict = request_keep(link, h, held, &rules);
	if (verdict == FRL_OK)
		verdict = request_ask(link, h);
	return (verdict == FRL_OK ? request_send(link) : verdict);
}

/*
 * RFC 9112, 2.2: an empty line before a request means nothing.  Old clients
 * send one behind a body; nobody sends two.  False: there is none.
 */
static bool
skip_empty_line(struct frl_link *link, struct frl_bytes held)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	uint32_t *scanned = &l->scanned[FRL_FROM_CLIENT];

	if (held.data[0] != '\r' || l->blank ||
	    (held.len > 1 && held.data[1] != '\n'))
		return (false);
	if (*scanned == 0 && held.len == 1)
		frl_set_timer(link, http->options->head_time);
	else if (*scanned != 0 && held.len > 1)
		frl_set_timer(link, FRL_ALL);
	*scanned = held.len == 1;
	if (held.len > 1 && frl_drop(link, FRL_FROM_CLIENT, 2) == 0) {
		l->blank = true;
		l->dropped += 2;
	}
	return (true);
}

enum frl_verdict
request_data(struct frl_link *link, struct frl_bytes held)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	enum head_result result;
	bool first;
	struct head h;

	if (l->x != NULL && l->x->sent && !l->x->body[FRL_FROM_CLIENT].done)
		return (step_body(link, FRL_FROM_CLIENT, held));
	if (l->x != NULL) {
		/* Early bytes: whose they are, the response will say. */
		frl_pause(link, FRL_FROM_CLIENT);
		return (FRL_OK);
	}
	if (skip_empty_line(link, held))
		return (FRL_OK);
	first = l->scanned[FRL_FROM_CLIENT] == 0;
	if (!step_worth(link, FRL_FROM_CLIENT, held))
		return (FRL_OK);
	result = head_scan_request(&h, http->request_fields, held.data,
	    held.len, &http->limits);
	if (result == HEAD_MORE) {
		if (first)
			frl_set_timer(link, http->options->head_time);
		return (FRL_OK);
	}
	if (!first)
		frl_set_timer(link, FRL_ALL);
	l->scanned[FRL_FROM_CLIENT] = 0;
	if (result == HEAD_OK && l->forward && !is_ours(link, &h) &&
	    frl_next(link) == 0)
		return (FRL_OK);
	if (result == HEAD_OK)
		return (request_begin(link, &h, held));
	return (step_bad_head(link, FRL_FROM_CLIENT, result, &h));
}
