/* SPDX-License-Identifier: MIT */
/*
 * gates -- the listening sockets, kept over all generations of workers.
 *
 *	gate "0.0.0.0:3128"          gate "unix:/run/fairlead/proxy.sock"
 *	  socket 0 -> worker 0         socket 0 -> every worker
 *	  socket 1 -> worker 1
 *	  socket 2 -> worker 0   (there were three workers once)
 *
 * A socket that a service manager gave us (LISTEN_FDS) is for every worker, too.
 *
 * An address has one socket per worker (SO_REUSEPORT), so that the kernel
 * spreads clients evenly.  What always holds: a socket is not closed as long as
 * its address is wanted, for whoever waits in its queue would be reset.
 */
#ifndef APP_GATES_H
#define APP_GATES_H

#include "app/plan.h"
#include "base/err.h"

struct gates;

#define GATES_NAME_SIZE PLAN_NAME_SIZE

/* Takes what LISTEN_FDS offers, and those words out of the environment.  NULL
 * without memory. */
struct gates *gates_create(void);

/* Close them all; remove the files of UNIX sockets.  NULL is fine. */
void gates_free(struct gates *gates);

/*
 * Open what a plan wants and is not open yet.  -1 and a sentence that names the
 * address: somebody else listens there; then what was open stays, and
 * gates_keep() closes the rest.
 */
int gates_open(struct gates *gates, const struct plan *plan,
    struct err *err);

/* Close what none of these plans wants. */
void gates_keep(struct gates *gates, const struct plan *const *plans,
    size_t count);

/* Where it is reached, with the port that 0 became; written to ret, which is
 * returned. */
const char *gates_name(const struct gates *gates,
    const struct plan_listen *listen, char ret[GATES_NAME_SIZE]);

/* For the i-th listener of a plan, the n-th socket (borrow) of a worker; -1:
 * there are no more. */
int gates_socket(const struct gates *gates, const struct plan *plan,
    size_t listen, unsigned worker, unsigned n);

#endif
