/* SPDX-License-Identifier: MIT */
/*
 * http -- HTTP/1.0 and 1.1 (RFC 9110, 9112), and the way out of it.
 *
 *	client   head  body......        (early bytes wait) | head ...
 *	server          1xx  head  body................     |
 *	         [------------- one exchange -------------]
 *
 * Heads are held until they are whole and checked; bodies run ahead.  One
 * exchange at a time: bytes that the client sends early are held, paused,
 * until the response is over, because the response decides whose they are.
 * A valid 101 hands both flows on, and not one byte is lost.
 *
 * What a server sends without having been asked ends the connection.  What
 * is malformed is answered by us, if nothing of an answer went out yet.
 *
 * Options:
 *	idle		end a connection on which nothing moves
 *	head_bytes	longest head
 *	head_fields	most fields in a head
 *	mode		observe: a 101 that breaks RFC 6455 is recorded and
 *			passed; enforce: it is answered 502
 */
#include <stdlib.h>
#include <string.h>

#include <fairlead/http.h>

#include "detect.h"
#include "events_table.h"
#include "exchange.h"
#include "upgrade.h"

#define INTERIMS_MAX 10

static const struct frl_option http_option_table[] = {
	{ .name = "idle", .def = "60s", .type = FRL_OPTION_DURATION,
	    .help = "end a connection on which nothing moved for so long",
	    .offset = offsetof(struct http_options, idle) },
	{ .name = "head_bytes", .def = "16KiB", .type = FRL_OPTION_SIZE,
	    .min = 256, .max = 1048576, .help = "longest message head",
	    .offset = offsetof(struct http_options, head_bytes) },
	{ .name = "head_fields", .def = "100", .type = FRL_OPTION_COUNT,
	    .min = 1, .max = 1000, .help = "most fields in a message head",
	    .offset = offsetof(struct http_options, head_fields) },
	{ .name = "mode", .def = "observe", .type = FRL_OPTION_CHOICE,
	    .choices = "observe|enforce",
	    .help = "record a bad 101 response, or refuse it",
	    .offset = offsetof(struct http_options, mode) },
	{ .name = NULL }
};

/* ------------------------------------------------------------------ */
/* The instance								*/

static void
http_unload(void *instance)
{
	struct http_instance *http = instance;

	if (http == NULL)
		return;
	free(http->request_fields);
	free(http->response_fields);
	free(http);
}

static enum frl_verdict
http_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	struct http_instance *http = calloc(1, sizeof(*http));

	if (http == NULL) {
		host->say(host, FRL_ERROR, "http: no memory");
		return (FRL_FAIL);
	}
	http->options = options;
	http->limits.bytes = (uint32_t)http->options->head_bytes;
	http->limits.fields = (uint32_t)http->options->head_fields;
	message_settings(&http->settings);
	http->request_fields = calloc(http->limits.fields,
	    sizeof(struct frl_http_field));
	http->response_fields = calloc(http->limits.fields,
	    sizeof(struct frl_http_field));
	if (http->request_fields == NULL || http->response_fields == NULL) {
		host->say(host, FRL_ERROR, "http: no memory");
		http_unload(http);
		return (FRL_FAIL);
	}
	*ret_instance = http;
	return (FRL_OK);
}

static enum frl_detection
http_detect(void *instance, struct frl_bytes client, struct frl_bytes server,
    bool ended)
{
	(void)instance;
	return (detect_http(client, server, ended));
}

/* ------------------------------------------------------------------ */
/* Refusing								*/

/* A peer broke the protocol; farewell() gives the answer. */
static enum frl_verdict
broken(struct frl_link *link, enum answer answer, const char *text)
{
	struct http_link *l = link->state;

	l->answer = (uint8_t)answer;
	return (frl_refuse(link, FRL_WHY_PROTOCOL, text));
}

/* The same with an http.error at that offset of the held bytes. */
static enum frl_verdict
bad(struct frl_link *link, enum frl_flow flow, const char *kind, size_t at,
    enum answer answer)
{
	exchange_error(link, flow, kind, at);
	return (broken(link, answer, kind));
}

/* A verb was not recorded. */
static enum frl_verdict
no_memory(struct frl_link *link)
{
	struct http_link *l = link->state;

	l->answer = ANSWER_BROKEN;
	return (frl_refuse(link, FRL_WHY_CAPACITY, "no memory"));
}

/*
 * Is the head worth a scan?  One that grows byte by byte is only looked at
 * when a line came, or when it has doubled.
 */
