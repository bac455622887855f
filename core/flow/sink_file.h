/* SPDX-License-Identifier: MIT */
/*
 * sink_file -- the far end of a sink, opened so that writing never waits.
 */
#ifndef FLOW_SINK_FILE_H
#define FLOW_SINK_FILE_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* How to write. */
enum sink_kind {
	SINK_PLAIN,	/* a regular file, or a description of our own that
			 * does not block */
	SINK_SOCKET,	/* MSG_DONTWAIT */
	SINK_SHARED	/* a pipe or terminal that could not be opened anew:
			 * asked with poll(2), written in small pieces */
};

struct sink_file {
	char *name;	/* as configured */
	int fd;
	enum sink_kind kind;
};

/* Open a path or "-".  -1 and a sentence that names it. */
int sink_file_open(struct sink_file *file, const char *name,
    struct err *err);
void sink_file_close(struct sink_file *file);

/* Can it be opened anew? */
bool sink_file_has_path(const struct sink_file *file);

/* As write(2); EAGAIN where it would wait. */
ssize_t sink_file_write(const struct sink_file *file, const void *bytes,
    size_t len);

#endif
