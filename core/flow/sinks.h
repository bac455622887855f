/* SPDX-License-Identifier: MIT */
/*
 * sinks -- all the logs of a process, and the tap: who is given a line, and
 * who must wait for room.
 *
 *	publication --> sinks_write --+--> log.dropped, where lines were lost
 *	                              +--> the line: sink 0, 1, ..., the tap
 *
 * It asks no hook and decides nothing: which sinks want an event stands in its
 * slot (slots.c), what a line looks like in line*.c, where the bytes go in
 * sink.c.
 *
 * What always holds: a line of a tunnel counts in origin->seq of its sink even
 * when it is lost, so that the gap shows; `stalled` is what any sink_stalled()
 * says, for it is asked about several times per read.
 */
#ifndef FLOW_SINKS_H
#define FLOW_SINKS_H

#include "flow/events.h"
#include "flow/hooks.h"
#include "flow/line.h"
#include "flow/sink.h"

/* Zeroed memory with `loop` and `lost` set is none. */
struct sinks {
	struct loop *loop;
	const struct event_slot *lost;	/* log.dropped */
	struct sink *items[EVENTS_SINKS_MAX];
	size_t count;
	struct sink *tap;		/* or NULL */
	struct line_clock clock;
	bool stalled;			/* a sink that may not drop is full */
	bool was_stalled;		/* and nobody was told of room since */
	struct timer room;
	void (*on_room)(void *arg);
	void *on_room_arg;
};

/* Flushes what can be written, says what could not. */
void sinks_free(struct sinks *sinks);

/* As events_add_sink(); and take the last one back. */
int sinks_add(struct sinks *sinks, const struct sink_options *options,
    const struct sink_logger *logger, struct err *err);
void sinks_drop(struct sinks *sinks);

/* There is no tap yet; 0, or -1 without memory. */
int sinks_tap(struct sinks *sinks, const struct sink_logger *logger);
void sinks_untap(struct sinks *sinks);

/* Write the line of an event to all that want it. */
void sinks_write(struct sinks *sinks, const struct publication *p,
    enum line_verdict verdict);

/* A line (its clock is set) as JSON to memory, without a newline, for no sink.
 * Its size, or 0: it did not fit. */
size_t sinks_print(struct sinks *sinks, struct line *line, char *ret,
    size_t size);

/* As the functions of events.h that are called so. */
void sinks_took(struct sinks *sinks);
void sinks_reopen(struct sinks *sinks);
int sinks_flush(struct sinks *sinks, uint64_t ms);
void sinks_count(const struct sinks *sinks, struct events_counts *ret);

#endif
