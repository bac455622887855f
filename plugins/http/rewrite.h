/* SPDX-License-Identifier: MIT */
/*
 * rewrite -- a message head as it is sent on, where that is not byte for byte
 * what came.
 *
 *	in a tunnel	offers of protocols that may not be forwarded are
 *			left out, and nothing else is touched
 *	forward mode	this is a proxy in the sense of RFC 9110, 7.6:
 *			origin-form, Host from the target, no field that is
 *			meant for this connection alone, Connection written
 *			anew, Via added
 *
 * Looks at heads only; what may be forwarded it is told.
 */
#ifndef HTTP_REWRITE_H
#define HTTP_REWRITE_H

#include "base/uri.h"
#include "upgrade.h"

/* Field lines that a head may have more than before. */
#define REWRITE_ADDED_FIELDS 3u

/* How a message is sent on in forward mode. */
struct rewrite_forward {
	const struct uri *uri;		/* requests */
	const char *via;		/* this proxy's name; "": no Via */
	bool close;			/* the connection ends behind it */
	bool old;			/* responses: to HTTP/1.0 */
};

/*
 * Both: the new head (give; free() it), or NULL without memory.  forward is
 * NULL in a tunnel.
 */
uint8_t *rewrite_request(const struct head *h,
    const struct upgrade_rules *rules, const struct rewrite_forward *forward,
    size_t *ret_len);

/*
 * What rewrite_request() gave for a server, as a parent proxy is sent it:
 * absolute-form, with our own words for that proxy.  As above.
 */
uint8_t *rewrite_for_parent(const uint8_t *head, size_t len,
    const struct frl_parent *parent, size_t *ret_len);

/* Is a TRACE or OPTIONS not to be sent on (RFC 9110, 7.6.2)?  Then this is
 * what came of it, without credentials. */
bool rewrite_is_last(const struct head *h);
uint8_t *rewrite_reflected(const struct head *h, size_t *ret_len);

/* A response, but no 101, to a client of a proxy. */
uint8_t *rewrite_response(const struct head *h,
    const struct rewrite_forward *forward, size_t *ret_len);

#endif
