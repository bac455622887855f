/* SPDX-License-Identifier: MIT */
/*
 * admin_metrics -- all counters in the text format of Prometheus, 0.0.4.
 *
 * Counters are of all workers that ever were, so that none goes back when a
 * worker does.
 */
#include "app/admin_parts.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static void
head(struct admin_client *c, const char *name, const char *kind,
    const char *help)
{
	client_say(c, "# HELP fairlead_%s %s\n# TYPE fairlead_%s %s\n", name,
	    help, name, kind);
}

static void
one(struct admin_client *c, const char *name, const char *kind,
    const char *help, uint64_t n)
{
	head(c, name, kind, help);
	client_say(c, "fairlead_%s %llu\n", name, (unsigned long long)n);
}

static void
put_rows(struct admin_client *c, const struct board *sum)
{
	static const struct {
		const char *name, *label, *kind, *help;
	} rows[] = {
#define ROW(member, name, label, kind, help) { name, label, #kind, help },
		BOARD_TABLE(ROW)
#undef ROW
	};
	unsigned i;

	for (i = 0; i < BOARD_ROWS; i++) {
		bool labelled = rows[i].label[0] != '\0';

		if (i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0)
			head(c, rows[i].name, rows[i].kind, rows[i].help);
		client_say(c, "fairlead_%s%s%s%s %llu\n", rows[i].name,
		    labelled ? "{" : "", rows[i].label, labelled ? "}" : "",
		    (unsigned long long)board_get(&sum->rows[i]));
	}
}

static void
put_ends(struct admin_client *c, const struct board *sum)
{
	unsigned i;

	head(c, "tunnels_ended_total", "counter",
	    "Tunnels that ended, by the reason that tunnel.close, "
	    "tunnel.refused or tunnel.failed gives.");
	for (i = WHY_NONE + 1; i < WHY_COUNT; i++)
		client_say(c, "fairlead_tunnels_ended_total{end=\"%s\"} "
		    "%llu\n", why_row((enum why)i)->name,
		    (unsigned long long)board_get(&sum->ends[i]));
}

static void
put_plugins(struct admin_client *c, const struct board *sum)
{
	const struct board_plugin *p = sum->plugins, *end = p +
	    sum->plugin_count, *i;

	if (p == end)
		return;
	head(c, "plugin_calls_total", "counter",
	    "Times that bytes were shown to an inspector.");
	for (i = p; i < end; i++)
		client_say(c, "fairlead_plugin_calls_total{plugin=\"%s\"} "
		    "%llu\n", i->name,
		    (unsigned long long)board_get(&i->calls));
	head(c, "plugin_bytes_total", "counter",
	    "Bytes that were shown to an inspector for the first time.");
	for (i = p; i < end; i++)
		client_say(c, "fairlead_plugin_bytes_total{plugin=\"%s\"} "
		    "%llu\n", i->name,
		    (unsigned long long)board_get(&i->bytes));
	head(c, "plugin_seconds_total", "counter",
	    "Time that an inspector took for them.");
	for (i = p; i < end; i++)
		client_say(c, "fairlead_plugin_seconds_total{plugin=\"%s\"} "
		    "%.6f\n", i->name, (double)board_get(&i->us) / 1e6);
}

/* How a log is doing, for whichever worker it is worst. */
struct row {
	char file[BOARD_FILE_SIZE];
	bool broken;
};

/* Logs of old generations, too. */
static size_t
find_logs(const struct admin *a, struct row *rows, size_t max)
{
	const struct admin_seat *seat;
	char file[BOARD_FILE_SIZE];
	size_t count = 0, i, k;

	DL_FOREACH(a->seats, seat)
		for (i = 0; seat->board != NULL && i < BOARD_LOGS_MAX; i++) {
			board_log_file(&seat->board->logs[i], file);
			for (k = 0; k < count && strcmp(rows[k].file,
			    file) != 0; k++)
				;
			if (file[0] == '\0' || k == max)
				continue;
			if (k == count) {
				strcpy(rows[k].file, file);
				rows[count++].broken = false;
			}
			rows[k].broken |= atomic_load(
			    &seat->board->logs[i].trouble) != 0;
		}
	return (count);
}

static void
put_logs(struct admin_client *c)
{
	struct row rows[4 * BOARD_LOGS_MAX];
	size_t i, n = find_logs(c->admin, rows, sizeof(rows) /
	    sizeof(rows[0]));

	if (n == 0)
		return;
	head(c, "log_broken", "gauge", "1: this log cannot be "
	    "written.");
	for (i = 0; i < n; i++)
		client_say(c, "fairlead_log_broken{log=\"%s\"} %d\n",
		    rows[i].file, rows[i].broken);
}

static void
put_state(struct admin_client *c)
{
	const struct admin *a = c->admin;
	const struct message_state *s = &a->state;
	const struct admin_seat *seat;
	uint64_t workers = 0;

	DL_FOREACH(a->seats, seat)
		workers++;
	head(c, "info", "gauge", "The version that runs.");
	client_say(c, "fairlead_info{version=\"" FRL_VERSION "\"} 1\n");
	one(c, "ready", "gauge", "Are new clients served?", admin_ready(a));
	one(c, "start_time_seconds", "gauge", "When the proxy was started, "
	    "since 1970.", s->began_us / 1000000);
	one(c, "generation", "gauge", "Of the configuration that serves.",
	    s->generation);
	one(c, "workers", "gauge", "Workers that are there, also those of "
	    "old generations.", workers);
	head(c, "reloads_total", "counter", "Configurations that were read "
	    "anew.");
	client_say(c, "fairlead_reloads_total{result=\"serves\"} %u\n"
	    "fairlead_reloads_total{result=\"failed\"} %u\n",
	    (unsigned)s->reloads, (unsigned)s->failures);
	one(c, "worker_deaths_total", "counter", "Workers that ended without "
	    "being told to.", s->deaths);
}

void
admin_metrics(struct admin_client *c)
{
	struct board *sum = malloc(sizeof(*sum));

	if (sum == NULL) {
		c->lost = true;
		return;
	}
	admin_sum(c->admin, sum);
	put_state(c);
	put_rows(c, sum);
	put_logs(c);
	put_ends(c, sum);
	put_plugins(c, sum);
	free(sum);
}
