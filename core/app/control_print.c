/* SPDX-License-Identifier: MIT */
#include "app/control_print.h"

#include "base/json_find.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum form { TEXT, COUNT, BYTES, AGE_US, PAIR };

/* A column: the value at a path; PAIR: two of them, "name:port". */
struct column {
	const char *head, *path, *second;
	enum form form;
	int width;			/* negative: to the left */
};

struct table {
	const char *item;		/* of the lines that are its rows */
	struct column columns[12];
};

static const struct table tables[] = {
	{ "worker", {
		{ "WORKER", "pid", NULL, COUNT, 8 },
		{ "GENERATION", "generation", NULL, COUNT, 11 },
		{ "TUNNELS", "tunnels", NULL, COUNT, 8 },
		{ "SO FAR", "tunnels_total", NULL, COUNT, 9 },
		{ "->", "c2s_bytes", NULL, BYTES, 9 },
		{ "<-", "s2c_bytes", NULL, BYTES, 9 } } },
	{ "unready", {
		{ "NOT READY", "reason", NULL, TEXT, -16 },
		{ "WHY", "why", NULL, TEXT, 0 } } },
	{ "ended", {
		{ "TUNNELS", "tunnels", NULL, COUNT, 9 },
		{ " ENDED BY", "end", NULL, TEXT, 0 } } },
	{ "plugin", {
		{ "PLUGIN", "name", NULL, TEXT, -16 },
		{ "CALLS", "calls", NULL, COUNT, 11 },
		{ "BYTES", "bytes", NULL, BYTES, 9 },
		{ "MICROSECONDS", "us", NULL, COUNT, 14 } } },
	{ "tunnel.now", {
		{ "ID", "tunnel", NULL, TEXT, -18 },
		{ "AGE", "age_us", NULL, AGE_US, 6 },
		{ "SILENT", "silent_us", NULL, AGE_US, 7 },
		{ "-> BYTES", "c2s_bytes", NULL, BYTES, 9 },
		{ "<- BYTES", "s2c_bytes", NULL, BYTES, 9 },
		{ "-> MSGS", "ws.c2s.messages", NULL, COUNT, 8 },
		{ "<- MSGS", "ws.s2c.messages", NULL, COUNT, 8 },
		{ "RTT US", "ws.s2c.rtt_last_us", "ws.c2s.rtt_last_us", COUNT,
		    7 },
		{ " PROTOCOL", "inspector", "state", TEXT, -11 },
		{ "CLIENT", "client.addr", "client.port", PAIR, -22 },
		{ "SERVER", "server.name", "server.port", PAIR, 0 } } },
};

static void
form_age(char *text, size_t size, uint64_t s)
{
	if (s < 100)
		(void)snprintf(text, size, "%us", (unsigned)s);
	else if (s < 100 * 60)
		(void)snprintf(text, size, "%um", (unsigned)(s / 60));
	else if (s < 100 * 3600)
		(void)snprintf(text, size, "%uh", (unsigned)(s / 3600));
	else
		(void)snprintf(text, size, "%llud",
		    (unsigned long long)(s / 86400));
}

static void
form_bytes(char *text, size_t size, uint64_t n)
{
	static const char units[] = "BKMGTPE";
	double d = (double)n;
	size_t i = 0;

	for (; d >= 9999.5 && i + 2 < sizeof(units); i++)
		d /= 1024;
	(void)snprintf(text, size, i == 0 || d >= 99.95 ? "%.0f %c" :
	    "%.1f %c", d, units[i]);
}

static void
form(char *text, size_t size, const struct column *c, const char *line,
    size_t len)
{
	struct json_text value = json_find(line, len, c->path), second;

	if (value.len == 0 && c->second != NULL && c->form != PAIR)
		value = json_find(line, len, c->second);
	if (value.len == 0) {
		(void)snprintf(text, size, "-");
		return;
	}
	switch (c->form) {
	case BYTES:
		form_bytes(text, size, json_number(value));
		break;
	case AGE_US:
		form_age(text, size, json_number(value) / 1000000);
		break;
	case PAIR:
		second = json_find(line, len, c->second);
		(void)snprintf(text, size, second.len == 0 ? "%.*s" :
		    memchr(value.at, ':', value.len) != NULL ? "[%.*s]:%.*s" :
		    "%.*s:%.*s", (int)value.len, value.at, (int)second.len,
		    second.at);
		break;
	case TEXT:
	case COUNT:
		(void)snprintf(text, size, "%.*s", (int)value.len, value.at);
		break;
	}
}

static void
print_row(struct print *print, const struct table *table, const char *line,
    size_t len)
{
	const struct column *c;
	char text[320];

	if (print->table != table) {
		if (print->rows != 0)
			printf("\n");
		for (c = table->columns; c->head != NULL; c++)
			printf("%*s%s", c->width, c->head,
			    c[1].head != NULL ? " " : "\n");
	}
	print->table = table;
	print->rows++;
	for (c = table->columns; c->head != NULL; c++) {
		text[0] = c->head[0] == ' ' ? ' ' : '\0';
		form(text + (text[0] == ' '), sizeof(text) - 1, c, line, len);
		printf("%*s%s", c->width, text, c[1].head != NULL ? " " :
		    "\n");
	}
}

/* Of names and numbers. */
static void
print_members(struct print *print, const char *line, size_t len)
{
	struct json_text object = { line, len }, key, value;
	size_t at = 0;

	while (json_next(object, &at, &key, &value)) {
		if (json_is(key, "item"))
			continue;
		printf("%.*s%*s %.*s\n", (int)key.len, key.at,
		    key.len < 16 ? 16 - (int)key.len : 0, "", (int)value.len,
		    value.at);
		print->rows++;
	}
}

void
print_line(struct print *print, const char *line, size_t len)
{
	struct json_text item = json_find(line, len, "item");
	size_t i;

	if (len == 0 || line[0] != '{') {	/* an event */
		printf("%.*s\n", (int)len, line);
		return;
	}
	if (item.len == 0)
		item = json_find(line, len, "event");
	if (json_is(item, "silent")) {
		fprintf(stderr, "fairlead: worker %.*s did not answer in "
		    "time: its tunnels are not listed\n",
		    (int)json_find(line, len, "pid").len,
		    json_find(line, len, "pid").at);
		return;
	}
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (json_is(item, tables[i].item)) {
			print_row(print, &tables[i], line, len);
			return;
		}
	if (json_is(item, "skipped"))
		fprintf(stderr, "fairlead: %.*s lines were left out: this "
		    "terminal is too slow for them\n",
		    (int)json_find(line, len, "lines").len,
		    json_find(line, len, "lines").at);
	else if (!json_is(item, "tail"))
		print_members(print, line, len);
}

void
print_done(enum cli_command command)
{
	if (command == CLI_RELOAD)
		printf("reloaded\n");
	else if (command == CLI_DRAIN)
		printf("draining: nobody is let in any more\n");
	else if (command == CLI_CLOSE)
		printf("closed\n");
}
