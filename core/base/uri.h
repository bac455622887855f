/* SPDX-License-Identifier: MIT */
/*
 * uri -- an absolute-form request target, taken apart (RFC 9112, 3.2.2;
 * RFC 3986, 3).
 *
 *	http://example.com:8080/a/b?c
 *	       |-- authority --||path|
 *
 * As strict as target: nothing in it can be read in two ways.  Compiled into
 * the core (greeting) and into the http plugin, so that both name the same
 * server.
 */
#ifndef BASE_URI_H
#define BASE_URI_H

#include "base/target.h"

#include <fairlead/inspector.h>

#define URI_PORT 80		/* of http (RFC 9110, 4.2.1) */

enum uri_result {
	URI_HTTP,
	URI_NONE,		/* not in absolute-form */
	URI_OTHER,		/* a scheme that is not sent on from here */
	URI_BAD			/* http, but no valid target */
};

struct uri {
	struct target target;		/* URI_PORT where none is named */
	struct frl_bytes path;		/* with the query; may be empty, and
					 * may begin with '?' */
};

/* text: borrow for the uri's life.  Not URI_HTTP: *ret_why is a static
 * sentence, but for URI_NONE. */
enum uri_result uri_parse(struct uri *uri, struct frl_bytes text,
    const char **ret_why);

#endif
