/* SPDX-License-Identifier: MIT */
/*
 * sealed -- memory that processes share by its descriptor.
 *
 * Its size stays as it is: who could make it smaller would kill, by SIGBUS,
 * whoever looks.
 */
#ifndef BASE_SEALED_H
#define BASE_SEALED_H

#include <stddef.h>

/* Zeroed; name: for people, as in /proc/PID/maps.  The descriptor, or -1 and
 * errno. */
int sealed_memory(const char *name, size_t size);

#endif
