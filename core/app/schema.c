/* SPDX-License-Identifier: MIT */
/*
 * schema -- the sections of the configuration file that are about the proxy
 * itself: whom it may reach, what it writes.  Its bounds are in
 * schema_limits.c.
 *
 * Every section is a table of options and, where a table cannot say it all,
 * a function that looks at the finished struct.  No function stops at the
 * first error.
 */
#include <stdlib.h>
#include <string.h>

#include "app/schema.h"
#include "base/options.h"

/* Choices are written as uint32_t. */
_Static_assert(sizeof(enum sink_format) == sizeof(uint32_t), "choice");
_Static_assert(sizeof(enum sink_on_full) == sizeof(uint32_t), "choice");
_Static_assert(sizeof(enum sink_audit) == sizeof(uint32_t), "choice");

struct top {
	uint64_t version;
	const char *undetected;
	const char *node;
	const char *workers;
};

static const struct frl_option top_table[] = {
	{ .name = "version", .help = "of this file's format: 1",
	    .type = FRL_OPTION_COUNT,
	    .offset = offsetof(struct top, version) },
	{ .name = "undetected", .def = "raw",
	    .help = "who takes what no inspector claims, or `refuse`",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct top, undetected) },
	{ .name = "node", .flags = FRL_OPTION_OPTIONAL,
	    .help = "this proxy's name in the log; the host's by default",
	    .type = FRL_OPTION_STRING, .offset = offsetof(struct top, node) },
	{ .name = "workers", .def = "auto",
	    .help = "processes that serve; auto: one per processor",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct top, workers) },
	{ .name = NULL },
};

static const char *const top_others[] = { "listen", "plugins", "upgrade",
	"destinations", "log", "limits", "timeouts", "resolver", "security",
	"parents", "admin", NULL };

struct destinations {
	struct frl_strings allow, refused_ports;
};

static const struct frl_option destinations_table[] = {
	{ .name = "allow", .flags = FRL_OPTION_OPTIONAL,
	    .help = "ranges of private, loopback and link-local addresses "
	    "that may be reached", .type = FRL_OPTION_LIST,
	    .offset = offsetof(struct destinations, allow) },
	{ .name = "refused_ports",
	    .def = "[22, 25, 465, 587, 2379, 6443, 10250]",
	    .help = "ports that no server is asked for at",
	    .type = FRL_OPTION_LIST,
	    .offset = offsetof(struct destinations, refused_ports) },
	{ .name = NULL },
};

static const struct frl_option log_table[] = {
	{ .name = "file", .def = "-",
	    .help = "a path, - for stdout, or /dev/stderr",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct sink_options, file) },
	{ .name = "format", .def = "json", .choices = "json|text",
	    .help = "one JSON object per line, or lines for people",
	    .type = FRL_OPTION_CHOICE,
	    .offset = offsetof(struct sink_options, format) },
	{ .name = "on_full", .def = "block", .choices = "block|drop",
	    .help = "when it is too slow: stop reading, or count the loss",
	    .type = FRL_OPTION_CHOICE,
	    .offset = offsetof(struct sink_options, on_full) },
	{ .name = "audit", .def = "off", .choices = "off|required",
	    .help = "required: no new tunnel while it cannot be written",
	    .type = FRL_OPTION_CHOICE,
	    .offset = offsetof(struct sink_options, audit) },
	{ .name = "events", .def = "[tunnel.*, http.*, ws.*]",
	    .help = "which events are written", .type = FRL_OPTION_LIST,
	    .offset = offsetof(struct sink_options, events) },
	{ .name = NULL },
};

const struct yaml_node *
schema_list(struct schema *s, const char *key)
{
	const struct yaml_node *node = yaml_get(s->root, key);

	if (node == NULL || node->kind == YAML_LIST)
		return (node);
	yaml_complain(s->file, node, s->errors, "%s: a list is expected", key);
	return (NULL);
}

