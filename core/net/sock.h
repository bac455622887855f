/* SPDX-License-Identifier: MIT */
/*
 * sock -- TCP sockets: listening, accepting, connecting, and the few options
 * that are set on all of them (non-blocking, close-on-exec, TCP_NODELAY).
 */
#ifndef NET_SOCK_H
#define NET_SOCK_H

#include "base/err.h"
#include "net/addr.h"
#include "net/loop.h"

/* A listening socket on an address; shared: others of this user may listen on
 * it as well, and the kernel spreads clients over all.  -1 and a sentence that
 * names it. */
int sock_listen(const struct addr *a, bool shared, struct err *err);

/* Make a listening socket that another process opened as if sock_listen had. */
void sock_adopt(int fd);

/* Does it listen on this path, or (path "") on this address? */
bool sock_is_at(int fd, const struct addr *a, const char *path);

/* How long a peer may be silent before it counts as gone; 0: for ever. */
struct sock_patience {
	uint64_t keepalive_ms;		/* idle, until it is probed */
	uint64_t unacknowledged_ms;	/* what we sent, or want to send */
};

/* Set it on a socket; those accepted from a listening one inherit it. */
void sock_set_patience(int fd, const struct sock_patience *patience);

/* The address a socket is bound to (after port 0). */
int sock_local(int fd, struct addr *ret_addr);

/* Start to connect: a descriptor (connected or on its way), or -1 and
 * errno. */
int sock_connect(const struct addr *a);

/* After a socket that connects to this address became writable: 0, or the
 * errno it failed with. */
int sock_connect_result(int fd, const struct addr *to);

/*
 * Accepts from a listening socket.  On EMFILE, ENFILE, ENOMEM it stops for a
 * moment instead of spinning, and says so once.
 */
struct acceptor;

/* fd: borrow, of any family.  accepted(arg, fd, peer): fd is taken. */
struct acceptor *acceptor_start(struct loop *loop, int fd,
    void (*accepted)(void *arg, int fd, const struct addr *peer), void *arg);
void acceptor_stop(struct acceptor *acceptor);

/* Has it stopped for a moment, and accepted nobody since?  NULL: no. */
bool acceptor_resting(const struct acceptor *acceptor);

#endif
