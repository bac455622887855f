/* SPDX-License-Identifier: MIT */
/*
 * sinks -- a record becomes a line in each sink that wants it.
 *
 * A line that is lost leaves a gap in its tunnel's numbers, and is told of in
 * the same sink (log.dropped) as soon as there is room.
 */
#include "flow/sinks.h"
#include "flow/tunnel_events.h"

/* What a line is given at first; longer ones get a chunk of their own. */
#define LINE_ROOM 2048

/* When even that is too little, no string may be longer. */
#define LINE_SHORT 64

/* ------------------------------------------------------------------ */
/* Lines								*/

static void
format(struct json *j, const struct line *line, enum sink_format how)
{
	if (how != SINK_TEXT)
		line_json(j, line);
	if (how == SINK_BOTH && !j->full)
		j->at[-1] = '\t';
	if (how != SINK_JSON)
		line_text(j, line);
}

/* A line that did not fit is tried again with more room, then with shorter
 * strings.  False: it is lost, and counted. */
static bool
write_again(struct sink *sink, const struct line *line, struct json *j)
{
	struct line shorter = *line;

	if (!sink_begin(sink, SINK_CHUNK, j))
		return (false);
	format(j, line, sink_format(sink));
	if (!j->full)
		return (true);
	shorter.cap = LINE_SHORT;
	if (!sink_begin(sink, SINK_CHUNK, j))
		return (false);
	format(j, &shorter, sink_format(sink));
	return (true);
}

/* False: it is lost, and counted. */
static bool
write_line(struct sinks *sinks, struct sink *sink, const struct line *line)
{
	struct json j;

	if (!sink_begin(sink, LINE_ROOM, &j))
		return (false);
	format(&j, line, sink_format(sink));
	if (j.full && !write_again(sink, line, &j))
		return (false);
	sink_commit(sink, &j);	/* what is still too long is lost */
	if (sink_stalled(sink))
		sinks->stalled = sinks->was_stalled = true;
	return (!j.full);
}

/* Say in a sink that lines of it were lost since then. */
static void
write_lost(struct sinks *sinks, struct sink *sink, uint64_t count,
    uint64_t since_us)
{
	struct line_clock since = { 0 };
	struct log_dropped record = { .count = count };

	line_clock_set(&since, since_us);
	line_clock_set(&sinks->clock, loop_wall_us(sinks->loop));
	record.since = (struct frl_bytes){ (const uint8_t *)since.text, 27 };
	if (write_line(sinks, sink, &(struct line){ .plan =
	    sinks->lost->plan, .record = &record, .clock = &sinks->clock,
	    .flow = -1 }))
		sink_told(sink, count);
}

static inline void
tell_lost(struct sinks *sinks, struct sink *sink)
{
	uint64_t since_us, count = sink_lost(sink, &since_us);

	if (count != 0)
		write_lost(sinks, sink, count, since_us);
}

static void
write_tap(struct sinks *sinks, const struct publication *p, struct line *line)
{
	tell_lost(sinks, sinks->tap);
	line_clock_set(&sinks->clock, p->wall_us);
	if (p->origin != NULL) {
		line->seq = p->origin->seq[EVENTS_TAP]++;
		if (p->origin->tunnel->server_name[0] != '\0')
			line->to = p->origin->tunnel->server_name;
	}
	write_line(sinks, sinks->tap, line);
}

void
sinks_write(struct sinks *sinks, const struct publication *p,
    enum line_verdict verdict)
{
	struct line line = { .plan = p->slot->plan, .record = p->record,
	    .parts = p->parts, .clock = &sinks->clock, .flow = p->flow };
	uint32_t i;

	if (p->slot->event->flags & FRL_EVENT_ASKS)
		line.verdict = verdict;
	if (p->origin != NULL) {
		line.tunnel = p->origin->tunnel;
		line.usual_id = p->origin->usual_id;
	}
	for (i = 0; i < sinks->count; i++) {
		if (!(p->slot->sinks & (uint32_t)1 << i))
			continue;
		tell_lost(sinks, sinks->items[i]);
		line_clock_set(&sinks->clock, p->wall_us);
		if (p->origin != NULL)
			line.seq = p->origin->seq[i]++;
		write_line(sinks, sinks->items[i], &line);
	}
	if (p->slot->sinks & (uint32_t)1 << EVENTS_TAP)
		write_tap(sinks, p, &line);
}

