/* SPDX-License-Identifier: MIT */
/*
 * run -- the ways to measure.  Each opens the tunnels, waits, looks at the
 * proxy's processes, and prints one JSON object.
 */
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND UINT64_C(1000000000)

enum {
	TURN = 10000000,		/* ns */
	SETTLE = 1000000000,
	SAMPLE = 250000000,		/* between looks at the memory */
	PROBE = 1000000			/* between probes, about */
};

static uint64_t
ns_of(double seconds)
{
	return ((uint64_t)(seconds * 1e9));
}

static void
turn_for(struct load *load, uint64_t ns)
{
	uint64_t end = now_ns() + ns;

	while (now_ns() < end)
		conn_turn(load, TURN);
}

static uint64_t
cpu_ns(const struct load *load)
{
	return (proc_cpu_ns(load->options.pids, load->options.pids_len));
}

static uint64_t
memory_kib(const struct load *load)
{
	return (proc_memory_kib(load->options.pids, load->options.pids_len));
}

/* One tunnel that got stuck would not show among the others. */
static void
stuck_none(const struct load *load)
{
	size_t i;

	for (i = 0; i < load->options.tunnels; i++)
		if (!load->tunnels[i]->served)
			fail("tunnel %zu got stuck", i);
}

/* CPU per unit needs no beginning and no end: what a proxy puts off at the
 * one, a batch of its log, it makes up for at the other. */
void
run_window(struct load *load)
{
	uint64_t wall, cpu, units;
	size_t i;

	client_open_all(load);
	turn_for(load, ns_of(load->options.warm));
	for (i = 0; i < load->options.tunnels; i++)
		load->tunnels[i]->served = false;
	wall = now_ns();
	cpu = cpu_ns(load);
	units = load->units;
	turn_for(load, ns_of(load->options.seconds));
	cpu = cpu_ns(load) - cpu;
	wall = now_ns() - wall;
	units = load->units - units;
	if (units == 0)
		fail("nothing came through");
	stuck_none(load);
	printf("{\"units\": %" PRIu64 ", \"cpu_ns\": %" PRIu64
	       ", \"wall_ns\": %" PRIu64 ", \"all_units\": %" PRIu64 "}\n",
	    units, cpu, wall, load->units);
}

void
run_idle(struct load *load)
{
	uint64_t before = memory_kib(load);
	uint64_t limit;

	client_open_all(load);
	limit = now_ns() + 30 * SECOND;
	while (load->units < load->options.tunnels && now_ns() < limit)
		conn_turn(load, TURN);
	if (load->units < load->options.tunnels)
		fail("only %" PRIu64 " echoes came", load->units);
	turn_for(load, SETTLE);
	printf("{\"tunnels\": %zu, \"before_kib\": %" PRIu64
	       ", \"after_kib\": %" PRIu64 "}\n",
	    load->options.tunnels, before, memory_kib(load));
}

/* Uniform around a mean, so that nothing beats in time with anything. */
static uint64_t
around(struct load *load, uint64_t mean)
{
	return (mean / 2 + load_random(load) % (mean + 1));
}

/* A probe that is due while the last is out would have waited at least as
 * long as that still does: without it a stall would be one slow probe. */
static void
probe_send(struct load *load, uint64_t due)
{
	if (load->due_len < DUE_MAX)
		load->due[load->due_len++] = due;
	if (!load->tunnels[0]->waiting)
		echo_send(load->tunnels[0]);
}

void
probe_took(struct load *load)
{
	uint64_t now = now_ns();
	size_t i;

	for (i = 0; i < load->due_len && load->times_len < load->times_cap; i++)
		load->times[load->times_len++] = now - load->due[i];
	load->due_len = 0;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return ((x > y) - (x < y));
}

static double
percentile_us(const struct load *load, double p)
{
	size_t i = (size_t)(p * (double)(load->times_len - 1));

	return ((double)load->times[i] / 1e3);
}

struct probe {
	uint64_t next, next_busy;	/* when */
	uint64_t pace;			/* between echoes of all busy ones */
	size_t at;			/* which of them */
	uint64_t skipped;
};

