/* SPDX-License-Identifier: MIT */
/*
 * descriptors -- how many files and sockets this process may have open.
 */
#ifndef APP_DESCRIPTORS_H
#define APP_DESCRIPTORS_H

#include <stdint.h>

/* Raise the soft limit to the hard one; say what to do where that is not
 * enough for so many tunnels (0: any number, nothing is said). */
void descriptors_raise(uint64_t tunnels);

#endif
