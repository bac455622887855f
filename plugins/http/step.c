/* SPDX-License-Identifier: MIT */
/* step -- see step.h. */
#include <stdio.h>
#include <string.h>

#include "step.h"

/* A peer broke the protocol; farewell() gives the answer. */
enum frl_verdict
step_broken(struct frl_link *link, enum answer answer, const char *text)
{
	struct http_link *l = link->state;

	l->answer = (uint8_t)answer;
	return (frl_refuse(link, FRL_WHY_PROTOCOL, text));
}

/* The same with an http.error at that offset of the held bytes. */
enum frl_verdict
step_bad(struct frl_link *link, enum frl_flow flow, struct fault fault)
{
	exchange_error(link, flow, fault.kind, fault.at);
	return (step_broken(link, fault.answer,
	    fault.text != NULL ? fault.text : ""));
}

/* What is wrong alone would not say whose head it is in. */
enum frl_verdict
step_bad_head(struct frl_link *link, enum frl_flow flow,
    enum head_result result, const struct head *h)
{
	bool request = flow == FRL_FROM_CLIENT;
	char text[FRL_REASON_SIZE];
	struct fault fault = { .kind = head_result_name(result),
	    .text = text, .at = h->at };

	fault.answer = !request ? ANSWER_BAD_RESPONSE :
	    result == HEAD_TOO_LARGE ? ANSWER_TOO_LARGE : ANSWER_BAD_REQUEST;
	(void)snprintf(text, sizeof(text), "%s is %s: %s", request ?
	    "the request head" : "the server's response head",
	    result == HEAD_TOO_LARGE ? "too large" : "malformed", h->detail);
	return (step_bad(link, flow, fault));
}

/* A verb was not recorded. */
enum frl_verdict
step_no_memory(struct frl_link *link)
{
	struct http_link *l = link->state;

	l->answer = ANSWER_BROKEN;
	return (frl_refuse(link, FRL_WHY_CAPACITY, "no memory"));
}

static bool
has(struct frl_bytes bytes, size_t from, int byte)
{
	return (memchr(bytes.data + from, byte, bytes.len - from) != NULL);
}

/*
 * Is the head worth a scan?  One that grows byte by byte is only looked at
 * when half an end of line came, or when it has doubled.
 */
bool
step_worth(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	size_t from = l->scanned[flow];

	if (from > 0 && from <= held.len && held.len < 2 * from &&
	    held.len < http->limits.bytes && !has(held, from, '\r') &&
	    !has(held, from, '\n'))
		return (false);
	l->scanned[flow] = (uint32_t)held.len;
	return (true);
}

/* The next byte of the server is due within ms; 0: whenever it likes. */
void
step_await(struct frl_link *link, uint64_t ms)
{
	struct http_link *l = link->state;

	if (ms != 0 || l->x->awaited)
		frl_set_timer(link, ms != 0 ? ms : FRL_ALL);
	l->x->awaited = ms != 0;
}

/* A message may be over: is the exchange, is the connection? */
static void
settle(struct frl_link *link)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	struct exchange *x = l->x;

	if (!x->answered || !x->body[FRL_FROM_SERVER].done)
		return;
	if (l->closing)
		(void)frl_end(link, FRL_FROM_SERVER);
	/* A client that waited for a 100 may never send its body. */
	if (!x->body[FRL_FROM_CLIENT].done && !(l->closing && x->expects))
		return;
	exchange_done(link);
	if (l->closing || l->over[FRL_FROM_CLIENT]) {
		(void)frl_end(link, FRL_FROM_SERVER);
		(void)frl_end(link, FRL_FROM_CLIENT);
		return;
	}
	frl_set_idle(link, http->options->idle);
	if (l->server_closing)
		(void)frl_next(link);
	else
		frl_again(link, FRL_FROM_CLIENT);
}

/* The body of this flow ends n bytes behind what has gone through. */
void
step_finished(struct frl_link *link, enum frl_flow flow, uint64_t n)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	struct exchange *x = l->x;
	uint64_t end = frl_moved(link, flow) + n;

	x->body[flow].done = true;
	x->size[flow] = end > x->base[flow] ? end - x->base[flow] : 0;
	message_free(&x->body[flow]);
	if (flow == FRL_FROM_CLIENT && !x->answered &&
	    l->scanned[FRL_FROM_SERVER] == 0)
		step_await(link, http->options->first_byte);
	settle(link);
}

/* More of a body, of either flow. */
enum frl_verdict
step_body(struct frl_link *link, enum frl_flow flow, struct frl_bytes held)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	struct message *m = &l->x->body[flow];
	struct message_piece piece;
	int failed;

	switch (message_take(m, &http->settings, held, &piece)) {
	case MESSAGE_NO_MEMORY:
		return (step_no_memory(link));
	case MESSAGE_BAD:
		return (step_bad(link, flow, (struct fault){
		    .kind = "bad_chunk", .at = piece.n,
		    .text = "a chunked body is malformed",
		    .answer = flow == FRL_FROM_CLIENT ? ANSWER_BAD_REQUEST :
		    ANSWER_BAD_RESPONSE }));
	case MESSAGE_MORE:
	case MESSAGE_DONE:
		break;
	}
	failed = frl_drop(link, flow, piece.framing);
	failed |= frl_pass(link, flow, piece.n - piece.framing);
	if (failed)
		return (step_no_memory(link));
	if (m->done && flow == FRL_FROM_SERVER && piece.n < held.len) {
		/* Nobody asked for what is behind: it could be taken for the
		 * answer to the next request. */
		exchange_error(link, flow, "unasked_response", piece.n);
		l->closing = true;
	}
	if (m->done)
		step_finished(link, flow, piece.n - piece.framing);
	return (FRL_OK);
}
