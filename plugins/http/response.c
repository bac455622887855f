/* SPDX-License-Identifier: MIT */
/* response -- see response.h. */
#include <stdlib.h>

#include "lists.h"
#include "response.h"
#include "rewrite.h"

#define INTERIMS_MAX 10

/* A 101 that was asked for: the connection changes its protocol here. */
static enum frl_verdict
response_switch(struct frl_link *link, const struct head *h)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	struct frl_context context = { .size = sizeof(context) };
	struct upgrade_switch to;
	const char *kind;
	struct head asked;

	if (head_scan_request(&asked, http->request_fields, l->x->head,
	    l->x->head_len, &http->sent) != HEAD_OK)
		return (step_no_memory(link));
	kind = upgrade_check(&asked.message, &h->message, &to);
	if (kind != NULL)
		exchange_error(link, FRL_FROM_SERVER, kind, 0);
	/* What was not offered has no inspector, whatever the mode. */
	if (to.token[0] == '\0' ||
	    (kind != NULL && http->options->mode == HTTP_ENFORCE))
		return (step_broken(link, ANSWER_BAD_UPGRADE,
		    "the server's 101 is not a valid answer"));
	context.token = to.token;
	context.subprotocol = to.subprotocol;
	context.extensions = to.extensions;
	context.request = &asked.message;
	context.response = &h->message;
	/* Asked before the 101 is let go: it may still be a 502, or 503. */
	if (frl_handoff(link, to.token, &context) != 0) {
		l->answer = frl_permits(link, to.token) < 0 ?
		    ANSWER_UNAVAILABLE : ANSWER_BAD_UPGRADE;
		return (frl_refuse(link, FRL_WHY_REFUSED,
		    "nobody here takes over this protocol"));
	}
	if (frl_pass(link, FRL_FROM_SERVER, h->size) != 0)
		return (step_no_memory(link));
	exchange_free(l->x);
	l->x = NULL;
	return (FRL_OK);
}

/* Let a response's head go; how much of it passes as it is. */
static int
send_head(struct frl_link *link, const struct head *h, uint64_t *ret_passed)
{
	const struct http_instance *http = link->instance;
	const struct http_link *l = link->state;
	const struct exchange *x = l->x;
	struct rewrite_forward forward = { .via = http->options->via,
	    .close = l->closing && x->answered, .old = x->to_old };
	uint8_t *head;
	size_t n;
	int failed;

	*ret_passed = l->forward ? 0 : h->size;
	if (!l->forward)
		return (frl_pass(link, FRL_FROM_SERVER, h->size));
	failed = frl_drop(link, FRL_FROM_SERVER, h->size);
	/* RFC 9110, 15.2: HTTP/1.0 does not know interim ones. */
	if (x->to_old && !x->answered)
		return (failed);
	head = rewrite_response(h, &forward, &n);
	if (head == NULL)
		return (-1);
	failed |= frl_insert(link, FRL_FROM_SERVER, head, n);
	free(head);
	return (failed);
}

/* 1xx: forwarded, and the exchange goes on (RFC 9110, 15.2). */
static enum frl_verdict
response_interim(struct frl_link *link, const struct head *h)
{
	struct http_link *l = link->state;
	struct exchange *x = l->x;
	uint64_t passed;
	int failed;

	if (++x->interims > INTERIMS_MAX)
		return (step_bad(link, FRL_FROM_SERVER, (struct fault){
		    .kind = "too_many_interim",
		    .text = "the server sent too many interim responses",
		    .answer = ANSWER_BAD_RESPONSE }));
	failed = send_head(link, h, &passed);
	if (h->message.status == 100 && x->expects) {
		/* Now the body is sure to come. */
		x->expects = false;
		failed |= frl_pass(link, FRL_FROM_CLIENT,
		    message_ahead(&x->body[FRL_FROM_CLIENT]));
	}
	return (failed ? step_no_memory(link) : FRL_OK);
}

/* Will there be another exchange after this response? */
static void
judge_persistence(struct http_link *l, const struct head *h,
    unsigned connection)
{
	const struct exchange *x = l->x;

	/* Behind a 204 with a length not everybody sees its end. */
	if (x->body[FRL_FROM_SERVER].kind == MESSAGE_ALL || x->expects ||
	    (h->message.status == 204 && h->content_length > 0))
		l->closing = true;
	else if ((connection & CONNECTION_CLOSE) != 0 ||
	    (h->message.minor == 0 &&
	    (connection & CONNECTION_KEEP_ALIVE) == 0)) {
		/* That is between the server and us. */
		if (l->forward)
			l->server_closing = true;
		else
			l->closing = true;
	}
}

