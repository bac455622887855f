/* SPDX-License-Identifier: MIT */
/*
 * sink -- a queue of lines on its way to a descriptor.
 *
 *	first --> chunk --> chunk --> last
 *	            mem   head        tail        SINK_CHUNK
 *	             | written | pending | free |
 *
 * States of the writing side: ready; blocked (EAGAIN, a watch runs); broken
 * (the file takes nothing: a timer tries again).  Lines are kept in all of
 * them.  How the other end is written to without ever waiting is net/outfile's
 * business.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "flow/sink.h"
#include "net/outfile.h"

#define RETRY_MS 1000

struct chunk {
	struct chunk *next;
	size_t head, tail;
	uint64_t lines;			/* not yet written whole */
	char mem[SINK_CHUNK];
};

enum sink_state { SINK_READY, SINK_BLOCKED, SINK_BROKEN };

struct sink {
	struct loop *loop;
	struct outfile file;
	enum sink_format format;
	enum sink_on_full on_full;
	enum sink_state state;
	int error;			/* why SINK_BROKEN */
	bool full;			/* between SINK_FULL and SINK_ROOM */
	struct chunk *first, *last;
	struct chunk *spare;		/* so that one is at hand */
	size_t bytes;			/* pending */
	uint64_t lines;			/* pending */
	uint64_t produced, written, dropped;
	uint64_t lost, lost_since;	/* not yet told */
	struct timer delay, retry;
	struct watch watch;
	void (*room)(void *arg);
	void *arg;
};

static void	sink_write(struct sink *);
static void	set_state(struct sink *, enum sink_state, int);
static void	timer_fired(void *);

struct sink *
sink_open(struct loop *loop, const struct sink_options *options,
    void (*room)(void *arg), void *arg, struct err *err)
{
	struct sink *sink = calloc(1, sizeof(*sink));

	if (sink == NULL) {
		err_set(err, "%s: out of memory", options->file);
		return (NULL);
	}
	if (outfile_open(&sink->file, options->file, err) != 0) {
		free(sink);
		return (NULL);
	}
	sink->loop = loop;
	sink->format = options->format;
	sink->on_full = options->on_full;
	sink->room = room;
	sink->arg = arg;
	return (sink);
}

static void
say_lost(const struct sink *sink)
{
	log_say(FRL_ERROR, "the last %" PRIu64 " line%s of the log %s %s "
	    "lost: %s", sink->lines, sink->lines == 1 ? "" : "s",
	    sink->file.name, sink->lines == 1 ? "is" : "are",
	    sink->state == SINK_BROKEN ? strerror(sink->error) :
	    "nobody reads it");
}

void
sink_free(struct sink *sink)
{
	struct chunk *c;

	if (sink == NULL)
		return;
	if (sink->lines != 0)
		say_lost(sink);
	timer_stop(&sink->delay);
	timer_stop(&sink->retry);
	watch_stop(&sink->watch);
	while ((c = sink->first) != NULL) {
		sink->first = c->next;
		free(c);
	}
	free(sink->spare);
	outfile_close(&sink->file);
	free(sink);
}

enum sink_format
sink_format(const struct sink *sink)
{
	return (sink->format);
}

/* ------------------------------------------------------------------ */
/* The queue								*/

static int
add_chunk(struct sink *sink)
{
	struct chunk *c = sink->spare;

	sink->spare = NULL;
	if (c == NULL)
		c = malloc(sizeof(*c));
	if (c == NULL)
		return (-1);
	c->next = NULL;
	c->head = c->tail = 0;
	c->lines = 0;
	if (sink->last == NULL)
		sink->first = c;
	else
		sink->last->next = c;
	sink->last = c;
	return (0);
}

/* The first chunk is written. */
static void
drop_chunk(struct sink *sink)
{
	struct chunk *c = sink->first;

	sink->first = c->next;
	if (sink->first == NULL)
		sink->last = NULL;
	if (sink->spare == NULL)
		sink->spare = c;
	else
		free(c);
}

static void
lose(struct sink *sink)
{
	sink->dropped++;
	if (sink->lost++ == 0)
		sink->lost_since = loop_wall_us(sink->loop);
}

bool
sink_begin(struct sink *sink, size_t need, struct json *ret)
{
	struct chunk *c;

	assert(need <= SINK_CHUNK);
	if ((sink->full && sink->on_full == SINK_DROP) ||
	    ((sink->last == NULL || SINK_CHUNK - sink->last->tail < need) &&
	    add_chunk(sink) != 0)) {
		sink->produced++;
		lose(sink);
		return (false);
	}
	c = sink->last;
	*ret = (struct json){ .at = c->mem + c->tail,
	    .end = c->mem + SINK_CHUNK };
	return (true);
}

void
sink_commit(struct sink *sink, const struct json *j)
{
	struct chunk *c = sink->last;
	size_t len = (size_t)(j->at - (c->mem + c->tail));

	sink->produced++;
	if (j->full) {
		lose(sink);
		return;
	}
	c->tail += len;
	c->lines++;
	sink->bytes += len;
	sink->lines++;
	if (sink->bytes > SINK_FULL)
		sink->full = true;
	if (sink->state != SINK_READY)
		return;
	if (sink->bytes >= SINK_CHUNK)
		sink_write(sink);
	else if (!timer_running(&sink->delay))
		timer_start(sink->loop, &sink->delay,
		    sink->format == SINK_TEXT ? SINK_PEOPLE_MS : SINK_DELAY_MS,
		    timer_fired, sink);
}

