/* SPDX-License-Identifier: MIT */
/*
 * slots -- which event types are declared, and who wants them.
 *
 * What always holds: slot->sinks and slot->wanted agree with the filters and
 * hooks that are known so far, whichever came first.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "flow/slots.h"
#include "flow/tunnel_events.h"

static void
free_filter(struct slots_filter *filter)
{
	size_t i;

	for (i = 0; i < filter->count; i++)
		free(filter->items[i]);
	free(filter->items);
	*filter = (struct slots_filter){ 0 };
}

static void
free_slot(struct event_slot *slot)
{
	line_plan_free(slot->plan);
	free(slot->hooks);
	free(slot);
}

void
slots_free(struct slots *slots)
{
	size_t i;

	for (i = 0; i < slots->count; i++)
		free_slot(slots->items[i]);
	free(slots->items);
	for (i = 0; i < slots->hooks_count; i++) {
		free(slots->hooks[i]->event);
		free(slots->hooks[i]);
	}
	free(slots->hooks);
	for (i = 0; i < slots->filters_count; i++)
		free_filter(&slots->filters[i]);
	*slots = (struct slots){ 0 };
}

/* "*", "tunnel.*", "ws.frame" */
static bool
matches(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (len > 0 && pattern[len - 1] == '*')
		return (strncmp(pattern, name, len - 1) == 0);
	return (strcmp(pattern, name) == 0);
}

static bool
filter_wants(const struct slots_filter *filter, const struct frl_event *event)
{
	size_t i;

	if (event->flags & FRL_EVENT_PART)
		return (false);
	if (event->flags & FRL_EVENT_ALWAYS)
		return (true);
	for (i = 0; i < filter->count; i++) {
		if (matches(filter->items[i], event->name))
			return (true);
	}
	return (false);
}

/* Parts are wanted whenever there is a sink: tunnel.close may be. */
static void
update_slot(const struct slots *slots, struct event_slot *slot)
{
	size_t i;

	slot->sinks = 0;
	for (i = 0; i < slots->filters_count; i++) {
		if (filter_wants(&slots->filters[i], slot->event))
			slot->sinks |= (uint32_t)1 << i;
	}
	if (slots->tapped && !(slot->event->flags & FRL_EVENT_PART))
		slot->sinks |= (uint32_t)1 << EVENTS_TAP;
	slot->wanted = slot->sinks != 0 || slot->hooks_count != 0 ||
	    ((slot->event->flags & FRL_EVENT_PART) &&
	    (slots->filters_count != 0 || slots->tapped));
}

static int
copy_filter(struct slots_filter *filter, const struct frl_strings *strings)
{
	filter->items = calloc(strings->count + 1, sizeof(char *));
	if (filter->items == NULL)
		return (-1);
	for (; filter->count < strings->count; filter->count++) {
		filter->items[filter->count] =
		    strdup(strings->items[filter->count]);
		if (filter->items[filter->count] == NULL)
			return (-1);
	}
	return (0);
}

int
slots_filter(struct slots *slots, const struct frl_strings *patterns)
{
	size_t i, n = slots->filters_count;

	assert(n < EVENTS_SINKS_MAX);
	if (copy_filter(&slots->filters[n], patterns) != 0) {
		free_filter(&slots->filters[n]);
		return (-1);
	}
	slots->filters_count++;
	for (i = 0; i < slots->count; i++)
		update_slot(slots, slots->items[i]);
	return (0);
}

void
slots_tap(struct slots *slots, bool on)
{
	size_t i;

	slots->tapped = on;
	for (i = 0; i < slots->count; i++)
		update_slot(slots, slots->items[i]);
}

static struct event_slot *
find_slot(const struct slots *slots, const char *name)
{
	size_t i;

	for (i = 0; i < slots->count; i++) {
		if (strcmp(slots->items[i]->event->name, name) == 0)
			return (slots->items[i]);
	}
	return (NULL);
}

/* Put a hook behind those that a slot has. */
static int
bind_hook(const struct slots *slots, struct event_slot *slot,
    struct hook *hook, struct err *err)
{
	const struct hook **hooks;

	if (slot->hooks_count == HOOKS_PER_EVENT)
		return (err_set(err, "event %s: too many hooks",
		    slot->event->name));
	if (slot->event->flags & FRL_EVENT_PART)
		return (err_set(err, "plugin %s: event %s is never published",
		    hook->plugin, hook->event));
	hooks = realloc(slot->hooks,
	    (slot->hooks_count + 1) * sizeof(hooks[0]));
	if (hooks == NULL)
		return (err_set(err, "event %s: out of memory",
		    slot->event->name));
	slot->hooks = hooks;
	hooks[slot->hooks_count++] = hook;
	hook->bound = true;
	update_slot(slots, slot);
	return (0);
}

/* Parts stand in one line: no two may use one key. */
static int
check_part(const struct slots *slots, const struct event_slot *slot,
    struct err *err)
{
	const struct event_slot *other;
	const char *name;
	size_t i;

