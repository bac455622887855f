/* SPDX-License-Identifier: MIT */
/*
 * fuzz_upgrade -- a request that offers another protocol, the 101 that takes
 * it up, what is sent on of both heads, and what the WebSocket's log says.
 *
 * What must hold: what is sent on is a head that we would accept ourselves,
 * frames its message as before, offers only what may be forwarded, and is not
 * changed by being sent on again; in forward mode no field stays that was
 * meant for this connection; a 101 that passes was offered.
 *
 * The first byte: what is permitted, and the mode.  The request ends at the
 * first 0xfe; the response follows.
 */
#include "fuzz.h"
#include "http/lists.h"
#include "http/rewrite.h"
#include "websocket/handshake.h"

#define FIELDS 40

struct scanned {
	struct head head;
	struct frl_http_field fields[FIELDS + REWRITE_ADDED_FIELDS];
};

struct subject {
	uint8_t how;
	struct upgrade_rules rules;
	struct scanned request, response;
};

static int
permits(void *arg, const char *token)
{
	const struct subject *s = arg;

	if (strcmp(token, "websocket") == 0)
		return ((s->how & 1) == 0);
	if (strcmp(token, "h2c") == 0 && (s->how & 2) != 0)
		return (1);
	return ((s->how & 4) != 0 ? 2 : 0);
}

static bool
scan(struct scanned *s, struct frl_bytes text, bool request, uint32_t fields)
{
	const struct head_limits limits = { 1u << 20, fields };

	return ((request ? head_scan_request : head_scan_response)(&s->head,
	    s->fields, text.data, text.len, &limits) == HEAD_OK);
}

static void
check_offers(const struct subject *s, const struct frl_http_head *m)
{
	struct list w = { .head = m, .name = "upgrade" };
	struct frl_bytes element;

	while (list_next(&w, &element))
		MUST(upgrade_permitted(&s->rules, element));
	MUST((s->how & 2) != 0 ||
	    (head_field(m, "http2-settings", NULL) == NULL &&
	    !head_lists(m, "connection", "http2-settings")));
}

/* RFC 9110, 7.6.1 */
static void
check_hop_by_hop(const struct frl_http_head *m)
{
	static const char *const names[] = { "keep-alive", "te",
		"proxy-connection", "proxy-authorization",
		"proxy-authenticate", "proxy-authentication-info" };
	struct list w = { .head = m, .name = "connection" };
	struct frl_bytes element;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		MUST(head_field(m, names[i], NULL) == NULL);
	while (list_next(&w, &element))
		MUST(head_equals(element, "close") ||
		    head_equals(element, "upgrade") ||
		    head_equals(element, "http2-settings"));
}

/* RFC 9110, 8.6: a length that a 1xx or a 204 has is not sent on. */
static void
check_same_frame(const struct head *a, const struct head *b)
{
	uint16_t status = a->message.status;
	bool none = status != 0 && (status < 200 || status == 204);

	MUST(b->content_length == (none ? -1 : a->content_length));
	MUST(a->chunked == b->chunked);
}

/* What is sent on of the request; and of that again. */
static void
check_request(struct subject *s, const struct rewrite_forward *forward)
{
	struct scanned *again = calloc(1, sizeof(*again));
	enum upgrade_result was, is;
	bool rewrite;
	size_t len;
	uint8_t *text = rewrite_request(&s->request.head, &s->rules, forward,
	    &len);

	MUST(again != NULL && text != NULL);
	MUST(scan(again, (struct frl_bytes){ text, len }, true,
	    FIELDS + REWRITE_ADDED_FIELDS) && again->head.size == len);
	check_same_frame(&s->request.head, &again->head);
	was = upgrade_request(&s->request.head, &s->rules, &rewrite);
	is = upgrade_request(&again->head, &s->rules, &rewrite);
	if (was == UPGRADE_ASKED || was == UPGRADE_NONE) {
		MUST(is == was && !rewrite);
		check_offers(s, &again->head.message);
	}
	if (forward != NULL) {
		check_hop_by_hop(&again->head.message);
		MUST(again->head.message.target.data[0] == '/' ||
		    head_equals(again->head.message.target, "*"));
	}
	free(text);
	free(again);
}

static void
check_requests(struct subject *s)
{
	const struct frl_http_head *m = &s->request.head.message;
	struct rewrite_forward forward = { .via = "fairlead",
	    .close = (s->how & 8) != 0 };
	const char *why;
	struct uri uri;

	check_request(s, NULL);
	if (uri_parse(&uri, m->target, &why) != URI_HTTP)
		return;
	forward.uri = &uri;
	check_request(s, &forward);
}

static void
check_response(struct subject *s)
{
	struct rewrite_forward forward = { .via = "fairlead",
	    .close = (s->how & 8) != 0 };
	struct scanned *again = calloc(1, sizeof(*again));
	size_t len;
	uint8_t *text = rewrite_response(&s->response.head, &forward, &len);

	MUST(again != NULL && text != NULL);
	MUST(scan(again, (struct frl_bytes){ text, len }, false,
	    FIELDS + REWRITE_ADDED_FIELDS) && again->head.size == len);
	MUST(again->head.message.status == s->response.head.message.status);
	check_same_frame(&s->response.head, &again->head);
	check_hop_by_hop(&again->head.message);
	free(text);
	free(again);
}

static void
check_text(struct frl_bytes text)
{
	MUST(text.len <= HANDSHAKE_TEXT_MAX);
	MUST((text.data == NULL) == (text.len == 0));
}

static void
check_handshake(const struct subject *s, const struct upgrade_switch *change)
{
	struct frl_context context = { .size = sizeof(context),
	    .token = change->token, .subprotocol = change->subprotocol,
	    .extensions = change->extensions,
	    .request = &s->request.head.message,
	    .response = &s->response.head.message };
	unsigned int negotiated;
	struct handshake *h = handshake_read(&context, &negotiated);

	MUST(h != NULL);
	check_text(h->record.subprotocols_offered);
	check_text(h->record.subprotocol);
	check_text(h->record.extensions_offered);
	check_text(h->record.extensions);
	MUST(h->record.client_window_bits >= -1 &&
	    h->record.client_window_bits <= 15);
	MUST(h->record.server_window_bits >= -1 &&
	    h->record.server_window_bits <= 15);
	free(h);
}

static void
check_switch(const struct subject *s)
{
	const struct frl_http_head *request = &s->request.head.message;
	const struct frl_http_head *response = &s->response.head.message;
	struct upgrade_switch change;
	const char *kind = upgrade_check(request, response, &change);
	char expected[UPGRADE_ACCEPT_SIZE];

	MUST(strlen(change.token) < UPGRADE_TOKEN_SIZE);
	MUST(kind != NULL || change.token[0] != '\0');
	check_handshake(s, &change);
	if (kind != NULL || strcmp(change.token, "websocket") != 0)
		return;
	MUST(upgrade_accept(head_field(request, "sec-websocket-key",
	    NULL)->value, expected) == 0);
	MUST(head_equals(head_field(response, "sec-websocket-accept",
	    NULL)->value, expected));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct subject s = { .rules = { permits, &s } };
	struct input in = { bytes, len };
	struct frl_bytes request, response;
	bool asked, answered;

	s.how = input_byte(&in);
	request = input_until(&in, 0xfe);
	response = input_take(&in, in.len);
	asked = scan(&s.request, request, true, FIELDS);
	answered = scan(&s.response, response, false, FIELDS);
	if (asked)
		check_requests(&s);
	if (answered && s.response.head.message.status >= 200)
		check_response(&s);
	if (asked && answered)
		check_switch(&s);
	return (0);
}