/* Send what is due.  A busy tunnel whose echo is still out is skipped. */
static void
probe_turn(struct load *load, struct probe *p)
{
	size_t busy = load->options.tunnels - 1;
	uint64_t next = p->next;
	uint64_t now = now_ns();
	struct conn *c;

	if (busy > 0 && p->next_busy < next)
		next = p->next_busy;
	conn_turn(load, next > now ? next - now : 0);
	now = now_ns();
	if (now >= p->next) {
		probe_send(load, now);
		p->next = now + around(load, PROBE);
	}
	while (busy > 0 && now >= p->next_busy) {
		c = load->tunnels[1 + p->at++ % busy];
		p->next_busy += around(load, p->pace);
		if (c->waiting)
			p->skipped++;
		else
			echo_send(c);
	}
}

static void
probe_for(struct load *load, struct probe *p, double seconds)
{
	uint64_t end = now_ns() + ns_of(seconds);

	while (now_ns() < end)
		probe_turn(load, p);
}

void
run_probe(struct load *load)
{
	const struct options *o = &load->options;
	struct probe p = { .next = 0 };
	uint64_t cpu, units, wall;

	load->times_cap = (size_t)(o->seconds * 4000) + 1000;
	load->times = calloc(load->times_cap, sizeof(*load->times));
	if (load->times == NULL)
		fail("out of memory");
	client_open_all(load);
	if (o->tunnels > 1)
		p.pace = (uint64_t)(o->echo_ms * 1e6) / (o->tunnels - 1);
	p.next = p.next_busy = now_ns();
	probe_for(load, &p, o->warm);
	load->times_len = 0;
	p.skipped = 0;
	units = load->units;
	wall = now_ns();
	cpu = cpu_ns(load);
	probe_for(load, &p, o->seconds);
	cpu = cpu_ns(load) - cpu;
	wall = now_ns() - wall;
	units = load->units - units;
	if (load->times_len < 100)
		fail("only %zu probes of %" PRIu64 " echoes came back",
		    load->times_len, units);
	qsort(load->times, load->times_len, sizeof(*load->times), compare);
	printf("{\"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, "
	       "\"probes\": %zu, \"skipped\": %" PRIu64 ", \"units\": %" PRIu64
	       ", \"cpu_ns\": %" PRIu64 ", \"wall_ns\": %" PRIu64
	       ", \"all_units\": %" PRIu64 "}\n",
	    percentile_us(load, 0.5), percentile_us(load, 0.9),
	    percentile_us(load, 0.99), load->times_len, p.skipped, units, cpu,
	    wall, load->units);
}

/* Every other reader takes a little, the rest nothing. */
static void
slow_sip(struct load *load)
{
	size_t i;

	if (load->options.trickle == 0)
		return;
	for (i = 0; i < load->options.tunnels; i += 2)
		conn_sip(load->tunnels[i], load->options.trickle);
}

void
run_slow(struct load *load)
{
	uint64_t before = memory_kib(load);
	uint64_t begin, now, kib, next = 0, next_sip = 0, max = 0;
	uint64_t span = ns_of(load->options.seconds);
	uint64_t first = 0, last = 0, firsts = 0, lasts = 0;

	client_open_all(load);
	begin = now_ns();
	while ((now = now_ns() - begin) < span) {
		conn_turn(load, TURN);
		if (now >= next_sip) {
			slow_sip(load);
			next_sip += SECOND;
		}
		if (now < next)
			continue;
		next += SAMPLE;
		kib = memory_kib(load);
		max = kib > max ? kib : max;
		if (now < span / 3) {
			first += kib;
			firsts++;
		} else if (now >= span - span / 3) {
			last += kib;
			lasts++;
		}
	}
	if (firsts == 0 || lasts == 0)
		fail("too short: give it three seconds or more");
	printf("{\"tunnels\": %zu, \"before_kib\": %" PRIu64
	       ", \"max_kib\": %" PRIu64 ", \"first_kib\": %.1f"
	       ", \"last_kib\": %.1f, \"pushed\": %" PRIu64 "}\n",
	    load->options.tunnels, before, max, (double)first / (double)firsts,
	    (double)last / (double)lasts, load->pushed);
}
