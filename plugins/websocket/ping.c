/* SPDX-License-Identifier: MIT */
/* ping -- see ping.h. */
#include <sys/random.h>

#include <string.h>

#include "ping.h"

/* FNV-1a.  Two payloads of one hash only make a time wrong. */
static uint32_t
hash_of(struct frl_bytes payload)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < payload.len; i++)
		hash = (hash ^ payload.data[i]) * 16777619u;
	return (hash);
}

static void
note(struct ws_pings *counts, uint64_t rtt_us)
{
	counts->rtt_last_us = rtt_us;
	if (counts->rtt_min_us == 0 || rtt_us < counts->rtt_min_us)
		counts->rtt_min_us = rtt_us;
	if (rtt_us > counts->rtt_max_us)
		counts->rtt_max_us = rtt_us;
}

/* 0 would mean that there is none. */
static uint64_t
since(uint64_t then_us, uint64_t now_us)
{
	return (now_us > then_us ? now_us - then_us : 1);
}

void
ping_sent(struct ping_way *way, struct frl_bytes payload, uint64_t now_us)
{
	if (way->count == PING_KEPT) {
		memmove(way->kept, way->kept + 1,
		    (PING_KEPT - 1) * sizeof(way->kept[0]));
		way->count--;
	}
	way->kept[way->count].at_us = way->last_us = now_us;
	way->kept[way->count].hash = hash_of(payload);
	way->count++;
}

uint64_t
ping_age(const struct ping_way *way, uint64_t now_us)
{
	return (way->last_us == 0 ? 0 : since(way->last_us, now_us));
}

/*
 * The latest of that payload: many say nothing in their pings, and a peer may
 * answer the latest only (5.5.3).  Were the earliest taken, one pong that was
 * left out would make every later time too long.
 */
bool
ping_answered(struct ping_way *way, struct frl_bytes payload,
    uint64_t now_us, uint64_t *ret_us)
{
	uint32_t hash = hash_of(payload);
	uint8_t at = way->count;

	while (at > 0 && way->kept[at - 1].hash != hash)
		at--;
	if (at == 0)
		return (false);
	*ret_us = since(way->kept[at - 1].at_us, now_us);
	note(&way->counts, *ret_us);
	way->count = (uint8_t)(way->count - at);
	memmove(way->kept, way->kept + at,
	    way->count * sizeof(way->kept[0]));
	return (true);
}

int
ping_random(void *ret_bytes, size_t n)
{
	return (getrandom(ret_bytes, n, GRND_NONBLOCK) == (ssize_t)n ? 0 : -1);
}

size_t
ping_own(struct ping_way *way, uint8_t *ret_bytes, const uint8_t *key)
{
	uint8_t payload[PING_OWN];
	uint32_t number = way->own + 1;

	if (way->own == 0 && ping_random(way->token, PING_TOKEN) != 0)
		return (0);
	memcpy(payload, way->token, PING_TOKEN);
	for (size_t i = 0; i < 4; i++)
		payload[PING_TOKEN + i] = (uint8_t)(number >> (24 - 8 * i));
	return (frame_write_control(ret_bytes, FRAME_PING,
	    (struct frl_bytes){ payload, sizeof(payload) }, key));
}

void
ping_own_sent(struct ping_way *way, uint64_t now_us)
{
	way->own++;
	way->own_us = way->last_us = now_us;
	way->counts.proxy_ping++;
}

static uint32_t
number_of(const uint8_t *payload)
{
	uint32_t number = 0;

	for (size_t i = 0; i < 4; i++)
		number = number << 8 | payload[PING_TOKEN + i];
	return (number);
}

/* A number that was not yet sent is none of ours. */
bool
ping_is_own(const struct ping_way *way, struct frl_bytes payload)
{
	uint32_t number;

	if (way->own == 0 || payload.len < PING_TOKEN ||
	    payload.len > PING_OWN ||
	    memcmp(payload.data, way->token, PING_TOKEN) != 0)
		return (false);
	if (payload.len < PING_OWN)
		return (true);
	number = number_of(payload.data);
	return (number >= 1 && number <= way->own);
}

bool
ping_own_answered(struct ping_way *way, struct frl_bytes payload,
    uint64_t now_us, uint64_t *ret_us)
{
	uint32_t number = number_of(payload.data);

	way->counts.proxy_pong++;
	if (number != way->own || number == way->answered)
		return (false);
	way->answered = number;
	*ret_us = since(way->own_us, now_us);
	note(&way->counts, *ret_us);
	return (true);
}
