/* SPDX-License-Identifier: MIT */
/*
 * limits -- see limits.h.
 */
#include "flow/limits.h"

#include "flow/tunnel_events.h"

#include <stdlib.h>
#include <string.h>

/* Without memory for its table a client is not counted, but let in. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define TELL_MS 1000

/* The others are not told of each byte that waits. */
#define MEMORY_STEPS 1024
#define MEMORY_STEP ((uint64_t)64 * 1024)	/* where there is no bound */

_Static_assert(LIMITS <= CENSUS_GAUGES && sizeof(struct in6_addr) ==
    CENSUS_KEY_SIZE, "they can be shared");

struct limit_client {
	uint8_t key[CENSUS_KEY_SIZE];	/* IPv4 as ::ffff:a.b.c.d */
	uint64_t tunnels;
	uint64_t hash;			/* in the census */
	_Atomic uint64_t *place;	/* likewise */
	UT_hash_handle hh;
};

/* As the configuration calls them, and what a client is told. */
static const struct {
	const char *name, *text;
} rows[LIMITS] = {
	[LIMIT_TUNNELS] = { "tunnels", "too many tunnels" },
	[LIMIT_CLIENT] = { "tunnels_per_client",
	    "too many tunnels from this client" },
	[LIMIT_RESOLVES] = { "resolves", "too many name lookups" },
	[LIMIT_CONNECTS] = { "connects", "too many pending connects" },
	[LIMIT_MEMORY] = { "memory", "too many bytes wait in the tunnels" },
};

const char *
limits_name(enum limit limit)
{
	return (rows[limit].name);
}

static void
tell(struct limits *limits, enum limit which)
{
	struct quota *q = &limits->quotas[which];
	struct proxy_limit record = { .limit = rows[which].name,
		.value = q->max, .refused = q->turned };
	struct decision decision;
	uint64_t token;

	if (q->turned == 0)
		return;
	q->turned = 0;
	if (which == LIMIT_CLIENT)
		record.client_addr = limits->last_client;
	events_publish(limits->events, limits->slot, NULL, -1, &record, NULL,
	    &decision, &token);
}

void
limits_tell(struct limits *limits)
{
	unsigned i;

	timer_stop(&limits->timer);
	limits->told_us = loop_now_us(limits->loop);
	for (i = 0; i < LIMITS; i++)
		tell(limits, (enum limit)i);
}

static void
due(void *arg)
{
	limits_tell(arg);
}

/* Of every quota: somebody was turned away.  The first one is told of at
 * once, the others together. */
static void
full(void *arg)
{
	struct limits *limits = arg;
	uint64_t past;

	if (timer_running(&limits->timer))
		return;
	past = (loop_now_us(limits->loop) - limits->told_us) / 1000;
	timer_start(limits->loop, &limits->timer, limits->told_us == 0 ||
	    past >= TELL_MS ? 0 : TELL_MS - past, due, limits);
}

int
limits_begin(struct limits *limits, struct loop *loop, struct events *events,
    const uint64_t *max, struct err *err)
{
	unsigned i;

	limits->loop = loop;
	limits->events = events;
	limits->slot = events_declare(events, &proxy_event_limit, err);
	for (i = 0; i < LIMITS; i++) {
		limits->quotas[i].max = max[i];
		limits->quotas[i].full = full;
		limits->quotas[i].arg = limits;
	}
	return (limits->slot == NULL ? -1 : 0);
}

void
limits_share(struct limits *limits, const struct census_seat *seat)
{
	struct quota *quotas = limits->quotas;
	unsigned i;

	limits->seat = *seat;
	for (i = 0; i < LIMITS; i++)
		if (i != LIMIT_CLIENT)
			quota_share(&quotas[i], seat, i, 0);
	quotas[LIMIT_MEMORY].step = quotas[LIMIT_MEMORY].max == 0 ?
	    MEMORY_STEP : quotas[LIMIT_MEMORY].max / MEMORY_STEPS;
}

