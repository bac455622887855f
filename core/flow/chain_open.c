/* SPDX-License-Identifier: MIT */
/*
 * chain_open -- how a chain comes to be and goes, the refusal that it latches
 * in between, and what it weighs.
 */
#include "flow/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
chain_note(struct chain *chain, enum frl_why why, enum why end,
    const char *plugin, const char *text)
{
	/* Whoever called the one that is barred knows less. */
	if (chain->noted != NULL && chain->noted->end == WHY_QUARANTINED)
		return;
	if (chain->noted == NULL)
		chain->noted = calloc(1, sizeof(*chain->noted));
	if (chain->noted == NULL)
		return;		/* the refusal still holds, unexplained */
	chain->noted->why = why;
	chain->noted->end = end;
	chain->noted->plugin = plugin;
	snprintf(chain->noted->text, sizeof(chain->noted->text), "%s",
	    text == NULL ? "" : text);
}

void
chain_latch(struct chain *chain, enum frl_why why, enum why end,
    const char *plugin, const char *text)
{
	if (!chain->latched) {
		chain->latched = chain->ending = true;
		if (chain->noted == NULL)
			chain_note(chain, why, end, plugin, text);
		chain->refusal = chain->noted;
		chain->noted = NULL;
		chain->ops->refused(chain->arg, chain_refused(chain));
	}
	free(chain->noted);
	chain->noted = NULL;
}

const struct chain_refusal *
chain_refused(const struct chain *chain)
{
	static const struct chain_refusal unexplained = {
		.why = FRL_WHY_CAPACITY, .end = WHY_OUT_OF_RESOURCES };

	if (!chain->latched)
		return (NULL);
	return (chain->refusal != NULL ? chain->refusal : &unexplained);
}

void
chain_starve(struct chain *chain)
{
	if (chain->starved)
		return;
	chain->starved = true;
	free(chain->noted);
	chain->noted = NULL;
	chain_latch(chain, FRL_WHY_CAPACITY, WHY_OUT_OF_RESOURCES, NULL,
	    "out of memory");
}

/* Tie the lanes: client's bytes go up the places, server's down. */
static void
tie(struct chain *chain)
{
	enum frl_flow flow;
	unsigned i;

	for (i = 0; i < chain->count; i++) {
		chain->places[i].chain = chain;
		LANES(flow) {
			struct stream *s = &chain->places[i].streams[flow];

			s->place = &chain->places[i];
			s->which = (uint8_t)flow;
			s->wanted = 1;
		}
	}
	LANES(flow) {
		for (i = 0; i + 1 < chain->count; i++)
			chain_lane(chain, flow, i)->next =
			    chain_lane(chain, flow, i + 1);
		chain->room[flow] = chain->limit;
	}
}

struct chain *
chain_open(const struct chain_options *options,
    const struct plugin *const *plugins, size_t count,
    struct chain_refusal *ret_refusal)
{
	struct chain *chain;
	size_t i;

	memset(ret_refusal, 0, sizeof(*ret_refusal));
	chain = calloc(1, sizeof(*chain) + count * sizeof(chain->places[0]));
	if (chain == NULL) {
		ret_refusal->why = FRL_WHY_CAPACITY;
		ret_refusal->end = WHY_OUT_OF_RESOURCES;
		return (NULL);
	}
	chain->ops = options->ops;
	chain->arg = options->arg;
	chain->tunnel = options->tunnel;
	chain->limit = options->limit;
	chain->forward = options->forward;
	chain->stalled = options->stalled;
	chain->detect_ms = options->detect_ms;
	chain->number = options->number;
	chain->count = (unsigned)count;
	tie(chain);
	for (i = 0; i < count; i++) {
		struct link_place *place = &chain->places[i];

		place->link = link_open(place, plugins[i], NULL);
		if (place->link == NULL) {
			ret_refusal->why = FRL_WHY_BROKEN;
			ret_refusal->end = WHY_PLUGIN_ERROR;
			ret_refusal->plugin = plugins[i]->name;
			if (chain->noted != NULL)
				*ret_refusal = *chain->noted;
			chain_close(chain);
			return (NULL);
		}
		if (place->link->barred)
			chain_go_blind(place);
	}
	if (chain->ops->set_idle != NULL)
		chain->ops->set_idle(chain->arg,
		    chain_last(chain)->link->idle_ms);
	return (chain);
}

/* What the last link holds is older than what the links before it hold. */
int
chain_unread(struct chain *chain, struct buf *ret_bytes)
{
	unsigned i;

	for (i = chain->count; i-- > 0;) {
		struct frl_bytes held =
		    stream_bytes(&chain->places[i].streams[FRL_FROM_CLIENT]);

		if (held.len != 0 &&
		    buf_append(ret_bytes, held.data, held.len) != 0)
			return (-1);
	}
	return (0);
}

size_t
chain_heap(const struct chain *chain)
{
	size_t sum = 0;
	unsigned i, k;

	for (i = 0; i < chain->count; i++)
		for (k = 0; k < 2; k++) {
			const struct stream *s = &chain->places[i].streams[k];

			sum += buf_cap(&s->kept) + buf_cap(&s->inserted);
		}
	return (sum);
}

void
chain_close(struct chain *chain)
{
	unsigned i, k;

	if (chain == NULL)
		return;
	for (i = 0; i < chain->count; i++) {
		struct link_place *place = &chain->places[i];

		if (place->heir != NULL)
			link_close(place->heir);
		if (place->link != NULL)
			link_close(place->link);
		free(place->handed);
		for (k = 0; k < 2; k++)
			stream_free(&place->streams[k]);
	}
	free(chain->noted);
	free(chain->refusal);
	free(chain);
}

size_t
chain_memory(const struct chain *chain)
{
	size_t sum = 0;
	unsigned i, k;

	for (i = 0; i < chain->count; i++)
		for (k = 0; k < 2; k++) {
			const struct stream *s = &chain->places[i].streams[k];

			sum += stream_held(s) + buf_len(&s->inserted);
		}
	return (sum);
}

const struct plugin *
chain_protocol(const struct chain *chain)
{
	return (chain_last(chain)->link->plugin);
}

bool
chain_runs_ahead(const struct chain *chain, enum frl_flow flow)
{
	return (!verbs_empty(&chain_last(chain)->streams[flow].verbs));
}

/* What a front link refused went no further than to it. */
uint64_t
chain_moved(const struct chain *chain, enum frl_flow flow)
{
	uint64_t moved = chain_last(chain)->streams[flow].moved;
	unsigned i;

	for (i = 0; i + 1 < chain->count; i++)
		if (chain->places[i].streams[flow].moved < moved)
			moved = chain->places[i].streams[flow].moved;
	return (moved);
}
