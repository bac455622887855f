/* SPDX-License-Identifier: MIT */
/*
 * http.h -- what the `http` inspector says: message heads and the records of
 * its events.  For plugins that hook http.* or take over after a 101.
 *
 * Nothing here is ever written to a log as it stands: the log leaves out
 * credentials, cookies and query values; hooks and inspectors see all.
 */
#ifndef FAIRLEAD_HTTP_H
#define FAIRLEAD_HTTP_H

#include <fairlead/inspector.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One field line, as it was sent (RFC 9110, 5). */
struct frl_http_field {
	struct frl_bytes name, value;
};

/* The head of a message (RFC 9112, 2.1).  All bytes point into it. */
struct frl_http_head {
	struct frl_bytes method, target;	/* requests */
	struct frl_bytes reason;		/* responses */
	uint16_t status;			/* responses; else 0 */
	uint8_t minor;				/* HTTP/1.minor */
	uint32_t count;
	const struct frl_http_field *fields;
};

/* http.request: a whole request head has arrived; hooks may refuse it. */
struct frl_http_request {
	uint64_t txn;			/* counts from 1 in its tunnel */
	struct frl_bytes method;
	struct frl_bytes target;	/* query values taken out */
	struct frl_bytes host;		/* of the Host field */
	const char *version;		/* "1.1" */
	uint32_t header_bytes;		/* the whole head with its last CRLF */
	uint32_t header_count;
	struct frl_bytes user_agent;
	struct frl_bytes upgrade;	/* what it asks to upgrade to */
	const struct frl_http_head *head;	/* not logged; NULL in a copy
						 * that waited */
};

/* http.response: a response head (also a 1xx) has arrived. */
struct frl_http_response {
	uint64_t txn;
	uint32_t status;
	const char *version;
	uint32_t header_bytes;
	uint32_t header_count;
	uint64_t ttfb_us;		/* since the request's head was passed */
};

/* http.done: an exchange is over. */
struct frl_http_done {
	uint64_t txn;
	uint64_t request_body_bytes;	/* on the wire, chunk framing included */
	uint64_t response_body_bytes;
	uint64_t duration_us;
	int8_t complete;		/* both messages whole */
};

/* http.error: a message breaks RFC 9112. */
struct frl_http_error {
	uint64_t txn;
	const char *kind;
	uint64_t offset_bytes;		/* in this direction of the tunnel */
};

#ifdef __cplusplus
}
#endif

#endif /* FAIRLEAD_HTTP_H */
