/* SPDX-License-Identifier: MIT */
/*
 * shim_sockets -- the calls on sockets, and those that wait (see shim.c).
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* ------------------------------------------------------------------ */
/* Sockets								*/

int
socket(int domain, int type, int protocol)
{
	REAL(socket);
	SIMPLE(socket, -1);
	return (real(domain, type, protocol));
}

int
accept4(int fd, struct sockaddr *restrict a, socklen_t *restrict len,
    int flags)
{
	REAL(accept4);
	SIMPLE(accept4, -1);
	return (real(fd, a, len, flags));
}

/* Name servers are asked on another port, so that a test can be one. */
static const struct sockaddr *
redirect(const struct sockaddr *a, struct sockaddr_in *in)
{
	if (dns_port == 0 || a == NULL || a->sa_family != AF_INET)
		return (a);
	memcpy(in, a, sizeof(*in));
	if (in->sin_port == htons(53))
		in->sin_port = htons((uint16_t)dns_port);
	return ((const struct sockaddr *)in);
}

int
connect(int fd, const struct sockaddr *a, socklen_t len)
{
	REAL(connect);
	struct sockaddr_in in;
	int error = fault(C_connect, 0);

	if (error > 0)
		FAIL(error, -1);
	if (real(fd, redirect(a, &in), len) == 0 && error == 0)
		return (0);
	if (error != 0 && (errno == EINPROGRESS || errno == EAGAIN))
		errno = AFTER - error;
	return (-1);
}

int
bind(int fd, const struct sockaddr *a, socklen_t len)
{
	REAL(bind);
	SIMPLE(bind, -1);
	return (real(fd, a, len));
}

int
listen(int fd, int backlog)
{
	REAL(listen);
	SIMPLE(listen, -1);
	return (real(fd, backlog));
}

ssize_t
read(int fd, void *bytes, size_t size)
{
	REAL(read);
	IO(read, fd, size, 0);
	return (real(fd, bytes, size));
}

ssize_t
recv(int fd, void *bytes, size_t size, int flags)
{
	REAL(recv);
	IO(recv, fd, size, flags);
	return (real(fd, bytes, size, flags));
}

ssize_t
recvfrom(int fd, void *restrict bytes, size_t size, int flags,
    struct sockaddr *restrict a, socklen_t *restrict len)
{
	REAL(recvfrom);
	IO(recvfrom, fd, size, flags);
	return (real(fd, bytes, size, flags, a, len));
}

ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
	size_t size = 1;
	REAL(recvmsg);
	IO(recvmsg, fd, size, flags);
	return (real(fd, msg, flags));
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
	REAL(write);
	IO(write, fd, size, 0);
	return (real(fd, bytes, size));
}

ssize_t
send(int fd, const void *bytes, size_t size, int flags)
{
	REAL(send);
	IO(send, fd, size, flags);
	return (real(fd, bytes, size, flags));
}

ssize_t
sendto(int fd, const void *bytes, size_t size, int flags,
    const struct sockaddr *a, socklen_t len)
{
	REAL(sendto);
	struct sockaddr_in in;

	IO(sendto, fd, size, flags);
	return (real(fd, bytes, size, flags, redirect(a, &in), len));
}

ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	REAL(sendmsg);
	int error = fault_io(C_sendmsg, fd, 2, flags);

	if (error > 0)
		FAIL(error, -1);
	if (error == SHORT)
		return (send(fd, msg->msg_iov[0].iov_base, 1, flags));
	return (real(fd, msg, flags));
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	size_t size = 1;
	REAL(writev);
	IO(writev, fd, size, 0);
	return (real(fd, iov, n));
}

ssize_t
splice(int in, off_t *at_in, int out, off_t *at_out, size_t size,
    unsigned flags)
{
	REAL(splice);
	int error = fault(C_splice, size < 2 ? NO_SHORT : 0);

	if (severs(error)) {
		sever(in);
		sever(out);
	}
	if (error > 0)
		FAIL(error, -1);
	return (real(in, at_in, out, at_out, error == SHORT ? 1 : size,
	    flags));
}

int
getsockopt(int fd, int level, int name, void *restrict value,
    socklen_t *restrict len)
{
	REAL(getsockopt);
	SIMPLE(getsockopt, -1);
	return (real(fd, level, name, value, len));
}

int
setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	REAL(setsockopt);
	SIMPLE(setsockopt, -1);
	return (real(fd, level, name, value, len));
}

int
getsockname(int fd, struct sockaddr *restrict a, socklen_t *restrict len)
{
	REAL(getsockname);
	SIMPLE(getsockname, -1);
	return (real(fd, a, len));
}

int
getpeername(int fd, struct sockaddr *restrict a, socklen_t *restrict len)
{
	REAL(getpeername);
	SIMPLE(getpeername, -1);
	return (real(fd, a, len));
}

int
shutdown(int fd, int how)
{
	REAL(shutdown);
	int error = fault(C_shutdown, 0);

	if (error != 0) {
		sever(fd);
		FAIL(error, -1);
	}
	return (real(fd, how));
}

/* ------------------------------------------------------------------ */
/* Waiting								*/

int
epoll_create1(int flags)
{
	REAL(epoll_create1);
	SIMPLE(epoll_create1, -1);
	return (real(flags));
}

int
epoll_ctl(int ep, int op, int fd, struct epoll_event *event)
{
	REAL(epoll_ctl);
	if (op == EPOLL_CTL_ADD)	/* what else would need memory? */
		SIMPLE(epoll_ctl, -1);
	return (real(ep, op, fd, event));
}

int
epoll_wait(int ep, struct epoll_event *events, int max, int ms)
{
	REAL(epoll_wait);
	if (control->ask_leaks == 1) {
		control->ask_leaks = 0;
		busy++;
		control->leaks = __lsan_do_recoverable_leak_check != NULL &&
		    __lsan_do_recoverable_leak_check() != 0 ? 2 : 1;
		busy--;
	}
	SIMPLE(epoll_wait, -1);
	return (real(ep, events, max, ms));
}

int
poll(struct pollfd *p, nfds_t n, int ms)
{
	REAL(poll);
	SIMPLE(poll, -1);
	return (real(p, n, ms));
}

int
nanosleep(const struct timespec *how, struct timespec *rest)
{
	REAL(nanosleep);
	SIMPLE(nanosleep, -1);
	return (real(how, rest));
}
