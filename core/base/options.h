/* SPDX-License-Identifier: MIT */
/*
 * options -- fills a struct from a map of the configuration, as a table of
 * struct frl_option says.
 *
 * One parser for the core's own sections and for every plugin's options, and
 * one place that knows what `16KiB`, `5s` and `true` mean.  Defaults go
 * through the same parser.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/yaml.h"

#include <fairlead/inspector.h>

/*
 * Fill `out` (zeroed by the caller) from the map `node`.  NULL node: defaults
 * only; `where` is then the place that errors point at.  Unknown keys (with
 * the nearest known one, where it is near), wrong types, values out of range
 * and missing required keys are complained about, all of them.  Keys listed
 * in `others` (NULL-terminated, or NULL) belong to somebody else and are
 * skipped.
 *
 * Strings and lists in `out` are copies: give them to options_clear().
 * 0, or -1 if anything was complained about; what was not is filled in even
 * then.
 */
int options_read(const struct frl_option *table, void *out,
    const struct yaml_file *file, const struct yaml_node *node,
    const struct yaml_node *where, const char *const *others,
    struct yaml_errors *errors);

/* Free what options_read() allocated inside `out`. */
void options_clear(const struct frl_option *table, void *out);

/*
 * Parse one scalar as a type; 0, or -1 and a sentence.  For tests and for
 * defaults.  out points at the member.
 */
int options_scalar(const struct frl_option *option, const char *text,
    void *out, struct err *err);

/* The nearest of some names to a word, or NULL if none is near. */
const char *options_nearest(const char *word, const char *const *names);

/* Print a table for people: name, type, default, help.  To stdout. */
void options_print(const struct frl_option *table, const char *indent);

#endif
