/* SPDX-License-Identifier: MIT */
/*
 * cache -- the resolver's memory: answers by name and family, until a time.
 *
 * Knows neither c-ares nor the clock.  It never grows beyond its size: the
 * entry that came first makes room.
 */
#ifndef NET_CACHE_H
#define NET_CACHE_H

#include "net/resolve.h"

#define CACHE_NAME_SIZE 256

struct cache;

/* What an entry is found by; name: borrow. */
struct cache_key {
	const char *name;	/* shorter than CACHE_NAME_SIZE */
	int family;
	uint64_t hash;
};

/* Room for so many answers (0: it keeps none).  NULL without memory. */
struct cache *cache_create(size_t entries);
void cache_free(struct cache *cache);

/* The key of a name; its hash is seeded, for clients choose the names. */
struct cache_key cache_key(const struct cache *cache, const char *name,
    int family);

/* The answer, if it is still good; valid until the next cache_put(). */
const struct answer *cache_find(const struct cache *cache,
    const struct cache_key *key, uint64_t now_us);

/* Keep an answer (copy; its text is a static string).  Without memory it is
 * not kept. */
void cache_put(struct cache *cache, const struct cache_key *key,
    const struct answer *answer, uint64_t until_us);

#endif
