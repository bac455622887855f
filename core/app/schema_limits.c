/* SPDX-License-Identifier: MIT */
/*
 * schema_limits -- the sections `limits` and `timeouts`, and what a listener
 * may say of the latter.
 *
 * Every deadline is one row of timeouts_table.  A listener's table and what
 * `fairlead timeouts` prints come from it.
 */
#include <stdio.h>
#include <string.h>

#include "app/schema.h"
#include "base/options.h"

#define DAY_MS (24u * 60u * 60u * 1000u)
#define YEAR_MS (365ull * DAY_MS)
#define PROBE_MS (6u * 60u * 60u * 1000u)	/* the kernel's are seconds in
						 * 15 bits */
#define GIB (1024ull * 1024 * 1024)

#define LIMIT(member) .name = #member, \
	.offset = offsetof(struct config_limits, member)

static const struct frl_option limits_table[] = {
	{ LIMIT(head), .def = "16KiB", .min = 1024, .max = 1024 * 1024,
	    .help = "bytes of a request head", .type = FRL_OPTION_SIZE },
	{ LIMIT(head_fields), .def = "100", .min = 1, .max = 10000,
	    .help = "field lines of a request head",
	    .type = FRL_OPTION_COUNT },
	{ LIMIT(hold), .def = "1MiB", .min = 1024, .max = GIB,
	    .help = "bytes that inspectors may hold per direction",
	    .type = FRL_OPTION_SIZE },
	{ LIMIT(tunnels), .def = "8192", .max = UINT32_MAX,
	    .help = "tunnels at a time; 0: any number",
	    .type = FRL_OPTION_COUNT },
	{ LIMIT(tunnels_per_client), .def = "4096", .max = UINT32_MAX,
	    .help = "tunnels of one client address; 0: any number",
	    .type = FRL_OPTION_COUNT },
	{ LIMIT(resolves), .def = "256", .max = UINT32_MAX,
	    .help = "queries to name servers under way, two for a name; "
	    "0: any number", .type = FRL_OPTION_COUNT },
	{ LIMIT(connects), .def = "1024", .max = UINT32_MAX,
	    .help = "tunnels that are connecting; 0: any number",
	    .type = FRL_OPTION_COUNT },
	{ LIMIT(memory), .def = "256MiB", .max = 1024 * GIB,
	    .help = "bytes that wait in all tunnels together; 0: no bound",
	    .type = FRL_OPTION_SIZE },
	{ LIMIT(generations), .def = "8", .min = 2, .max = 64,
	    .help = "generations of workers alive after reloads; the oldest "
	    "beyond them is drained", .type = FRL_OPTION_COUNT },
	{ .name = NULL },
};

/* A deadline is never absent; patience is turned off by 0, and so is a probe,
 * which the kernel does for us. */
#define TIMEOUT(member, value) .name = #member, .def = value, \
	.type = FRL_OPTION_DURATION, \
	.offset = offsetof(struct config_timeouts, member)
#define DEADLINE(member, value) TIMEOUT(member, value), .min = 1, \
	.max = DAY_MS
#define PATIENCE(member, value) TIMEOUT(member, value), .max = YEAR_MS
#define PROBE(member, value) TIMEOUT(member, value), .max = PROBE_MS

static const struct frl_option timeouts_table[] = {
	{ DEADLINE(head, "10s"),
	    .help = "for the whole head of a request to the proxy" },
	{ DEADLINE(detect, "10s"),
	    .help = "from the first byte until the protocol is clear" },
	{ DEADLINE(resolve, "5s"), .help = "for a server's name" },
	{ DEADLINE(connect, "10s"), .help = "for all attempts together" },
	{ DEADLINE(wait, "5s"),
	    .help = "for a hook that answers later; then refuse" },
	{ DEADLINE(farewell, "5s"), .help = "for last words to leave" },
	{ PATIENCE(idle, "1h"), .help = "without a byte in either direction; "
	    "an inspector may want less" },
	/* No half-closed tunnel lives without a timer. */
	{ DEADLINE(half_closed, "60s"),
	    .help = "without a byte when one side has finished" },
	{ PATIENCE(lifetime, "0"),
	    .help = "from the accepted connection to the end, whatever "
	    "moves" },
	{ PROBE(keepalive, "60s"), .help = "without a sign of a peer's host, "
	    "until it is probed (TCP)" },
	{ PROBE(unacknowledged, "60s"), .help = "until what was sent must be "
	    "acknowledged, and room made for what waits (TCP)" },
	{ PATIENCE(drain, "30s"), .help = "after SIGTERM, for tunnels to end "
	    "by themselves" },
	{ PATIENCE(reload_drain, "0"), .help = "the same after a reload" },
	{ .name = NULL },
};

