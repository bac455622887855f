/* SPDX-License-Identifier: MIT */
/*
 * events -- typed records on their way to hooks and sinks.
 *
 * This file puts the parts together and writes the lines.  Who wants what is
 * in slots.c, how hooks are asked in hooks.c, what a line looks like in
 * line*.c, where it goes in sink.c.
 *
 * What always holds: slot->wanted says whether publishing does anything; a
 * line of a tunnel counts in origin->seq of its sink even when it is lost, so
 * that the gap shows; `stalled` is what any sink_stalled() says, for it is
 * asked about several times per read.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/hooks.h"
#include "flow/sink.h"
#include "flow/slots.h"
#include "flow/tunnel_events.h"

/* What a line is given at first; longer ones get a chunk of their own. */
#define LINE_ROOM 2048

/* When even that is too little, no string may be longer. */
#define LINE_SHORT 64

struct events {
	struct loop *loop;
	struct slots slots;
	struct hooks *hooks;
	struct sink *sinks[EVENTS_SINKS_MAX];
	size_t sinks_count;
	struct sink *tap;		/* or NULL */
	struct line_clock clock;
	bool stalled;			/* a sink that may not drop is full */
	bool was_stalled;		/* and nobody was told of room since */
	struct timer room;
	void (*on_room)(void *arg);
	void *on_room_arg;
	const struct event_slot *lost, *plugin_error;
};

static void	settled(void *, const struct publication *, enum frl_verdict);
static void	hook_failed(void *, const struct publication *,
		    const struct hook *, const char *);

struct events *
events_create(const struct events_options *options)
{
	struct events *events = calloc(1, sizeof(*events));
	struct hooks_options hooks = { .loop = options->loop,
	    .wait_ms = options->wait_ms, .settled = settled,
	    .failed = hook_failed, .arg = events };
	size_t size = sizeof(events->slots.node) - 1;
	struct err err;

	if (events == NULL)
		return (NULL);
	events->loop = options->loop;
	if (options->node != NULL)
		memcpy(events->slots.node, options->node,
		    strnlen(options->node, size));
	else if (gethostname(events->slots.node, size) != 0)
		strcpy(events->slots.node, "unknown");
	events->hooks = hooks_create(&hooks);
	events->lost = events_declare(events, &log_event_dropped, &err);
	events->plugin_error = events_declare(events, &plugin_event_error,
	    &err);
	if (events->hooks == NULL || events->lost == NULL ||
	    events->plugin_error == NULL) {
		events_free(events);
		return (NULL);
	}
	return (events);
}

void
events_free(struct events *events)
{
	size_t i;

	if (events == NULL)
		return;
	events_flush(events, 0);
	for (i = 0; i < events->sinks_count; i++)
		sink_free(events->sinks[i]);
	sink_free(events->tap);
	timer_stop(&events->room);
	hooks_free(events->hooks);
	slots_free(&events->slots);
	free(events);
}

const struct event_slot *
events_declare(struct events *events, const struct frl_event *event,
    struct err *err)
{
	return (slots_declare(&events->slots, event, err));
}

const struct frl_event *
events_at(const struct events *events, size_t i)
{
	if (i >= events->slots.count)
		return (NULL);
	return (events->slots.items[i]->event);
}

int
events_hook(struct events *events, const struct frl_hook *hook,
    const struct hook_owner *owner, struct err *err)
{
	return (slots_hook(&events->slots, hook, owner, err));
}

int
events_seal(struct events *events, struct err *err)
{
	return (slots_seal(&events->slots, err));
}

bool
events_known(const struct events *events, const char *pattern)
{
	return (slots_knows(&events->slots, pattern));
}

bool
events_wanted(const struct event_slot *slot)
{
	return (slot->wanted);
}

