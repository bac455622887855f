/* SPDX-License-Identifier: MIT */
/*
 * farewell -- see farewell.h.
 */
#include <string.h>

#include "farewell.h"
#include "guard.h"
#include "ping.h"
#include "tell.h"

/* RFC 6455, 7.4.1, and the registry for 1012 and 1013. */
static uint16_t
code_of(enum frl_why why)
{
	switch (why) {
	case FRL_WHY_REFUSED:
		return (1008);
	case FRL_WHY_PROTOCOL:
		return (1002);
	case FRL_WHY_LIMIT:
		return (1009);
	case FRL_WHY_DRAIN:
	case FRL_WHY_TIMEOUT:
		return (1001);
	case FRL_WHY_RELOAD:
		return (1012);
	case FRL_WHY_CAPACITY:
		return (1013);
	case FRL_WHY_BROKEN:
		break;
	}
	return (1011);
}

/* Towards the server a close is masked, with a key that nobody can guess
 * (RFC 6455, 5.3). */
static void
insert_close(struct frl_link *link, enum frl_flow flow, uint16_t code,
    struct frl_bytes reason)
{
	uint8_t bytes[FRAME_CLOSE_SIZE], key[4];
	bool masked = flow == FRL_FROM_CLIENT;

	if (masked && ping_random(key, sizeof(key)) != 0)
		return;
	/* -1: no room.  Then the tunnel ends without. */
	(void)frl_insert(link, flow, bytes, frame_close(bytes, code, reason,
	    masked ? key : NULL));
}

void
farewell_say(struct frl_link *link, const struct frl_farewell *farewell)
{
	struct ws *ws = link->state;
	struct frl_bytes reason = { (const uint8_t *)farewell->reason,
	    strlen(farewell->reason) };
	uint16_t code = code_of(farewell->why);

	tell_begin(link);
	if (ws->guard != NULL)
		code = guard_farewell(link, farewell->why, code);
	if (!rules_utf8(reason))
		reason.len = 0;
	tell_closer(ws, PROXY, code, reason);
	for (int i = 0; i < 2; i++) {
		const struct way *way = &ws->ways[i];

		/* Only where a frame may follow, and it is known where. */
		if (!way->rules.closed && !way->blind && !way->ended)
			insert_close(link, (enum frl_flow)i, code, reason);
	}
}
