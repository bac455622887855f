/* SPDX-License-Identifier: MIT */
/*
 * answer -- the few responses that the proxy gives itself.
 *
 * Always whole: an exact Content-Length, a sentence for people, an error
 * type for programs (Proxy-Status, RFC 9209), and the end of the connection.
 * Text that comes from elsewhere is reduced to printable ASCII.
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum answer {
	ANSWER_NONE,
	ANSWER_BAD_REQUEST,		/* 400 */
	ANSWER_FORBIDDEN,		/* 403 */
	ANSWER_EXPECTATION,		/* 417 */
	ANSWER_WEBSOCKET_VERSION,	/* 426 */
	ANSWER_TIMEOUT,			/* 408 */
	ANSWER_TOO_LARGE,		/* 431 */
	ANSWER_NOT_IMPLEMENTED,		/* 501 */
	ANSWER_BAD_RESPONSE,		/* 502: the server broke HTTP */
	ANSWER_NO_RESPONSE,		/* 502: it closed too early */
	ANSWER_BAD_UPGRADE,		/* 502: a 101 that cannot be */
	ANSWER_NO_ANSWER,		/* 504: it sent nothing in time */
	ANSWER_BROKEN,			/* 502: we cannot go on */
	ANSWER_UNAVAILABLE		/* 503: we do not want to go on */
};

#define ANSWER_SIZE 1024

/*
 * Write one into a buffer of ANSWER_SIZE bytes; its length.  text: borrow,
 * a sentence instead of the table's; NULL or "": the table's.  without_body:
 * it answers a HEAD request.
 */
size_t answer_write(char *buffer, enum answer answer, const char *text,
    bool without_body);

#endif
