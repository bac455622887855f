/* SPDX-License-Identifier: MIT */
/*
 * inflater -- the messages of one direction as they were before
 * permessage-deflate (RFC 7692, 7.2.2), piece by piece.
 *
 * The only user of zlib.  Sans-IO; keeps of a text only what DEFLATE may
 * refer to, the window.  How much may come out of how little is the affair of
 * whoever takes it.
 *
 * What always holds: zlib has INFLATER_MEMORY bytes at most, whatever a peer
 * sends; in truth it takes some 7 KiB and the window.
 */
#ifndef WEBSOCKET_INFLATER_H
#define WEBSOCKET_INFLATER_H

#include <fairlead/inspector.h>

#define INFLATER_MEMORY (64 * 1024)

enum inflater_status {
	INFLATER_FINE,
	INFLATER_BAD,		/* no DEFLATE, or not a whole message */
	INFLATER_STOPPED,	/* take() wants no more */
	INFLATER_NOMEM
};

/* Who gets what comes out (bytes: borrow).  False: no more of it. */
struct inflater_sink {
	bool (*take)(void *arg, const uint8_t *bytes, size_t n);
	void *arg;
};

struct inflater;

/* bits: of the window, as negotiated, 8 to 15.  NULL without memory. */
struct inflater *inflater_create(unsigned int bits);
void inflater_free(struct inflater *inflater);

/* The next bytes of a message (borrow).  After anything but FINE there is
 * nothing to do with an inflater but to free it. */
enum inflater_status inflater_feed(struct inflater *inflater,
    struct frl_bytes bytes, const struct inflater_sink *sink);

/* The message is over.  The next one may refer to its text. */
enum inflater_status inflater_finish(struct inflater *inflater,
    const struct inflater_sink *sink);

#endif