void
limits_end(struct limits *limits)
{
	timer_stop(&limits->timer);
	assert(limits->clients == NULL);	/* no tunnel is left */
}

/* ------------------------------------------------------------------ */
/* Clients								*/

static bool
client_key(uint8_t key[CENSUS_KEY_SIZE], const struct addr *peer)
{
	memset(key, 0, CENSUS_KEY_SIZE);
	if (peer == NULL)
		return (false);
	switch (peer->u.sa.sa_family) {
	case AF_INET:
		key[10] = key[11] = 0xff;
		memcpy(key + 12, &peer->u.in4.sin_addr, 4);
		return (true);
	case AF_INET6:
		memcpy(key, &peer->u.in6.sin6_addr, 16);
		return (true);
	default:
		return (false);
	}
}

/* The client's entry, made where there is none; NULL: it is not counted. */
static struct limit_client *
client_find(struct limits *limits, const struct addr *peer)
{
	struct limit_client *client = NULL;
	uint8_t key[CENSUS_KEY_SIZE];

	/* Others may have such a limit. */
	if ((limits->quotas[LIMIT_CLIENT].max == 0 &&
	    limits->seat.census == NULL) || !client_key(key, peer))
		return (NULL);
	HASH_FIND(hh, limits->clients, key, sizeof(key), client);
	if (client != NULL)
		return (client);
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return (NULL);
	memcpy(client->key, key, sizeof(key));
	if (limits->seat.census != NULL)
		client->hash = census_hash(&limits->seat, key);
	HASH_ADD(hh, limits->clients, key, sizeof(client->key), client);
	if (client->hh.tbl == NULL) {
		free(client);
		return (NULL);
	}
	return (client);
}

/* Of it there are so many here, now. */
static void
client_set(struct limits *limits, struct limit_client *client, uint64_t n)
{
	client->tunnels = n;
	if (limits->seat.census != NULL)
		census_client_set(&limits->seat, client->hash,
		    &client->place, n);
}

static bool
client_full(const struct limits *limits, const struct limit_client *client)
{
	uint64_t max = limits->quotas[LIMIT_CLIENT].max;

	if (max == 0 || client->tunnels >= max)
		return (max != 0);
	return (limits->seat.census != NULL && client->tunnels +
	    census_client_others(&limits->seat, client->hash) >= max);
}

static void
client_drop(struct limits *limits, struct limit_client *client)
{
	if (client == NULL || client->tunnels != 0)
		return;
	HASH_DEL(limits->clients, client);
	free(client);
}

const char *
limits_enter(struct limits *limits, const struct addr *peer,
    struct limit_pass *pass)
{
	struct quota *quotas = limits->quotas;
	struct limit_client *client;

	quota_look(&quotas[LIMIT_MEMORY]);
	if (quota_full(&quotas[LIMIT_MEMORY])) {
		quota_turn_away(&quotas[LIMIT_MEMORY]);
		return (rows[LIMIT_MEMORY].text);
	}
	client = client_find(limits, peer);
	if (client != NULL && client_full(limits, client)) {
		client_drop(limits, client);
		addr_format(peer, limits->last_client);
		quota_turn_away(&quotas[LIMIT_CLIENT]);
		return (rows[LIMIT_CLIENT].text);
	}
	if (!quota_take(&quotas[LIMIT_TUNNELS])) {
		client_drop(limits, client);
		return (rows[LIMIT_TUNNELS].text);
	}
	if (client != NULL)
		client_set(limits, client, client->tunnels + 1);
	pass->client = client;
	pass->taken = true;
	return (NULL);
}

void
limits_leave(struct limits *limits, struct limit_pass *pass)
{
	if (!pass->taken)
		return;
	pass->taken = false;
	quota_give(&limits->quotas[LIMIT_TUNNELS]);
	if (pass->client != NULL)
		client_set(limits, pass->client, pass->client->tunnels - 1);
	client_drop(limits, pass->client);
	pass->client = NULL;
}
