/* SPDX-License-Identifier: MIT */
/*
 * sink -- where lines are written, on their way to a file, a pipe, a socket or
 * a terminal.
 *
 *	sink_begin, sink_commit --> spool --> scribe, who writes the file:
 *	                                      our own, or the logger's
 *	                            when 64 KiB are waiting, after 100 ms
 *	                            (SINK_TEXT: 10 ms, for somebody may
 *	                            be looking), or at sink_flush
 *
 * It knows bytes and newlines, not what a line says.
 *
 * What always holds:
 *	produced == written + dropped + pending, counted in lines
 *	a line lies in one piece; what is written is a prefix of what was
 *	committed
 *	nothing but sink_flush waits for a reader; no open description that
 *	others share is made non-blocking
 */
#ifndef FLOW_SINK_H
#define FLOW_SINK_H

#include "base/err.h"
#include "base/json.h"
#include "flow/events.h"
#include "net/loop.h"

#define SINK_CHUNK ((size_t)64 * 1024)
#define SINK_FULL ((size_t)1024 * 1024)		/* stalls, or drops */
#define SINK_ROOM ((size_t)512 * 1024)		/* goes on */
#define SINK_DELAY_MS 100	/* of SINK_JSON */
#define SINK_PEOPLE_MS 10	/* of text: nobody reads faster */

struct sink;

/*
 * Open; options: borrow for the call.  room(arg) is called when there is
 * room again after the sink was full, also from inside sink_commit.  NULL
 * and a sentence that names the file.
 */
struct sink *sink_open(struct loop *loop, const struct sink_options *options,
    void (*room)(void *arg), void *arg, struct err *err);

/*
 * The same for a process that does not write the file itself: lines go into the
 * spool in logger->memory (borrow).  logger->kick(arg): somebody else should look
 * there; who took lines from a spool that wants room has sink_took() called.  NULL
 * without memory.
 */
struct sink *sink_join(struct loop *loop, const struct sink_options *options,
    const struct sink_logger *logger, void (*room)(void *arg), void *arg);
void sink_took(struct sink *sink);

/* Drops what is pending, and says so; flush first. */
void sink_free(struct sink *sink);

enum sink_format sink_format(const struct sink *sink);

/*
 * Begin a line: memory for it, at least `need` <= SINK_CHUNK bytes.  False:
 * the line is counted as lost.  Nothing else may be called until
 * sink_commit; or sink_begin again, for more memory.
 */
bool sink_begin(struct sink *sink, size_t need, struct json *ret);

/* Queue what was written from where sink_begin said up to j->at: one line
 * with its newline.  A cut one (j->full) is counted as lost. */
void sink_commit(struct sink *sink, const struct json *j);

/* Above SINK_FULL since it was last below SINK_ROOM, and may not drop? */
bool sink_stalled(const struct sink *sink);

/*
 * Lines lost that nobody was told of, if there is room now; *ret_since is the
 * wall clock of the first.  0: none.  Once a line says so: sink_told().
 */
uint64_t sink_lost(struct sink *sink, uint64_t *ret_since);
void sink_told(struct sink *sink, uint64_t lost);

/* How the one who takes the lines is doing. */
struct sink_state {
	uint64_t taken;			/* bytes, so far */
	size_t waiting;
	uint32_t trouble;		/* of the scribe: errno, or 0 */
};
void sink_look(const struct sink *sink, struct sink_state *ret);

/* Write what is pending, wait up to ms for a reader; 0 if all is written. */
int sink_flush(struct sink *sink, uint64_t ms);

/* Open the file anew; goes on with the old one where that fails. */
void sink_reopen(struct sink *sink);

/* Add to the counts; pending lines and bytes. */
void sink_count(const struct sink *sink, struct events_counts *counts);
uint64_t sink_pending(const struct sink *sink, size_t *ret_bytes);

#endif
