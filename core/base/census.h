/* SPDX-License-Identifier: MIT */
/*
 * census -- how much of everything all workers of a proxy have together, in
 * memory that they share.
 *
 * Each worker has a row, which it alone writes, by plain stores; a total is
 * the sum of all rows.  A row has gauges, and how many tunnels each client
 * has:
 *
 *	gauges		numbers in use, and how many there may be
 *	clients		buckets of words; a word is a client (its keyed hash)
 *			and its count in one, so that a reader never sees one
 *			without the other; 0: free
 *
 * It knows neither what a gauge counts nor what happens beyond a bound.
 *
 * What always holds: a reader sees each number whole, not all of one moment:
 * of workers that look and take in the same instant each may take the last
 * one.  A row that is given away is all zero, also if its last worker was
 * killed.  What a mad worker writes there makes others count wrongly, and
 * nothing else.
 */
#ifndef BASE_CENSUS_H
#define BASE_CENSUS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CENSUS_ROWS 1024
#define CENSUS_GAUGES 8
#define CENSUS_KEY_SIZE 16		/* of a client */

struct census;

/* A worker's place.  Zeroed: none, it is alone. */
struct census_seat {
	const struct census *census;
	uint32_t row;
};

/* ------------------------------------------------------------------ */
/* Of whom the workers are, and their children				*/

/* The memory is there in all processes that are forked from here on.  NULL and
 * errno. */
struct census *census_create(void);
void census_free(struct census *census);

/* A row for a worker of that generation (not 0); -1: all are taken. */
int census_admit(struct census *census, uint32_t generation);

/* Its process is gone, or never was; -1 is fine. */
void census_dismiss(struct census *census, int row);

/* How much all have, and how much the workers of that generation say there may
 * be; 0: any number. */
uint64_t census_total(const struct census *census, unsigned gauge);
uint64_t census_bound(const struct census *census, uint32_t generation,
    unsigned gauge);

/* ------------------------------------------------------------------ */
/* Of a worker that has a row						*/

/* There may be so many; we have so many. */
void census_set_bound(const struct census_seat *seat, unsigned gauge,
    uint64_t max);
void census_set(const struct census_seat *seat, unsigned gauge, uint64_t n);

/* How much have all the others? */
uint64_t census_others(const struct census_seat *seat, unsigned gauge);

/* What a client is called here. */
uint64_t census_hash(const struct census_seat *seat,
    const uint8_t key[CENSUS_KEY_SIZE]);

/* How much of it have the others? */
uint64_t census_client_others(const struct census_seat *seat, uint64_t hash);

/* We have so many of it.  *place: NULL at first, and again where n is 0, or
 * there is no room: then the others do not know of it. */
void census_client_set(const struct census_seat *seat, uint64_t hash,
    _Atomic uint64_t **place, uint64_t n);

#endif
