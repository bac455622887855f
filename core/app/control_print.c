/* SPDX-License-Identifier: MIT */
#include "app/control_print.h"

#include "base/json_find.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum form { TEXT, COUNT, BYTES, AGE_US, PAIR };

/*
 * A column: the value at a path, or at the second one; PAIR: both of them,
 * "name:port"; AGE_US: the less.  "*." is the object of whichever inspector
 * has such a member.
 */
struct column {
	const char *head, *path, *second;
	enum form form;
	int width;			/* negative: to the left */
};

struct table {
	const char *item;		/* of the lines that are its rows */
	struct column columns[15];
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
		{ "-> FRAMES", "*.c2s.frames", NULL, COUNT, 10 },
		{ "<- FRAMES", "*.s2c.frames", NULL, COUNT, 10 },
		{ "-> MSGS", "*.c2s.messages", NULL, COUNT, 8 },
		{ "<- MSGS", "*.s2c.messages", NULL, COUNT, 8 },
		{ "PING", "*.s2c.ping_age_us", "*.c2s.ping_age_us", AGE_US,
		    5 },
		{ "RTT US", "*.s2c.rtt_last_us", "*.c2s.rtt_last_us", COUNT,
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

/* The value at the path of a column; NULL is none. */
static struct json_text
find(const char *line, size_t len, const char *path)
{
	struct json_text object = { line, len }, key, value = { "", 0 }, found;
	size_t at = 0;

	if (path == NULL)
		return (value);
	if (strncmp(path, "*.", 2) != 0)
		return (json_find(line, len, path));
	while (json_next(object, &at, &key, &value)) {
		if (value.len == 0 || value.at[0] != '{')
			continue;
		found = json_find(value.at, value.len, path + 2);
		if (found.len != 0)
			return (found);
	}
	return ((struct json_text){ "", 0 });
}

static void
form(char *text, size_t size, const struct column *c, const char *line,
    size_t len)
{
	struct json_text value = find(line, len, c->path);
	struct json_text second = find(line, len, c->second);

	if (c->form != PAIR && (value.len == 0 || (c->form == AGE_US &&
	    second.len != 0 && json_number(second) < json_number(value))))
		value = second;
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

/* A line of a program's errors.  What is escaped stays so, for a terminal
 * reads it; quotes and backslashes are none of that. */
static void
print_error(struct json_text text)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.at[i] == '\\' && i + 1 < text.len &&
		    (text.at[i + 1] == '"' || text.at[i + 1] == '\\'))
			i++;
		(void)fputc(text.at[i], stderr);
	}
	(void)fputc('\n', stderr);
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
	if (json_is(item, "error")) {
		print_error(json_find(line, len, "text"));
		return;
	}
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
