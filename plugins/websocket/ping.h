/* SPDX-License-Identifier: MIT */
/*
 * ping -- which pings of a WebSocket are unanswered, and our own ones (RFC
 * 6455, 5.5.2, 5.5.3).
 *
 * Sans-IO: knows no link, no clock and no configuration.  What always holds:
 *	1  memory is bounded: of each direction the latest PING_KEPT pings are
 *	   remembered, by a hash, and of ours a number
 *	2  a pong answers its ping and thereby every earlier one; what answers
 *	   none is nobody's
 *	3  our own pings carry bytes that only who read one of them can know,
 *	   and what carries them back is never meant for the other peer
 */
#ifndef WEBSOCKET_PING_H
#define WEBSOCKET_PING_H

#include "frame.h"
#include "tables.h"

#define PING_KEPT 4
#define PING_TOKEN 8
#define PING_OWN (PING_TOKEN + 4)	/* payload of ours: token, number */
#define PING_SIZE_MAX (2 + 4 + PING_OWN)

/* Pings in one direction. */
struct ping_way {
	struct {
		uint64_t at_us;
		uint32_t hash;		/* of the payload */
	} kept[PING_KEPT];		/* oldest first */
	struct ws_pings counts;
	uint64_t own_us;		/* when our latest left */
	uint64_t last_us;		/* likewise, of anybody's; 0: none */
	uint32_t own, answered;		/* numbers: of our latest; of the
					 * latest that was answered */
	uint8_t token[PING_TOKEN];	/* if own != 0 */
	uint8_t count;			/* of kept */
	uint8_t unheard;		/* of ours, since that peer was last
					 * heard */
};

/* Made when the first ping comes; zeroed memory is none so far. */
struct pings {
	struct ping_way ways[2];	/* by enum frl_flow, of the ping */
	uint64_t quiet_us;		/* since when no frame began, and no
					 * ping of ours left; 0: not known */
};

/* Only who pings has one. */
_Static_assert(sizeof(struct pings) <= 320, "ten thousand may have one");

/* A peer's ping went on (payload: borrow, unmasked). */
void ping_sent(struct ping_way *way, struct frl_bytes payload,
    uint64_t now_us);

/* Does this pong answer one of them?  Then ret_us is its round trip. */
bool ping_answered(struct ping_way *way, struct frl_bytes payload,
    uint64_t now_us, uint64_t *ret_us);

/*
 * Write the next ping of our own; key NULL: unmasked.  Its size, or 0: no
 * random bytes are to be had.  It counts once ping_own_sent() says so.
 */
size_t ping_own(struct ping_way *way, uint8_t *ret_bytes,
    const uint8_t *key);
void ping_own_sent(struct ping_way *way, uint64_t now_us);

/* How long ago the latest left, or 0: there was none. */
uint64_t ping_age(const struct ping_way *way, uint64_t now_us);

/* Is this, or begins like this, the payload of a pong to one of ours?  The
 * first PING_TOKEN bytes decide if not all are there. */
bool ping_is_own(const struct ping_way *way, struct frl_bytes payload);

/* A whole one came.  True: it is the first answer to our latest, and ret_us
 * its round trip. */
bool ping_own_answered(struct ping_way *way, struct frl_bytes payload,
    uint64_t now_us, uint64_t *ret_us);

/* 0, or -1: not as many are to be had without waiting. */
int ping_random(void *ret_bytes, size_t n);

#endif
