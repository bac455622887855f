/* SPDX-License-Identifier: MIT */
/*
 * fuzz_line -- lines of the log: records of every event there is, filled with
 * whatever bytes a peer could send.
 *
 * What must hold: a JSON line is one object of strict JSON with a newline,
 * without control characters; one for people has none but its newline; a
 * line that does not fit says so, and nothing is written past the end; the
 * same for single strings.
 *
 * The first byte chooses the event, the second what stands around the record;
 * then come the values.
 */
#include <dlfcn.h>

#include "base/json.h"
#include "flow/line.h"
#include "flow/tunnel_events.h"
#include "fuzz.h"
#include "strict_json.h"

#define EVENTS 64
#define LINE (64 * 1024)

/* Every type, and no text for people. */
struct all {
	struct frl_bytes text;
	const char *name;
	uint64_t u64;
	int64_t i64;
	uint32_t u32;
	int8_t yes;
};

#define F(n, member, t, f) { .name = n, .help = "", .type = t, .flags = f, \
	.offset = offsetof(struct all, member) }

static const struct frl_field all_fields[] = {
	F("all.text", text, FRL_TEXT, 0), F("all.name", name, FRL_NAME, 0),
	F("all.u64", u64, FRL_U64, FRL_ABSENT_ZERO),
	F("all.deep.i64", i64, FRL_I64, 0),
	F("all.deep.u32", u32, FRL_U32, 0), F("yes", yes, FRL_BOOL, 0),
	{ .name = NULL }
};

static const struct frl_event all_bare = { .name = "all.bare", .help = "",
	.fields = all_fields, .record_size = sizeof(struct all),
	.flags = FRL_EVENT_FLOW };
static const struct frl_event all_text = { .name = "all.text", .help = "",
	.text = "all {>} {all.text:-8}: {all.name:8} {all.u64} "
	    "{all.deep.i64}, {all.deep.u32}:{yes?word} {yes} {all.u64?many}",
	.fields = all_fields, .record_size = sizeof(struct all),
	.flags = FRL_EVENT_FLOW | FRL_EVENT_ASKS };
static const struct frl_event *const all_events[] = { &all_bare, &all_text,
	NULL };

static struct {
	const struct frl_event *event;
	struct line_plan *plan;
} events[EVENTS];
static size_t event_count;

static void
add(const struct frl_event *const *list)
{
	struct err err;

	for (; *list != NULL; list++) {
		MUST(event_count < EVENTS);
		events[event_count].event = *list;
		events[event_count].plan = line_compile(*list, "node", &err);
		MUST(events[event_count++].plan != NULL);
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const files[] = {
		FRL_BUILD_DIR "/plugins/http.so",
		FRL_BUILD_DIR "/plugins/websocket.so"
	};

	(void)argc, (void)argv;
	add(all_events);
	add(tunnel_events);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		void *library = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
		const struct frl_plugin *plugin;

		MUST(library != NULL);
		plugin = dlsym(library, FRL_SYMBOL);
		MUST(plugin != NULL);
		add(plugin->events);
	}
	return (0);
}

/* One value, by the table. */
static void
fill(uint8_t *at, const struct frl_field *field, struct input *in)
{
	static const char *const names[] = { NULL, "", "1.1", "text",
	    "127.0.0.1:3128", "unix:/a \\\"\x01\xff/b" };
	struct frl_bytes text = { NULL, 0 };
	uint64_t n;

	if (field->type == FRL_TEXT && (n = input_number(in, 2)) != 0) {
		text = input_take(in, n & 0x7ff);
		text.data = fuzz_copy(text.data, text.len);
	}
	if (field->type == FRL_TEXT) {
		memcpy(at, &text, sizeof(text));
	} else if (field->type == FRL_NAME) {
		memcpy(at, &names[input_byte(in) % 6u], sizeof(names[0]));
	} else if (field->type == FRL_BOOL) {
		*at = (uint8_t)(input_byte(in) % 3u - 1u);
	} else if (field->type == FRL_U32) {
		*(uint32_t *)(void *)at = (uint32_t)input_number(in, 4);
	} else {
		n = input_number(in, input_byte(in) % 9u);
		memcpy(at, &n, sizeof(n));
	}
}

static void *
make_record(const struct frl_event *event, struct input *in)
{
	uint8_t *record = calloc(1, event->record_size);

	MUST(record != NULL);
	for (const struct frl_field *f = event->fields; f->name != NULL; f++)
		fill(record + f->offset, f, in);
	return (record);
}

