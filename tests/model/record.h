/* SPDX-License-Identifier: MIT */
/*
 * record -- the host that the toy inspectors see.
 *
 * Hands every call on to the core and writes down what the core accepted,
 * verb by verb, as it was said: the core merges neighbours, this does not.
 */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include "inspectors.h"

static struct cast *
cast_of(const struct frl_link *link)
{
	return (link->instance);
}

/* The seat of a link that is still open; NULL: none. */
static struct seat *
seat_find(struct tunnel *t, const struct frl_link *link)
{
	size_t i;

	for (i = t->opened; i-- > 0;)
		if (t->seats[i].link == link && !t->seats[i].closed)
			return (&t->seats[i]);
	return (NULL);
}

/* Who sits at a place now (heir: who will). */
static struct seat *
seat_at(struct tunnel *t, size_t place, bool heir)
{
	struct seat *found = NULL;
	size_t i;

	for (i = t->opened; i-- > 0;)
		if (t->seats[i].cast->place == place && !t->seats[i].closed) {
			if (heir && found != NULL)
				return (found);
			found = &t->seats[i];
		}
	return (heir ? NULL : found);
}

static struct track *
track_at(struct tunnel *t, size_t place, enum frl_flow flow)
{
	return (&t->tracks[place][flow]);
}

static struct track *
track_of(const struct frl_link *link, enum frl_flow flow)
{
	struct cast *cast = cast_of(link);

	return (track_at(cast->tunnel, cast->place, flow));
}

static bool
is_protocol(const struct cast *cast)
{
	return (cast->place == cast->tunnel->places - 1);
}

/* The place that is given what this one lets go; -1: the peer is. */
static int
place_after(const struct tunnel *t, size_t place, enum frl_flow flow)
{
	if (flow == FRL_FROM_SERVER)
		return ((int)place - 1);
	return (place + 1 == t->places ? -1 : (int)place + 1);
}

static void
deed_add(struct track *k, enum verb verb, uint64_t n, const void *bytes)
{
	struct deed *deed;

	if (n == 0 && verb != END)
		return;
	if (k->count == k->cap) {
		k->cap = k->cap * 2 + 16;
		k->deeds = realloc(k->deeds, k->cap * sizeof(*k->deeds));
		assert_non_null(k->deeds);
	}
	deed = &k->deeds[k->count++];
	deed->verb = verb;
	deed->n = n;
	deed->at = k->words.len;
	if (verb == INSERT)
		bytes_add(&k->words, bytes, (size_t)n);
	if (verb == PASS || verb == INSERT)
		k->let += n;
	if (verb == PASS || verb == DROP)
		k->credit = n == FRL_ALL || k->credit == FRL_ALL ? FRL_ALL :
		    k->credit + n;
	if (verb == END)
		k->over = true;
}

static int
host_pass_watched(struct frl_link *link, enum frl_flow flow, uint64_t n)
{
	if (cast_of(link)->tunnel->real.pass(link, flow, n) != 0)
		return (-1);
	deed_add(track_of(link, flow), PASS, n, NULL);
	return (0);
}

static int
host_drop_watched(struct frl_link *link, enum frl_flow flow, uint64_t n)
{
	struct tunnel *t = cast_of(link)->tunnel;

	claim(t, is_protocol(cast_of(link)), "a front link dropped");
	if (t->real.drop(link, flow, n) != 0)
		return (-1);
	deed_add(track_of(link, flow), DROP, n, NULL);
	return (0);
}

static int
host_insert_watched(struct frl_link *link, enum frl_flow flow,
    const void *bytes, size_t n)
{
	if (cast_of(link)->tunnel->real.insert(link, flow, bytes, n) != 0)
		return (-1);
	deed_add(track_of(link, flow), INSERT, n, bytes);
	return (0);
}

static int
host_end_watched(struct frl_link *link, enum frl_flow flow)
{
	struct tunnel *t = cast_of(link)->tunnel;

	if (t->real.end(link, flow) != 0)
		return (-1);
	if (!track_of(link, flow)->over)
		seat_find(t, link)->own[flow] = true;
	deed_add(track_of(link, flow), END, 0, NULL);
	return (0);
}

static void
host_need_watched(struct frl_link *link, enum frl_flow flow, size_t n)
{
	struct tunnel *t = cast_of(link)->tunnel;
	struct track *k = track_of(link, flow);

	k->asked = n;
	t->real.need(link, flow, n);
	if (n > t->options.limit)
		k->refused = t->must_refuse = true;
}

static void
host_pause_watched(struct frl_link *link, enum frl_flow flow)
{
	track_of(link, flow)->paused = true;
	cast_of(link)->tunnel->real.pause(link, flow);
}

static void
host_again_watched(struct frl_link *link, enum frl_flow flow)
{
	struct track *k = track_of(link, flow);

	k->paused = k->called = false;
	k->asked = 1;
	cast_of(link)->tunnel->real.again(link, flow);
}

static enum frl_verdict
host_publish_watched(struct frl_link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record)
{
	struct tunnel *t = cast_of(link)->tunnel;
	enum frl_verdict verdict;

	verdict = t->real.publish(link, flow, event, record);
	if (verdict == FRL_WAIT)
		track_of(link, flow)->waiting = true;
	return (verdict);
}

static void
host_watched(struct tunnel *t, struct frl_host *host)
{
	*host = t->real;
	host->pass = host_pass_watched;
	host->drop = host_drop_watched;
	host->insert = host_insert_watched;
	host->end = host_end_watched;
	host->need = host_need_watched;
	host->pause = host_pause_watched;
	host->again = host_again_watched;
	host->publish = host_publish_watched;
}

#endif
