/* SPDX-License-Identifier: MIT */
/*
 * audit -- can the logs be written?  While one that must be (`audit: required`)
 * cannot, no new tunnel is let in.
 *
 *	what the scribe says (struct spool_page)	an errno
 *	lines wait, and for AUDIT_STILL looks in a row
 *	none was taken: a pipe that nobody reads, a
 *	logger or a disk that hangs			BOARD_LOG_STILL
 *
 * It knows spools, no file.  What always holds: a tunnel that was let in is not
 * its business any more; nothing that is written grows with the number of
 * clients that are turned away; where it was shut, it opens by itself.
 */
#ifndef FLOW_AUDIT_H
#define FLOW_AUDIT_H

#include "base/board.h"
#include "base/err.h"
#include "flow/events.h"
#include "net/loop.h"

#define AUDIT_LOOK_MS 500
#define AUDIT_STILL 4

struct audit_log {
	const char *file;
	bool required;
	uint64_t taken;		/* bytes, when we looked last */
	unsigned still;		/* looks since that changed */
	uint32_t trouble;	/* 0; or as in struct board_log */
	uint32_t seen;		/* likewise, the last one since it was told */
	bool told;		/* that there is */
	uint64_t told_us;
};

struct audit {
	struct loop *loop;
	struct events *events;
	const struct event_slot *broken, *mended;
	struct audit_log logs[EVENTS_SINKS_MAX];
	size_t count;
	struct board *board;		/* or NULL */
	bool shut;
	uint64_t refused;		/* clients, since that was told */
	struct timer timer;
	void (*changed)(void *arg);
	void *arg;
};

/* audit: zeroed, and stays where it is until audit_end(); logs: those of the
 * events, in their order (borrow).  -1 and a sentence. */
int audit_begin(struct audit *audit, struct loop *loop, struct events *events,
    const struct sink_options *logs, size_t count, struct err *err);
void audit_end(struct audit *audit);

/* May a client come in?  NULL; or what to tell it. */
const char *audit_enter(struct audit *audit);

/* The answer to the last client. */
static inline bool
audit_is_shut(const struct audit *audit)
{
	return (audit->shut);
}

/* Say what would be said later now. */
void audit_tell(struct audit *audit);

/* changed(arg), from the loop, some time after it was shut. */
void audit_on_change(struct audit *audit, void (*changed)(void *arg),
    void *arg);

/* Show there how the logs are doing; NULL: nowhere. */
void audit_use_board(struct audit *audit, struct board *board);

#endif