bool
events_hooked(const struct event_slot *slot)
{
	return (slot->hooks_count != 0);
}

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
write_line(struct events *events, struct sink *sink, const struct line *line)
{
	struct json j;

	if (!sink_begin(sink, LINE_ROOM, &j))
		return (false);
	format(&j, line, sink_format(sink));
	if (j.full && !write_again(sink, line, &j))
		return (false);
	sink_commit(sink, &j);	/* what is still too long is lost */
	if (sink_stalled(sink))
		events->stalled = events->was_stalled = true;
	return (!j.full);
}

/* Say in a sink that lines of it were lost since then. */
static void
write_lost(struct events *events, struct sink *sink, uint64_t count,
    uint64_t since_us)
{
	struct line_clock since = { 0 };
	struct log_dropped record = { .count = count };

	line_clock_set(&since, since_us);
	line_clock_set(&events->clock, loop_wall_us(events->loop));
	record.since = (struct frl_bytes){ (const uint8_t *)since.text, 27 };
	if (write_line(events, sink, &(struct line){ .plan =
	    events->lost->plan, .record = &record, .clock = &events->clock,
	    .flow = -1 }))
		sink_told(sink, count);
}

static inline void
tell_lost(struct events *events, struct sink *sink)
{
	uint64_t since_us, count = sink_lost(sink, &since_us);

	if (count != 0)
		write_lost(events, sink, count, since_us);
}

static void
write_tap(struct events *events, const struct publication *p,
    struct line *line)
{
	tell_lost(events, events->tap);
	line_clock_set(&events->clock, p->wall_us);
	if (p->origin != NULL) {
		line->seq = p->origin->seq[EVENTS_TAP]++;
		if (p->origin->tunnel->server_name[0] != '\0')
			line->to = p->origin->tunnel->server_name;
	}
	write_line(events, events->tap, line);
}

static void
write_lines(struct events *events, const struct publication *p,
    enum line_verdict verdict)
{
	struct line line = { .plan = p->slot->plan, .record = p->record,
	    .parts = p->parts, .clock = &events->clock, .flow = p->flow };
	uint32_t i;

	if (p->slot->event->flags & FRL_EVENT_ASKS)
		line.verdict = verdict;
	if (p->origin != NULL) {
		line.tunnel = p->origin->tunnel;
		line.usual_id = p->origin->usual_id;
	}
	for (i = 0; i < events->sinks_count; i++) {
		if (!(p->slot->sinks & (uint32_t)1 << i))
			continue;
		tell_lost(events, events->sinks[i]);
		line_clock_set(&events->clock, p->wall_us);
		if (p->origin != NULL)
			line.seq = p->origin->seq[i]++;
		write_line(events, events->sinks[i], &line);
	}
	if (p->slot->sinks & (uint32_t)1 << EVENTS_TAP)
		write_tap(events, p, &line);
}

/* ------------------------------------------------------------------ */
/* Sinks								*/

const bool *
events_stalled(const struct events *events)
{
	return (&events->stalled);
}

void
events_on_room(struct events *events, void (*fn)(void *arg), void *arg)
{
	events->on_room = fn;
	events->on_room_arg = arg;
}

static void
room_fired(void *arg)
{
	struct events *events = arg;
	size_t i;

	for (i = 0; i < events->sinks_count; i++)
		tell_lost(events, events->sinks[i]);
	if (!events->was_stalled || events->stalled)
		return;
	events->was_stalled = false;
	if (events->on_room != NULL)
		events->on_room(events->on_room_arg);
}

/* At the loop's next turn, for now a plugin may be on the stack. */
static void
sink_has_room(void *arg)
{
	struct events *events = arg;
	size_t i;

	events->stalled = false;
	for (i = 0; i < events->sinks_count; i++)
		events->stalled |= sink_stalled(events->sinks[i]);
	timer_start(events->loop, &events->room, 0, room_fired, events);
}

void
events_took(struct events *events)
{
	size_t i;

	for (i = 0; i < events->sinks_count; i++)
		sink_took(events->sinks[i]);
	if (events->tap != NULL)
		sink_took(events->tap);
}

