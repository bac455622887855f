/* SPDX-License-Identifier: MIT */
/*
 * chain_rare -- the steps of the schedule that come once in a tunnel's life or
 * never: a switch, last words, leaving for another server, the limit.
 */
#include "flow/link.h"

#include <stdlib.h>

/* Rule 8: the heir inherits both streams: what is held, what runs ahead. */
void
chain_switch_link(struct chain *chain)
{
	struct link_place *place = chain_last(chain);
	struct link *old = place->link, *heir = place->heir;
	struct chain_switch change;
	unsigned i;

	place->heir = NULL;
	change.from = old->plugin;
	change.to = heir->plugin;
	change.context = place->handed;
	for (i = 0; i < 2; i++) {
		struct stream *s = &place->streams[i];

		s->paused = s->waiting = s->told = false;
		s->wanted = 1;
		s->seen = 0;
		s->due = true;
		change.pending[i] = stream_held(s);
	}
	link_close(old);
	place->link = heir;
	if (chain->ops->set_idle != NULL)
		chain->ops->set_idle(chain->arg, heir->idle_ms);
	if (chain->ops->switched != NULL)
		chain->ops->switched(chain->arg, &change);
	if (heir->barred)
		chain_go_blind(place);
	free(place->handed);
	place->handed = NULL;
}

/* Rule 9: last words of the protocol link, then both flows end. */
bool
chain_say_farewell(struct chain *chain)
{
	const struct chain_refusal *refusal = chain_refused(chain);
	struct link_place *place = chain_last(chain);
	struct link *link = place->link;
	struct frl_farewell farewell;
	struct crumb was;
	unsigned i;

	if (refusal == NULL || chain->said)
		return (false);
	chain->said = true;
	chain->leaving = false;		/* both flows end here instead */
	for (i = 0; i < 2; i++) {
		struct stream *s = &place->streams[i];

		/* Nothing is waited for any more; and "the rest" has no
		 * frame's end to wait for. */
		if (s->waiting && chain->ops->forget != NULL)
			chain->ops->forget(chain->arg, link,
			    (enum frl_flow)i);
		s->paused = s->waiting = false;
		if (!verbs_empty(&s->verbs) &&
		    verbs_credit(&s->verbs) == FRL_ALL &&
		    refusal->why != FRL_WHY_DRAIN &&
		    refusal->why != FRL_WHY_RELOAD)
			s->input_over = true;
	}
	if (link->plugin->desc->farewell != NULL && !place->blind) {
		farewell.why = refusal->why;
		farewell.name = why_row(refusal->end)->name;
		farewell.reason = refusal->text;
		link->busy = true;
		was = link_enter(link, CRUMBS_FAREWELL);
		link->plugin->desc->farewell(&link->pub, &farewell);
		crumbs_leave(was);
		link->busy = false;
	}
	for (i = 0; i < 2; i++)
		stream_record(&place->streams[i], VERB_END, 0, NULL, true);
	return (true);
}

/*
 * Rule 11: what the server's flow let go must have left the chain, and no
 * credit may be open in the client's.  Then no link is called again.
 */
bool
chain_leave(struct chain *chain)
{
	struct link_place *place = chain_last(chain);
	unsigned i;

	if (!chain->leaving || !verbs_empty(&place->streams[0].verbs) ||
	    !verbs_empty(&place->streams[1].verbs))
		return (false);
	for (i = 0; i + 1 < chain->count; i++) {
		const struct stream *s =
		    &chain->places[i].streams[FRL_FROM_SERVER];

		if (stream_held(s) != 0 || buf_len(&s->inserted) != 0)
			return (false);
	}
	chain->left = true;
	return (true);
}

/* Rule 4: at the limit, with nobody to wait for, the flow fails. */
bool
chain_over_limit(struct chain *chain, enum frl_flow flow)
{
	bool holders = false;
	unsigned i;

	if (chain->room[flow] != 0 || chain->leaving)
		return (false);
	for (i = 0; i < chain->count; i++) {
		const struct stream *s = &chain->places[i].streams[flow];

		if (stream_stopped(s))
			return (false);
		holders = holders || (stream_held(s) != 0 && !s->refused);
	}
	if (!holders)
		return (false);
	for (i = 0; i < chain->count; i++) {
		struct stream *s = &chain->places[i].streams[flow];

		if (stream_held(s) != 0)
			s->refused = true;
	}
	chain_latch(chain, FRL_WHY_LIMIT, WHY_HOLD_LIMIT, NULL,
	    "an inspector holds as many bytes as it may");
	return (true);
}

void
chain_report(struct chain *chain)
{
	unsigned i;

	for (i = 0; i < chain->count; i++) {
		struct link *link = chain->places[i].link;

		if (link->plugin->desc->report == NULL ||
		    chain->places[i].blind)
			continue;
		link->opening = true;		/* no verbs */
		link->plugin->desc->report(&link->pub);
		link->opening = false;
	}
}