static bool
worth_scanning(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	size_t from = l->scanned[flow];

	if (from > 0 && from <= held.len && held.len < 2 * from &&
	    held.len < http->limits.bytes &&
	    memchr(held.data + from, '\n', held.len - from) == NULL)
		return (false);
	l->scanned[flow] = (uint32_t)held.len;
	return (true);
}

/* ------------------------------------------------------------------ */
/* The end of an exchange						*/

/* A message may be over: is the exchange, is the connection? */
static void
settle(struct frl_link *link)
{
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
	frl_again(link, FRL_FROM_CLIENT);
}

/* The body of this flow ends n bytes behind what has gone through. */
static void
finished(struct frl_link *link, enum frl_flow flow, uint64_t n)
{
	struct http_link *l = link->state;
	struct exchange *x = l->x;
	uint64_t end = frl_moved(link, flow) + n;

	x->body[flow].done = true;
	x->size[flow] = end > x->base[flow] ? end - x->base[flow] : 0;
	message_free(&x->body[flow]);
	settle(link);
}

/* More of a body, of either flow. */
static enum frl_verdict
body_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	struct message *m = &l->x->body[flow];
	size_t n;

	switch (message_take(m, &http->settings, held, &n)) {
	case MESSAGE_NO_MEMORY:
		return (no_memory(link));
	case MESSAGE_BAD:
		return (bad(link, flow, "bad_chunk", n,
		    flow == FRL_FROM_CLIENT ? ANSWER_BAD_REQUEST :
		    ANSWER_BAD_RESPONSE));
	case MESSAGE_MORE:
	case MESSAGE_DONE:
		break;
	}
	if (frl_pass(link, flow, n) != 0)
		return (no_memory(link));
	if (m->done && flow == FRL_FROM_SERVER && n < held.len) {
		/* Nobody asked for what is behind: it could be taken for the
		 * answer to the next request. */
		exchange_error(link, flow, "unasked_response", n);
		l->closing = true;
	}
	if (m->done)
		finished(link, flow, n);
	return (FRL_OK);
}

/* ------------------------------------------------------------------ */
/* Requests								*/

static int
permits(void *arg, const char *token)
{
	return (frl_permits(arg, token));
}

/* Let the request go that l->x describes. */
static enum frl_verdict
request_send(struct frl_link *link)
{
	struct http_link *l = link->state;
	struct exchange *x = l->x;
	uint64_t ahead = message_ahead(&x->body[FRL_FROM_CLIENT]);
	uint64_t moves = x->rewritten ? 0 : x->head_size;
	int failed = 0;

	x->base[FRL_FROM_CLIENT] = frl_moved(link, FRL_FROM_CLIENT) + moves;
	if (x->rewritten) {
		failed |= frl_drop(link, FRL_FROM_CLIENT, x->head_size);
		failed |= frl_insert(link, FRL_FROM_CLIENT, x->head,
		    x->head_len);
		l->dropped += x->head_size;
	}
	failed |= frl_pass(link, FRL_FROM_CLIENT, moves + ahead);
	if (failed)
		return (no_memory(link));
	x->sent = true;
	x->sent_us = frl_now_us(link);
	if (!x->upgrade) {
		free(x->head);
		x->head = NULL;
	}
	if (x->body[FRL_FROM_CLIENT].done)
		finished(link, FRL_FROM_CLIENT, moves);
	return (FRL_OK);
}

