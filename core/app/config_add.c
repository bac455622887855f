/* SPDX-License-Identifier: MIT */
/*
 * config_add -- what a command line adds to a config that was read.  Its
 * errors name no line of a file, for there is none.
 */
#include <stdlib.h>
#include <string.h>

#include "app/config.h"

int
config_listen_only(struct config *config, const char *address,
    struct err *err)
{
	struct config_listen *listen = calloc(1, sizeof(*listen));

	if (listen == NULL)
		return (err_set(err, "out of memory"));
	if (addr_parse(&listen->addr, address) != 0) {
		free(listen);
		return (err_set(err, "'%s' is no IP:port", address));
	}
	addr_format_port(&listen->addr, listen->name);
	listen->timeouts = config->timeouts;
	config_clear_listens(config);
	config->listens = listen;
	config->listen_count = 1;
	return (0);
}

int
config_add_allow(struct config *config, const char *range, struct err *err)
{
	struct addr_range *allow, parsed;

	if (addr_range_parse(&parsed, range) != 0)
		return (err_set(err, "'%s' is no range of addresses; "
		    SCHEMA_RANGE, range));
	allow = realloc(config->allow,
	    (config->allow_count + 1) * sizeof(*allow));
	if (allow == NULL)
		return (err_set(err, "out of memory"));
	allow[config->allow_count++] = parsed;
	config->allow = allow;
	return (0);
}

int
config_set_parent(struct config *config, const char *url, struct err *err)
{
	static const char *const excepted[] = { "localhost", "*.localhost",
		"127.0.0.0/8", "::1" };
	const size_t count = sizeof(excepted) / sizeof(excepted[0]);
	struct parents *all = &config->parents;
	struct parent *p;
	size_t i;

	parents_clear(all);
	all->list = p = calloc(1, sizeof(*p));
	if (p == NULL)
		return (err_set(err, "out of memory"));
	all->count = 1;
	if (parents_read_url(p, url, err) != 0)
		return (-1);
	p->resolves = true;
	p->wanted = calloc(1, sizeof(*p->wanted));	/* any */
	p->excepted = calloc(count, sizeof(*p->excepted));
	if (p->wanted == NULL || p->excepted == NULL)
		return (err_set(err, "out of memory"));
	p->wanted_count = 1;
	for (i = 0; i < count; i++)
		(void)parents_read_pattern(&p->excepted[i], excepted[i]);
	p->excepted_count = count;
	return (parents_finish(all) == 0 ? 0 :
	    err_set(err, "the system gives no random number"));
}

/* The next place in the list of sinks; counted once it is filled. */
static struct sink_options *
sink_place(struct config *config, const char *file, struct err *err)
{
	struct sink_options *sinks;
	size_t i;

	for (i = 0; i < config->sink_count; i++) {
		if (strcmp(config->sinks[i].file, file) == 0) {
			err_set(err, "%s: two logs into one file would tear "
			    "each other's lines", file);
			return (NULL);
		}
	}
	if (config->sink_count == EVENTS_SINKS_MAX) {
		err_set(err, "%s: the configuration has %d logs already, and "
		    "there can be no more", file, EVENTS_SINKS_MAX);
		return (NULL);
	}
	sinks = realloc(config->sinks,
	    (config->sink_count + 1) * sizeof(*sinks));
	if (sinks == NULL) {
		err_set(err, "out of memory");
		return (NULL);
	}
	config->sinks = sinks;
	memset(&sinks[config->sink_count], 0, sizeof(*sinks));
	return (&sinks[config->sink_count]);
}

int
config_add_sink(struct config *config, const char *file,
    enum sink_format format, struct err *err)
{
	struct sink_options *sink = sink_place(config, file, err);
	const char **all;

	if (sink == NULL)
		return (-1);
	sink->format = format;
	sink->on_full = SINK_BLOCK;
	sink->file = strdup(file);
	all = calloc(1, sizeof(*all));
	if (all != NULL)
		all[0] = strdup("*");
	sink->events.items = all;
	sink->events.count = all == NULL ? 0 : 1;
	/* Counted: config_free() frees what is there of it. */
	config->sink_count++;
	if (sink->file == NULL || all == NULL || all[0] == NULL)
		return (err_set(err, "out of memory"));
	return (0);
}
