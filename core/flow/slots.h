/* SPDX-License-Identifier: MIT */
/*
 * slots -- the registry behind events: which event types are declared, which
 * hooks and which sinks want them.
 *
 *	declare --> slot <-- hooks, in the order they were added, before or
 *	             ^       after the declaration
 *	             +------ filters, one per sink
 *
 * It calls no hook and writes no line.  Slots never move.
 */
#ifndef FLOW_SLOTS_H
#define FLOW_SLOTS_H

#include "flow/events.h"
#include "flow/hooks.h"

struct slots_filter {
	char **items;
	size_t count;
};

/* Zeroed memory with `node` set is empty. */
struct slots {
	char node[256];
	struct event_slot **items;
	size_t count;
	struct hook **hooks;
	size_t hooks_count;
	struct slots_filter filters[EVENTS_SINKS_MAX];
	size_t filters_count;
	bool tapped;			/* one more wants everything */
};

void slots_free(struct slots *slots);

/* As events_declare, events_hook, events_seal. */
struct event_slot *slots_declare(struct slots *slots,
    const struct frl_event *event, struct err *err);
int slots_hook(struct slots *slots, const struct frl_hook *hook,
    const struct hook_owner *owner, struct err *err);
int slots_seal(const struct slots *slots, struct err *err);

/* Does a pattern match what is declared, or the usual plugins would? */
bool slots_knows(const struct slots *slots, const char *pattern);

/* One more sink wants what matches these (copy).  0, or -1 without memory:
 * then nothing changed. */
int slots_filter(struct slots *slots, const struct frl_strings *patterns);

/* The tap wants everything, or nothing any more. */
void slots_tap(struct slots *slots, bool on);

#endif