/* What head_scan_request does not know: what a request means here. */
static const char *
request_wrong(const struct head *h, enum answer *ret_answer)
{
	static const char *const framing[] = { "host", "content-length",
	    "transfer-encoding" };
	struct frl_bytes method = h->message.method;
	struct frl_bytes target = h->message.target;

	*ret_answer = ANSWER_BAD_REQUEST;
	for (size_t i = 0; i < sizeof(framing) / sizeof(framing[0]); i++)
		if (head_lists(&h->message, "connection", framing[i]))
			return ("bad_connection");
	/* This tunnel has its target: no CONNECT, no absolute form. */
	if (target.data[0] != '/' && !head_equals(target, "*") &&
	    !head_equals(method, "connect"))
		return ("bad_target");
	/* Methods are case-sensitive, and servers differ in that. */
	*ret_answer = ANSWER_NOT_IMPLEMENTED;
	for (size_t i = 0; i < method.len; i++)
		if (method.data[i] >= 'a' && method.data[i] <= 'z')
			return ("bad_method");
	return (head_equals(method, "connect") ? "bad_method" : NULL);
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
	x->expects = !x->body[FRL_FROM_CLIENT].done &&
	    head_lists(&h->message, "expect", "100-continue");
	if (h->message.minor == 0 ||
	    head_lists(&h->message, "connection", "close"))
		l->closing = true;
	if (x->rewritten) {
		x->head = upgrade_rewrite(h, rules, &x->head_len);
	} else if (x->upgrade) {
		x->head_len = h->size;
		x->head = malloc(h->size);
		if (x->head != NULL)
			memcpy(x->head, held.data, h->size);
	} else {
		return (FRL_OK);
	}
	return (x->head != NULL ? FRL_OK : no_memory(link));
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
	const char *kind = request_wrong(h, &answer);
	bool rewrite;

	if (kind != NULL)
		return (bad(link, FRL_FROM_CLIENT, kind, 0, answer));
	asked = upgrade_request(h, &rules, &rewrite);
	if (asked == UPGRADE_BAD || asked == UPGRADE_BAD_VERSION)
		return (bad(link, FRL_FROM_CLIENT, "bad_upgrade", 0,
		    asked == UPGRADE_BAD ? ANSWER_BAD_REQUEST :
		    ANSWER_WEBSOCKET_VERSION));
	l->x = exchange_create(frl_now_us(link));
	if (l->x == NULL)
		return (no_memory(link));
	l->txns++;
	l->x->upgrade = asked == UPGRADE_ASKED;
	l->x->rewritten = rewrite;
	verdict = request_keep(link, h, held, &rules);
	if (verdict == FRL_OK)
		verdict = exchange_ask(link, h);
	return (verdict == FRL_OK ? request_send(link) : verdict);
}

static enum frl_verdict
client_data(struct frl_link *link, struct frl_bytes held)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	enum head_result result;
	struct head h;

	if (l->x != NULL && l->x->sent && !l->x->body[FRL_FROM_CLIENT].done)
		return (body_data(link, FRL_FROM_CLIENT, held));
	if (l->x != NULL) {
		/* Early bytes: whose they are, the response will say. */
		frl_pause(link, FRL_FROM_CLIENT);
		return (FRL_OK);
	}
	if (!worth_scanning(link, FRL_FROM_CLIENT, held))
		return (FRL_OK);
	result = head_scan_request(&h, http->request_fields, held.data,
	    held.len, &http->limits);
	if (result == HEAD_MORE)
		return (FRL_OK);
	l->scanned[FRL_FROM_CLIENT] = 0;
	if (result == HEAD_OK)
		return (request_begin(link, &h, held));
	return (bad(link, FRL_FROM_CLIENT, head_result_name(result), h.at,
	    result == HEAD_TOO_LARGE ? ANSWER_TOO_LARGE :
	    ANSWER_BAD_REQUEST));
}

/* ------------------------------------------------------------------ */
/* Responses								*/

/* A 101 that was asked for: the connection changes its protocol here. */
static enum frl_verdict
response_switch(struct frl_link *link, const struct head *h)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	struct head_limits limits = { UINT32_MAX, http->limits.fields };
	struct frl_context context = { .size = sizeof(context) };
	struct upgrade_switch to;
	const char *kind;
	struct head asked;

	if (head_scan_request(&asked, http->request_fields, l->x->head,
	    l->x->head_len, &limits) != HEAD_OK)
		return (no_memory(link));
	kind = upgrade_check(&asked.message, &h->message, &to);
	if (kind != NULL)
		exchange_error(link, FRL_FROM_SERVER, kind, 0);
	if (to.token[0] == '\0' ||
	    (kind != NULL && http->options->mode == HTTP_ENFORCE))
		return (broken(link, ANSWER_BAD_UPGRADE, kind));
	context.token = to.token;
	context.subprotocol = to.subprotocol;
	context.extensions = to.extensions;
	context.request = &asked.message;
	context.response = &h->message;
	/* Asked before the 101 is let go: it may still be a 502. */
	if (frl_handoff(link, to.token, &context) != 0) {
		l->answer = ANSWER_BAD_UPGRADE;
		return (frl_refuse(link, FRL_WHY_REFUSED,
		    "nobody here takes over this protocol"));
	}
	if (frl_pass(link, FRL_FROM_SERVER, h->size) != 0)
		return (no_memory(link));
	exchange_free(l->x);
	l->x = NULL;
	return (FRL_OK);
}

/* 1xx: forwarded, and the exchange goes on (RFC 9110, 15.2). */
static enum frl_verdict
response_interim(struct frl_link *link, const struct head *h)
{
	struct http_link *l = link->state;

	if (++l->x->interims > INTERIMS_MAX)
		return (bad(link, FRL_FROM_SERVER, "too_many_interim", 0,
		    ANSWER_BAD_RESPONSE));
	if (h->message.status == 100)
		l->x->expects = false;
	if (frl_pass(link, FRL_FROM_SERVER, h->size) != 0)
		return (no_memory(link));
	return (FRL_OK);
}

