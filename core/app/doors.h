/* SPDX-License-Identifier: MIT */
/*
 * doors -- where clients come in: the listening sockets of a configuration.
 *
 *	doors_bind --> doors_own --> doors_open --> doors_close --> doors_free
 *
 * What always holds: while a tunnel lives, the door it came in by does.
 */
#ifndef APP_DOORS_H
#define APP_DOORS_H

#include "base/err.h"
#include "net/addr.h"

#include <stddef.h>

struct config;
struct server_socket;
struct doors;
struct loop;
struct tunnels;

/* Bind them all; nobody is accepted yet.  config: borrow, until doors_free.
 * NULL and a sentence. */
struct doors *doors_bind(const struct config *config, struct err *err);

/* The same with sockets that are listening already (fds: take; a path's file
 * is not ours). */
struct doors *doors_adopt(const struct config *config,
    const struct server_socket *sockets, size_t count, struct err *err);

/*
 * Every address under which a door may be reached from this host, so that no
 * tunnel is led back into this proxy.  *ret_own: borrow, until doors_free.
 * 0, or -1 and a sentence.
 */
int doors_own(struct doors *doors, const struct addr **ret_own,
    size_t *ret_count, struct err *err);

/* Accept, and say so.  0, or -1 and a sentence. */
int doors_open(struct doors *doors, struct loop *loop,
    struct tunnels *tunnels, struct err *err);

/* How many of them accept nobody for want of descriptors or memory? */
size_t doors_resting(const struct doors *doors);

/* The first door's address, with the port it got. */
const char *doors_first(const struct doors *doors);

/* Accept nobody any more.  Idempotent; NULL is fine. */
void doors_close(struct doors *doors);

/* No tunnel may be left.  NULL is fine. */
void doors_free(struct doors *doors);

#endif
