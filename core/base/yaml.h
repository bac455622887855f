/* SPDX-License-Identifier: MIT */
/*
 * yaml -- a strict subset of YAML as a tree of nodes that remember where they
 * stood.
 *
 * Read on libyaml's events.  Refused: anchors, aliases, tags, several
 * documents, more than YAML_DEPTH levels, files over YAML_SIZE bytes,
 * duplicate keys, keys that are no scalars, NUL in a scalar.  It knows
 * nothing of what keys mean.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define YAML_DEPTH 16
#define YAML_SIZE (1024 * 1024)

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	bool quoted;			/* scalars: was it in quotes */
	unsigned line, column;		/* from 1 */
	const char *text;		/* scalars; NUL-terminated, UTF-8 */
	size_t count;			/* of items or pairs */
	struct yaml_node *keys;		/* maps: scalars */
	struct yaml_node *items;	/* maps: values; lists: items */
};

struct yaml_file;

#define YAML_ERRORS_SHOWN 50

/*
 * Errors of a file, all of them, in the order of their places; each one is
 * "file:line:col: text", the line and a caret.  Zeroed memory is none.
 */
struct yaml_errors {
	char *text;
	size_t len, count;
	size_t shown;			/* entries in the text */
	struct yaml_error {
		unsigned line, column;
		size_t len;
	} entries[YAML_ERRORS_SHOWN];
};

/* Read a file.  NULL with at least one error added. */
struct yaml_file *yaml_read(const char *path, struct yaml_errors *errors);

/* The same from memory; name is what errors call it. */
struct yaml_file *yaml_parse(const char *name, const char *text, size_t len,
    struct yaml_errors *errors);

/* What errors call it. */
const char *yaml_name(const struct yaml_file *file);

/* The top node; NULL for an empty file. */
const struct yaml_node *yaml_root(const struct yaml_file *file);

/* The value of a key of a map, or NULL.  node may be NULL or no map. */
const struct yaml_node *yaml_get(const struct yaml_node *node,
    const char *key);

/* Add an error at a node.  Bounded: after YAML_ERRORS_SHOWN it only
 * counts. */
void yaml_complain(const struct yaml_file *file,
    const struct yaml_node *node, struct yaml_errors *errors,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Free a file; NULL is fine. */
void yaml_file_free(struct yaml_file *file);

/*
 * Inline, for libyaml has a symbol of this name: a function of ours would
 * take its place at run time wherever symbols are not hidden.
 */
static inline void
yaml_free(struct yaml_file *file)
{
	yaml_file_free(file);
}

void yaml_errors_free(struct yaml_errors *errors);

#endif
