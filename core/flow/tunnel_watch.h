/* SPDX-License-Identifier: MIT */
/*
 * tunnel_watch -- tunnels as somebody sees them from outside who asks what is
 * going on: counters, a list, one that is to end.
 */
#ifndef FLOW_TUNNEL_WATCH_H
#define FLOW_TUNNEL_WATCH_H

#include <fairlead/inspector.h>

#include <stdbool.h>
#include <stddef.h>

struct board;
struct tunnels;

/* Count on this board from here on (borrow), beginning with what was counted
 * so far; NULL: on one of our own. */
void tunnels_use_board(struct tunnels *tunnels, struct board *board);

/* Begin a list. */
void tunnels_walk_begin(struct tunnels *tunnels);

/* The next tunnel as one line of JSON, without a newline; its size, 0 when
 * there is none any more.  Tunnels may come and go in between: none is named
 * twice, one that is there all the time is named. */
size_t tunnels_walk(struct tunnels *tunnels, char *ret, size_t size);

/* Let the tunnel of that id say its last words and end.  False: there is
 * none. */
bool tunnels_close(struct tunnels *tunnels, const char *id);

/* The line of a tunnel: what is true of it now. */
struct tunnel_now {
	const char *state, *mode, *listener;
	const char *client_addr, *server_name, *server_addr, *inspector;
	uint32_t client_port, server_port;
	uint64_t age_us, silent_us, c2s_bytes, s2c_bytes;
	uint64_t waiting_bytes;
};

extern const struct frl_event tunnel_event_now;

#endif
