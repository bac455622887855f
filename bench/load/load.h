/* SPDX-License-Identifier: MIT */
/*
 * load -- what one run is: its options, its counters, and the table of kinds
 * of work.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include "conn.h"
#include "proc.h"

enum {
	PIDS_MAX = 64,
	DUE_MAX = 1024,
	/* What a source writes at once, about; a raw one in whole periods. */
	BLOCK_SIZE = PATTERN_PERIOD * 2048,
	READ_SIZE = 1024 * 1024
};

/* What client and origin say to each other.  The tunnel is open, and upgraded,
 * when ready is called; NULL does nothing. */
struct work {
	const char *name;
	bool ws;			/* begins with RFC 6455's handshake */
	size_t payload_max;
	void (*client_ready)(struct conn *c);
	void (*client_data)(struct conn *c, const uint8_t *bytes, size_t n);
	void (*origin_ready)(struct conn *c);
	void (*origin_data)(struct conn *c, const uint8_t *bytes, size_t n);
	void (*run)(struct load *load);	/* measures, and prints the result */
};

struct options {
	uint16_t to;			/* where clients connect */
	uint16_t origin;		/* where the origin listens */
	bool connect;			/* ask for the origin with CONNECT */
	size_t tunnels;
	size_t payload;
	double warm, seconds;
	double echo_ms;			/* between echoes of a busy tunnel */
	size_t trickle;			/* bytes a second, of a slow reader */
	int buffer;			/* a client's in the kernel; 0: any */
	pid_t pids[PIDS_MAX];
	size_t pids_len;
};

struct load {
	struct options options;
	const struct work *work;
	int epoll;
	uint8_t *buffer;		/* what is read, READ_SIZE */
	uint64_t random;

	struct conn **tunnels;
	size_t opened, ready;
	uint64_t units;			/* of work done */
	uint64_t pushed;		/* bytes, by sources */

	/* What sources send. */
	uint8_t *block;
	size_t block_len;

	/* When the probes that are out were due, and the round-trip times of
	 * those that came back; ns. */
	uint64_t due[DUE_MAX];
	size_t due_len;
	uint64_t *times;
	size_t times_len, times_cap;
};

/* The kinds of work, by name; NULL if there is none. */
const struct work *work_find(const char *name);

/* All of them, for the usage. */
void work_list(void);

/* The next pseudo-random number. */
uint64_t load_random(struct load *load);

/* Open the origin. */
void origin_listen(struct load *load);

/* Open all tunnels and wait until they are ready. */
void client_open_all(struct load *load);

/* Open tunnel i. */
void client_open(struct load *load, size_t i);

/* Send a WebSocket message that differs from the last; the answer is due. */
void echo_send(struct conn *c);

/* The probe's echo came back. */
void probe_took(struct load *load);

/* The ways to measure. */
void run_window(struct load *load);	/* CPU per unit, in full flow */
void run_idle(struct load *load);	/* memory of tunnels that do nothing */
void run_probe(struct load *load);	/* round-trip times of tunnel 0 */
void run_slow(struct load *load);	/* memory while readers stall */

#endif
