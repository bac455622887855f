/* SPDX-License-Identifier: MIT */
/*
 * cache -- answers by name and family, until a time.
 *
 *	buckets[hash % size] --> entry --> entry
 *	entries[]: every entry once, in the order they came; hand is the
 *	oldest once all are in use
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "net/cache.h"

struct entry {
	struct entry *next;
	uint64_t hash, until_us;
	int family;
	struct answer answer;
	char name[CACHE_NAME_SIZE];
};

struct cache {
	uint64_t seed;
	size_t size, hand;
	struct entry **entries, **buckets;
};

struct cache *
cache_create(size_t entries)
{
	struct cache *cache;

	if ((cache = calloc(1, sizeof(*cache))) == NULL)
		return (NULL);
	cache->size = entries;
	if (getrandom(&cache->seed, sizeof(cache->seed), 0) < 0)
		cache->seed = (uintptr_t)cache;
	if (entries == 0)
		return (cache);
	cache->entries = calloc(entries, sizeof(struct entry *));
	cache->buckets = calloc(entries, sizeof(struct entry *));
	if (cache->entries == NULL || cache->buckets == NULL) {
		cache->size = 0;
		cache_free(cache);
		return (NULL);
	}
	return (cache);
}

void
cache_free(struct cache *cache)
{
	size_t i;

	if (cache == NULL)
		return;
	for (i = 0; i < cache->size; i++)
		free(cache->entries[i]);
	free(cache->entries);
	free(cache->buckets);
	free(cache);
}

struct cache_key
cache_key(const struct cache *cache, const char *name, int family)
{
	struct cache_key key = { .name = name, .family = family };
	uint64_t h = cache->seed ^ (uint64_t)family;

	for (; *name != '\0'; name++) {
		h ^= (unsigned char)*name;
		h *= UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	key.hash = h;
	return (key);
}

/* The entry whatever its age. */
static struct entry *
find(const struct cache *cache, const struct cache_key *key)
{
	struct entry *e;

	if (cache->size == 0)
		return (NULL);
	for (e = cache->buckets[key->hash % cache->size]; e != NULL;
	    e = e->next)
		if (e->hash == key->hash && e->family == key->family &&
		    strcmp(e->name, key->name) == 0)
			return (e);
	return (NULL);
}

const struct answer *
cache_find(const struct cache *cache, const struct cache_key *key,
    uint64_t now_us)
{
	const struct entry *e = find(cache, key);

	return (e == NULL || e->until_us <= now_us ? NULL : &e->answer);
}

static void
unlink_entry(struct cache *cache, struct entry *e)
{
	struct entry **p = &cache->buckets[e->hash % cache->size];

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
}

/* A new entry, or the oldest one for a new use; in its bucket. */
static struct entry *
claim(struct cache *cache, const struct cache_key *key)
{
	struct entry **slot = &cache->entries[cache->hand];
	struct entry **bucket = &cache->buckets[key->hash % cache->size];

	if (*slot != NULL)
		unlink_entry(cache, *slot);
	else if ((*slot = calloc(1, sizeof(**slot))) == NULL)
		return (NULL);
	cache->hand = (cache->hand + 1) % cache->size;
	(*slot)->next = *bucket;
	*bucket = *slot;
	return (*slot);
}

void
cache_put(struct cache *cache, const struct cache_key *key,
    const struct answer *answer, uint64_t until_us)
{
	struct entry *e;

	if (cache->size == 0)
		return;
	if ((e = find(cache, key)) == NULL &&
	    (e = claim(cache, key)) == NULL)
		return;
	e->hash = key->hash;
	e->family = key->family;
	e->until_us = until_us;
	e->answer = *answer;
	(void)snprintf(e->name, sizeof(e->name), "%s", key->name);
}
