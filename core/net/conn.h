/* SPDX-License-Identifier: MIT */
/*
 * conn -- one connection, behind a table of operations.
 *
 * The plain TCP socket is one such table; TLS will be another, laid over it.
 * A conn reports readiness and moves bytes; it buffers nothing and decides
 * nothing.
 *
 *	want_read on --readable--> conn_read ... until CONN_AGAIN (or leave
 *	it: level triggered).  want_write only after CONN_AGAIN.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/heard.h"
#include "net/loop.h"
#include "net/sock.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct conn;
struct pipe_end;

/* Results of reading and writing that are no count. */
#define CONN_AGAIN (-1)		/* not now */
#define CONN_RESET (-2)		/* the peer is gone: reset, timed out */
#define CONN_STARVED (-3)	/* we lack memory; the peer may be well */

struct conn_ops {
	/* Bytes, 0 at the peer's end, CONN_AGAIN, CONN_RESET, CONN_STARVED. */
	ssize_t (*read)(struct conn *conn, void *bytes, size_t size);
	ssize_t (*write)(struct conn *conn, const struct iovec *iov, int n);
	/* Finish our writing side; 0 or CONN_RESET. */
	int (*shutdown)(struct conn *conn);
	/* Bytes that can be read without the socket (TLS); else 0. */
	size_t (*pending)(struct conn *conn);
	void (*close)(struct conn *conn, bool reset);
};

struct conn_handlers {
	void (*readable)(void *arg);
	void (*writable)(void *arg);
};

/* A plain connection over a connected socket (fd: take; closed on failure).
 * NULL without memory. */
struct conn *conn_create(struct loop *loop, int fd);

/* Who is told.  handlers: borrow, for the conn's life. */
void conn_set_handlers(struct conn *conn,
    const struct conn_handlers *handlers, void *arg);

/* What is worth a call.  Changing nothing costs nothing. */
void conn_want_read(struct conn *conn, bool want);
void conn_want_write(struct conn *conn, bool want);

ssize_t conn_read(struct conn *conn, void *bytes, size_t size);
ssize_t conn_write(struct conn *conn, const struct iovec *iov, int n);
int conn_shutdown(struct conn *conn);

/*
 * Look at a connection that is not being read (libev reports nothing then):
 * 0 alive, 1 the peer finished, CONN_RESET.  Consumes nothing.
 */
int conn_look(struct conn *conn);

/* Notice when the peer vanishes: after sock_set_patience().  Nothing on a
 * socket that is not TCP. */
void conn_set_patience(struct conn *conn,
    const struct sock_patience *patience);

/* Has the peer acknowledged what was written, within ms? */
enum heard conn_heard(struct conn *conn, uint64_t ms);

/* Close (no further callbacks, also none already due); with reset the peer
 * sees an RST instead of a FIN. */
void conn_close(struct conn *conn, bool reset);

/*
 * About how many bytes the connection would take now; no promise.  Two
 * system calls: worth it before a large read.
 */
size_t conn_room(const struct conn *conn);

/*
 * Moving bytes inside the kernel.  False where ops are not the plain ones.
 */
bool conn_can_splice(const struct conn *conn);

/* Up to n bytes from conn into the pipe: as conn_read; CONN_AGAIN also when
 * the pipe is full. */
ssize_t conn_splice_in(struct conn *conn, struct pipe_end *pipe, size_t n);

/* From the pipe to conn: as conn_write. */
ssize_t conn_splice_out(struct conn *conn, struct pipe_end *pipe);

#endif
