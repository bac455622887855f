/* SPDX-License-Identifier: MIT */
/*
 * evmem -- memory for libev, which ends the process where it gets none.
 */
#ifndef NET_EVMEM_H
#define NET_EVMEM_H

#include <stddef.h>

/*
 * From now on libev gets its memory here.  size: what its arrays may need
 * together for as long as the heap has none; set aside by the first call
 * alone, and not touched before it is needed.  0, or -1 without memory.
 */
int evmem_begin(size_t size);

#endif
