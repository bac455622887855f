/* SPDX-License-Identifier: MIT */
/*
 * fullness -- which limits the workers have reached together, for whoever
 * decides where the next client goes.
 *
 * What always holds: one that was reached counts as such until a sixteenth of
 * it is free, so that there is room for all who come before the next look.
 * The limit of one client is nobody else's business.
 */
#ifndef APP_FULLNESS_H
#define APP_FULLNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct census;
struct fullness;

/* census: borrow.  NULL without memory. */
struct fullness *fullness_create(const struct census *census);
void fullness_free(struct fullness *fullness);

/* Is a limit of that generation reached?  Then text names them, and how much
 * there is of each. */
bool fullness_say(struct fullness *fullness, uint32_t generation, char *text,
    size_t size);

#endif