#define TIMEOUTS (sizeof(timeouts_table) / sizeof(timeouts_table[0]))

/* Whom each of them is about; may a listener have its own? */
static const struct {
	const char *whom;
	bool listeners;
} about[] = {
	{ "client", true },		/* head */
	{ "either peer", true },	/* detect */
	{ "name servers", false },	/* resolve */
	{ "server", true },		/* connect */
	{ "hooks", false },		/* wait */
	{ "either peer", true },	/* farewell */
	{ "tunnel", true },		/* idle */
	{ "tunnel", true },		/* half_closed */
	{ "tunnel", true },		/* lifetime */
	{ "either peer", false },	/* keepalive */
	{ "either peer", false },	/* unacknowledged */
	{ "tunnel", false },		/* drain */
	{ "tunnel", false },		/* reload_drain */
};

_Static_assert(sizeof(about) / sizeof(about[0]) == TIMEOUTS - 1,
    "a row for each");

/* Without defaults: what a listener does not say stays as it is for all. */
static void
read_listener(struct schema *s, struct config_timeouts *timeouts,
    const struct yaml_node *node)
{
	struct frl_option table[TIMEOUTS];
	size_t i, n = 0;

	for (i = 0; i < TIMEOUTS; i++) {
		if (timeouts_table[i].name != NULL && !about[i].listeners)
			continue;
		table[n] = timeouts_table[i];
		table[n].flags = FRL_OPTION_OPTIONAL;
		table[n++].def = NULL;
	}
	*timeouts = s->config->timeouts;
	options_read(table, timeouts, s->file, node, s->root, NULL,
	    s->errors);
}

void
schema_limits(struct schema *s)
{
	const struct yaml_node *list = yaml_get(s->root, "listen");
	struct config *c = s->config;
	size_t i;

	options_read(limits_table, &c->limits, s->file,
	    yaml_get(s->root, "limits"), s->root, NULL, s->errors);
	options_read(timeouts_table, &c->timeouts, s->file,
	    yaml_get(s->root, "timeouts"), s->root, NULL, s->errors);
	for (i = 0; i < c->listen_count; i++)
		read_listener(s, &c->listens[i].timeouts,
		    yaml_get(&list->items[i], "timeouts"));
}

/* ------------------------------------------------------------------ */
/* For people								*/

static void
print_row(const char *prefix, const struct frl_option *o, const char *whom,
    bool listeners)
{
	printf("| `%s%s` | %s%s | %s | %s | %s |\n", prefix, o->name,
	    o->def == NULL ? "-" : o->def, o->def != NULL &&
	    strcmp(o->def, "0") == 0 ? " (never)" : "", whom,
	    listeners ? "yes" : "", o->help);
}

void
schema_print_timeouts(void)
{
	size_t i;

	printf("| name | default | is about | per listener | for how long |\n"
	    "|---|---|---|---|---|\n");
	for (i = 0; i + 1 < TIMEOUTS; i++)
		print_row("timeouts.", &timeouts_table[i], about[i].whom,
		    about[i].listeners);
}

void
schema_print_plugin_timeouts(const char *name,
    const struct frl_option *options)
{
	char prefix[64];

	snprintf(prefix, sizeof(prefix), "%s: ", name);
	for (; options != NULL && options->name != NULL; options++)
		if (options->type == FRL_OPTION_DURATION)
			print_row(prefix, options, "tunnel", false);
}
