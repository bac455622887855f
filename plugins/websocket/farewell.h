/* SPDX-License-Identifier: MIT */
/*
 * farewell -- our last words in a WebSocket that ends against its will: one
 * close frame to each side that may still get one, with a code that says why.
 *
 * Never inside somebody's frame: what has begun runs to its end first.
 */
#ifndef WEBSOCKET_FAREWELL_H
#define WEBSOCKET_FAREWELL_H

#include <fairlead/inspector.h>

/* The plugin's farewell(). */
void farewell_say(struct frl_link *link,
    const struct frl_farewell *farewell);

#endif
