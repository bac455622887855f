/* SPDX-License-Identifier: MIT */
/*
 * options_scalar -- what the two halves of options share.  Not for others.
 */
#ifndef BASE_OPTIONS_SCALAR_H
#define BASE_OPTIONS_SCALAR_H

#include "base/options.h"

/*
 * Is this name (len bytes) nearer to the word than *best, and near enough to
 * be worth saying?  Then *best is its distance.  Begin with SIZE_MAX.
 */
bool options_nearer(const char *word, const char *name, size_t len,
    size_t *best);

/*
 * Add a string to a list (take, also on failure; NULL: there was no memory
 * for it).  0, or -1 and a sentence.
 */
int options_add_item(struct frl_strings *list, char *item, struct err *err);

/* Free the strings and the list's memory; it is empty then. */
void options_clear_list(struct frl_strings *list);

#endif