static void
free_record(const struct frl_event *event, uint8_t *record)
{
	struct frl_bytes text;

	for (const struct frl_field *f = event->fields; f->name != NULL; f++) {
		if (f->type != FRL_TEXT)
			continue;
		memcpy(&text, record + f->offset, sizeof(text));
		free((void *)(uintptr_t)text.data);
	}
	free(record);
}

/* Write it with that much room.  0: it did not fit. */
static size_t
write_line(void (*write)(struct json *j, const struct line *line),
    const struct line *line, char *mem, size_t room)
{
	char *exact = fuzz_copy("", 0);
	struct json j;
	size_t n;

	exact = realloc(exact, room + 1);
	MUST(exact != NULL);
	j = (struct json){ .at = exact, .end = exact + room };
	write(&j, line);
	MUST(j.at >= exact && j.at <= exact + room);
	n = (size_t)(j.at - exact);
	memcpy(mem, exact, n);
	free(exact);
	return (j.full ? 0 : n);
}

static void
check_line(const struct line *line, size_t room)
{
	static char mem[LINE], small[LINE];
	static struct strict strict;
	size_t n = write_line(line_json, line, mem, LINE), m;

	MUST(n > 0 && strict_line(&strict, mem, n));
	m = write_line(line_json, line, small, room);
	MUST(m == 0 || (m == n && memcmp(mem, small, n) == 0));
	n = write_line(line_text, line, mem, LINE);
	MUST(n > 0 && mem[n - 1] == '\n' && fuzz_is_plain(mem, n - 1, 0));
	m = write_line(line_text, line, small, room);
	MUST(m == 0 || (m == n && memcmp(mem, small, n) == 0));
}

/* A string alone. */
static void
check_string(struct input *in)
{
	static char mem[LINE];
	static struct strict strict;
	size_t room = input_number(in, 2) % 4096u, cap = input_byte(in);
	struct frl_bytes text = input_take(in, in->len);
	void *copy = fuzz_copy(text.data, text.len);
	struct json j = { .at = mem, .end = mem + room };

	(void)json_plain(&j, copy, text.len, cap);
	MUST(j.at <= mem + room);
	MUST(fuzz_is_plain(mem, (size_t)(j.at - mem), 0));
	j = (struct json){ .at = mem, .end = mem + LINE };
	json_raw(&j, "{\"k\":", 5);
	(void)json_string(&j, copy, text.len, cap == 0 ? 8000 : cap);
	json_raw(&j, "}\n", 2);
	MUST(j.full || strict_line(&strict, mem, (size_t)(j.at - mem)));
	free(copy);
}

/* Fields of another event behind them, as in tunnel.close. */
static bool
make_part(struct event_part *part, size_t behind, struct input *in,
    const struct frl_event **ret_event)
{
	size_t which = input_byte(in) % event_count;

	part->plan = events[which].plan;
	if (line_plan_clash(events[behind].plan, part->plan) != NULL)
		return (false);
	*ret_event = events[which].event;
	part->record = make_record(*ret_event, in);
	return (true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct event_part part = { .next = NULL };
	const struct frl_event *other = NULL;
	struct frl_tunnel tunnel = { .id = "7f3a9c21-00000a4e" };
	struct input in = { bytes, len };
	size_t which = input_byte(&in), room;
	uint8_t around = input_byte(&in);
	struct line_clock clock = { .second_us = 0 };
	struct line line = { .flow = -1, .clock = &clock };
	void *record;

	if (which == 0xff) {
		check_string(&in);
		return (0);
	}
	which %= event_count;
	line_clock_set(&clock, input_number(&in, 7));
	line.plan = events[which].plan;
	line.seq = around;
	line.verdict = around % 3u;
	line.tunnel = (around & 4) ? &tunnel : NULL;
	line.usual_id = (around & 4) != 0;
	line.flow = events[which].event->flags & FRL_EVENT_FLOW ?
	    around >> 7 : -1;
	line.cap = (around & 8) ? input_byte(&in) : 0;
	room = (size_t)input_number(&in, 2) % 2048u;
	record = make_record(events[which].event, &in);
	line.record = record;
	if ((around & 16) && make_part(&part, which, &in, &other))
		line.parts = &part;
	check_line(&line, room);
	if (other != NULL)
		free_record(other, part.record);
	free_record(events[which].event, record);
	return (0);
}
