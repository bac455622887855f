/* SPDX-License-Identifier: MIT */
#include "base/census.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define PAGE 4096
#define LINE 64			/* of the processor's cache */

/* A bucket is one line, and there are more than four times as many words as
 * limits.tunnels has tunnels by default: that one is full is rare. */
#define BUCKET (LINE / sizeof(uint64_t))
#define BUCKETS 4096

/* A word: its lower bits count. */
#define COUNT_BITS 24
#define COUNT_MAX (((uint64_t)1 << COUNT_BITS) - 1)

/* Each in a line of its own: who looks at one is not slowed down by who
 * changes another. */
struct gauge {
	_Alignas(LINE) _Atomic uint64_t used;
	_Atomic uint64_t max;
};

struct row {
	struct gauge gauges[CENSUS_GAUGES];
	_Alignas(LINE) _Atomic uint64_t held;		/* words, of clients */
	_Atomic uint64_t generation;			/* by the parent */
	_Alignas(PAGE) _Atomic uint64_t clients[BUCKETS][BUCKET];
};

/* Pages that nobody touches are not there. */
struct memory {
	uint64_t key[2];
	_Atomic uint32_t rows;		/* up to the last one taken */
	_Alignas(PAGE) struct row list[CENSUS_ROWS];
};

/* Which rows are taken is the parent's own knowledge. */
struct census {
	struct memory *memory;
	bool taken[CENSUS_ROWS];
};

static uint64_t
get(const _Atomic uint64_t *n)
{
	return (atomic_load_explicit(n, memory_order_relaxed));
}

static void
set(_Atomic uint64_t *n, uint64_t value)
{
	atomic_store_explicit(n, value, memory_order_relaxed);
}

static uint32_t
rows_of(const struct census *census)
{
	uint32_t n = atomic_load_explicit(&census->memory->rows,
	    memory_order_relaxed);

	/* Another process may be mad. */
	return (n < CENSUS_ROWS ? n : CENSUS_ROWS);
}

/* ------------------------------------------------------------------ */
/* Memory and rows							*/

/* By a file, which is not counted before it is touched. */
static struct memory *
make_memory(void)
{
	int fd = memfd_create("census", MFD_CLOEXEC), saved;
	void *at = MAP_FAILED;

	if (fd < 0)
		return (NULL);
	if (ftruncate(fd, (off_t)sizeof(struct memory)) == 0)
		at = mmap(NULL, sizeof(struct memory), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	saved = errno;
	close(fd);
	errno = saved;
	return (at == MAP_FAILED ? NULL : at);
}

struct census *
census_create(void)
{
	struct census *census = calloc(1, sizeof(*census));
	struct memory *memory;

	if (census == NULL)
		return (NULL);
	memory = census->memory = make_memory();
	if (memory != NULL && getrandom(memory->key, sizeof(memory->key),
	    0) == (ssize_t)sizeof(memory->key))
		return (census);
	census_free(census);
	return (NULL);
}

void
census_free(struct census *census)
{
	if (census == NULL)
		return;
	if (census->memory != NULL)
		munmap(census->memory, sizeof(*census->memory));
	free(census);
}

static void
note_rows(struct census *census)
{
	uint32_t n = CENSUS_ROWS;

	while (n > 0 && !census->taken[n - 1])
		n--;
	atomic_store_explicit(&census->memory->rows, n, memory_order_relaxed);
}

int
census_admit(struct census *census, uint32_t generation)
{
	int row;

	for (row = 0; row < CENSUS_ROWS; row++) {
		if (census->taken[row])
			continue;
		census->taken[row] = true;
		set(&census->memory->list[row].generation, generation);
		note_rows(census);
		return (row);
	}
	return (-1);
}

void
census_dismiss(struct census *census, int row)
{
	struct row *at;

	if (row < 0 || row >= CENSUS_ROWS || !census->taken[row])
		return;
	at = &census->memory->list[row];
	/* Its pages go; or they are cleared, if they are larger. */
	if (madvise(at, sizeof(*at), MADV_REMOVE) != 0)
		memset(at, 0, sizeof(*at));
	census->taken[row] = false;
	note_rows(census);
}

uint64_t
census_total(const struct census *census, unsigned gauge)
{
	uint32_t i, n = rows_of(census);
	uint64_t sum = 0;

	for (i = 0; i < n; i++)
		sum += get(&census->memory->list[i].gauges[gauge].used);
	return (sum);
}

/* Those that have just begun say 0, the others all the same. */
uint64_t
census_bound(const struct census *census, uint32_t generation, unsigned gauge)
{
	const struct row *rows = census->memory->list;
	uint32_t i, n = rows_of(census);
	uint64_t max = 0, one;

	for (i = 0; i < n; i++) {
		one = get(&rows[i].gauges[gauge].max);
		if (get(&rows[i].generation) == generation && one > max)
			max = one;
	}
	return (max);
}

/* ------------------------------------------------------------------ */
/* Gauges								*/

static struct row *
own(const struct census_seat *seat)
{
	return (&seat->census->memory->list[seat->row]);
}

void
census_set_bound(const struct census_seat *seat, unsigned gauge, uint64_t max)
{
	set(&own(seat)->gauges[gauge].max, max);
}

void
census_set(const struct census_seat *seat, unsigned gauge, uint64_t n)
{
	set(&own(seat)->gauges[gauge].used, n);
}

uint64_t
census_others(const struct census_seat *seat, unsigned gauge)
{
	const struct row *rows = seat->census->memory->list;
	uint32_t i, n = rows_of(seat->census);
	uint64_t sum = 0;

	for (i = 0; i < n; i++)
		if (i != seat->row)
			sum += get(&rows[i].gauges[gauge].used);
	return (sum);
}

/* ------------------------------------------------------------------ */
/* Clients								*/

static uint64_t
rotate(uint64_t x, unsigned n)
{
	return (x << n | x >> (64 - n));
}

static void
sip_rounds(uint64_t v[4], unsigned n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32) + v[3];
		v[2] += v[1];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

/* SipHash-2-4 of 16 bytes: nobody can choose addresses that share a bucket
 * without its key. */
static uint64_t
sip(const uint64_t key[2], const uint8_t bytes[CENSUS_KEY_SIZE])
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575u,
		key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
		key[1] ^ 0x7465646279746573u };
	uint64_t words[3] = { 0, 0, (uint64_t)CENSUS_KEY_SIZE << 56 };
	unsigned i;

	memcpy(words, bytes, CENSUS_KEY_SIZE);
	for (i = 0; i < 3; i++) {
		v[3] ^= words[i];
		sip_rounds(v, 2);
		v[0] ^= words[i];
	}
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return (v[0] ^ v[1] ^ v[2] ^ v[3]);
}