size_t
sinks_print(struct sinks *sinks, struct line *line, char *ret, size_t size)
{
	struct json j = { .at = ret, .end = ret + size };

	line->clock = &sinks->clock;
	line_clock_set(&sinks->clock, loop_wall_us(sinks->loop));
	line_json(&j, line);
	return (j.full ? 0 : (size_t)(j.at - ret) - 1);
}

/* ------------------------------------------------------------------ */
/* Sinks								*/

static void
room_fired(void *arg)
{
	struct sinks *sinks = arg;
	size_t i;

	for (i = 0; i < sinks->count; i++)
		tell_lost(sinks, sinks->items[i]);
	if (!sinks->was_stalled || sinks->stalled)
		return;
	sinks->was_stalled = false;
	if (sinks->on_room != NULL)
		sinks->on_room(sinks->on_room_arg);
}

/* At the loop's next turn, for now a plugin may be on the stack. */
static void
sink_has_room(void *arg)
{
	struct sinks *sinks = arg;
	size_t i;

	sinks->stalled = false;
	for (i = 0; i < sinks->count; i++)
		sinks->stalled |= sink_stalled(sinks->items[i]);
	timer_start(sinks->loop, &sinks->room, 0, room_fired, sinks);
}

void
sinks_took(struct sinks *sinks)
{
	size_t i;

	for (i = 0; i < sinks->count; i++)
		sink_took(sinks->items[i]);
	if (sinks->tap != NULL)
		sink_took(sinks->tap);
}

static struct sink *
make_sink(struct sinks *sinks, const struct sink_options *options,
    const struct sink_logger *logger, struct err *err)
{
	struct sink *sink;

	if (logger == NULL)
		return (sink_open(sinks->loop, options, sink_has_room, sinks,
		    err));
	sink = sink_join(sinks->loop, options, logger, sink_has_room, sinks);
	if (sink == NULL)
		err_set(err, "%s: out of memory", options->file);
	return (sink);
}

int
sinks_add(struct sinks *sinks, const struct sink_options *options,
    const struct sink_logger *logger, struct err *err)
{
	struct sink *sink;

	if (sinks->count == EVENTS_SINKS_MAX)
		return (err_set(err, "%s: at most %d logs can be written",
		    options->file, EVENTS_SINKS_MAX));
	sink = make_sink(sinks, options, logger, err);
	if (sink == NULL)
		return (-1);
	sinks->items[sinks->count++] = sink;
	return (0);
}

void
sinks_drop(struct sinks *sinks)
{
	sink_free(sinks->items[--sinks->count]);
}

void
sinks_untap(struct sinks *sinks)
{
	sink_free(sinks->tap);
	sinks->tap = NULL;
}

int
sinks_tap(struct sinks *sinks, const struct sink_logger *logger)
{
	const struct sink_options options = { .file = "a tap",
	    .format = SINK_BOTH, .on_full = SINK_DROP };

	sinks->tap = sink_join(sinks->loop, &options, logger, sink_has_room,
	    sinks);
	return (sinks->tap == NULL ? -1 : 0);
}

void
sinks_reopen(struct sinks *sinks)
{
	size_t i;

	for (i = 0; i < sinks->count; i++)
		sink_reopen(sinks->items[i]);
}

int
sinks_flush(struct sinks *sinks, uint64_t ms)
{
	uint64_t end = loop_now_us(sinks->loop) + ms * 1000, now;
	int result = 0;
	size_t i;

	for (i = 0; i < sinks->count; i++) {
		tell_lost(sinks, sinks->items[i]);
		now = loop_now_us(sinks->loop);
		if (sink_flush(sinks->items[i],
		    now < end ? (end - now) / 1000 : 0) != 0) {
			result = -1;
			continue;
		}
		/* Lines that were dropped until there was room just now. */
		tell_lost(sinks, sinks->items[i]);
		if (sink_flush(sinks->items[i], 0) != 0)
			result = -1;
	}
	return (result);
}

void
sinks_count(const struct sinks *sinks, struct events_counts *ret)
{
	size_t i;

	*ret = (struct events_counts){ 0 };
	for (i = 0; i < sinks->count; i++)
		sink_count(sinks->items[i], ret);
}

void
sinks_free(struct sinks *sinks)
{
	size_t i;

	sinks_flush(sinks, 0);
	for (i = 0; i < sinks->count; i++)
		sink_free(sinks->items[i]);
	sink_free(sinks->tap);
	timer_stop(&sinks->room);
}
