/* SPDX-License-Identifier: MIT */
/*
 * proc -- what the kernel says of the processes under test.  Knows nothing of
 * what they do.
 */
#ifndef LOAD_PROC_H
#define LOAD_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Nanoseconds of a clock that only goes forward. */
uint64_t now_ns(void);

/* CPU time of all threads of these processes, in nanoseconds. */
uint64_t proc_cpu_ns(const pid_t *pids, size_t n);

/* Their memory in KiB: what is theirs, and their share of what is shared
 * (Pss).  Nothing of the kernel's is in it: no socket buffers. */
uint64_t proc_memory_kib(const pid_t *pids, size_t n);

/* Say why this run is void, and leave: a figure with an error is none. */
_Noreturn void fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