/* The head of the final response. */
static enum frl_verdict
response_final(struct frl_link *link, const struct head *h,
    struct frl_bytes held)
{
	struct http_link *l = link->state;
	struct exchange *x = l->x;
	struct message *m = &x->body[FRL_FROM_SERVER];
	uint64_t n = h->size;

	message_response(m, h, x->to_head);
	x->answered = true;
	x->upgrade = false;
	free(x->head);
	x->head = NULL;
	x->base[FRL_FROM_SERVER] = frl_moved(link, FRL_FROM_SERVER) + n;
	if (frl_pass(link, FRL_FROM_SERVER, n) != 0 ||
	    frl_pass(link, FRL_FROM_SERVER, message_ahead(m)) != 0)
		return (no_memory(link));
	/* A body that was announced but not sent when the final answer came
	 * may or may not follow: never read what comes as a request. */
	if (exchange_body(link, FRL_FROM_CLIENT) != 0)
		x->expects = false;
	if (m->kind == MESSAGE_ALL || h->message.minor == 0 || x->expects ||
	    head_lists(&h->message, "connection", "close"))
		l->closing = true;
	if (m->kind == MESSAGE_ALL)
		frl_set_idle(link, 0);
	if (m->done && n < held.len) {
		exchange_error(link, FRL_FROM_SERVER, "unasked_response", n);
		l->closing = true;
	}
	if (m->done)
		finished(link, FRL_FROM_SERVER, n);
	return (FRL_OK);
}

static enum frl_verdict
response_begin(struct frl_link *link, const struct head *h,
    struct frl_bytes held)
{
	struct http_link *l = link->state;
	uint16_t status = h->message.status;

	/* RFC 9112, 6.1: not in a 1xx or 204; RFC 9110, 15: 100 to 599. */
	if (h->has_transfer_encoding && (status < 200 || status == 204))
		return (bad(link, FRL_FROM_SERVER, "bad_framing", 0,
		    ANSWER_BAD_RESPONSE));
	if (status < 100)
		return (bad(link, FRL_FROM_SERVER, "bad_start_line", 0,
		    ANSWER_BAD_RESPONSE));
	exchange_response(link, h);
	if (status >= 200)
		return (response_final(link, h, held));
	if (status != 101)
		return (response_interim(link, h));
	/* RFC 9110, 7.8: only to who asked, and has finished asking. */
	if (!l->x->upgrade || !l->x->body[FRL_FROM_CLIENT].done)
		return (bad(link, FRL_FROM_SERVER, "unasked_101", 0,
		    ANSWER_BAD_UPGRADE));
	return (response_switch(link, h));
}

static enum frl_verdict
server_data(struct frl_link *link, struct frl_bytes held)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;
	enum head_result result;
	struct head h;

	if (l->x == NULL || !l->x->sent ||
	    (l->x->answered && l->x->body[FRL_FROM_SERVER].done))
		return (bad(link, FRL_FROM_SERVER, "unasked_response", 0,
		    ANSWER_BAD_RESPONSE));
	if (l->x->answered)
		return (body_data(link, FRL_FROM_SERVER, held));
	if (!worth_scanning(link, FRL_FROM_SERVER, held))
		return (FRL_OK);
	result = head_scan_response(&h, http->response_fields, held.data,
	    held.len, &http->limits);
	if (result == HEAD_MORE)
		return (FRL_OK);
	l->scanned[FRL_FROM_SERVER] = 0;
	if (result == HEAD_OK)
		return (response_begin(link, &h, held));
	return (bad(link, FRL_FROM_SERVER, head_result_name(result), h.at,
	    ANSWER_BAD_RESPONSE));
}

/* ------------------------------------------------------------------ */
/* Callbacks of a link, in the order of calls				*/

static enum frl_verdict
http_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;

	(void)seen;
	if (!l->begun) {
		frl_set_idle(link, http->options->idle);
		l->begun = true;
	}
	return (flow == FRL_FROM_CLIENT ? client_data(link, held) :
	    server_data(link, held));
}

static enum frl_verdict
http_decided(struct frl_link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    enum frl_verdict verdict)
{
	struct http_link *l = link->state;

	(void)flow;
	(void)record;
	/* The server may have gone meanwhile, and the exchange with it. */
	if (event != &http_event_request || verdict != FRL_OK || l->x == NULL)
		return (FRL_OK);
	return (request_send(link));
}

