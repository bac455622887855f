/* SPDX-License-Identifier: MIT */
/*
 * conn -- one connection; here with the operations of a plain TCP socket.
 *
 * It neither buffers nor decides: what became of a call is for its caller to
 * judge.  Once conn_close() was called no handler runs, not even one that
 * was due in the same turn.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/pipe.h"

struct conn {
	const struct conn_ops *ops;
	struct loop *loop;
	const struct conn_handlers *handlers;
	void *arg;
	struct watch watch;
	int fd;
	uint16_t lifted_s;	/* what heard_look() lifted, rounded up */
	uint8_t wants;		/* 1 read, 2 write */
	bool busy : 1;		/* a handler is on the stack */
	bool deaf : 1;		/* it could not be watched */
	bool closed : 1;	/* by that handler: freed behind it */
};

/* What a failed call means: not now, or never again, and who is the cause. */
static int
failure(void)
{

	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return (CONN_AGAIN);
	if (errno == ENOMEM || errno == ENOBUFS)
		return (CONN_STARVED);
	return (CONN_RESET);
}

static ssize_t
plain_read(struct conn *conn, void *bytes, size_t size)
{
	ssize_t n;

	do
		n = recv(conn->fd, bytes, size, 0);
	while (n == -1 && errno == EINTR);
	return (n == -1 ? failure() : n);
}

static ssize_t
plain_write(struct conn *conn, const struct iovec *iov, int count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov,
	    .msg_iovlen = (size_t)count };
	ssize_t n;

	/* Nearly always there is one piece, and that is cheaper. */
	do
		n = count == 1 ? send(conn->fd, iov->iov_base, iov->iov_len,
		    MSG_NOSIGNAL) : sendmsg(conn->fd, &msg, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return (n == -1 ? failure() : n);
}

static int
plain_shutdown(struct conn *conn)
{

	return (shutdown(conn->fd, SHUT_WR) == 0 ? 0 : CONN_RESET);
}

static size_t
plain_pending(struct conn *conn)
{

	(void)conn;
	return (0);
}

static void
plain_close(struct conn *conn, bool reset)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (reset)
		(void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger,
		    sizeof(linger));
	close(conn->fd);
}

static const struct conn_ops plain_ops = {
	.read = plain_read,
	.write = plain_write,
	.shutdown = plain_shutdown,
	.pending = plain_pending,
	.close = plain_close
};

static void
conn_ready(void *arg, bool readable, bool writable)
{
	struct conn *conn = arg;

	/* Whoever reads or writes now is told. */
	conn->deaf = !readable && !writable;
	readable = readable || conn->deaf;
	writable = writable || conn->deaf;
	conn->busy = true;
	if (readable && (conn->wants & 1) && conn->handlers != NULL)
		conn->handlers->readable(conn->arg);
	/* The handler may have closed, or no longer want to write. */
	if (!conn->closed && writable && (conn->wants & 2) &&
	    conn->handlers != NULL)
		conn->handlers->writable(conn->arg);
	conn->busy = false;
	if (conn->closed)
		free(conn);
}

struct conn *
conn_create(struct loop *loop, int fd)
{
	struct conn *conn;

	if ((conn = calloc(1, sizeof(*conn))) == NULL) {
		close(fd);
		return (NULL);
	}
	conn->ops = &plain_ops;
	conn->loop = loop;
	conn->fd = fd;
	return (conn);
}

void
conn_set_handlers(struct conn *conn, const struct conn_handlers *handlers,
    void *arg)
{

	conn->handlers = handlers;
	conn->arg = arg;
}

static void
want(struct conn *conn, int bit, bool on)
{
	int wants = on ? conn->wants | bit : conn->wants & ~bit;

	if (wants == conn->wants)
		return;
	conn->wants = (uint8_t)wants;
	watch_set(conn->loop, &conn->watch, conn->fd, wants, conn_ready,
	    conn);
}

