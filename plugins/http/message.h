/* SPDX-License-Identifier: MIT */
/*
 * message -- where an HTTP/1 message ends (RFC 9112, 6).
 *
 * Turns what a head says, and the bytes behind it, into numbers: how many
 * bytes may go on unseen, how many of those at hand belong to the message.
 * Knows no tunnel.  A chunked body is checked by llhttp; where llhttp lets
 * something through that others read differently, this file refuses it.
 */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "base/head.h"

#include <llhttp.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum message_kind {
	MESSAGE_EMPTY,		/* no body */
	MESSAGE_LENGTH,		/* Content-Length */
	MESSAGE_CHUNKED,
	MESSAGE_ALL		/* until the server closes */
};

struct chunked;

/* A body.  Zeroed memory is one that has not begun. */
struct message {
	enum message_kind kind;
	bool done;
	bool unframed;			/* MESSAGE_CHUNKED: only data go on */
	uint64_t length;		/* MESSAGE_LENGTH */
	uint64_t left;			/* of it, to be taken */
	struct chunked *chunked;	/* MESSAGE_CHUNKED; or NULL */
};

enum message_result {
	MESSAGE_MORE,
	MESSAGE_DONE,
	MESSAGE_BAD,
	MESSAGE_NO_MEMORY
};

/* llhttp's callbacks: one table per instance, shared by all bodies. */
void message_settings(llhttp_settings_t *settings);

/* The body of a request with this head. */
void message_request(struct message *m, const struct head *h);

/* The body of a final response; `to_head`: to a HEAD request. */
void message_response(struct message *m, const struct head *h, bool to_head);

/*
 * Take what may go on unseen of what is left: so many bytes.  One less than
 * a Content-Length: its last byte is shown, since nobody is told when credit
 * has been used up.  FRL_ALL: the rest of the stream.
 */
uint64_t message_ahead(struct message *m);

/*
 * Take the next bytes of the body: so many of these belong to it.  Of an
 * unframed one the first ret->framing of them do not go on, and there may be
 * more at hand than were taken.  With MESSAGE_BAD, about where it went wrong.
 */
struct message_piece {
	size_t n, framing;
};

enum message_result message_take(struct message *m,
    const llhttp_settings_t *settings, struct frl_bytes bytes,
    struct message_piece *ret);

/* Is a body whole of which so many bytes have gone through? */
bool message_whole(const struct message *m, uint64_t body);

/* Give back its memory.  The struct keeps its other values. */
void message_free(struct message *m);

#endif