/* The head of the final response. */
static enum frl_verdict
response_final(struct frl_link *link, const struct head *h,
    unsigned connection, struct frl_bytes held)
{
	struct http_link *l = link->state;
	struct exchange *x = l->x;
	struct message *m = &x->body[FRL_FROM_SERVER];
	uint64_t passed;

	message_response(m, h, x->to_head);
	/* RFC 9112, 6.1: who asked by HTTP/1.0 reads no chunks. */
	m->unframed = l->forward && x->to_old;
	x->answered = true;
	x->upgrade = false;
	free(x->head);
	x->head = NULL;
	/* A body that was announced but not sent when the final answer came
	 * may or may not follow: never read what comes as a request. */
	if (exchange_body(link, FRL_FROM_CLIENT) != 0)
		x->expects = false;
	judge_persistence(l, h, connection);
	if (m->done && h->size < held.len) {
		exchange_error(link, FRL_FROM_SERVER, "unasked_response",
		    h->size);
		l->closing = true;
	}
	if (send_head(link, h, &passed) != 0 ||
	    frl_pass(link, FRL_FROM_SERVER, message_ahead(m)) != 0)
		return (step_no_memory(link));
	x->base[FRL_FROM_SERVER] = frl_moved(link, FRL_FROM_SERVER) + passed;
	if (m->done)
		step_finished(link, FRL_FROM_SERVER, passed);
	return (FRL_OK);
}

static enum frl_verdict
response_begin(struct frl_link *link, const struct head *h,
    struct frl_bytes held)
{
	struct http_link *l = link->state;
	uint16_t status = h->message.status;
	unsigned connection = list_connection(h);

	/* RFC 9112, 6.1: not in a 1xx or 204; nor has a 1xx a length (RFC
	 * 9110, 8.6), which some take for bytes to skip. */
	if ((h->has_transfer_encoding && (status < 200 || status == 204)) ||
	    (h->content_length > 0 && status < 200 && status != 101))
		return (step_bad(link, FRL_FROM_SERVER, (struct fault){
		    .kind = "bad_framing", .answer = ANSWER_BAD_RESPONSE }));
	if (connection & CONNECTION_FRAMING)
		return (step_bad(link, FRL_FROM_SERVER, (struct fault){
		    .kind = "bad_connection",
		    .answer = ANSWER_BAD_RESPONSE }));
	exchange_response(link, h);
	/* That is between the parent and us: the client's own would not do. */
	if (status == 407 && link->tunnel->parent != NULL)
		return (step_bad(link, FRL_FROM_SERVER, (struct fault){
		    .kind = "parent_refused",
		    .text = "the parent proxy does not take the user and "
		    "password of the configuration",
		    .answer = ANSWER_BAD_RESPONSE }));
	if (status >= 200)
		return (response_final(link, h, connection, held));
	if (status != 101)
		return (response_interim(link, h));
	/* RFC 9110, 7.8: only to who asked, and has finished asking. */
	if (!l->x->upgrade || !l->x->body[FRL_FROM_CLIENT].done)
		return (step_bad(link, FRL_FROM_SERVER, (struct fault){
		    .kind = "unasked_101",
		    .text = "the server switched protocols unasked",
		    .answer = ANSWER_BAD_UPGRADE }));
	return (response_switch(link, h));
}

enum frl_verdict
response_data(struct frl_link *link, struct frl_bytes held)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	enum head_result result;
	struct head h;
	bool first;

	/* A server that says good-bye between two requests (408). */
	if (l->x == NULL && l->forward && l->txns != 0 && !l->closing &&
	    frl_next(link) == 0) {
		exchange_error(link, FRL_FROM_SERVER, "unasked_response", 0);
		return (FRL_OK);
	}
	if (l->x == NULL || !l->x->sent ||
	    (l->x->answered && l->x->body[FRL_FROM_SERVER].done))
		return (step_bad(link, FRL_FROM_SERVER, (struct fault){
		    .kind = "unasked_response",
		    .text = "the server spoke without being asked",
		    .answer = exchange_owed(l) ? ANSWER_BAD_RESPONSE :
		    ANSWER_NONE }));
	if (l->x->answered)
		return (step_body(link, FRL_FROM_SERVER, held));
	first = l->scanned[FRL_FROM_SERVER] == 0;
	if (!step_worth(link, FRL_FROM_SERVER, held))
		return (FRL_OK);
	result = head_scan_response(&h, http->response_fields, held.data,
	    held.len, &http->limits);
	if (result == HEAD_MORE) {
		if (first)
			step_await(link, http->options->head_time);
		return (FRL_OK);
	}
	step_await(link, 0);
	l->scanned[FRL_FROM_SERVER] = 0;
	if (result == HEAD_OK)
		return (response_begin(link, &h, held));
	return (step_bad_head(link, FRL_FROM_SERVER, result, &h));
}
