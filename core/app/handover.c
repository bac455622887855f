/* SPDX-License-Identifier: MIT */
#include "app/handover.h"

static void
over(void *arg)
{
	struct handover *h = arg;

	h->fn(h->arg);
}

void
handover_begin(struct handover *h, struct loop *loop, unsigned at_doors,
    void (*fn)(void *arg), void *arg)
{
	h->loop = loop;
	h->at_doors = at_doors;
	h->fn = fn;
	h->arg = arg;
	timer_start(loop, &h->over, at_doors == 0 ? 0 : HANDOVER_MS, over, h);
}

void
handover_left(struct handover *h)
{
	if (h->at_doors == 0 || --h->at_doors != 0)
		return;
	if (timer_running(&h->over))
		timer_start(h->loop, &h->over, 0, over, h);
}

bool
handover_pending(const struct handover *h)
{
	return (timer_running(&h->over));
}

void
handover_stop(struct handover *h)
{
	timer_stop(&h->over);
}
