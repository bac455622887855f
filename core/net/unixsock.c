/* SPDX-License-Identifier: MIT */
/*
 * unixsock -- UNIX sockets to listen on.
 *
 * bind(2) does not replace a file, and a file outlives a process that was
 * killed: so whoever starts must judge what it finds, and remove it if it is
 * dead.  Two that start at once could each remove the other's new socket; one
 * that has bound and does not listen yet looks dead.  Therefore all of it is
 * done under a lock (flock) on the folder, which leaves no file behind and
 * goes with the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "net/unixsock.h"

#define BACKLOG 4096		/* the kernel cuts it at somaxconn */
#define LOCK_TRIES 100
#define LOCK_PAUSE_NS 20000000	/* 20 ms: two seconds in all */

_Static_assert(UNIXSOCK_PATH_SIZE ==
    sizeof(((struct sockaddr_un *)0)->sun_path), "sun_path");

static void
make_addr(struct sockaddr_un *a, const char *path)
{

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	(void)snprintf(a->sun_path, sizeof(a->sun_path), "%s", path);
}

/* A descriptor whose closing ends the lock; or -1 and errno.  Somebody else's
 * lock is waited for, not for ever. */
static int
lock_folder(const char *path)
{
	const struct timespec pause = { 0, LOCK_PAUSE_NS };
	char folder[UNIXSOCK_PATH_SIZE];
	const char *slash = strrchr(path, '/');
	int fd, i, error = EWOULDBLOCK;

	(void)snprintf(folder, sizeof(folder), "%.*s",
	    slash == NULL || slash == path ? 1 : (int)(slash - path),
	    slash == NULL ? "." : path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return (-1);
	for (i = 0; i < LOCK_TRIES && error == EWOULDBLOCK; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return (fd);
		error = errno;
		(void)nanosleep(&pause, NULL);
	}
	close(fd);
	errno = error;
	return (-1);
}

/*
 * What connect(2) says about a socket file: 0 somebody is there, or errno.
 * Whoever is there sees a client that comes and goes; nothing else tells a
 * living socket from a dead one.
 */
static int
knock(const char *path)
{
	struct sockaddr_un a;
	int fd, error = 0;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (errno);
	make_addr(&a, path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1)
		error = errno;
	close(fd);
	/* Its queue is full; or it is a socket of another type. */
	return (error == EAGAIN || error == EPROTOTYPE ? 0 : error);
}

/* Make room for a socket file.  0, or -1 and a sentence. */
static int
clear(const char *path, struct err *err)
{
	struct stat st;
	int error;

	if (lstat(path, &st) == -1) {
		if (errno == ENOENT)
			return (0);
		return (err_set(err, "listen on unix:%s: %s", path,
		    strerror(errno)));
	}
	if (!S_ISSOCK(st.st_mode))
		return (err_set(err, "listen on unix:%s: a file that is no "
		    "socket has this name; it was left alone: remove it, or "
		    "choose another path", path));
	error = knock(path);
	if (error == 0)
		return (err_set(err, "listen on unix:%s: somebody listens "
		    "there already; stop them, or choose another path",
		    path));
	if (error == ECONNREFUSED && unlink(path) == -1)
		error = errno;
	if (error != ECONNREFUSED && error != ENOENT)
		return (err_set(err, "listen on unix:%s: the socket of that "
		    "name cannot be replaced: %s", path, strerror(error)));
	return (0);
}

/*
 * The mode of a socket's file is what the umask leaves of 0777 (bind(2)), so
 * there is no moment in which it is wider.  The umask is the process', which
 * has one thread.
 */
static int
bind_file(int fd, const char *path, mode_t mode)
{
	struct sockaddr_un a;
	mode_t before;
	int result;

	make_addr(&a, path);
	before = umask(0777 & ~mode);
	result = bind(fd, (struct sockaddr *)&a, sizeof(a));
	(void)umask(before);
	return (result);
}

/* The lock is held. */
static int
listen_locked(const char *path, mode_t mode, struct unixsock_mark *ret_mark,
    struct err *err)
{
	bool bound = false;
	struct stat st;
	int fd, saved;

	if (clear(path, err) == -1)
		return (-1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		goto err0;
	if (bind_file(fd, path, mode) == -1)
		goto err1;
	bound = true;
	if (listen(fd, BACKLOG) == -1 || lstat(path, &st) == -1)
		goto err1;
	ret_mark->dev = st.st_dev;
	ret_mark->ino = st.st_ino;
	return (fd);
err1:
	saved = errno;
	if (bound)
		(void)unlink(path);
	close(fd);
	errno = saved;
err0:
	return (err_set(err, "listen on unix:%s: %s", path,
	    strerror(errno)));
}

int
unixsock_listen(const char *path, mode_t mode,
    struct unixsock_mark *ret_mark, struct err *err)
{
	int fd, lock = lock_folder(path);

	if (lock == -1)
		return (err_set(err, "listen on unix:%s: its folder: %s", path,
		    errno == EWOULDBLOCK ? "somebody else has locked it" :
		    strerror(errno)));
	fd = listen_locked(path, mode, ret_mark, err);
	close(lock);
	return (fd);
}

/*
 * Our inode number is nobody else's while the socket is open.  Without the
 * lock nothing is removed: who starts next finds a dead socket and replaces
 * it.
 */
void
unixsock_remove(const char *path, const struct unixsock_mark *mark)
{
	struct stat st;
	int lock = lock_folder(path);

	if (lock == -1)
		return;
	if (lstat(path, &st) == 0 && st.st_dev == mark->dev &&
	    st.st_ino == mark->ino)
		(void)unlink(path);
	close(lock);
}

int
unixsock_connect(const char *path)
{
	struct sockaddr_un a;
	int fd, saved;

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	make_addr(&a, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		saved = errno;
		close(fd);
		errno = saved;
		fd = -1;
	}
	return (fd);
}
