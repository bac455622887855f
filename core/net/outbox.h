/* SPDX-License-Identifier: MIT */
/*
 * outbox -- messages for a channel whose other end may be slow: what it does
 * not take now waits here.
 *
 * What always holds: messages leave in order, each once; nobody waits for the
 * other end.
 */
#ifndef NET_OUTBOX_H
#define NET_OUTBOX_H

#include "net/loop.h"

#include <stddef.h>

struct outbox_item;

struct outbox {
	struct loop *loop;
	int channel;			/* -1: closed */
	struct outbox_item *items;	/* oldest first */
	struct timer again;
};

/* channel: borrow, until outbox_close().  An outbox begins closed. */
void outbox_open(struct outbox *outbox, struct loop *loop, int channel);

/* What waits is forgotten.  Idempotent. */
void outbox_close(struct outbox *outbox);

/* fds: borrow.  0, also where it is closed: who is gone needs no message; -1
 * and errno: without memory or descriptors it is lost. */
int outbox_send(struct outbox *outbox, const void *message, size_t size,
    const int *fds, size_t count);

#endif