uint64_t
census_hash(const struct census_seat *seat,
    const uint8_t key[CENSUS_KEY_SIZE])
{
	return (sip(seat->census->memory->key, key));
}

/* The bits that choose a bucket are not among those in the word. */
static size_t
bucket_of(uint64_t hash)
{
	return (hash % BUCKETS);
}

_Static_assert(BUCKETS <= COUNT_MAX + 1, "the word has the bits above");

uint64_t
census_client_others(const struct census_seat *seat, uint64_t hash)
{
	const struct row *rows = seat->census->memory->list;
	uint32_t i, n = rows_of(seat->census);
	uint64_t sum = 0, word;
	size_t k;

	for (i = 0; i < n; i++) {
		const _Atomic uint64_t *bucket =
		    rows[i].clients[bucket_of(hash)];

		/* Also of a page that is not there one would be made. */
		if (i == seat->row || get(&rows[i].held) == 0)
			continue;
		for (k = 0; k < BUCKET; k++) {
			word = get(&bucket[k]);
			if (word >> COUNT_BITS == hash >> COUNT_BITS)
				sum += word & COUNT_MAX;
		}
	}
	return (sum);
}

static _Atomic uint64_t *
find_room(const struct census_seat *seat, uint64_t hash)
{
	_Atomic uint64_t *bucket = own(seat)->clients[bucket_of(hash)];
	size_t k;

	for (k = 0; k < BUCKET; k++)
		if (get(&bucket[k]) == 0)
			return (&bucket[k]);
	return (NULL);
}

void
census_client_set(const struct census_seat *seat, uint64_t hash,
    _Atomic uint64_t **place, uint64_t n)
{
	_Atomic uint64_t *held = &own(seat)->held;

	if (*place == NULL && n != 0) {
		*place = find_room(seat, hash);
		set(held, get(held) + (*place != NULL));
	}
	if (*place == NULL)
		return;
	set(*place, n == 0 ? 0 : (hash & ~COUNT_MAX) |
	    (n < COUNT_MAX ? n : COUNT_MAX));
	if (n == 0) {
		*place = NULL;
		set(held, get(held) - 1);
	}
}
