/* SPDX-License-Identifier: MIT */
/*
 * upgrade -- a request that offers to change the protocol, and the 101 that
 * takes it up (RFC 9110, 7.8; RFC 6455, 4).
 *
 * Looks at heads only.  What the configuration permits it is told by a
 * function; `h2c` must be permitted by name, since a relayed HTTP/2 would
 * carry requests past everybody who looks at this connection.
 */
#ifndef HTTP_UPGRADE_H
#define HTTP_UPGRADE_H

#include "base/head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UPGRADE_TOKEN_SIZE 64	/* of a token with its NUL */
#define UPGRADE_ACCEPT_SIZE 29	/* of Sec-WebSocket-Accept with its NUL */

enum upgrade_result {
	UPGRADE_NONE,		/* nothing that may be forwarded */
	UPGRADE_ASKED,
	UPGRADE_BAD,		/* not as RFC 6455, 4.1 wants it: 400 */
	UPGRADE_BAD_VERSION,	/* of WebSocket: 426 */
	UPGRADE_BARRED		/* its inspector is quarantined: 503 */
};

/* How to ask frl_host.permits. */
struct upgrade_rules {
	int (*permits)(void *arg, const char *token);
	void *arg;
};

/*
 * What does this request ask for?  *ret_rewrite: the head offers something
 * that may not be forwarded; send what rewrite_request makes of it.
 */
enum upgrade_result upgrade_request(const struct head *h,
    const struct upgrade_rules *rules, bool *ret_rewrite);

/* May this element of an Upgrade field be forwarded? */
bool upgrade_permitted(const struct upgrade_rules *rules,
    struct frl_bytes element);

/* What a 101 says.  Bytes point into the response's head. */
struct upgrade_switch {
	char token[UPGRADE_TOKEN_SIZE];	/* lower case; "": none of those that
					 * were offered */
	struct frl_bytes subprotocol, extensions;
};

/*
 * Is this 101 a valid answer to the request as it was forwarded?  NULL, or
 * the kind of http.error: bad_upgrade, bad_accept, not_offered.
 */
const char *upgrade_check(const struct frl_http_head *request,
    const struct frl_http_head *response, struct upgrade_switch *ret);

/* Sec-WebSocket-Accept for a key (RFC 6455, 4.2.2).  0, or -1. */
int upgrade_accept(struct frl_bytes key, char *ret_accept);

#endif
