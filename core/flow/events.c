/* SPDX-License-Identifier: MIT */
/*
 * events -- typed records on their way to hooks and sinks.
 *
 * This file puts the parts together.  Who wants what is in slots.c, how hooks
 * are asked in hooks.c, how a line comes to each sink in sinks.c.
 *
 * What always holds: slot->wanted says whether publishing does anything; the
 * hooks of an event have had their say before a line of it is written.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/hooks.h"
#include "flow/sinks.h"
#include "flow/slots.h"
#include "flow/tunnel_events.h"

struct events {
	struct loop *loop;
	struct slots slots;
	struct hooks *hooks;
	struct sinks sinks;
	const struct event_slot *plugin_error;
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
	events->loop = events->sinks.loop = options->loop;
	if (options->node != NULL)
		memcpy(events->slots.node, options->node,
		    strnlen(options->node, size));
	else if (gethostname(events->slots.node, size) != 0)
		strcpy(events->slots.node, "unknown");
	events->hooks = hooks_create(&hooks);
	events->sinks.lost = events_declare(events, &log_event_dropped, &err);
	events->plugin_error = events_declare(events, &plugin_event_error,
	    &err);
	if (events->hooks == NULL || events->sinks.lost == NULL ||
	    events->plugin_error == NULL) {
		events_free(events);
		return (NULL);
	}
	return (events);
}

void
events_free(struct events *events)
{

	if (events == NULL)
		return;
	sinks_free(&events->sinks);
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
/* Sinks								*/

int
events_add_sink(struct events *events, const struct sink_options *options,
    const struct sink_logger *logger, struct err *err)
{
	if (sinks_add(&events->sinks, options, logger, err) != 0)
		return (-1);
	if (slots_filter(&events->slots, &options->events) != 0) {
		sinks_drop(&events->sinks);
		return (err_set(err, "%s: out of memory", options->file));
	}
	return (0);
}

int
events_tap(struct events *events, const struct sink_logger *logger)
{
	events_untap(events);
	if (sinks_tap(&events->sinks, logger) != 0)
		return (-1);
	slots_tap(&events->slots, true);
	return (0);
}

void
events_untap(struct events *events)
{
	slots_tap(&events->slots, false);
	sinks_untap(&events->sinks);
}

const struct sink *
events_sink(const struct events *events, size_t i)
{
	return (events->sinks.items[i]);
}

const bool *
events_stalled(const struct events *events)
{
	return (&events->sinks.stalled);
}

void
events_on_room(struct events *events, void (*fn)(void *arg), void *arg)
{
	events->sinks.on_room = fn;
	events->sinks.on_room_arg = arg;
}

void
events_took(struct events *events)
{
	sinks_took(&events->sinks);
}

void
events_reopen(struct events *events)
{
	sinks_reopen(&events->sinks);
}

int
events_flush(struct events *events, uint64_t ms)
{
	return (sinks_flush(&events->sinks, ms));
}

void
events_count(const struct events *events, struct events_counts *ret)
{
	sinks_count(&events->sinks, ret);
}

size_t
events_write(struct events *events, const struct event_slot *slot,
    const struct origin *origin, const void *record, char *ret, size_t size)
{
	return (sinks_print(&events->sinks, &(struct line){
	    .plan = slot->plan, .record = record, .tunnel = origin->tunnel,
	    .parts = origin->parts, .seq = origin->seq[0], .flow = -1,
	    .usual_id = origin->usual_id }, ret, size));
}

/* ------------------------------------------------------------------ */
/* Publishing								*/

static void
settled(void *arg, const struct publication *publication,
    enum frl_verdict verdict)
{
	struct events *events = arg;

	sinks_write(&events->sinks, publication,
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
		sinks_write(&events->sinks, p,
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
		sinks_write(&events->sinks, &p, LINE_ALLOW);
	}
	while ((part = origin->parts) != NULL) {
		origin->parts = part->next;
		free(part->record);
		free(part);
	}
}
