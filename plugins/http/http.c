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
 * In forward mode the client asked the proxy itself, by absolute-form: heads
 * are rewritten (rewrite.h), and at a request for another server, or when
 * this one has closed, the client goes on to a new tunnel.
 *
 * Options:
 *	idle		end a connection on which nothing moves between two
 *			exchanges; within one, timeouts.idle counts
 *	head_time	for a whole head, of either side, from its first byte
 *	first_byte	from the whole request to the response's first byte
 *	head_bytes	longest head
 *	head_fields	most fields in a head
 *	mode		observe: a 101 that breaks RFC 6455 is recorded and
 *			passed; enforce: it is answered 502
 *	via		this proxy's name in the Via field of forward mode
 */
#include <stdlib.h>
#include <string.h>

#include <fairlead/http.h>

#include "detect.h"
#include "events_table.h"
#include "exchange.h"
#include "request.h"
#include "response.h"
#include "rewrite.h"

#define VIA_MAX 64

static const struct frl_option http_option_table[] = {
	{ .name = "idle", .def = "60s", .type = FRL_OPTION_DURATION,
	    .help = "without a byte between exchanges; 0: as timeouts.idle",
	    .offset = offsetof(struct http_options, idle) },
	{ .name = "head_time", .def = "10s", .type = FRL_OPTION_DURATION,
	    .min = 1, .max = 86400000,
	    .help = "from the first byte of a head to its last",
	    .offset = offsetof(struct http_options, head_time) },
	{ .name = "first_byte", .def = "5m", .type = FRL_OPTION_DURATION,
	    .max = 86400000,
	    .help = "from the end of a request to the response's first byte",
	    .offset = offsetof(struct http_options, first_byte) },
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
	{ .name = "via", .def = "fairlead", .type = FRL_OPTION_STRING,
	    .help = "this proxy's name in the Via field of absolute-form "
	    "requests and their answers; \"\": no such field",
	    .offset = offsetof(struct http_options, via) },
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

/* It is copied into heads as it is (RFC 9110, 7.6.3: a token). */
static bool
via_ok(const char *via)
{
	return (strspn(via, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~") == strlen(via) &&
	    strlen(via) <= VIA_MAX);
}

static enum frl_verdict
http_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	const struct http_options *o = options;
	struct http_instance *http;

	if (!via_ok(o->via)) {
		host->say(host, FRL_ERROR, "via: at most 64 letters, digits "
		    "and -._~");
		return (FRL_FAIL);
	}
	http = calloc(1, sizeof(*http));
	if (http == NULL) {
		host->say(host, FRL_ERROR, "http: no memory");
		return (FRL_FAIL);
	}
	http->options = o;
	http->limits.bytes = (uint32_t)http->options->head_bytes;
	http->limits.fields = (uint32_t)http->options->head_fields;
	http->sent.bytes = UINT32_MAX;
	http->sent.fields = http->limits.fields + REWRITE_ADDED_FIELDS;
	message_settings(&http->settings);
	http->request_fields = calloc(http->sent.fields,
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
/* Callbacks of a link, in the order of calls				*/

static void
begin(struct frl_link *link)
{
	const struct http_instance *http = link->instance;
	struct http_link *l = link->state;

	if (l->begun)
		return;
	frl_set_idle(link, http->options->idle);
	l->forward = strcmp(link->tunnel->mode, "forward") == 0;
	l->begun = true;
}

static enum frl_verdict
http_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	(void)seen;
	begin(link);
	return (flow == FRL_FROM_CLIENT ? request_data(link, held) :
	    response_data(link, held));
}

/*
 * A server that does not answer; or a head that does not get whole: one by
 * one its bytes would keep the connection for long, since each of them moves
 * something.
 */
static enum frl_verdict
http_timer(struct frl_link *link)
{
	struct http_link *l = link->state;

	if (l->x != NULL) {
		exchange_error(link, FRL_FROM_SERVER, "response_timeout", 0);
		l->answer = ANSWER_NO_ANSWER;
		return (frl_refuse(link, FRL_WHY_TIMEOUT,
		    "the server did not answer in time"));
	}
	exchange_error(link, FRL_FROM_CLIENT, "head_timeout", 0);
	l->answer = ANSWER_TIMEOUT;
	return (frl_refuse(link, FRL_WHY_TIMEOUT,
	    "the request head came too slowly"));
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

/* RFC 9112, 8: of a body that ends with the connection, the client takes a
 * FIN for the end, wherever it comes. */
static void
cut_off(struct frl_link *link)
{
	const struct http_link *l = link->state;
	const struct message *m = &l->x->body[FRL_FROM_SERVER];

	if (l->x->answered && !m->done &&
	    ((m->kind == MESSAGE_CHUNKED && m->unframed) ||
	    m->kind == MESSAGE_ALL))
		frl_cut(link, FRL_FROM_SERVER);
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

/*
 * The server finished before it answered.  If it had answered others before,
 * it may just have been tired of waiting.  Then the client is told what the
 * server told us: nothing.  It may try again on a new connection (RFC 9112,
 * 9.3.1), as it would do without us.
 */
static void
unanswered(struct frl_link *link, size_t held)
{
	const struct http_link *l = link->state;

	exchange_error(link, FRL_FROM_SERVER,
	    held > 0 ? "truncated" : "no_response", held);
	if (held > 0 || l->txns <= 1 || l->x->interims > 0)
		answer(link, ANSWER_NO_RESPONSE, NULL);
}

/* The server finished: nobody is left to answer. */
static enum frl_verdict
server_end(struct frl_link *link, struct frl_bytes held)
{
	struct http_link *l = link->state;
	struct exchange *x = l->x;
	bool owed = exchange_owed(l) && !(x != NULL && x->answered);

	/* Between two requests only the server is done with. */
	if (x == NULL && !owed && !l->closing && frl_next(link) == 0)
		return (FRL_OK);
	l->closing = true;
	if (x != NULL)
		step_await(link, 0);
	if (owed) {
		unanswered(link, held.len);
	} else if (x != NULL && !x->body[FRL_FROM_SERVER].done) {
		if (x->body[FRL_FROM_SERVER].kind == MESSAGE_ALL) {
			step_finished(link, FRL_FROM_SERVER, 0);
		} else {
			exchange_error(link, FRL_FROM_SERVER, "truncated",
			    held.len);
			cut_off(link);
		}
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
	begin(link);
	l->over[flow] = true;
	return (flow == FRL_FROM_CLIENT ? client_end(link, held) :
	    server_end(link, held));
}

/* A body with a length ends where it said: its last byte was to be shown.  One
 * that a client may withhold has nothing to wait for. */
static void
let_last_byte_go(struct frl_link *link, enum frl_flow flow)
{
	const struct http_link *l = link->state;
	const struct message *m = &l->x->body[flow];

	if (m->kind == MESSAGE_LENGTH && !(flow == FRL_FROM_CLIENT &&
	    l->x->expects && m->left == m->length))
		(void)frl_pass(link, flow, m->left);
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
		[FRL_WHY_BROKEN] = ANSWER_BROKEN,
		[FRL_WHY_TIMEOUT] = ANSWER_NO_ANSWER
	};
	const struct http_link *l = link->state;
	size_t why = (size_t)farewell->why;

	if (l->answer != ANSWER_NONE)
		answer(link, l->answer, farewell->reason);
	else if (l->x != NULL && why < sizeof(answers))
		answer(link, answers[why], farewell->reason);
	if (l->x != NULL && l->x->sent)
		let_last_byte_go(link, FRL_FROM_CLIENT);
	if (l->x != NULL && l->x->answered)
		let_last_byte_go(link, FRL_FROM_SERVER);
	/* In a drain its end may still come. */
	if (l->x != NULL)
		cut_off(link);
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
	.flags = FRL_OWNS_PROTOCOL | FRL_FORWARDS,
	.name = "http",
	.version = "0.1.0",
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
	.timer = http_timer,
	.decided = http_decided,
	.farewell = http_farewell,
	.close = http_close
};
