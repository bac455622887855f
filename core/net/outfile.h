/* SPDX-License-Identifier: MIT */
/*
 * outfile -- a file, pipe, socket or terminal that is only written to, opened
 * so that writing never waits for a reader.
 *
 * It knows bytes; what is not written is the caller's to keep.
 */
#ifndef NET_OUTFILE_H
#define NET_OUTFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* How to write. */
enum outfile_kind {
	OUTFILE_PLAIN,	/* a regular file, or a description of our own that
			 * does not block */
	OUTFILE_SOCKET,	/* MSG_DONTWAIT */
	OUTFILE_SHARED	/* a pipe or terminal that could not be opened anew:
			 * asked with poll(2), written in small pieces */
};

struct outfile {
	char *name;	/* as configured */
	int fd;
	enum outfile_kind kind;
};

/* Open a path, "-" (standard output) or "/dev/stderr".  -1, errno and a
 * sentence that names it. */
int outfile_open(struct outfile *file, const char *name,
    struct err *err);
void outfile_close(struct outfile *file);

/* Close it, but keep its name for later: fd is -1. */
void outfile_leave(struct outfile *file);

/* Is that name one of the descriptors we were given? */
bool outfile_is_standard(const char *name);

/* Can it be opened anew? */
bool outfile_has_path(const struct outfile *file);

/* Has its name been taken away, so that nobody will find what is written? */
bool outfile_is_removed(const struct outfile *file);

/* As write(2); EAGAIN where it would wait. */
ssize_t outfile_write(const struct outfile *file, const void *bytes,
    size_t len);

#endif