static struct sink *
make_sink(struct events *events, const struct sink_options *options,
    const struct sink_logger *logger, struct err *err)
{
	struct sink *sink;

	if (logger == NULL)
		return (sink_open(events->loop, options, sink_has_room,
		    events, err));
	sink = sink_join(events->loop, options, logger, sink_has_room,
	    events);
	if (sink == NULL)
		err_set(err, "%s: out of memory", options->file);
	return (sink);
}

int
events_add_sink(struct events *events, const struct sink_options *options,
    const struct sink_logger *logger, struct err *err)
{
	struct sink *sink;

	if (events->sinks_count == EVENTS_SINKS_MAX)
		return (err_set(err, "%s: at most %d logs can be written",
		    options->file, EVENTS_SINKS_MAX));
	sink = make_sink(events, options, logger, err);
	if (sink == NULL)
		return (-1);
	if (slots_filter(&events->slots, &options->events) != 0) {
		sink_free(sink);
		return (err_set(err, "%s: out of memory", options->file));
	}
	events->sinks[events->sinks_count++] = sink;
	return (0);
}

const struct sink *
events_sink(const struct events *events, size_t i)
{
	return (events->sinks[i]);
}

void
events_untap(struct events *events)
{
	slots_tap(&events->slots, false);
	sink_free(events->tap);
	events->tap = NULL;
}

int
events_tap(struct events *events, const struct sink_logger *logger)
{
	const struct sink_options options = { .file = "a tap",
	    .format = SINK_BOTH, .on_full = SINK_DROP };

	events_untap(events);
	events->tap = sink_join(events->loop, &options, logger, sink_has_room,
	    events);
	if (events->tap == NULL)
		return (-1);
	slots_tap(&events->slots, true);
	return (0);
}

void
events_reopen(struct events *events)
{
	size_t i;

	for (i = 0; i < events->sinks_count; i++)
		sink_reopen(events->sinks[i]);
}

int
events_flush(struct events *events, uint64_t ms)
{
	uint64_t end = loop_now_us(events->loop) + ms * 1000, now;
	int result = 0;
	size_t i;

	for (i = 0; i < events->sinks_count; i++) {
		tell_lost(events, events->sinks[i]);
		now = loop_now_us(events->loop);
		if (sink_flush(events->sinks[i],
		    now < end ? (end - now) / 1000 : 0) != 0) {
			result = -1;
			continue;
		}
		/* Lines that were dropped until there was room just now. */
		tell_lost(events, events->sinks[i]);
		if (sink_flush(events->sinks[i], 0) != 0)
			result = -1;
	}
	return (result);
}

void
events_count(const struct events *events, struct events_counts *ret)
{
	size_t i;

	*ret = (struct events_counts){ 0 };
	for (i = 0; i < events->sinks_count; i++)
		sink_count(events->sinks[i], ret);
}

/* ------------------------------------------------------------------ */
/* Publishing								*/

static void
settled(void *arg, const struct publication *publication,
    enum frl_verdict verdict)
{
	write_lines(arg, publication,
	    verdict == FRL_OK ? LINE_ALLOW : LINE_REFUSE);
}

static void
hook_failed(void *arg, const struct publication *p, const struct hook *hook,
    const char *reason)
{
	struct events *events = arg;
	struct plugin_error record = { .plugin = hook->plugin,
	    .callback = "hook" };

	/* A hook of this very event that fails could go on for ever. */
	if (p->slot == events->plugin_error)
		return;
	if (reason[0] != '\0')
		record.detail = (struct frl_bytes){ (const uint8_t *)reason,
		    strlen(reason) };
	events_publish(events, events->plugin_error, p->origin, -1, &record,
	    NULL, NULL, NULL);
}

