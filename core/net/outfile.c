/* SPDX-License-Identifier: MIT */
/*
 * outfile -- a file, pipe, socket or terminal that is only written to.
 *
 * O_NONBLOCK belongs to the open file description, which stdout shares with
 * the shell and with everybody else in a pipeline: setting it there makes
 * their writes fail.  So a pipe or terminal is opened anew through
 * /proc/self/fd/1, which gives a description of our own.  A socket cannot be
 * opened anew, but send(2) takes a flag per call.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/outfile.h"

#define OPEN_FLAGS (O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

#define SHARED_PIECE 512	/* far below PIPE_BUF: terminals have less */

static int
open_stdout(struct outfile *file)
{
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) != 0)
		return (-1);
	if (S_ISFIFO(st.st_mode) || isatty(STDOUT_FILENO)) {
		file->fd = open("/proc/self/fd/1", OPEN_FLAGS);
		if (file->fd >= 0)
			return (0);
		/* Somebody else's terminal, or no /proc. */
		file->kind = OUTFILE_SHARED;
	} else if (S_ISSOCK(st.st_mode)) {
		file->kind = OUTFILE_SOCKET;
	}
	file->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return (file->fd < 0 ? -1 : 0);
}

int
outfile_open(struct outfile *file, const char *name, struct err *err)
{
	int error;

	*file = (struct outfile){ .fd = -1, .kind = OUTFILE_PLAIN };
	file->name = strdup(name);
	if (file->name == NULL)
		return (err_set(err, "%s: out of memory", name));
	if (strcmp(name, "-") == 0) {
		if (open_stdout(file) == 0)
			return (0);
	} else {
		/* A pipe without a reader answers ENXIO instead of waiting. */
		file->fd = open(name, OPEN_FLAGS | O_APPEND | O_CREAT, 0640);
		if (file->fd >= 0)
			return (0);
	}
	error = errno;
	free(file->name);
	file->name = NULL;
	if (strcmp(name, "-") == 0)
		name = "standard output";
	if (error == ENXIO)
		return (err_set(err, "cannot open %s: nobody reads from it",
		    name));
	return (err_set(err, "cannot open %s: %s", name, strerror(error)));
}

void
outfile_close(struct outfile *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->name);
	*file = (struct outfile){ .fd = -1 };
}

bool
outfile_has_path(const struct outfile *file)
{
	return (strcmp(file->name, "-") != 0);
}

/*
 * Linux calls a pipe writable when a whole page of it is free, and a write of
 * at most PIPE_BUF bytes is not split: after a poll it does not wait, unless
 * another writer came in between.
 */
static ssize_t
write_shared(int fd, const void *bytes, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int n = poll(&p, 1, 0);

	if (n < 0)
		return (-1);
	if (n == 0) {
		errno = EAGAIN;
		return (-1);
	}
	return (write(fd, bytes, len < SHARED_PIECE ? len : SHARED_PIECE));
}

ssize_t
outfile_write(const struct outfile *file, const void *bytes, size_t len)
{
	switch (file->kind) {
	case OUTFILE_SOCKET:
		return (send(file->fd, bytes, len,
		    MSG_DONTWAIT | MSG_NOSIGNAL));
	case OUTFILE_SHARED:
		return (write_shared(file->fd, bytes, len));
	case OUTFILE_PLAIN:
		break;
	}
	return (write(file->fd, bytes, len));
}