void
conn_want_read(struct conn *conn, bool on)
{

	want(conn, 1, on);
}

void
conn_want_write(struct conn *conn, bool on)
{

	want(conn, 2, on);
}

ssize_t
conn_read(struct conn *conn, void *bytes, size_t size)
{

	assert(size > 0);	/* 0 would be taken for the peer's end */
	return (conn->deaf ? CONN_STARVED :
	    conn->ops->read(conn, bytes, size));
}

ssize_t
conn_write(struct conn *conn, const struct iovec *iov, int n)
{

	return (conn->deaf ? CONN_STARVED : conn->ops->write(conn, iov, n));
}

int
conn_shutdown(struct conn *conn)
{

	return (conn->ops->shutdown(conn));
}

/*
 * Asked of the socket's state and not of its bytes: a FIN or RST behind bytes
 * that nobody reads is seen, too.
 */
int
conn_look(struct conn *conn)
{
	struct pollfd p = { .fd = conn->fd, .events = POLLRDHUP };

	if (poll(&p, 1, 0) <= 0)
		return (0);
	if (p.revents & (POLLERR | POLLNVAL))
		return (CONN_RESET);
	return ((p.revents & (POLLRDHUP | POLLHUP)) ? 1 : 0);
}

void
conn_set_patience(struct conn *conn, const struct sock_patience *patience)
{

	sock_set_patience(conn->fd, patience);
}

enum heard
conn_heard(struct conn *conn, uint64_t ms)
{

	bool lifted = conn->lifted_s != 0;
	enum heard heard = heard_look(conn->fd, ms, &lifted);
	uint64_t seconds = (ms + 999) / 1000;

	conn->lifted_s = !lifted ? 0 : seconds > UINT16_MAX ? UINT16_MAX :
	    (uint16_t)seconds;
	return (heard);
}

void
conn_close(struct conn *conn, bool reset)
{

	if (conn == NULL)
		return;
	watch_stop(&conn->watch);
	if (conn->lifted_s != 0)
		heard_leave(conn->fd, conn->lifted_s * UINT64_C(1000));
	conn->ops->close(conn, reset);
	conn->closed = true;
	if (!conn->busy)
		free(conn);
}

/* Half of it: the size is meant to hold the kernel's overhead, too (socket(7),
 * SO_SNDBUF). */
size_t
conn_room(const struct conn *conn)
{
	int queued = 0, size = 0;
	socklen_t len = sizeof(size);

	if (getsockopt(conn->fd, SOL_SOCKET, SO_SNDBUF, &size, &len) != 0 ||
	    ioctl(conn->fd, SIOCOUTQ, &queued) != 0 || queued >= size)
		return (0);
	return ((size_t)(size - queued) / 2);
}

bool
conn_can_splice(const struct conn *conn)
{

	return (conn->ops == &plain_ops);
}

ssize_t
conn_splice_in(struct conn *conn, struct pipe_end *pipe, size_t n)
{
	ssize_t moved;

	assert(n > 0);
	do
		moved = splice(conn->fd, NULL, pipe->in, NULL, n,
		    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (moved == -1 && errno == EINTR);
	/* Not of the socket: a read may do better. */
	if (moved == -1 && (errno == EINVAL || errno == ENOMEM))
		return (CONN_AGAIN);
	if (moved == -1)
		return (failure());
	pipe->fill += (size_t)moved;
	return (moved);
}

ssize_t
conn_splice_out(struct conn *conn, struct pipe_end *pipe)
{
	ssize_t moved;

	if (pipe->fill == 0)
		return (0);
	do
		moved = splice(pipe->out, NULL, conn->fd, NULL, pipe->fill,
		    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (moved == -1 && errno == EINTR);
	if (moved == -1)
		return (failure());
	assert((size_t)moved <= pipe->fill);
	pipe->fill -= (size_t)moved;
	return (moved);
}
