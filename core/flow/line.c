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

#define INLINE static inline __attribute__((always_inline))

/* Raw text whose length the compiler knows. */
#define LITERAL(w, text) put(w, text, sizeof(text) - 1)

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

/*
 * Writers work on a local copy of the struct json, so that the cursor stays
 * in registers; its address must not leave the inlined code.
 */
INLINE void
put(struct json *w, const char *text, size_t len)
{
	if (__builtin_expect(len > (size_t)(w->end - w->at), 0)) {
		json_overflow(w);
		return;
	}
	memcpy(w->at, text, len);
	w->at += len;
}

/* Text of a plan, behind which LINE_SLACK bytes may be read: a copy of fixed
 * size is much cheaper than one of a few bytes. */
INLINE void
put_slack(struct json *w, const char *text, size_t len)
{
	if (__builtin_expect(len > LINE_SLACK ||
	    w->end - w->at < LINE_SLACK, 0)) {
		put(w, text, len);
		return;
	}
	memcpy(w->at, text, LINE_SLACK);
	w->at += len;
}

static struct json
put_large(struct json w, uint64_t n)
{
	json_u64(&w, n);
	return (w);
}

/* Most numbers of a line are small. */
INLINE void
put_u64(struct json *w, uint64_t n)
{
	char text[4];

	if (n < 10) {
		text[0] = (char)('0' + n);
		put(w, text, 1);
	} else if (n < 100) {
		put(w, pairs + 2 * n, 2);
	} else if (n < 10000) {
		memcpy(text, pairs + 2 * (n / 100), 2);
		memcpy(text + 2, pairs + 2 * (n % 100), 2);
		if (n < 1000)
			put(w, text + 1, 3);
		else
			put(w, text, 4);
	} else {
		*w = put_large(*w, n);
	}
}

/* Two digits. */
INLINE void
digits(char *p, uint64_t n)
{
	memcpy(p, pairs + 2 * (n % 100), 2);
}

void
line_clock_set(struct line_clock *clock, uint64_t wall_us)
{
	uint64_t second = wall_us / 1000000, us = wall_us % 1000000;
	char *p = clock->text;
	time_t t = (time_t)second;
	struct tm tm;

	if (second != clock->second || p[0] == '\0') {
		if (gmtime_r(&t, &tm) == NULL)
			memset(&tm, 0, sizeof(tm));
		memcpy(p, "0000-00-00T00:00:00.000000Z", 28);
		digits(p, (unsigned)(tm.tm_year + 1900) / 100);
		digits(p + 2, (unsigned)(tm.tm_year + 1900));
		digits(p + 5, (unsigned)(tm.tm_mon + 1));
		digits(p + 8, (unsigned)tm.tm_mday);
		digits(p + 11, (unsigned)tm.tm_hour);
		digits(p + 14, (unsigned)tm.tm_min);
		digits(p + 17, (unsigned)tm.tm_sec);
		clock->second = second;
	}
	digits(p + 20, us / 10000);
	digits(p + 22, us / 100);
	digits(p + 24, us);
}

/* Printable ASCII without quote and backslash, eight bytes at a time: a byte
 * that is not has its top bit set in the result. */
INLINE uint64_t
dirty(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101, tops = ones << 7;
	uint64_t quote = x ^ ones * '"', slash = x ^ ones * '\\';

	return ((x | (x - ones * 0x20) | (x + ones) | (quote - ones) |
	    (slash - ones)) & tops);
}

static struct json
put_string(struct json w, const void *bytes, size_t len, size_t cap,
    bool *cut)
{
	*cut |= json_string(&w, bytes, len, cap);
	return (w);
}

/*
 * A name of ours has hardly ever anything to escape.  What looks as if it had
 * goes the long way.
 */
INLINE void
put_name(struct json *w, const char *name, size_t cap, bool *cut)
{
	size_t len = strnlen(name, cap + 1), i;
	uint64_t x, bad = 0;

	for (i = 0; i + 8 <= len; i += 8) {
		memcpy(&x, name + i, 8);
		bad |= dirty(x);
	}
	for (; i < len; i++)
		bad |= dirty(0x6161616161616100 | (unsigned char)name[i]);
	if (__builtin_expect(bad != 0 || len > cap, 0)) {
		*w = put_string(*w, name, len, cap, cut);
		return;
	}
	LITERAL(w, "\"");
	put(w, name, len);
	LITERAL(w, "\"");
}

INLINE void
put_value(struct json *w, const struct line_field *f, const void *p,
    const struct line *line, bool *cut)
{
	const struct frl_bytes *text;

	switch ((enum frl_type)f->type) {
	case FRL_U64:
		put_u64(w, *(const uint64_t *)p);
		break;
	case FRL_U32:
		put_u64(w, *(const uint32_t *)p);
		break;
	case FRL_I64:
		put_u64(w, (uint64_t)*(const int64_t *)p);
		break;
	case FRL_BOOL:
		if (*(const int8_t *)p != 0)
			LITERAL(w, "true");
		else
			LITERAL(w, "false");
		break;
	case FRL_TEXT:
		text = p;
		*w = put_string(*w, text->data, text->len, line_cap(f, line),
		    cut);
		break;
	case FRL_NAME:
		put_name(w, *(const char *const *)p, line_cap(f, line), cut);
		break;
	}
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
	struct json w = *j;
	size_t open = 0, common;
	bool cut = false, left_out = false;
	const void *value;

	_Static_assert(sizeof(braces) == LINE_DEPTH + 1, "one per object");
	for (common = 0; f < end; f++) {
		if (f->shared < common)
			common = f->shared;
		value = (const char *)record + f->offset;
		if (!f->always && !line_value(f, record, &value)) {
			left_out = true;
			continue;
		}
		if (!left_out) {
			put_slack(&w, f->next, f->next_len);
		} else {
			put(&w, braces, open - common);
			LITERAL(&w, ",");
			put_slack(&w, f->path + f->start[common],
			    (size_t)f->path_len - f->start[common]);
			left_out = false;
		}
		open = common = f->depth;
		put_value(&w, f, value, line, &cut);
	}
	put(&w, braces, open);
	*j = w;
	return (cut);
}

static bool
put_common(struct json *j, const struct line *line)
{
	struct json w = *j;
	bool cut = false;

	LITERAL(&w, "{\"v\":1,\"ts\":\"");
	put(&w, line->clock->text, 26);
	put(&w, line->plan->head, line->plan->head_len);
	if (line->tunnel != NULL) {
		LITERAL(&w, ",\"tunnel\":");
		put_name(&w, line->tunnel->id, LINE_CAP, &cut);
		LITERAL(&w, ",\"seq\":");
		put_u64(&w, line->seq);
	}
	if (line->plan->event->flags & FRL_EVENT_FLOW) {
		if (line->flow == FRL_FROM_CLIENT)
			LITERAL(&w, ",\"dir\":\"c2s\"");
		else if (line->flow == FRL_FROM_SERVER)
			LITERAL(&w, ",\"dir\":\"s2c\"");
	}
	*j = w;
	return (cut);
}

void
line_json(struct json *j, const struct line *line)
{
	const struct event_part *part;
	bool cut;

	cut = put_common(j, line);
	cut |= put_fields(j, line->plan, line->record, line);
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
