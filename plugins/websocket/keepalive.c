/* SPDX-License-Identifier: MIT */
/* keepalive -- see keepalive.h. */
#include <stdlib.h>

#include "keepalive.h"

static struct pings *
pings_of(struct ws *ws)
{
	if (ws->pings == NULL)
		ws->pings = calloc(1, sizeof(*ws->pings));
	return (ws->pings);
}

static enum frl_flow
back(enum frl_flow flow)
{
	return (flow == FRL_FROM_CLIENT ? FRL_FROM_SERVER : FRL_FROM_CLIENT);
}

/* The unmasked payload of a control frame, as far as it is there. */
static struct frl_bytes
payload_of(const struct frame *frame, struct frl_bytes held, uint8_t *memory)
{
	size_t n = held.len - frame->header;

	if (n > frame->payload)
		n = (size_t)frame->payload;
	frame_unmask(frame, held.data + frame->header, n, memory);
	return ((struct frl_bytes){ memory, n });
}

/* ------------------------------------------------------------------ */
/* The peers' pings							*/

void
keepalive_passed(struct frl_link *link, enum frl_flow flow,
    const struct frame *frame, struct frl_bytes held)
{
	struct ws *ws = link->state;
	uint8_t memory[FRAME_CONTROL_MAX];
	struct frl_bytes payload = payload_of(frame, held, memory);
	uint64_t us;

	if (frame->opcode == FRAME_PING) {
		/* Without memory its time is not known, and that is all. */
		if (pings_of(ws) != NULL)
			ping_sent(&ws->pings->ways[flow], payload,
			    frl_now_us(link));
	} else if (frame->opcode == FRAME_PONG && ws->pings != NULL) {
		if (ping_answered(&ws->pings->ways[back(flow)], payload,
		    frl_now_us(link), &us))
			tell_rtt(link, back(flow), us, false);
	}
}

/* ------------------------------------------------------------------ */
/* Our own								*/

/* May pings of ours be in this WebSocket?  Once they may not, they never may
 * again. */
static bool
fit(const struct ws *ws)
{
	/* What an extension that we do not know makes of a frame is not ours
	 * to guess. */
	if (ws->negotiated & RULES_FOREIGN || ws->closer != NOBODY)
		return (false);
	for (int i = 0; i < 2; i++)
		if (ws->ways[i].rules.closed || ws->ways[i].blind ||
		    ws->ways[i].ended)
			return (false);
	return (true);
}

static void
send_ping(struct frl_link *link, enum frl_flow flow)
{
	struct ws *ws = link->state;
	const struct way *way = &ws->ways[flow];
	struct ping_way *pings = &ws->pings->ways[flow];
	uint8_t bytes[PING_SIZE_MAX], key[4];
	bool masked = flow == FRL_FROM_CLIENT;
	size_t n;

	/* Inside a frame, what is inserted waits for the rest of it, which
	 * may never come. */
	if (frl_moved(link, flow) - way->base != way->offset ||
	    pings->unheard >= KEEPALIVE_UNHEARD)
		return;
	/* RFC 6455, 5.3 */
	if (masked && ping_random(key, sizeof(key)) != 0)
		return;
	n = ping_own(pings, bytes, masked ? key : NULL);
	if (n == 0 || frl_insert(link, flow, bytes, n) != 0)
		return;
	ping_own_sent(pings, frl_now_us(link));
	pings->unheard++;
}

void
keepalive_tick(struct frl_link *link)
{
	const struct instance *instance = link->instance;
	uint64_t period_us = instance->options->keepalive * 1000;
	struct ws *ws = link->state;
	uint64_t now = frl_now_us(link), left;
	struct pings *pings;

	if (period_us == 0 || !fit(ws))
		return;
	pings = pings_of(ws);
	if (pings != NULL && pings->quiet_us != 0 &&
	    now - pings->quiet_us >= period_us) {
		send_ping(link, FRL_FROM_CLIENT);
		send_ping(link, FRL_FROM_SERVER);
		frl_quiet(link);
		pings->quiet_us = now;
	}
	if (pings != NULL && pings->quiet_us == 0)
		pings->quiet_us = now;
	left = pings == NULL ? period_us : pings->quiet_us + period_us - now;
	frl_set_timer(link, (left + 999) / 1000);
}

bool
keepalive_is_own(const struct frl_link *link, enum frl_flow flow,
    const struct frame *frame, struct frl_bytes held)
{
	const struct ws *ws = link->state;
	uint8_t memory[PING_OWN];

	if (frame->opcode != FRAME_PONG || frame->payload != PING_OWN ||
	    ws->pings == NULL || !frame->fin)
		return (false);
	return (ping_is_own(&ws->pings->ways[back(flow)],
	    payload_of(frame, held, memory)));
}

enum frl_verdict
keepalive_swallow(struct frl_link *link, enum frl_flow flow,
    const struct frame *frame, struct frl_bytes held)
{
	struct ws *ws = link->state;
	uint8_t memory[PING_OWN];
	uint64_t us;

	if (frl_drop(link, flow, frame->header + frame->payload) != 0)
		return (FRL_FAIL);
	if (ping_own_answered(&ws->pings->ways[back(flow)],
	    payload_of(frame, held, memory), frl_now_us(link), &us))
		tell_rtt(link, back(flow), us, true);
	return (FRL_OK);
}

uint64_t
keepalive_swallowed(const struct frl_link *link, enum frl_flow flow)
{
	const struct ws *ws = link->state;

	return (ws->pings == NULL ? 0 :
	    ws->pings->ways[back(flow)].counts.proxy_pong);
}

void
keepalive_heard(struct frl_link *link, enum frl_flow flow, bool peers)
{
	const struct instance *instance = link->instance;
	struct ws *ws = link->state;

	if (instance->options->keepalive == 0 || ws->pings == NULL)
		return;
	ws->pings->ways[back(flow)].unheard = 0;
	if (peers)
		ws->pings->quiet_us = frl_now_us(link);
	else
		frl_quiet(link);
}
