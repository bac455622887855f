/* SPDX-License-Identifier: MIT */
/*
 * shim -- stands before the C library (LD_PRELOAD) and lets calls fail.
 *
 * It knows nothing of the program: it counts the calls that may fail, in the
 * order in which they come, and lets the one fail that the control memory
 * names, in the way that fits it.  What libraries do inside of themselves is
 * seen as far as they go through their PLT: every allocation is, but a
 * read(2) inside of stdio is not.
 *
 * With a program under AddressSanitizer it stands before that as well, and
 * hands on to it, so that leaks and overflows are found as ever.
 *
 * What always holds: a call that is not to fail is the real one, with the
 * same arguments; what is returned for one that fails, and what becomes of
 * errno, is what the manual of the real one says.
 */
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#include "control.h"

#define SHORT (-1)		/* do one byte of it */
#define AFTER (-1000)		/* - errno: do it, and say that it failed */

#define ERRORS_MAX 12

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

#define LAST_ALLOCATION C_mmap

static const struct row {
	char name[16];
	int errors[ERRORS_MAX];		/* ends with 0 */
} rows[] = {
#define ROW(name, ...) { #name, { __VA_ARGS__, 0 } },
	CALLS(ROW)
#undef ROW
};

_Static_assert(CALLS_COUNT <= FAULT_CALLS_MAX, "FAULT_CALLS_MAX");

static struct fault_control off, *control = &off;
static int busy;			/* our own calls are not counted */
static const char *resolv_conf;		/* read instead of /etc/resolv.conf */
static unsigned dns_port;		/* port 53 leads here */

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* The real one. */
#define REAL(name) \
	static __typeof__(&name) real; \
	if (real == NULL) \
		real = (__typeof__(real))(uintptr_t)dlsym(RTLD_NEXT, #name)

/* ------------------------------------------------------------------ */
/* What is to fail							*/

static _Unwind_Reason_Code
note_frame(struct _Unwind_Context *context, void *arg)
{
	size_t *at = arg, room = sizeof(control->trace) - *at;
	_Unwind_Ptr ip = _Unwind_GetIP(context);
	Dl_info info;

	if (room < 200)
		return (_URC_END_OF_STACK);
	if (ip == 0 || dladdr((void *)ip, &info) == 0)
		return (_URC_NO_REASON);
	*at += (size_t)snprintf(control->trace + *at, room,
	    "%.120s+0x%zx\n", info.dli_fname,
	    (size_t)(ip - (_Unwind_Ptr)info.dli_fbase) - 1);
	return (_URC_NO_REASON);
}

/* Not backtrace(3), which loads a library at its first use and leaks. */
static void
note_trace(void)
{
	size_t at = 0;

	control->trace[0] = '\0';
	(void)_Unwind_Backtrace(note_frame, &at);
}

static int
inject(enum call call, int error)
{
	int plain = error <= AFTER ? AFTER - error : error;
	const char *name = error == SHORT ? "SHORT" : strerrorname_np(plain);

	control->injected++;
	control->failed[call]++;
	(void)snprintf(control->what, sizeof(control->what), "%s %s",
	    rows[call].name, name != NULL ? name : "?");
	if (control->mode != FAULT_RANDOM)
		note_trace();
	return (error);
}

static uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return (x ^ (x >> 31));
}

/* Does this way of failing fit this very call?  fd: -1 where there is none.
 * Bits of `unfit` rule out: */
#define NO_EAGAIN 1
#define NO_SHORT 2

static bool
fits(int error, int unfit)
{
	return (!((error == EAGAIN && (unfit & NO_EAGAIN)) ||
	    (error == SHORT && (unfit & NO_SHORT))));
}

static int
choose(enum call call, int unfit)
{
	const int *e = rows[call].errors;
	uint64_t dice, count = 0;
	int error = 0;

	control->calls++;
	if (control->mode == FAULT_BURST) {
		if (call > LAST_ALLOCATION)
			return (0);
		count = ++control->points;
		return (count >= control->n &&
		    count < control->n + control->span ?
		    inject(call, ENOMEM) : 0);
	}
	if (control->mode == FAULT_RANDOM) {
		dice = mix(control->seed + ++control->points);
		if ((dice & 0xffff) >= control->rate)
			return (0);
		while (e[count] != 0)
			count++;
		error = e[(dice >> 32) % count];
		return (fits(error, unfit) ? inject(call, error) : 0);
	}
	for (; *e != 0; e++)
		if (fits(*e, unfit) && ++control->points == control->n)
			error = *e;
	return (error != 0 ? inject(call, error) : 0);
}

/* 0: do it; else what is to happen instead. */
static int
fault(enum call call, int unfit)
{
	int error, saved = errno;

	if (control->mode == FAULT_OFF || busy != 0 || control->skip[call])
		return (0);
	busy++;
	error = choose(call, unfit);
	busy--;
	errno = saved;
	return (error);
}

/*
 * A connection that is said to be broken is: for both peers, and for every
 * later call.
 */
