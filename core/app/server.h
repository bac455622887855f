/* SPDX-License-Identifier: MIT */
/*
 * server -- the running proxy: everything wired together, one process in the
 * foreground.
 */
#ifndef APP_SERVER_H
#define APP_SERVER_H

#include "base/census.h"
#include "base/err.h"

#include <fairlead/inspector.h>

#include <stdbool.h>
#include <stddef.h>

struct bars;
struct config;
struct loop;
struct server;
struct sink_logger;
struct board;
struct tunnels;

/*
 * Who has the proxy run for a purpose of its own.  It takes the server's
 * place at SIGTERM and SIGINT: the server goes on until server_drain().
 */
struct server_guest {
	void *arg;
	/* The doors are open.  -1 and a sentence: the server leaves again. */
	int (*opened)(void *arg, struct server *server, struct err *err);
	/* The loop is about to go, if not NULL. */
	void (*closing)(void *arg);
	/* Where clients come in, if not where the config says (take). */
	const struct server_socket *sockets;
	size_t socket_count;
	/* Who writes the logs, one for each of the config's; or NULL. */
	const struct sink_logger *loggers;
	/* Plugins that are not called, also later ones; or NULL. */
	const struct bars *bars;
	/* Where other workers see how much we have; zeroed: nowhere. */
	struct census_seat census;
};

/* A listening socket, for the config's listener of that number. */
struct server_socket {
	size_t listen;
	int fd;
};

/*
 * Bind, load the plugins, say that we listen, serve until SIGTERM or SIGINT,
 * drain.  config: borrow; the caller frees it afterwards.  guest: borrow, or
 * NULL.  Returns the program's exit code: 0, 1 runtime, 69 cannot bind, 78 a
 * plugin refused to load.  What went wrong has been said on stderr.
 */
int server_run(struct config *config, const struct server_guest *guest);

/* For guests, between opened() and the end of server_run(). */
struct loop *server_loop(const struct server *server);
const char *server_door(const struct server *server);	/* first: IP:port */
size_t server_tunnels(const struct server *server);
struct tunnels *server_list(const struct server *server);
bool server_used(const struct server *server);	/* was there ever one? */

/* Close the doors, let tunnels end by themselves for ms (0: as long as they
 * like), then as server_drain().  reason: borrow, for the log. */
void server_leave(struct server *server, const char *reason,
    enum frl_why why, uint64_t ms);

/* Close the doors, let every tunnel say its last words, leave; a second call
 * leaves at once. */
void server_drain(struct server *server, const char *reason);

/* Open the logs anew. */
void server_reopen(struct server *server);

/* An event of the core's own (tunnel_events.h).  record: borrow. */
void server_publish(struct server *server, const struct frl_event *event,
    const void *record);

/* Count on a board (borrow) from here on; NULL: for ourselves. */
void server_use_board(struct server *server, struct board *board);

/* As events_tap(); memory: borrow.  And its end. */
int server_tap(struct server *server, int memory, void (*kick)(void *arg),
    void *arg);
void server_untap(struct server *server);

/* Note on a board what is not counted as it changes. */
void server_count(const struct server *server, struct board *board);

/* The loggers took lines. */
void server_logged(struct server *server);

#endif
