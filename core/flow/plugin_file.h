/* SPDX-License-Identifier: MIT */
/*
 * plugin_file -- from a name to a sealed copy of a file that may be trusted.
 */
#ifndef FLOW_PLUGIN_FILE_H
#define FLOW_PLUGIN_FILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define PLUGIN_PATH_SIZE 4096

/* Is it [a-z][a-z0-9_-]*, at most PLUGIN_NAME_MAX bytes? */
bool plugin_name_valid(const char *name);

/* Where is NAME.so?  The first of `folders` (NULL-terminated) that has it.
 * -1 and a sentence that lists where it is not. */
int plugin_file_find(const char *name, const char *const *folders,
    char path[PLUGIN_PATH_SIZE], struct err *err);

/*
 * Open the file, check it and its folder, copy it.  give: a descriptor of a
 * memfd that nobody can change any more.  -1 and the reason, without the
 * path.
 */
int plugin_file_open(const char *path, struct err *err);

#endif
