/* SPDX-License-Identifier: MIT */
/*
 * line -- writes an event as one line of JSON.
 *
 * A line is mostly copies of finished text and a few numbers: no printf, no
 * look-up of a name.  The clock's seconds are formatted once per second.
 */
#include <string.h>
#include <time.h>

#include "flow/line_plan.h"

/* Raw text whose length the compiler knows. */
#define LITERAL(j, text) put(j, text, sizeof(text) - 1)

static inline void
put(struct json *j, const char *text, size_t len)
{
	if (__builtin_expect(j->full || len > (size_t)(j->end - j->at), 0)) {
		j->full = true;
		return;
	}
	memcpy(j->at, text, len);
	j->at += len;
}

/* Most numbers of a line have one digit. */
static inline void
put_u64(struct json *j, uint64_t n)
{
	char digit;

	if (n > 9) {
		json_u64(j, n);
		return;
	}
	digit = (char)('0' + n);
	put(j, &digit, 1);
}

/* Digits behind each other, with leading zeros. */
static void
digits(char *p, unsigned n, int count)
{
	while (count-- > 0) {
		p[count] = (char)('0' + n % 10);
		n /= 10;
	}
}

void
line_clock_set(struct line_clock *clock, uint64_t wall_us)
{
	uint64_t second = wall_us / 1000000;
	time_t t = (time_t)second;
	struct tm tm;

	if (second != clock->second || clock->text[0] == '\0') {
		if (gmtime_r(&t, &tm) == NULL)
			memset(&tm, 0, sizeof(tm));
		memcpy(clock->text, "0000-00-00T00:00:00.000000Z", 28);
		digits(clock->text, (unsigned)(tm.tm_year + 1900), 4);
		digits(clock->text + 5, (unsigned)(tm.tm_mon + 1), 2);
		digits(clock->text + 8, (unsigned)tm.tm_mday, 2);
		digits(clock->text + 11, (unsigned)tm.tm_hour, 2);
		digits(clock->text + 14, (unsigned)tm.tm_min, 2);
		digits(clock->text + 17, (unsigned)tm.tm_sec, 2);
		clock->second = second;
	}
	digits(clock->text + 20, (unsigned)(wall_us % 1000000), 6);
}

/*
 * A name of ours: short, and nearly always without anything to escape.  It
 * goes out byte by byte as long as that holds.
 */
static bool
put_name(struct json *j, const char *name, size_t cap)
{
	char *p = j->at;
	size_t i, room = (size_t)(j->end - j->at);

	for (i = 0; i < cap && i + 2 < room; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c == '\0' && !j->full) {
			p[0] = '"';
			p[i + 1] = '"';
			j->at += i + 2;
			return (false);
		}
		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			break;
		p[i + 1] = (char)c;
	}
	return (json_string(j, name, strnlen(name, cap + 1), cap));
}

/* True when a string was cut. */
static inline bool
put_value(struct json *j, const struct line_field *f, const void *p,
    size_t cap)
{
	const struct frl_bytes *text;

	switch ((enum frl_type)f->type) {
	case FRL_U64:
		put_u64(j, *(const uint64_t *)p);
		break;
	case FRL_U32:
		put_u64(j, *(const uint32_t *)p);
		break;
	case FRL_I64:
		put_u64(j, (uint64_t)*(const int64_t *)p);
		break;
	case FRL_BOOL:
		if (*(const int8_t *)p != 0)
			LITERAL(j, "true");
		else
			LITERAL(j, "false");
		break;
	case FRL_TEXT:
		text = p;
		return (json_string(j, text->data, text->len, cap));
	case FRL_NAME:
		return (put_name(j, *(const char *const *)p, cap));
	}
	return (false);
}

/*
 * The fields that are there, behind something that was written at the top of
 * the line; ends at the top.
 *
 * `open` objects are open.  When fields were left out, `common` of them are
 * still right for the field at hand.
 */
static bool
put_fields(struct json *j, const struct line_plan *plan, const void *record,
    const struct line *line)
{
	static const char braces[] = "}}}}";
	const struct line_field *f = plan->fields;
	const struct line_field *end = f + plan->count;
	size_t open = 0, common;
	bool cut = false, left_out = false;
	const void *value;

	_Static_assert(sizeof(braces) == LINE_DEPTH + 1, "one per object");
	for (common = 0; f < end; f++) {
		if (f->shared < common)
			common = f->shared;
		if (!line_value(f, record, &value)) {
			left_out = true;
			continue;
		}
		if (!left_out) {
			put(j, f->next, f->next_len);
		} else {
			put(j, braces, open - common);
			LITERAL(j, ",");
			put(j, f->path + f->start[common],
			    (size_t)f->path_len - f->start[common]);
			left_out = false;
		}
		open = common = f->depth;
		cut |= put_value(j, f, value, line_cap(f, line));
	}
	put(j, braces, open);
	return (cut);
}

static void
put_common(struct json *j, const struct line *line)
{
	LITERAL(j, "{\"v\":1,\"ts\":\"");
	put(j, line->clock->text, 26);
	put(j, line->plan->head, line->plan->head_len);
	if (line->tunnel != NULL) {
		LITERAL(j, ",\"tunnel\":");
		put_name(j, line->tunnel->id, LINE_CAP);
		LITERAL(j, ",\"seq\":");
		put_u64(j, line->seq);
	}
	if (line->plan->event->flags & FRL_EVENT_FLOW) {
		if (line->flow == FRL_FROM_CLIENT)
			LITERAL(j, ",\"dir\":\"c2s\"");
		else if (line->flow == FRL_FROM_SERVER)
			LITERAL(j, ",\"dir\":\"s2c\"");
	}
}

void
line_json(struct json *j, const struct line *line)
{
	const struct event_part *part;
	bool cut;

	put_common(j, line);
	cut = put_fields(j, line->plan, line->record, line);
	for (part = line->parts; part != NULL; part = part->next)
		cut |= put_fields(j, part->plan, part->record, line);
	if (line->verdict == LINE_ALLOW)
		LITERAL(j, ",\"verdict\":\"allow\"");
	else if (line->verdict == LINE_REFUSE)
		LITERAL(j, ",\"verdict\":\"refuse\"");
	if (cut)
		LITERAL(j, ",\"trunc\":true");
	LITERAL(j, "}\n");
}