void *
schema_alloc(struct schema *s, size_t count, size_t size)
{
	void *memory = calloc(count > 0 ? count : 1, size);

	if (memory == NULL)
		yaml_complain(s->file, s->root, s->errors, "out of memory");
	return (memory);
}

const struct yaml_node *
schema_place(const struct yaml_node *node, const char *key)
{
	const struct yaml_node *value = yaml_get(node, key);

	return (value != NULL ? value : node);
}

struct addr_range *
schema_ranges(struct schema *s, const struct frl_strings *texts,
    const struct yaml_node *node)
{
	struct addr_range *ranges;
	size_t i;

	ranges = schema_alloc(s, texts->count, sizeof(*ranges));
	if (ranges == NULL)
		return (NULL);
	for (i = 0; i < texts->count; i++) {
		if (addr_range_parse(&ranges[i], texts->items[i]) == 0)
			continue;
		yaml_complain(s->file, node->kind == YAML_LIST &&
		    i < node->count ? &node->items[i] : node, s->errors,
		    "'%s' is no range of addresses; " SCHEMA_RANGE,
		    texts->items[i]);
	}
	return (ranges);
}

/* Digits alone, as in a client's target. */
static uint16_t
read_port(const char *text)
{
	unsigned long port = strtoul(text, NULL, 10);
	size_t n = strlen(text);

	return (n == 0 || n > 5 || n != strspn(text, "0123456789") ||
	    text[0] == '0' || port > UINT16_MAX ? 0 : (uint16_t)port);
}

static void
read_ports(struct schema *s, const struct frl_strings *texts,
    const struct yaml_node *node)
{
	struct config *c = s->config;
	uint16_t *port;
	size_t i;

	c->refused_ports = schema_alloc(s, texts->count, sizeof(*port));
	if (c->refused_ports == NULL)
		return;
	for (i = 0; i < texts->count; i++) {
		port = &c->refused_ports[c->refused_port_count++];
		if ((*port = read_port(texts->items[i])) == 0)
			yaml_complain(s->file, node->kind == YAML_LIST &&
			    i < node->count ? &node->items[i] : node,
			    s->errors, "'%s' is no port, 1 to 65535",
			    texts->items[i]);
	}
}

static void
read_destinations(struct schema *s)
{
	const struct yaml_node *node = yaml_get(s->root, "destinations");
	struct config *c = s->config;
	struct destinations d;

	memset(&d, 0, sizeof(d));
	/* One list that is none does not keep the other from being read. */
	(void)options_read(destinations_table, &d, s->file, node, s->root,
	    NULL, s->errors);
	read_ports(s, &d.refused_ports, node == NULL ? s->root :
	    schema_place(node, "refused_ports"));
	if (d.allow.count > 0)
		c->allow = schema_ranges(s, &d.allow,
		    schema_place(node, "allow"));
	c->allow_count = c->allow == NULL ? 0 : d.allow.count;
	options_clear(destinations_table, &d);
}

/* "ws.frame", "ws.*", "*" */
static bool
pattern_valid(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.");

	if (text[n] == '*' && (n == 0 || text[n - 1] == '.'))
		n++;
	return (n > 0 && text[n] == '\0');
}

