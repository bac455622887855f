/* SPDX-License-Identifier: MIT */
/*
 * shim_files -- memory, files, processes and the rest (see shim.c).
 */
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"

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
eventfd(unsigned start, int flags)
{
	REAL(eventfd);
	SIMPLE(eventfd, -1);
	return (real(start, flags));
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