static void
sever(int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (syscall(SYS_connect, fd, &none, sizeof(none)) != 0)
		(void)syscall(SYS_shutdown, fd, SHUT_RDWR);
}

static bool
severs(int error)
{
	return (error == ECONNRESET || error == EPIPE || error == ETIMEDOUT ||
	    error == ENOTCONN);
}

/* Of a call that reads or writes size bytes of fd. */
static int
fault_io(enum call call, int fd, size_t size, int flags)
{
	int type = SOCK_STREAM, unfit = 0, mode, error;
	socklen_t len = sizeof(type);
	struct stat st;

	if (control->mode == FAULT_OFF || busy != 0)
		return (0);
	busy++;
	mode = fcntl(fd, F_GETFL);
	(void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	st.st_mode = 0;
	(void)fstat(fd, &st);
	busy--;
	if (S_ISREG(st.st_mode) || ((mode & O_NONBLOCK) == 0 &&
	    (flags & MSG_DONTWAIT) == 0))
		unfit |= NO_EAGAIN;
	/* What is smaller than PIPE_BUF goes through a pipe in one piece. */
	if (size < 2 || type == SOCK_DGRAM ||
	    (S_ISFIFO(st.st_mode) && size <= PIPE_BUF))
		unfit |= NO_SHORT;
	error = fault(call, unfit);
	if (severs(error))
		sever(fd);
	return (error);
}

/* Fail: `bad` and errno. */
#define FAIL(error, bad) \
	do { errno = (error); return (bad); } while (0)

#define SIMPLE(call, bad) \
	do { \
		int error_ = fault(C_##call, 0); \
		if (error_ != 0) \
			FAIL(error_, bad); \
	} while (0)

/* ------------------------------------------------------------------ */

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("FRL_FAULTS"), *port;
	char exe[256];
	ssize_t n;
	int fd;

	if (path == NULL || (n = readlink("/proc/self/exe", exe,
	    sizeof(exe) - 1)) < 9)
		return;
	exe[n] = '\0';
	/* Not what is started on the way there. */
	if (strcmp(exe + n - 9, "/fairlead") != 0)
		return;
	resolv_conf = getenv("FRL_FAULTS_RESOLV");
	port = getenv("FRL_FAULTS_DNS");
	dns_port = port == NULL ? 0 : (unsigned)atoi(port);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	void *m = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	close(fd);
	if (m == MAP_FAILED)
		return;
	/* What the program starts runs without all this. */
	(void)unsetenv("LD_PRELOAD");
	busy++;
	control = m;
	control->ncalls = CALLS_COUNT;
	for (n = 0; n < CALLS_COUNT; n++)
		memcpy(control->names[n], rows[n].name, 16);
	busy--;
}

/* ------------------------------------------------------------------ */
/* Memory								*/

void *
malloc(size_t size)
{
	REAL(malloc);
	SIMPLE(malloc, NULL);
	return (real(size));
}

void *
calloc(size_t n, size_t size)
{
	REAL(calloc);
	SIMPLE(calloc, NULL);
	return (real(n, size));
}

void *
realloc(void *old, size_t size)
{
	REAL(realloc);
	if (size != 0)
		SIMPLE(realloc, NULL);
	return (real(old, size));
}

void *
reallocarray(void *old, size_t n, size_t size)
{
	REAL(reallocarray);
	SIMPLE(reallocarray, NULL);
	return (real(old, n, size));
}

int
posix_memalign(void **ret, size_t align, size_t size)
{
	REAL(posix_memalign);
	int error = fault(C_posix_memalign, 0);

	return (error != 0 ? error : real(ret, align, size));
}

void *
aligned_alloc(size_t align, size_t size)
{
	REAL(aligned_alloc);
	SIMPLE(aligned_alloc, NULL);
	return (real(align, size));
}

char *
(strdup)(const char *s)
{
	REAL(strdup);
	SIMPLE(strdup, NULL);
	return (real(s));
}

char *
(strndup)(const char *s, size_t n)
{
	REAL(strndup);
	SIMPLE(strndup, NULL);
	return (real(s, n));
}

int
asprintf(char **ret, const char *format, ...)
{
	va_list ap;
	int n;

	SIMPLE(asprintf, -1);
	va_start(ap, format);
	n = vasprintf(ret, format, ap);
	va_end(ap);
	return (n);
}

char *
realpath(const char *path, char *ret)
{
	REAL(realpath);
	SIMPLE(realpath, NULL);
	return (real(path, ret));
}

void *
mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	REAL(mmap);
	SIMPLE(mmap, MAP_FAILED);
	return (real(at, size, prot, flags, fd, offset));
}

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

