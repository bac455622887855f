/* SPDX-License-Identifier: MIT */
/*
 * control -- what the shim (in the program under test) and the driver (in
 * Python, control.py) share: one page or two of memory, mapped from a file.
 *
 * The driver writes the first part while `mode` is FAULT_OFF and sets `mode`
 * last; the shim writes the second.  Fixed widths and this order: control.py
 * unpacks it by hand.
 */
#ifndef FAULTS_CONTROL_H
#define FAULTS_CONTROL_H

#include <stdint.h>

#define FAULT_CALLS_MAX 80
#define FAULT_TRACE_SIZE 6144

enum fault_mode {
	FAULT_OFF,		/* count nothing, fail nothing */
	FAULT_NTH,		/* the n-th point, and no other */
	FAULT_RANDOM,		/* each call with a chance of rate / 65536 */
	FAULT_BURST		/* every allocation from the n-th to n+span */
};

/*
 * A point is one way of one call to fail: a call that knows five errors is
 * five points in a row, the n-th of which is the one that happens.
 */
struct fault_control {
	uint32_t mode;
	uint32_t rate;
	uint64_t n;
	uint64_t span;
	uint64_t seed;
	uint32_t ask_leaks;	/* 1: look for leaks at the next wait */
	uint32_t pad;
	uint8_t skip[FAULT_CALLS_MAX];	/* not to be failed, by call */

	uint64_t points;	/* passed since it was armed */
	uint64_t injected;
	uint64_t calls;
	uint32_t leaks;		/* 1: none, 2: some */
	uint32_t ncalls;
	char names[FAULT_CALLS_MAX][16];
	uint64_t failed[FAULT_CALLS_MAX];
	char what[64];		/* "recv ECONNRESET": the last one injected */
	char trace[FAULT_TRACE_SIZE];	/* where: "file+0xoffset" a line */
};

#endif
