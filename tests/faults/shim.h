/* SPDX-License-Identifier: MIT */
/*
 * shim -- what its files share: the calls, how they may fail, how one asks.
 */
#ifndef FAULTS_SHIM_H
#define FAULTS_SHIM_H

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control.h"

#pragma GCC visibility push(hidden)

#define SHORT (-1)		/* do one byte of it */
#define AFTER (-1000)		/* - errno: do it, and say that it failed */

/* One row a call: its name, and how it may fail. */
#define CALLS(X) \
	X(malloc, ENOMEM) \
	X(calloc, ENOMEM) \
	X(realloc, ENOMEM) \
	X(reallocarray, ENOMEM) \
	X(posix_memalign, ENOMEM) \
	X(aligned_alloc, ENOMEM) \
	X(strdup, ENOMEM) \
	X(strndup, ENOMEM) \
	X(asprintf, ENOMEM) \
	X(realpath, ENOMEM, EACCES) \
	X(mmap, ENOMEM) \
	X(socket, EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES) \
	X(accept4, EMFILE, ENFILE, ENOBUFS, ENOMEM, EINTR, EAGAIN, \
	    ECONNABORTED, EPERM) \
	X(connect, ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, ETIMEDOUT, \
	    EACCES, AFTER - EINTR) \
	X(bind, EADDRINUSE, EACCES, ENOMEM) \
	X(listen, EADDRINUSE) \
	X(read, EINTR, EAGAIN, SHORT, EIO) \
	X(recv, EINTR, EAGAIN, SHORT, ECONNRESET, ETIMEDOUT, ENOMEM) \
	X(recvfrom, EINTR, EAGAIN, SHORT, ECONNREFUSED, ENOMEM) \
	X(recvmsg, EINTR, EAGAIN, ECONNRESET, ENOMEM) \
	X(write, EINTR, EAGAIN, SHORT, ENOSPC, EIO, EPIPE) \
	X(send, EINTR, EAGAIN, SHORT, EPIPE, ECONNRESET, ENOBUFS, ENOMEM) \
	X(sendto, EINTR, EAGAIN, ECONNREFUSED, ENOBUFS, ENETUNREACH) \
	X(sendmsg, EINTR, EAGAIN, SHORT, EPIPE, ECONNRESET, ENOBUFS) \
	X(writev, EINTR, EAGAIN, EPIPE, ENOSPC) \
	X(splice, EINTR, EAGAIN, SHORT, ENOMEM, ECONNRESET, EPIPE) \
	X(pipe2, EMFILE, ENFILE) \
	X(epoll_create1, EMFILE, ENFILE, ENOMEM) \
	X(epoll_ctl, ENOMEM, ENOSPC) \
	X(epoll_wait, EINTR) \
	X(poll, EINTR, ENOMEM) \
	X(getsockopt, ENOBUFS) \
	X(setsockopt, ENOMEM, ENOPROTOOPT) \
	X(getsockname, ENOBUFS) \
	X(getpeername, ENOBUFS) \
	X(shutdown, ENOTCONN) \
	X(open, EINTR, EMFILE, ENFILE, ENOMEM, EACCES, ENOSPC) \
	X(openat, EINTR, EMFILE, ENFILE, ENOMEM, EACCES) \
	X(fopen, EMFILE, ENFILE, ENOMEM, EACCES) \
	X(fstat, ENOMEM, EIO) \
	X(lstat, ENOMEM, EACCES) \
	X(stat, ENOMEM, EACCES) \
	X(fcntl, EPERM, EMFILE) \
	X(ioctl, ENOTTY) \
	X(close, AFTER - EINTR, AFTER - EIO) \
	X(memfd_create, EMFILE, ENFILE, ENOMEM) \
	X(eventfd, EMFILE, ENFILE, ENOMEM) \
	X(signalfd, EMFILE, ENFILE, ENOMEM) \
	X(getrandom, EINTR, ENOSYS) \
	X(fork, EAGAIN, ENOMEM) \
	X(waitpid, EINTR) \
	X(posix_spawnp, EAGAIN, ENOMEM) \
	X(dlopen, ENOMEM) \
	X(flock, EINTR, ENOLCK) \
	X(unlink, EACCES) \
	X(nanosleep, EINTR) \
	X(getrlimit, EPERM) \
	X(setrlimit, EPERM) \
	X(getifaddrs, ENOMEM, EMFILE) \
	X(gethostname, EPERM) \
	X(readlink, EACCES, ENOMEM) \
	X(dup2, EMFILE) \
	X(kill, EPERM)

enum call {
#define ID(name, ...) C_##name,
	CALLS(ID)
#undef ID
	CALLS_COUNT
};

extern struct fault_control *control;
extern int busy;		/* our own calls are not counted */
extern const char *resolv_conf;	/* read instead of /etc/resolv.conf */
extern unsigned dns_port;	/* port 53 leads here */

/* Ways that do not fit a call. */
#define NO_EAGAIN 1
#define NO_SHORT 2

/* 0: do it; else what is to happen instead. */
int fault(enum call call, int unfit);

/* The same of a call that reads or writes size bytes of fd. */
int fault_io(enum call call, int fd, size_t size, int flags);

/* Does a connection that fails so end?  End it. */
bool severs(int error);
void sever(int fd);

#pragma GCC visibility pop

/* The real one. */
#define REAL(name) \
	static __typeof__(&name) real; \
	if (real == NULL) \
		real = (__typeof__(real))(uintptr_t)dlsym(RTLD_NEXT, #name)

/* Fail: `bad` and errno. */
#define FAIL(error, bad) \
	do { errno = (error); return (bad); } while (0)

#define SIMPLE(call, bad) \
	do { \
		int error_ = fault(C_##call, 0); \
		if (error_ != 0) \
			FAIL(error_, bad); \
	} while (0)

#define IO(call, fd, size, flags) \
	do { \
		int error_ = fault_io(C_##call, fd, size, flags); \
		if (error_ == SHORT) \
			size = 1; \
		else if (error_ != 0) \
			FAIL(error_, -1); \
	} while (0)

#endif
