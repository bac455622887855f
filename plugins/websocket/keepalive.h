/* SPDX-License-Identifier: MIT */
/*
 * keepalive -- what a link does about pings: it times those of the peers, and
 * where nothing is said for long it sends its own, to both.
 *
 * A ping of ours goes only where a frame may begin, and only while both
 * directions are whole: after a close frame, or where one direction cannot be
 * read, its pong might reach the other peer.  Pongs to ours are swallowed,
 * and neither counts as a frame of the peers, nor as their sign of life.
 *
 * No frame with data comes here.
 */
#ifndef WEBSOCKET_KEEPALIVE_H
#define WEBSOCKET_KEEPALIVE_H

#include "tell.h"

/* Pings in a row to a peer of which nothing is heard: then no more, lest they
 * gather on the way to one that does not read. */
#define KEEPALIVE_UNHEARD 8

/* The link's timer fired: send pings if it is time; set it anew. */
void keepalive_tick(struct frl_link *link);

/*
 * Is the control frame at the start of held the answer to a ping of ours?
 * If its stream ended early, part of it may be there.
 */
bool keepalive_is_own(const struct frl_link *link, enum frl_flow flow,
    const struct frame *frame, struct frl_bytes held);

/* Swallow it; it is whole. */
enum frl_verdict keepalive_swallow(struct frl_link *link,
    enum frl_flow flow, const struct frame *frame, struct frl_bytes held);

/* How many were, of those that came on this flow. */
uint64_t keepalive_swallowed(const struct frl_link *link,
    enum frl_flow flow);

/* A ping or a pong of a peer, whole and as it should be, goes on. */
void keepalive_passed(struct frl_link *link, enum frl_flow flow,
    const struct frame *frame, struct frl_bytes held);

/* data() took frames: of the peers, or none but answers to ours. */
void keepalive_heard(struct frl_link *link, enum frl_flow flow, bool peers);

#endif
