/* SPDX-License-Identifier: MIT */
/*
 * outfile -- a file, pipe, socket or terminal that is only written to.
 *
 * O_NONBLOCK belongs to the open file description, which stdout shares with
 * the shell and with everybody else in a pipeline: setting it there makes
 * their writes fail.  So a pipe or terminal is opened anew through
 * /proc/self/fd, which gives a description of our own.  A socket cannot be
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

/*
 * The descriptors we were given.  /dev/stderr is not opened by that name: as
 * a regular file it would get an offset of its own, and whoever else writes
 * there would write over our lines.
 */
static const struct standard {
	const char *name, *again, *text;
	int fd;
} standards[] = {
	{ "-", "/proc/self/fd/1", "standard output", STDOUT_FILENO },
	{ "/dev/stderr", "/proc/self/fd/2", "standard error", STDERR_FILENO },
};

static const struct standard *
standard_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(standards) / sizeof(standards[0]); i++) {
		if (strcmp(standards[i].name, name) == 0)
			return (&standards[i]);
	}
	return (NULL);
}

static int
open_standard(struct outfile *file, const struct standard *standard)
{
	struct stat st;

	if (fstat(standard->fd, &st) != 0)
		return (-1);
	if (S_ISFIFO(st.st_mode) || isatty(standard->fd)) {
		file->fd = (int)TEMP_FAILURE_RETRY(open(standard->again,
		    OPEN_FLAGS));
		if (file->fd >= 0)
			return (0);
		/* Somebody else's terminal, or no /proc. */
		file->kind = OUTFILE_SHARED;
	} else if (S_ISSOCK(st.st_mode)) {
		file->kind = OUTFILE_SOCKET;
	}
	file->fd = fcntl(standard->fd, F_DUPFD_CLOEXEC, 3);
	return (file->fd < 0 ? -1 : 0);
}

int
outfile_open(struct outfile *file, const char *name, struct err *err)
{
	const struct standard *standard = standard_find(name);
	int error;

	*file = (struct outfile){ .fd = -1, .kind = OUTFILE_PLAIN };
	file->name = strdup(name);
	if (file->name == NULL) {
		err_set(err, "%s: out of memory", name);
		errno = ENOMEM;
		return (-1);
	}
	if (standard != NULL) {
		if (open_standard(file, standard) == 0)
			return (0);
	} else {
		/* A pipe without a reader answers ENXIO instead of waiting. */
		file->fd = (int)TEMP_FAILURE_RETRY(open(name,
		    OPEN_FLAGS | O_APPEND | O_CREAT, 0640));
		if (file->fd >= 0)
			return (0);
	}
	error = errno;
	free(file->name);
	file->name = NULL;
	if (standard != NULL)
		name = standard->text;
	err_set(err, "cannot open %s: %s", name, error == ENXIO ?
	    "nobody reads from it" : strerror(error));
	errno = error;
	return (-1);
}

void
outfile_leave(struct outfile *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

void
outfile_close(struct outfile *file)
{
	outfile_leave(file);
	free(file->name);
	*file = (struct outfile){ .fd = -1 };
}

bool
outfile_is_standard(const char *name)
{
	return (standard_find(name) != NULL);
}

bool
outfile_is_removed(const struct outfile *file)
{
	struct stat st;

	return (outfile_has_path(file) && file->fd >= 0 &&
	    fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_nlink == 0);
}

bool
outfile_has_path(const struct outfile *file)
{
	return (!outfile_is_standard(file->name));
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
