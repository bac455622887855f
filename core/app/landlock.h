/* SPDX-License-Identifier: MIT */
/*
 * landlock -- the file system, but for a few files that may be read.
 *
 * What the kernel does not know yet is left out: ABI 1 bounds opening and
 * making files, later ones also renaming (2), truncating (3), devices (5),
 * signals and abstract UNIX sockets (6).  Sockets and descriptors that are
 * open stay what they are.
 */
#ifndef APP_LANDLOCK_H
#define APP_LANDLOCK_H

#include <fairlead/inspector.h>

#include "base/err.h"

/* Its ABI in this kernel; 0 and errno where it has none. */
int landlock_abi(void);

/*
 * From now on, open nothing but what names and time zones need, and what is
 * in `read`: files, or folders with all that is below them.  no_new_privs must
 * be set.  -1 and a sentence: also where one of `read` is not there.
 */
int landlock_enter(int abi, const struct frl_strings *read, struct err *err);

#endif