bool
sink_stalled(const struct sink *sink)
{
	return (sink->full && sink->on_full == SINK_BLOCK);
}

uint64_t
sink_lost(struct sink *sink, uint64_t *ret_since)
{
	uint64_t lost = sink->lost;

	if (lost == 0 || (sink->full && sink->on_full == SINK_DROP))
		return (0);
	*ret_since = sink->lost_since;
	return (lost);
}

void
sink_told(struct sink *sink, uint64_t lost)
{
	sink->lost -= lost;
}

/* ------------------------------------------------------------------ */
/* Writing								*/

static void
timer_fired(void *arg)
{
	struct sink *sink = arg;

	sink_write(sink);
}

static void
writable_fired(void *arg, bool readable, bool writable)
{
	struct sink *sink = arg;

	if (!readable && !writable)
		set_state(sink, SINK_BROKEN, ENOMEM);
	else
		sink_write(sink);
}

/* Change the state; the first time that nothing can be written, say so. */
static void
set_state(struct sink *sink, enum sink_state state, int error)
{
	if (state == SINK_BLOCKED)
		watch_set(sink->loop, &sink->watch, sink->file.fd, 2,
		    writable_fired, sink);
	else
		watch_stop(&sink->watch);
	if (state == SINK_BROKEN)
		timer_start(sink->loop, &sink->retry, RETRY_MS, timer_fired,
		    sink);
	else
		timer_stop(&sink->retry);
	if (state == SINK_BROKEN && sink->state != SINK_BROKEN)
		log_say(FRL_ERROR, "cannot write events to %s: %s; %" PRIu64
		    " line%s", sink->file.name, strerror(error), sink->lines,
		    sink->lines == 1 ? " waits" : "s wait");
	if (state == SINK_READY && sink->state == SINK_BROKEN)
		log_say(FRL_NOTICE, "events are written to %s again",
		    sink->file.name);
	sink->state = state;
	sink->error = error;
}

/* Newlines in bytes of the first chunk. */
static uint64_t
count_lines(const char *p, const char *end)
{
	uint64_t n = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		n++;
		p++;
	}
	return (n);
}

/* n bytes of the first chunk have left. */
static void
account(struct sink *sink, size_t n)
{
	struct chunk *c = sink->first;
	const char *p = c->mem + c->head;
	uint64_t lines = c->lines;

	if (n < c->tail - c->head)
		lines = count_lines(p, p + n);
	c->lines -= lines;
	sink->written += lines;
	sink->lines -= lines;
	c->head += n;
	sink->bytes -= n;
	if (c->head == c->tail)
		drop_chunk(sink);
	if (sink->full && sink->bytes < SINK_ROOM) {
		sink->full = false;
		sink->room(sink->arg);
	}
}

/* Write as much as goes. */
static void
sink_write(struct sink *sink)
{
	struct chunk *c;
	ssize_t n;

	timer_stop(&sink->delay);
	while ((c = sink->first) != NULL && c->tail > c->head) {
		n = outfile_write(&sink->file, c->mem + c->head,
		    c->tail - c->head);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			set_state(sink, SINK_BLOCKED, 0);
			return;
		}
		if (n <= 0) {
			set_state(sink, SINK_BROKEN, n == 0 ? EIO : errno);
			return;
		}
		account(sink, (size_t)n);
	}
	if (sink->state != SINK_READY)
		set_state(sink, SINK_READY, 0);
}

int
sink_flush(struct sink *sink, uint64_t ms)
{
	uint64_t end = loop_now_us(sink->loop) + ms * 1000, now;
	struct pollfd p;

	for (;;) {
		sink_write(sink);
		now = loop_now_us(sink->loop);
		if (sink->bytes == 0 || sink->state != SINK_BLOCKED ||
		    now >= end)
			break;
		p = (struct pollfd){ .fd = sink->file.fd,
		    .events = POLLOUT };
		poll(&p, 1, (int)((end - now) / 1000 + 1));
	}
	return (sink->bytes == 0 ? 0 : -1);
}

/*
 * A line of which a part went to the old file goes whole to the new one: its
 * chunk still holds it, and it was not counted as written.
 */
static void
rewind_line(struct sink *sink)
{
	struct chunk *c = sink->first;

	if (c == NULL)
		return;
	while (c->head > 0 && c->mem[c->head - 1] != '\n') {
		c->head--;
		sink->bytes++;
	}
}

void
sink_reopen(struct sink *sink)
{
	struct outfile fresh;
	struct err err;

	if (!outfile_has_path(&sink->file))
		return;
	sink_write(sink);
	if (outfile_open(&fresh, sink->file.name, &err) != 0) {
		log_say(FRL_ERROR, "%s; the old file stays in use", err.text);
		return;
	}
	rewind_line(sink);
	watch_stop(&sink->watch);
	outfile_close(&sink->file);
	sink->file = fresh;
	if (sink->state == SINK_BLOCKED)
		sink->state = SINK_READY;
	sink_write(sink);
}

/* ------------------------------------------------------------------ */
/* Counting								*/

void
sink_count(const struct sink *sink, struct events_counts *counts)
{
	assert(sink->produced ==
	    sink->written + sink->dropped + sink->lines);
	counts->produced += sink->produced;
	counts->written += sink->written;
	counts->dropped += sink->dropped;
}

uint64_t
sink_pending(const struct sink *sink, size_t *ret_bytes)
{
	*ret_bytes = sink->bytes;
	return (sink->lines);
}