/* Hooks are told, or asked; decision may be NULL. */
static enum frl_verdict
consult(struct events *events, const struct publication *p,
    const struct asker *asker, struct decision *decision, uint64_t *ret_token)
{
	struct decision unheard;

	if (p->slot->event->flags & FRL_EVENT_ASKS)
		return (hooks_ask(events->hooks, p, asker,
		    decision != NULL ? decision : &unheard, ret_token));
	hooks_tell(events->hooks, p);
	return (FRL_OK);
}

/* Ask the hooks, then write the lines; a quiet event has none if nobody
 * objects. */
static inline enum frl_verdict
publish(struct events *events, struct publication *p,
    const struct asker *asker, struct decision *decision,
    uint64_t *ret_token)
{
	enum frl_verdict verdict = FRL_OK;

	p->wall_us = loop_event_wall_us(events->loop);
	if (p->slot->hooks_count != 0)
		verdict = consult(events, p, asker, decision, ret_token);
	if (verdict != FRL_WAIT && !(verdict == FRL_OK && p->quiet))
		write_lines(events, p,
		    verdict == FRL_OK ? LINE_ALLOW : LINE_REFUSE);
	return (verdict);
}

enum frl_verdict
events_publish(struct events *events, const struct event_slot *slot,
    struct origin *origin, int flow, const void *record,
    const struct asker *asker, struct decision *decision,
    uint64_t *ret_token)
{
	struct publication p = { .slot = slot, .origin = origin,
	    .record = record, .flow = flow };

	if (!slot->wanted)
		return (FRL_OK);
	return (publish(events, &p, asker, decision, ret_token));
}

enum frl_verdict
events_ask(struct events *events, const struct event_slot *slot,
    struct origin *origin, int flow, const void *record,
    const struct asker *asker, struct decision *decision,
    uint64_t *ret_token)
{
	struct publication p = { .slot = slot, .origin = origin,
	    .record = record, .flow = flow, .quiet = true };

	if (slot->hooks_count == 0)
		return (FRL_OK);
	return (publish(events, &p, asker, decision, ret_token));
}

void
events_resume(struct events *events, uint64_t token,
    enum frl_verdict verdict, const char *reason)
{
	hooks_resume(events->hooks, token, verdict, reason);
}

void
events_forget(struct events *events, uint64_t token)
{
	hooks_forget(events->hooks, token);
}

void
events_report(struct events *events, const struct event_slot *slot,
    struct origin *origin, const void *record)
{
	struct event_part **at = &origin->parts, *part;
	void *copy;

	(void)events;
	while (*at != NULL && (*at)->plan != slot->plan)
		at = &(*at)->next;
	copy = events_copy(slot, record);
	if (copy == NULL)
		return;
	part = *at;
	if (part == NULL) {
		part = calloc(1, sizeof(*part));
		if (part == NULL) {
			free(copy);
			return;
		}
		part->plan = slot->plan;
		*at = part;
	}
	free(part->record);
	part->record = copy;
}

void
events_last(struct events *events, const struct event_slot *slot,
    struct origin *origin, const void *record)
{
	struct publication p = { .slot = slot, .origin = origin,
	    .record = record, .parts = origin->parts, .flow = -1 };
	struct event_part *part;

	if (slot->wanted) {
		p.wall_us = loop_event_wall_us(events->loop);
		hooks_tell(events->hooks, &p);
		write_lines(events, &p, LINE_ALLOW);
	}
	while ((part = origin->parts) != NULL) {
		origin->parts = part->next;
		free(part->record);
		free(part);
	}
}

size_t
events_write(struct events *events, const struct event_slot *slot,
    const struct origin *origin, const void *record, char *ret, size_t size)
{
	struct line line = { .plan = slot->plan, .record = record,
	    .tunnel = origin->tunnel, .parts = origin->parts,
	    .clock = &events->clock, .seq = origin->seq[0], .flow = -1,
	    .usual_id = origin->usual_id };
	struct json j = { .at = ret, .end = ret + size };

	line_clock_set(&events->clock, loop_wall_us(events->loop));
	line_json(&j, &line);
	return (j.full ? 0 : (size_t)(j.at - ret) - 1);
}
