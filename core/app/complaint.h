/* SPDX-License-Identifier: MIT */
/*
 * complaint -- why a generation does not serve: what its processes write to
 * stderr until they do, and what the supervisor finds.
 *
 * All of it goes on to our stderr at once; the beginning is kept for whoever
 * asked for the generation.  What it says it does not understand, and it may
 * hold any bytes: a plugin can write there, too.
 */
#ifndef APP_COMPLAINT_H
#define APP_COMPLAINT_H

#include "net/loop.h"

#include <stdbool.h>
#include <stddef.h>

#define COMPLAINT_SIZE 8192	/* that are kept, with the NUL */

struct complaint {
	int fd;				/* to read from; -1: none */
	struct watch watch;
	char *text;			/* NULL: nothing is kept */
	size_t len, line;		/* of text; where its last line is */
	bool full;			/* and there was more */
};

/* Begin; -1 and errno.  *ret_fd (give): where the processes write. */
int complaint_open(struct complaint *complaint, struct loop *loop,
    int *ret_fd);

/* Take what they have written so far. */
void complaint_hear(struct complaint *complaint);

/* An error that the supervisor found: one line. */
void complaint_say(struct complaint *complaint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Lines without "fairlead: error: ", and no warnings; or "".  Valid until the
 * next call. */
const char *complaint_text(const struct complaint *complaint);

/* Nobody will ask any more: from here on it only goes to stderr. */
void complaint_forget(struct complaint *complaint);

void complaint_close(struct complaint *complaint);

#endif
