/* SPDX-License-Identifier: MIT */
/*
 * conn -- a non-blocking connection in an epoll set.  What its bytes mean is
 * its role's business; who its role is, its maker's.
 *
 * A connection closes only itself, so a turn of the loop never meets one that
 * is gone.  Anything unexpected ends the run: see fail().
 */
#ifndef LOAD_CONN_H
#define LOAD_CONN_H

#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MESSAGE_MAX = 1024 };

struct conn;
struct load;

struct role {
	const char *name;			/* for errors */
	void (*opened)(struct conn *c);		/* connected */
	/* Bytes came.  They are gone on return. */
	void (*data)(struct conn *c, const uint8_t *bytes, size_t n);
	void (*ended)(struct conn *c);		/* NULL: that is an error */
};

struct conn {
	struct load *load;
	const struct role *role;
	const struct role *accepts;	/* a listener's */
	size_t index;			/* a tunnel's */
	int fd;
	uint32_t events;		/* what epoll was asked for */
	bool connecting;
	bool served;			/* new, or something happened to it */

	/* The opening, on both sides. */
	int stage;
	struct head head;
	char accept[ACCEPT_SIZE];

	/* What comes. */
	struct frames frames;
	uint64_t in;			/* bytes of the stream or body */

	/* A source sends this for ever. */
	const uint8_t *block;
	size_t block_len, block_at;

	/* One small message, out or in. */
	uint8_t message[MESSAGE_MAX];
	uint64_t number;
	bool waiting;			/* for an answer */
};

/* Connect to 127.0.0.1, with a receive buffer of so many bytes (0: as the
 * kernel likes). */
struct conn *conn_open(struct load *load, uint16_t port, int buffer,
    const struct role *role);

/* Listen there.  The connections accepted have this role, and are opened. */
void conn_listen(struct load *load, uint16_t port, const struct role *role);

/* Close and free. */
void conn_close(struct conn *c);

/* Send a small message, whole: it is the only one on its way. */
void conn_send(struct conn *c, const uint8_t *bytes, size_t n);

/* From now on send this block again and again, as fast as it goes. */
void conn_source(struct conn *c, const uint8_t *block, size_t n);

/* Read from now on, or not. */
void conn_reading(struct conn *c, bool on);

/* Read up to n bytes now, for one that is not reading. */
void conn_sip(struct conn *c, size_t n);

/* Serve what is ready, waiting at most this long for it. */
void conn_turn(struct load *load, uint64_t timeout_ns);

#endif