#define IO(call, fd, size, flags) \
	do { \
		int error_ = fault_io(C_##call, fd, size, flags); \
		if (error_ == SHORT) \
			size = 1; \
		else if (error_ != 0) \
			FAIL(error_, -1); \
	} while (0)

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

/* ------------------------------------------------------------------ */
/* Files								*/

int
open(const char *path, int flags, ...)
{
	REAL(open);
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	SIMPLE(open, -1);
	return (real(path, flags, mode));
}

int
openat(int at, const char *path, int flags, ...)
{
	REAL(openat);
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	SIMPLE(openat, -1);
	return (real(at, path, flags, mode));
}

FILE *
fopen(const char *restrict path, const char *restrict how)
{
	REAL(fopen);
	SIMPLE(fopen, NULL);
	if (resolv_conf != NULL && strcmp(path, "/etc/resolv.conf") == 0)
		path = resolv_conf;
	return (real(path, how));
}

int
fstat(int fd, struct stat *st)
{
	REAL(fstat);
	SIMPLE(fstat, -1);
	return (real(fd, st));
}

int
lstat(const char *restrict path, struct stat *restrict st)
{
	REAL(lstat);
	SIMPLE(lstat, -1);
	return (real(path, st));
}

int
stat(const char *restrict path, struct stat *restrict st)
{
	REAL(stat);
	SIMPLE(stat, -1);
	return (real(path, st));
}

int
fcntl(int fd, int command, ...)
{
	REAL(fcntl);
	va_list ap;
	void *arg;

	va_start(ap, command);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (command != F_GETFD && command != F_GETFL)
		SIMPLE(fcntl, -1);
	return (real(fd, command, arg));
}

int
ioctl(int fd, unsigned long request, ...)
{
	REAL(ioctl);
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	SIMPLE(ioctl, -1);
	return (real(fd, request, arg));
}

/* It is closed nevertheless (close(2), Linux). */
int
close(int fd)
{
	REAL(close);
	int error = fault(C_close, 0), result = real(fd);

	if (error == 0)
		return (result);
	FAIL(AFTER - error, -1);
}

int
memfd_create(const char *name, unsigned flags)
{
	REAL(memfd_create);
	SIMPLE(memfd_create, -1);
	return (real(name, flags));
}

int
signalfd(int fd, const sigset_t *set, int flags)
{
	REAL(signalfd);
	SIMPLE(signalfd, -1);
	return (real(fd, set, flags));
}

int
pipe2(int fds[2], int flags)
{
	REAL(pipe2);
	SIMPLE(pipe2, -1);
	return (real(fds, flags));
}

int
dup2(int fd, int to)
{
	REAL(dup2);
	SIMPLE(dup2, -1);
	return (real(fd, to));
}

int
flock(int fd, int how)
{
	REAL(flock);
	SIMPLE(flock, -1);
	return (real(fd, how));
}

int
unlink(const char *path)
{
	REAL(unlink);
	SIMPLE(unlink, -1);
	return (real(path));
}

ssize_t
readlink(const char *restrict path, char *restrict text, size_t size)
{
	REAL(readlink);
	SIMPLE(readlink, -1);
	return (real(path, text, size));
}

/* ------------------------------------------------------------------ */
/* The rest								*/

ssize_t
getrandom(void *bytes, size_t size, unsigned flags)
{
	REAL(getrandom);
	SIMPLE(getrandom, -1);
	return (real(bytes, size, flags));
}

pid_t
fork(void)
{
	REAL(fork);
	SIMPLE(fork, -1);
	return (real());
}

pid_t
waitpid(pid_t pid, int *status, int options)
{
	REAL(waitpid);
	SIMPLE(waitpid, -1);
	return (real(pid, status, options));
}

int
kill(pid_t pid, int signo)
{
	REAL(kill);
	SIMPLE(kill, -1);
	return (real(pid, signo));
}

/* Returns the error. */
int
posix_spawnp(pid_t *restrict pid, const char *restrict file,
    const posix_spawn_file_actions_t *restrict actions,
    const posix_spawnattr_t *restrict attributes, char *const argv[],
    char *const env[])
{
	REAL(posix_spawnp);
	int error = fault(C_posix_spawnp, 0);

	return (error != 0 ? error : real(pid, file, actions, attributes,
	    argv, env));
}

/* dlerror() is to have something to say. */
void *
dlopen(const char *path, int flags)
{
	REAL(dlopen);
	void *library;
	int error = fault(C_dlopen, 0);

	if (error != 0) {
		busy++;
		library = real("/nonexistent/fault.so", flags);
		busy--;
		return (library);
	}
	return (real(path, flags));
}

int
(getrlimit)(__rlimit_resource_t what, struct rlimit *limit)
{
	REAL(getrlimit);
	SIMPLE(getrlimit, -1);
	return (real(what, limit));
}

int
(setrlimit)(__rlimit_resource_t what, const struct rlimit *limit)
{
	REAL(setrlimit);
	SIMPLE(setrlimit, -1);
	return (real(what, limit));
}

int
getifaddrs(struct ifaddrs **ret)
{
	REAL(getifaddrs);
	SIMPLE(getifaddrs, -1);
	return (real(ret));
}

int
gethostname(char *name, size_t size)
{
	REAL(gethostname);
	SIMPLE(gethostname, -1);
	return (real(name, size));
}