/* The words that end an exchange, or nothing where one has begun. */
static void
answer(struct frl_link *link, enum answer answer, const char *text)
{
	const struct http_link *l = link->state;
	char buffer[ANSWER_SIZE];
	size_t n;

	if (answer == ANSWER_NONE || (l->x != NULL && l->x->answered))
		return;
	n = answer_write(buffer, answer, text, l->x != NULL && l->x->to_head);
	(void)frl_insert(link, FRL_FROM_SERVER, buffer, n);
}

/* The client finished.  What it asked for is still answered. */
static enum frl_verdict
client_end(struct frl_link *link, struct frl_bytes held)
{
	struct http_link *l = link->state;

	if (l->x == NULL) {
		if (held.len > 0)
			exchange_error(link, FRL_FROM_CLIENT, "truncated",
			    held.len);
		(void)frl_end(link, FRL_FROM_SERVER);
	} else if (l->x->sent && !l->x->body[FRL_FROM_CLIENT].done) {
		exchange_error(link, FRL_FROM_CLIENT, "truncated", held.len);
		/* Nothing of an exchange may follow. */
		l->closing = true;
	}
	return (FRL_OK);
}

/* The server finished: nobody is left to answer. */
static enum frl_verdict
server_end(struct frl_link *link, struct frl_bytes held)
{
	struct http_link *l = link->state;
	struct exchange *x = l->x;

	l->closing = true;
	if (x != NULL && !x->answered) {
		exchange_error(link, FRL_FROM_SERVER,
		    held.len > 0 ? "truncated" : "no_response", held.len);
		answer(link, ANSWER_NO_RESPONSE, NULL);
	} else if (x != NULL && !x->body[FRL_FROM_SERVER].done) {
		if (x->body[FRL_FROM_SERVER].kind == MESSAGE_ALL)
			finished(link, FRL_FROM_SERVER, 0);
		else
			exchange_error(link, FRL_FROM_SERVER, "truncated",
			    held.len);
	}
	if (l->x != NULL)
		exchange_done(link);
	(void)frl_end(link, FRL_FROM_CLIENT);
	return (FRL_OK);
}

static enum frl_verdict
http_end(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    uint64_t unmet)
{
	struct http_link *l = link->state;

	(void)unmet;
	l->over[flow] = true;
	return (flow == FRL_FROM_CLIENT ? client_end(link, held) :
	    server_end(link, held));
}

/* A body with a length ends where it said: its last byte was to be shown. */
static void
let_last_byte_go(struct frl_link *link, enum frl_flow flow)
{
	const struct http_link *l = link->state;
	const struct message *m = &l->x->body[flow];

	if (m->kind == MESSAGE_LENGTH && !m->done)
		(void)frl_pass(link, flow, 1);
}

static void
http_farewell(struct frl_link *link, const struct frl_farewell *farewell)
{
	static const uint8_t answers[] = {
		[FRL_WHY_REFUSED] = ANSWER_FORBIDDEN,
		[FRL_WHY_PROTOCOL] = ANSWER_BAD_RESPONSE,
		[FRL_WHY_LIMIT] = ANSWER_BROKEN,
		[FRL_WHY_DRAIN] = ANSWER_UNAVAILABLE,
		[FRL_WHY_RELOAD] = ANSWER_UNAVAILABLE,
		[FRL_WHY_CAPACITY] = ANSWER_UNAVAILABLE,
		[FRL_WHY_BROKEN] = ANSWER_BROKEN
	};
	const struct http_link *l = link->state;
	size_t why = (size_t)farewell->why;

	if (l->answer != ANSWER_NONE)
		answer(link, l->answer, NULL);
	else if (l->x != NULL && why < sizeof(answers))
		answer(link, answers[why], farewell->reason);
	if (l->x != NULL && l->x->sent)
		let_last_byte_go(link, FRL_FROM_CLIENT);
	if (l->x != NULL && l->x->answered)
		let_last_byte_go(link, FRL_FROM_SERVER);
}

static void
http_close(struct frl_link *link)
{
	const struct http_link *l = link->state;

	if (l->x != NULL)
		exchange_done(link);
	exchange_report(link);
}

FRL_PLUGIN = {
	FRL_ABI,
	.flags = FRL_OWNS_PROTOCOL,
	.name = "http",
	.version = "0.1",
	.summary = "HTTP/1.0 and 1.1, and upgrades to other protocols",
	.licence = "MIT",
	.state_size = sizeof(struct http_link),
	.options_size = sizeof(struct http_options),
	.options = http_option_table,
	.events = http_events,
	.load = http_load,
	.unload = http_unload,
	.detect = http_detect,
	.data = http_data,
	.end = http_end,
	.decided = http_decided,
	.farewell = http_farewell,
	.close = http_close
};
