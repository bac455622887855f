/* SPDX-License-Identifier: MIT */
/*
 * scribe -- the one writer of a file, fed by spools.
 *
 *	spool (a worker's) --+
 *	spool (a worker's) --+--> scribe --> file, pipe, socket, terminal
 *	spool (our own)    --+
 *
 * States: ready; blocked (EAGAIN, a watch runs); broken (the file takes
 * nothing: a timer tries again).  Lines stay in their spools in all of them.
 * Besides, the file may be the wrong one, because it could not be opened anew:
 * that is tried again, too.  Who waits for lines to be written sees both in the
 * spool's page (`trouble`).
 * How the other end is written to without ever waiting is net/outfile's
 * business.
 *
 * What always holds: lines of two spools are not mixed up inside a line; a line
 * of which a part was written is taken from its spool when all of it was.
 */
#ifndef FLOW_SCRIBE_H
#define FLOW_SCRIBE_H

#include "base/err.h"
#include "base/spool.h"
#include "net/loop.h"

struct scribe;
struct scribe_source;

/* file: copy.  NULL and a sentence that names it. */
struct scribe *scribe_open(struct loop *loop, const char *file,
    struct err *err);

/* The same, but where it cannot be opened that is tried again until it can, and
 * lines wait.  NULL without memory. */
struct scribe *scribe_await(struct loop *loop, const char *file);

/* Sources that are left are forgotten; lines in them are lost, and that is
 * said.  NULL is fine. */
void scribe_free(struct scribe *scribe);

const char *scribe_name(const struct scribe *scribe);

/*
 * Take a spool's lines from now on (borrow).  room(arg) is called when some
 * were taken while it wants room (spool_page), from inside scribe_write().  NULL
 * without memory.
 */
struct scribe_source *scribe_add(struct scribe *scribe, struct spool *spool,
    void (*room)(void *arg), void *arg);

/* Write what is left of it, if that is possible at once, and forget it. */
void scribe_remove(struct scribe *scribe, struct scribe_source *source);

/* Write as much as goes. */
void scribe_write(struct scribe *scribe);

/* The same, and wait up to ms for a reader; 0 if all is written. */
int scribe_flush(struct scribe *scribe, uint64_t ms);

/* Open the file anew.  As long as that fails it goes on with the old one, unless
 * that was removed: then lines wait.  It is done unasked when the file was
 * removed. */
void scribe_reopen(struct scribe *scribe);

#endif
