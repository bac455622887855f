/* SPDX-License-Identifier: MIT */
/*
 * sink -- lines on their way into a spool.
 *
 *	sink_begin, sink_commit --> spool --> scribe (ours, or the logger's)
 *	                        \-> late: chunks, while the spool is full
 *
 * A line is written where it will lie: in the spool, or at its end in the last
 * of the late chunks, from where it is moved on in whole lines as soon as there
 * is room.  Writing to the file is the scribe's business.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "base/log.h"
#include "flow/scribe.h"
#include "flow/sink.h"

_Static_assert(SINK_CHUNK <= SPOOL_SIZE, "a line fits");

struct chunk {
	struct chunk *next;
	size_t head, tail;
	uint64_t lines;
	char mem[SINK_CHUNK];
};

struct sink {
	struct loop *loop;
	struct spool spool;
	struct scribe *scribe;		/* ours; NULL: the logger's */
	struct scribe_source *source;
	struct sink_logger logger;	/* without a scribe */
	enum sink_format format;
	enum sink_on_full on_full;
	bool full;			/* between SINK_FULL and SINK_ROOM */
	struct chunk *late;		/* oldest first */
	struct chunk *at;		/* where a line was begun; NULL: in
					 * the spool */
	size_t late_bytes;
	uint64_t late_lines;
	uint64_t lost, lost_since;	/* not yet told */
	struct timer delay;
	void (*room)(void *arg);
	void *arg;
};

static void	pass_on(struct sink *);

static void
scribe_took(void *arg)
{
	sink_took(arg);
}

static struct sink *
make(struct loop *loop, const struct sink_options *options,
    void (*room)(void *arg), void *arg)
{
	struct sink *sink = calloc(1, sizeof(*sink));

	if (sink == NULL)
		return (NULL);
	sink->loop = loop;
	sink->format = options->format;
	sink->on_full = options->on_full;
	sink->room = room;
	sink->arg = arg;
	return (sink);
}

static int
map_own(struct sink *sink)
{
	int fd = spool_memory(), failed;

	if (fd < 0)
		return (-1);
	failed = spool_map(&sink->spool, fd);
	close(fd);
	return (failed);
}

struct sink *
sink_open(struct loop *loop, const struct sink_options *options,
    void (*room)(void *arg), void *arg, struct err *err)
{
	struct sink *sink = make(loop, options, room, arg);

	if (sink == NULL || map_own(sink) != 0) {
		err_set(err, "%s: out of memory", options->file);
		goto fail;
	}
	sink->scribe = scribe_open(loop, options->file, err);
	if (sink->scribe == NULL)
		goto fail;
	sink->source = scribe_add(sink->scribe, &sink->spool, scribe_took,
	    sink);
	if (sink->source == NULL) {
		err_set(err, "%s: out of memory", options->file);
		goto fail;
	}
	return (sink);
fail:
	sink_free(sink);
	return (NULL);
}

struct sink *
sink_join(struct loop *loop, const struct sink_options *options,
    const struct sink_logger *logger, void (*room)(void *arg), void *arg)
{
	struct sink *sink = make(loop, options, room, arg);

	if (sink == NULL)
		return (NULL);
	sink->logger = *logger;
	if (spool_map(&sink->spool, logger->memory) == 0)
		return (sink);
	sink_free(sink);
	return (NULL);
}

void
sink_free(struct sink *sink)
{
	struct chunk *c;

	if (sink == NULL)
		return;
	timer_stop(&sink->delay);
	if (sink->late_lines != 0)
		log_say(FRL_ERROR, "%llu more lines for a full log are lost",
		    (unsigned long long)sink->late_lines);
	scribe_free(sink->scribe);
	while ((c = sink->late) != NULL) {
		LL_DELETE(sink->late, c);
		free(c);
	}
	spool_unmap(&sink->spool);
	free(sink);
}

enum sink_format
sink_format(const struct sink *sink)
{
	return (sink->format);
}

/* ------------------------------------------------------------------ */
/* The queue								*/

static size_t
waiting(const struct sink *sink)
{
	return (spool_waiting(&sink->spool) + sink->late_bytes);
}

static void
lose(struct sink *sink)
{
	atomic_fetch_add_explicit(&sink->spool.page->dropped, 1,
	    memory_order_relaxed);
	if (sink->lost++ == 0)
		sink->lost_since = loop_wall_us(sink->loop);
}

/* The last late chunk, if it has room, or a new one. */
static struct chunk *
late_chunk(struct sink *sink, size_t need)
{
	struct chunk *c = sink->late;

	while (c != NULL && c->next != NULL)
		c = c->next;
	if (c != NULL && SINK_CHUNK - c->tail >= need)
		return (c);
	c = malloc(sizeof(*c));
	if (c == NULL)
		return (NULL);
	c->next = NULL;
	c->head = c->tail = 0;
	c->lines = 0;
	LL_APPEND(sink->late, c);
	return (c);
}

bool
sink_begin(struct sink *sink, size_t need, struct json *ret)
{
	assert(need <= SINK_CHUNK);
	sink->at = NULL;
	if (sink->full && sink->on_full == SINK_DROP) {
		lose(sink);
		return (false);
	}
	spool_begin(&sink->spool);
	if (sink->late == NULL && spool_room(&sink->spool) >= need) {
		ret->at = spool_end(&sink->spool);
		ret->end = ret->at + (spool_room(&sink->spool) < SINK_CHUNK ?
		    spool_room(&sink->spool) : SINK_CHUNK);
		ret->full = false;
		return (true);
	}
	sink->at = late_chunk(sink, need);
	if (sink->at == NULL) {
		lose(sink);
		return (false);
	}
	*ret = (struct json){ .at = sink->at->mem + sink->at->tail,
	    .end = sink->at->mem + SINK_CHUNK };
	return (true);
}