static void
read_sink(struct schema *s, size_t at, const struct yaml_node *node)
{
	struct sink_options *sinks = s->config->sinks, *sink = &sinks[at];
	const struct yaml_node *events;
	size_t i;

	if (options_read(log_table, sink, s->file, node, s->root, NULL,
	    s->errors) < 0)
		return;
	for (i = 0; i < at; i++) {
		if (sinks[i].file != NULL &&
		    strcmp(sinks[i].file, sink->file) == 0)
			yaml_complain(s->file, schema_place(node, "file"),
			    s->errors, "two logs into one file would tear "
			    "each other's lines");
	}
	if (sink->audit == SINK_REQUIRED && sink->on_full == SINK_DROP)
		yaml_complain(s->file, schema_place(node, "on_full"),
		    s->errors, "on_full: drop loses lines, and audit: required "
		    "forbids that; `block`, or `audit: off`, is expected");
	events = node == NULL ? NULL : yaml_get(node, "events");
	if (events != NULL && sink->events.count == 0)
		yaml_complain(s->file, events, s->errors, "events: at least "
		    "one pattern is expected, such as tunnel.* or *");
	for (i = 0; events != NULL && i < sink->events.count; i++) {
		if (!pattern_valid(sink->events.items[i]))
			yaml_complain(s->file, events->kind == YAML_LIST ?
			    &events->items[i] : events, s->errors,
			    "'%s' names no events, such as ws.frame or ws.*",
			    sink->events.items[i]);
	}
}

static void
read_log(struct schema *s)
{
	const struct yaml_node *list = schema_list(s, "log");
	struct config *c = s->config;
	size_t count = list == NULL ? 1 : list->count;

	if (count == 0 || count > EVENTS_SINKS_MAX) {
		yaml_complain(s->file, list, s->errors,
		    "log: one to %d entries are expected", EVENTS_SINKS_MAX);
		return;
	}
	c->sinks = schema_alloc(s, count, sizeof(*c->sinks));
	if (c->sinks == NULL)
		return;
	for (; c->sink_count < count; c->sink_count++)
		read_sink(s, c->sink_count, list == NULL ? NULL :
		    &list->items[c->sink_count]);
}

static void
read_workers(struct schema *s, const char *text)
{
	char *end;
	long n;

	if (strcmp(text, "auto") == 0)
		return;
	n = strtol(text, &end, 10);
	if (text[0] < '1' || text[0] > '9' || *end != '\0' ||
	    n > CONFIG_WORKERS_MAX)
		yaml_complain(s->file, schema_place(s->root, "workers"),
		    s->errors, "workers: `auto` or 1 to %d is expected",
		    CONFIG_WORKERS_MAX);
	else
		s->config->workers = (uint32_t)n;
}

static void
read_top(struct schema *s)
{
	struct top top;

	memset(&top, 0, sizeof(top));
	/* 0: it is missing, and that was said. */
	if ((options_read(top_table, &top, s->file, s->root, s->root,
	    top_others, s->errors) == 0 || top.version != 0) &&
	    top.version != 1)
		yaml_complain(s->file, schema_place(s->root, "version"),
		    s->errors, "version %llu is not known here; this "
		    "program reads 1", (unsigned long long)top.version);
	if (top.undetected != NULL)
		schema_undetected(s, top.undetected);
	if (top.workers != NULL)
		read_workers(s, top.workers);
	if (top.node != NULL)
		s->config->node = strdup(top.node);
	options_clear(top_table, &top);
}

void
schema_read(struct schema *s)
{
	if (s->root->kind != YAML_MAP) {
		yaml_complain(s->file, s->root, s->errors, "a map with "
		    "`version`, `listen` and `plugins` is expected");
		return;
	}
	/* Others name plugins, so these come first. */
	schema_plugins(s);
	read_top(s);
	schema_listen(s);
	schema_upgrade(s);
	read_destinations(s);
	read_log(s);
	schema_limits(s);
	schema_resolver(s);
	schema_security(s);
	schema_parents(s);
	schema_admin(s);
	schema_warn_idle(s);
}

void
schema_clear(struct config *c)
{
	size_t i;

	for (i = 0; i < c->sink_count; i++)
		options_clear(log_table, &c->sinks[i]);
	for (i = 0; i < c->upgrade_count; i++)
		free(c->upgrades[i].token);
	free(c->sinks);
	free(c->upgrades);
	config_clear_listens(c);
	schema_security_clear(c);
	free(c->allow);
	free(c->name_servers);
	parents_clear(&c->parents);
	free(c->refused_ports);
	free(c->node);
}
