/* SPDX-License-Identifier: MIT */
/*
 * lists -- fields whose value is a comma-separated list (RFC 9110, 5.6.1),
 * element by element over all field lines of one name.
 */
#ifndef HTTP_LISTS_H
#define HTTP_LISTS_H

#include "base/head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A walk over them: { .head, .name } before the first element. */
struct list {
	const struct frl_http_head *head;
	const char *name;
	uint32_t next;		/* field line */
	struct frl_bytes rest;	/* of its value */
};

/* The next element that is not empty; false: there is none. */
bool list_next(struct list *list, struct frl_bytes *ret);

/* The part before the separator, without blanks; *rest becomes what stands
 * behind it.  Quoted separators do not count. */
struct frl_bytes list_cut(struct frl_bytes *rest, uint8_t separator);

/* What the Connection field says (RFC 9110, 7.6.1). */
#define CONNECTION_CLOSE 1u
#define CONNECTION_KEEP_ALIVE 2u
#define CONNECTION_FRAMING 4u	/* names a field without which the message
				 * would be another one */

unsigned list_connection(const struct head *h);

#endif