static void
delay_fired(void *arg)
{
	pass_on(arg);
}

static void
pass_on_later(struct sink *sink)
{
	if (!timer_running(&sink->delay))
		timer_start(sink->loop, &sink->delay,
		    sink->format == SINK_JSON ? SINK_DELAY_MS : SINK_PEOPLE_MS,
		    delay_fired, sink);
}

/* Enough is there, or will have been for long enough. */
static void
plan_passing_on(struct sink *sink)
{
	if (waiting(sink) >= SINK_CHUNK)
		pass_on(sink);
	else
		pass_on_later(sink);
}

void
sink_commit(struct sink *sink, const struct json *j)
{
	struct chunk *c = sink->at;
	const char *from = c != NULL ? c->mem + c->tail :
	    spool_end(&sink->spool);
	size_t len = (size_t)(j->at - from);

	if (j->full) {
		lose(sink);
		return;
	}
	if (c == NULL) {
		spool_put(&sink->spool, len, 1);
	} else {
		c->tail += len;
		c->lines++;
		sink->late_bytes += len;
		sink->late_lines++;
	}
	if (waiting(sink) > SINK_FULL)
		sink->full = true;
	if (sink->full || sink->late != NULL) {
		/* The getter may have been quicker than our wish. */
		spool_want_room(&sink->spool);
		sink_took(sink);
	}
	plan_passing_on(sink);
}

bool
sink_stalled(const struct sink *sink)
{
	return (sink->full && sink->on_full == SINK_BLOCK);
}

void
sink_look(const struct sink *sink, struct sink_state *ret)
{
	const struct spool_page *page = sink->spool.page;

	ret->taken = atomic_load(&page->got);
	ret->waiting = waiting(sink);
	ret->trouble = atomic_load(&page->trouble);
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
/* Passing on								*/

/* As many whole lines as there is room for; from an oldest chunk of them. */
static size_t
movable(const struct chunk *c, size_t room)
{
	const char *from = c->mem + c->head, *last;

	if (c->tail - c->head <= room)
		return (c->tail - c->head);
	last = memrchr(from, '\n', room);
	return (last == NULL ? 0 : (size_t)(last - from) + 1);
}

static uint64_t
count_lines(const char *p, size_t n)
{
	const char *end = p + n;
	uint64_t lines = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		lines++;
		p++;
	}
	return (lines);
}

/* What is late goes into the spool. */
static void
move_late(struct sink *sink)
{
	struct chunk *c;
	uint64_t lines;
	size_t n;

	while ((c = sink->late) != NULL) {
		n = movable(c, spool_room(&sink->spool));
		if (n == 0 && c->tail != c->head)
			return;
		lines = n == c->tail - c->head ? c->lines :
		    count_lines(c->mem + c->head, n);
		memcpy(spool_end(&sink->spool), c->mem + c->head, n);
		spool_put(&sink->spool, n, lines);
		c->head += n;
		c->lines -= lines;
		sink->late_bytes -= n;
		sink->late_lines -= lines;
		if (c->head != c->tail)
			return;
		LL_DELETE(sink->late, c);
		free(c);
	}
}

void
sink_took(struct sink *sink)
{
	if (sink->late != NULL) {
		move_late(sink);
		pass_on_later(sink);	/* nobody has rung for these */
	}
	if (sink->full && waiting(sink) < SINK_ROOM) {
		sink->full = false;
		sink->room(sink->arg);
	}
	if (!sink->full && sink->late == NULL)
		atomic_store(&sink->spool.page->wants_room, 0);
}

static void
pass_on(struct sink *sink)
{
	timer_stop(&sink->delay);
	sink_took(sink);
	if (sink->scribe != NULL)
		scribe_write(sink->scribe);
	else
		sink->logger.kick(sink->logger.arg);
}

/* The logger is another process: it is waited for step by step. */
static void
wait_for_logger(struct sink *sink, uint64_t ms)
{
	const struct timespec step = { 0, 1000000 };
	uint64_t end = loop_now_us(sink->loop) + ms * 1000;

	while (waiting(sink) != 0 && loop_now_us(sink->loop) < end) {
		sink_took(sink);
		sink->logger.kick(sink->logger.arg);
		nanosleep(&step, NULL);
	}
}

int
sink_flush(struct sink *sink, uint64_t ms)
{
	pass_on(sink);
	if (sink->scribe != NULL)
		(void)scribe_flush(sink->scribe, ms);
	else
		wait_for_logger(sink, ms);
	return (waiting(sink) == 0 ? 0 : -1);
}

void
sink_reopen(struct sink *sink)
{
	if (sink->scribe == NULL)
		return;
	scribe_reopen(sink->scribe);
	pass_on(sink);			/* what was late is in the spool now */
}

/* ------------------------------------------------------------------ */
/* Counting								*/

void
sink_count(const struct sink *sink, struct events_counts *counts)
{
	const struct spool_page *page = sink->spool.page;
	uint64_t dropped = atomic_load(&page->dropped);

	counts->produced += atomic_load(&page->lines_put) +
	    sink->late_lines + dropped;
	counts->written += atomic_load(&page->lines_got);
	counts->dropped += dropped;
}

uint64_t
sink_pending(const struct sink *sink, size_t *ret_bytes)
{
	const struct spool_page *page = sink->spool.page;

	*ret_bytes = waiting(sink);
	return (atomic_load(&page->lines_put) - atomic_load(&page->lines_got) +
	    sink->late_lines);
}
