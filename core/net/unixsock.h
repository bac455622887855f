/* SPDX-License-Identifier: MIT */
/*
 * unixsock -- UNIX sockets to listen on: the file of one is there exactly as
 * long as somebody listens, with the right mode from its first moment.
 *
 * Knows nothing of what is said over them, nor who may say it: that is what
 * the file's mode is for.
 */
#ifndef NET_UNIXSOCK_H
#define NET_UNIXSOCK_H

#include "base/err.h"

#include <sys/types.h>

#define UNIXSOCK_PATH_SIZE 108		/* of sun_path, with its NUL */

/* Which file is ours: another one may take its name. */
struct unixsock_mark {
	dev_t dev;
	ino_t ino;
};

/*
 * A listening socket at an absolute path shorter than UNIXSOCK_PATH_SIZE,
 * non-blocking and close-on-exec.  A socket file to which nobody listens any
 * more is replaced; whatever else has that name stays, and is an error.  -1
 * and a sentence that names the path.
 */
int unixsock_listen(const char *path, mode_t mode,
    struct unixsock_mark *ret_mark, struct err *err);

/* Connect to one; blocking and close-on-exec.  -1 and errno. */
int unixsock_connect(const char *path);

/* Remove the file if it is still ours; before its socket is closed. */
void unixsock_remove(const char *path, const struct unixsock_mark *mark);

#endif
