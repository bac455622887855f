/* SPDX-License-Identifier: MIT */
/*
 * probe -- try a function in a child process first, so that what crashes,
 * hangs or exits costs a sentence and not the program.
 */
#ifndef FLOW_PROBE_H
#define FLOW_PROBE_H

#include "base/err.h"

#include <stdint.h>

#define PROBE_MS 5000u

/*
 * Run fn(arg, err) in a child that has no stdout and stderr.  0 when it
 * returned 0 within ms; else -1 and a sentence: the one that fn wrote, or
 * how the child died ("crashed (Segmentation fault)").  What fn changed in
 * memory is lost.
 */
int probe_run(int (*fn)(void *arg, struct err *err), void *arg, uint32_t ms,
    struct err *err);

#endif
