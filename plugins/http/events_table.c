/* SPDX-License-Identifier: MIT */
/* events_table -- see events_table.h. */
#include "events_table.h"

#define END { .name = NULL }
#define AT(type, member) .offset = offsetof(struct type, member)

static const struct frl_field request_fields[] = {
	{ "http.txn", "which exchange of the tunnel, from 1",
	    AT(frl_http_request, txn), .type = FRL_U64 },
	{ "http.method", "method", AT(frl_http_request, method),
	    .type = FRL_TEXT },
	{ "http.target", "request target; query values are left out, "
	    "parameters without a value are ***",
	    AT(frl_http_request, target), .type = FRL_TEXT, .cap = 1024 },
	{ "http.host", "Host field", AT(frl_http_request, host),
	    .type = FRL_TEXT },
	{ "http.version", "1.0 or 1.1", AT(frl_http_request, version),
	    .type = FRL_NAME },
	{ "http.header_bytes", "size of the head",
	    AT(frl_http_request, header_bytes), .type = FRL_U32 },
	{ "http.header_count", "number of fields",
	    AT(frl_http_request, header_count), .type = FRL_U32 },
	{ "http.user_agent", "User-Agent field",
	    AT(frl_http_request, user_agent), .type = FRL_TEXT },
	{ "http.upgrade", "protocols it offers to upgrade to",
	    AT(frl_http_request, upgrade), .type = FRL_TEXT },
	END
};

static const struct frl_field response_fields[] = {
	{ "http.txn", "which exchange of the tunnel, from 1",
	    AT(frl_http_response, txn), .type = FRL_U64 },
	{ "http.status", "status code", AT(frl_http_response, status),
	    .type = FRL_U32 },
	{ "http.version", "1.0 or 1.1", AT(frl_http_response, version),
	    .type = FRL_NAME },
	{ "http.header_bytes", "size of the head",
	    AT(frl_http_response, header_bytes), .type = FRL_U32 },
	{ "http.header_count", "number of fields",
	    AT(frl_http_response, header_count), .type = FRL_U32 },
	{ "http.ttfb_us", "time since the request's head went on",
	    AT(frl_http_response, ttfb_us), .type = FRL_U64 },
	END
};

static const struct frl_field done_fields[] = {
	{ "http.txn", "which exchange of the tunnel, from 1",
	    AT(frl_http_done, txn), .type = FRL_U64 },
	{ "http.request_body_bytes", "on the wire, with chunk framing",
	    AT(frl_http_done, request_body_bytes), .type = FRL_U64 },
	{ "http.response_body_bytes", "on the wire, with chunk framing",
	    AT(frl_http_done, response_body_bytes), .type = FRL_U64 },
	{ "http.duration_us", "since the request's head had arrived",
	    AT(frl_http_done, duration_us), .type = FRL_U64 },
	{ "http.complete", "were both messages whole",
	    AT(frl_http_done, complete), .type = FRL_BOOL },
	END
};

static const struct frl_field error_fields[] = {
	{ "http.txn", "which exchange of the tunnel, from 1",
	    AT(frl_http_error, txn), .type = FRL_U64 },
	{ "http.kind", "what is wrong", AT(frl_http_error, kind),
	    .type = FRL_NAME },
	{ "http.offset_bytes", "where, in this direction of the tunnel",
	    AT(frl_http_error, offset_bytes), .type = FRL_U64 },
	END
};

static const struct frl_field summary_fields[] = {
	{ "http_txns", "requests that were seen", AT(http_summary, txns),
	    .type = FRL_U64 },
	END
};

const struct frl_event http_event_request = {
	.name = "http.request",
	.help = "A whole request head has arrived; hooks may refuse it.",
	.text = "{>} {http.method} {http.host}{http.target}",
	.fields = request_fields,
	.record_size = sizeof(struct frl_http_request),
	.flags = FRL_EVENT_FLOW | FRL_EVENT_ASKS
};

const struct frl_event http_event_response = {
	.name = "http.response",
	.help = "A response head, also an interim one, has arrived.",
	.text = "{>} {http.status} after {http.ttfb_us} us",
	.fields = response_fields,
	.record_size = sizeof(struct frl_http_response),
	.flags = FRL_EVENT_FLOW
};

const struct frl_event http_event_done = {
	.name = "http.done",
	.help = "An exchange is over.",
	.text = "done   after {http.duration_us} us, bodies "
	    "-> {http.request_body_bytes} B, "
	    "<- {http.response_body_bytes} B {http.complete?complete}",
	.fields = done_fields,
	.record_size = sizeof(struct frl_http_done),
	.flags = 0
};

const struct frl_event http_event_error = {
	.name = "http.error",
	.help = "A message breaks RFC 9112.",
	.text = "{>} http error: {http.kind} at byte {http.offset_bytes}",
	.fields = error_fields,
	.record_size = sizeof(struct frl_http_error),
	.flags = FRL_EVENT_FLOW
};

const struct frl_event http_event_summary = {
	.name = "http.summary",
	.help = "How many requests a tunnel carried.",
	.text = "requests {http_txns}",
	.fields = summary_fields,
	.record_size = sizeof(struct http_summary),
	.flags = FRL_EVENT_PART
};

const struct frl_event *const http_events[] = { &http_event_request,
    &http_event_response, &http_event_done, &http_event_error,
    &http_event_summary, NULL };