	for (i = 0; i < slots->count; i++) {
		other = slots->items[i];
		if (other == slot || (other->event != &tunnel_event_close &&
		    !(other->event->flags & FRL_EVENT_PART)))
			continue;
		name = line_plan_clash(slot->plan, other->plan);
		if (name != NULL)
			return (err_set(err, "event %s: field %s clashes "
			    "with one of %s", slot->event->name, name,
			    other->event->name));
	}
	return (0);
}

/* Checks of a new slot, and the hooks that waited for it. */
static int
admit_slot(const struct slots *slots, struct event_slot *slot,
    struct err *err)
{
	size_t i;

	if (((slot->event->flags & FRL_EVENT_PART) ||
	    slot->event == &tunnel_event_close) &&
	    check_part(slots, slot, err) != 0)
		return (-1);
	for (i = 0; i < slots->hooks_count; i++) {
		if (!slots->hooks[i]->bound &&
		    strcmp(slots->hooks[i]->event,
		    slot->event->name) == 0 &&
		    bind_hook(slots, slot, slots->hooks[i], err) != 0)
			return (-1);
	}
	return (0);
}

/* Do two tables describe the same record in the same words? */
static bool
same_table(const struct frl_event *a, const struct frl_event *b)
{
	const struct frl_field *f = a->fields, *g = b->fields;

	if (a == b)
		return (true);
	if (f == NULL || g == NULL || a->record_size != b->record_size ||
	    a->flags != b->flags)
		return (false);
	for (; f->name != NULL && g->name != NULL; f++, g++) {
		if (strcmp(f->name, g->name) != 0 || f->type != g->type ||
		    f->offset != g->offset || f->flags != g->flags)
			return (false);
	}
	return (f->name == NULL && g->name == NULL);
}

struct event_slot *
slots_declare(struct slots *slots, const struct frl_event *event,
    struct err *err)
{
	struct event_slot *slot, **items;

	slot = event->name == NULL ? NULL : find_slot(slots, event->name);
	/* One file may serve under two names, and each copy brings the same
	 * table. */
	if (slot != NULL && same_table(slot->event, event))
		return (slot);
	if (slot != NULL) {
		err_set(err, "event %s: the name is taken", event->name);
		return (NULL);
	}
	items = realloc(slots->items,
	    (slots->count + 1) * sizeof(items[0]));
	if (items != NULL)
		slots->items = items;
	slot = calloc(1, sizeof(*slot));
	if (items == NULL || slot == NULL) {
		err_set(err, "event %s: out of memory", event->name);
		free(slot);
		return (NULL);
	}
	slot->event = event;
	slot->plan = line_compile(event, slots->node, err);
	if (slot->plan == NULL || admit_slot(slots, slot, err) != 0) {
		free_slot(slot);
		return (NULL);
	}
	slots->items[slots->count++] = slot;
	update_slot(slots, slot);
	return (slot);
}

int
slots_hook(struct slots *slots, const struct frl_hook *hook,
    const struct hook_owner *owner, struct err *err)
{
	struct hook *h, **all;
	struct event_slot *slot;

	all = realloc(slots->hooks,
	    (slots->hooks_count + 1) * sizeof(all[0]));
	if (all != NULL)
		slots->hooks = all;
	h = calloc(1, sizeof(*h));
	if (all == NULL || h == NULL ||
	    (h->event = strdup(hook->event)) == NULL) {
		free(h);
		return (err_set(err, "plugin %s: out of memory",
		    owner->plugin));
	}
	h->ask = hook->ask;
	h->instance = owner->instance;
	h->plugin = owner->plugin;
	h->number = owner->number;
	h->bars = owner->bars;
	h->fail_open = owner->fail_open;
	slots->hooks[slots->hooks_count++] = h;
	slot = find_slot(slots, hook->event);
	return (slot == NULL ? 0 : bind_hook(slots, slot, h, err));
}

/* The default: right also where http or websocket is not loaded. */
static bool
is_usual(const char *pattern)
{
	return (strcmp(pattern, "tunnel.*") == 0 ||
	    strcmp(pattern, "http.*") == 0 || strcmp(pattern, "ws.*") == 0);
}

bool
slots_knows(const struct slots *slots, const char *pattern)
{
	size_t i;

	for (i = 0; i < slots->count; i++) {
		if (matches(pattern, slots->items[i]->event->name))
			return (true);
	}
	return (is_usual(pattern));
}

/* A filter that matches nothing is probably misspelt; but the plugin that has
 * such events may just not be loaded. */
static void
warn_filter(const struct slots *slots, const struct slots_filter *filter)
{
	size_t i;

	for (i = 0; i < filter->count; i++) {
		if (!slots_knows(slots, filter->items[i]))
			log_say(FRL_WARNING, "no event is called %s",
			    filter->items[i]);
	}
}

int
slots_seal(const struct slots *slots, struct err *err)
{
	const struct hook *hook;
	size_t i;

	for (i = 0; i < slots->hooks_count; i++) {
		hook = slots->hooks[i];
		if (!hook->bound)
			return (err_set(err, "plugin %s: hooks event %s, "
			    "which nobody declares", hook->plugin,
			    hook->event));
	}
	for (i = 0; i < slots->filters_count; i++)
		warn_filter(slots, &slots->filters[i]);
	return (0);
}
