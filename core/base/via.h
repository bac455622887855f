/* SPDX-License-Identifier: MIT */
/*
 * via -- has a message been here before (RFC 9110, 7.6.3)?
 *
 * Compiled into the core (a tunnel's first head) and into the http plugin
 * (the later ones), so that both see the same loops.
 */
#ifndef BASE_VIA_H
#define BASE_VIA_H

#include <fairlead/http.h>

#include <stdbool.h>

/*
 * Does a Via of this head have this name: whole, but wherever it stands?  It
 * must be one that nobody else has.
 */
bool via_names(const struct frl_http_head *head, const char *name);

#endif
