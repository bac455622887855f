/* SPDX-License-Identifier: MIT */
#include "app/herald.h"

#include "app/blame.h"
#include "app/spools.h"
#include "base/log.h"
#include "flow/events.h"
#include "flow/tunnel_events.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct herald {
	struct loop *loop;
	struct events *events;
	const struct plan *plan;
	uint32_t generation;
	struct outbox *logger;
	struct spools_kept spools;
	int bell, room;			/* ours; -1 */
	struct watch watch;
};

static void
ring(void *arg)
{
	struct herald *h = arg;
	ssize_t n = write(h->bell, "", 1);

	(void)n;
}

static void
has_room(void *arg, bool readable, bool writable)
{
	struct herald *h = arg;
	char bytes[512];
	ssize_t n = read(h->room, bytes, sizeof(bytes));

	(void)n;
	(void)readable;
	(void)writable;
	events_took(h->events);
}

static int
add_sinks(struct herald *h)
{
	const struct plan *plan = h->plan;
	struct sink_options options = { .on_full = SINK_DROP };
	struct sink_logger logger = { .kick = ring, .arg = h };
	struct err err;
	size_t i;

	for (i = 0; i < plan->log_count; i++) {
		options.file = plan->logs[i].file;
		options.format = plan->logs[i].for_people ? SINK_TEXT :
		    SINK_JSON;
		logger.memory = h->spools.fds[SPOOLS_MEMORY + i];
		if (events_add_sink(h->events, &options, &logger, &err) != 0)
			return (-1);
	}
	for (i = 0; tunnel_events[i] != NULL; i++)
		if (events_declare(h->events, tunnel_events[i], &err) == NULL)
			return (-1);
	return (events_seal(h->events, &err));
}

static int
begin(struct herald *h)
{
	struct events_options options = { .loop = h->loop,
	    .node = h->plan->node[0] != '\0' ? h->plan->node : NULL };

	h->bell = spools_make(&h->spools, h->plan->log_count);
	if (h->bell < 0)
		return (-1);
	h->room = h->spools.room;
	h->spools.room = -1;
	h->events = events_create(&options);
	if (h->room < 0 || h->events == NULL || add_sinks(h) != 0)
		return (-1);
	watch_set(h->loop, &h->watch, h->room, 1, has_room, h);
	return (spools_tell(&h->spools, h->generation, h->logger));
}

struct herald *
herald_create(struct loop *loop, const struct plan *plan, uint32_t generation,
    struct outbox *logger)
{
	struct herald *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return (NULL);
	h->loop = loop;
	h->plan = plan;
	h->generation = generation;
	h->logger = logger;
	h->bell = h->room = -1;
	if (begin(h) == 0)
		return (h);
	log_say(FRL_ERROR, "proxy.* events are not written: out of memory or "
	    "descriptors");
	herald_free(h);
	return (NULL);
}

void
herald_free(struct herald *h)
{
	if (h == NULL)
		return;
	watch_stop(&h->watch);
	if (h->events != NULL)
		events_free(h->events);
	if (h->bell >= 0)
		close(h->bell);
	if (h->room >= 0)
		close(h->room);
	spools_forget(&h->spools);
	free(h);
}

void
herald_tell_logger(const struct herald *h)
{
	if (h != NULL)
		(void)spools_tell(&h->spools, h->generation, h->logger);
}

static void
publish(struct herald *h, const struct frl_event *event, const void *record)
{
	const struct event_slot *slot;
	struct decision decision;
	uint64_t token;
	struct err err;

	slot = events_declare(h->events, event, &err);
	if (slot != NULL)
		events_publish(h->events, slot, NULL, -1, record, NULL,
		    &decision, &token);
}

static struct frl_bytes
bytes_of(const char *text)
{
	struct frl_bytes bytes = { NULL, 0 };

	if (text != NULL && text[0] != '\0') {
		bytes.data = (const uint8_t *)text;
		bytes.len = strlen(text);
	}
	return (bytes);
}

void
herald_start(struct herald *h)
{
	struct proxy_start record = { .version = FRL_VERSION };

	if (h == NULL)
		return;
	record.plugins = bytes_of(h->plan->plugins);
	publish(h, &proxy_event_start, &record);
}

void
herald_reload(struct herald *h, const char *errors)
{
	struct proxy_reload record;

	if (h == NULL)
		return;
	record.generation = h->generation;
	record.result = errors == NULL ? "serves" : "failed";
	record.plugins = bytes_of(errors == NULL ? h->plan->plugins : NULL);
	record.errors = bytes_of(errors);
	publish(h, &proxy_event_reload, &record);
}

void
herald_worker(struct herald *h, pid_t pid, uint32_t generation,
    uint32_t prefix, const char *reason)
{
	struct proxy_worker record = { .pid = (uint64_t)pid,
	    .generation = generation };
	char tunnels[sizeof("ff-*")];

	if (h == NULL)
		return;
	(void)snprintf(tunnels, sizeof(tunnels), "%x-*", prefix & 0xff);
	record.tunnels = (prefix & 0xff) != 0 ? tunnels : NULL;
	record.state = reason == NULL ? "serves" : "ended";
	record.reason = bytes_of(reason);
	publish(h, &proxy_event_worker, &record);
}

static const char *
name_of(const char *text)
{
	return (text[0] == '\0' ? NULL : text);
}

static void
tell_fault(struct herald *h, const struct blame *b)
{
	struct plugin_error record = {
		.plugin = name_of(b->name),
		.callback = b->callback,
		.tunnel = name_of(b->tunnel),
		.signal = name_of(b->signal),
		.detail = bytes_of(b->detail),
		.suspects = bytes_of(b->suspects),
	};

	publish(h, &plugin_event_error, &record);
}

static void
tell_slow(struct herald *h, const struct blame *b)
{
	struct plugin_slow record = {
		.plugin = name_of(b->name),
		.callback = b->callback,
		.tunnel = name_of(b->tunnel),
		.cpu_ms = b->cpu_ms,
		.asleep_ms = b->asleep_ms,
	};

	publish(h, &plugin_event_slow, &record);
}

static void
tell_barred(struct herald *h, const struct blame *b)
{
	struct plugin_quarantined record = {
		.plugin = name_of(b->name),
		.callback = b->callback,
		.target = bytes_of(b->target),
		.seconds = (uint32_t)b->seconds,
		.reason = bytes_of(b->seconds == 0 ?
		    "three faults in a minute" :
		    "twice the same fault in ten minutes"),
	};

	publish(h, &plugin_event_quarantined, &record);
}

void
herald_plugin(struct herald *h, const struct blame *b)
{
	static void (*const tell[])(struct herald *, const struct blame *) = {
		[BLAME_FAULT] = tell_fault,
		[BLAME_SLOW] = tell_slow,
		[BLAME_BARRED] = tell_barred,
	};

	if (h != NULL)
		tell[b->kind](h, b);
}

void
herald_stop(struct herald *h, const char *reason)
{
	struct proxy_stop record = { .version = FRL_VERSION,
	    .reason = reason };

	if (h != NULL)
		publish(h, &proxy_event_stop, &record);
}
