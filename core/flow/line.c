/* SPDX-License-Identifier: MIT */
/*
 * line -- writes an event as one line of JSON.
 *
 * A line is mostly copies of finished text and a few numbers: no printf, no
 * look-up of a name.  The clock's seconds are formatted once per second.  Room
 * is asked for once, for all that has a known size; behind a text, whose size
 * a peer decides, once more.
 */
#include <string.h>
#include <time.h>

#include "base/id.h"
#include "flow/line_plan.h"

#define INLINE static inline __attribute__((always_inline))

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

/* Is there room?  If not, nothing will fit any more, and whoever wants the
 * line begins it again where there is more. */
INLINE bool
fits(struct json *w, size_t n)
{
	if (__builtin_expect((size_t)(w->end - w->at) >= n, 1))
		return (true);
	json_overflow(w);
	return (false);
}

/*
 * Text behind which LINE_SLACK bytes may be read, into room for as many more:
 * a copy of fixed size is much cheaper than one of a few bytes.
 */
INLINE char *
copy(char *p, const char *text, size_t len)
{
	memcpy(p, text, LINE_SLACK);
	if (__builtin_expect(len > LINE_SLACK, 0))
		memcpy(p + LINE_SLACK, text + LINE_SLACK, len - LINE_SLACK);
	return (p + len);
}

/* Two digits. */
INLINE void
digits(char *p, uint64_t n)
{
	memcpy(p, pairs + 2 * ((uint32_t)n % 100), 2);
}

static char *
large(char *p, uint64_t n)
{
	struct json w = { .at = p, .end = p + LINE_NUMBER };

	json_u64(&w, n);
	return (w.at);
}

/* Most numbers of a line are small. */
INLINE char *
number(char *p, uint64_t n)
{
	if (n < 10) {
		*p = (char)('0' + n);
		return (p + 1);
	}
	if (n < 100) {
		digits(p, n);
		return (p + 2);
	}
	if (n < 1000) {
		*p = (char)('0' + n / 100);
		digits(p + 1, n);
		return (p + 3);
	}
	if (n < 10000) {
		digits(p, n / 100);
		digits(p + 2, n);
		return (p + 4);
	}
	return (large(p, n));
}

/*
 * A name of ours is short and has hardly ever anything to escape.  NULL: this
 * one is not, or has.
 */
INLINE char *
name(char *p, const char *text, size_t cap)
{
	size_t i;

	*p++ = '"';
	for (i = 0; json_is_plain(text[i]); i++) {
		if (i == cap)
			return (NULL);
		p[i] = text[i];
	}
	if (text[i] != '\0')
		return (NULL);
	p[i] = '"';
	return (p + i + 1);
}

static struct json
put_string(struct json w, const void *bytes, size_t len, size_t cap,
    bool *cut)
{
	*cut |= json_string(&w, bytes, len, cap);
	return (w);
}

/* There is room for a short one.  False: it was not quickly done, and room is
 * no longer certain. */
INLINE bool
put_name(struct json *w, char *p, const char *text, size_t cap,
    const struct line *line, bool *cut)
{
	size_t quick = line->cap != 0 && line->cap < LINE_NAME_SHORT ?
	    line->cap : LINE_NAME_SHORT;
	char *end = name(p, text, quick);

	if (__builtin_expect(end != NULL, 1)) {
		w->at = end;
		return (true);
	}
	w->at = p;
	*w = put_string(*w, text, strnlen(text, cap + 1), cap, cut);
	return (false);
}

void
line_clock_set(struct line_clock *clock, uint64_t wall_us)
{
	uint64_t us = wall_us - clock->second_us;
	char *p = clock->text;
	struct tm tm;
	time_t t;

	if (us >= 1000000 || p[0] == '\0') {
		t = (time_t)(wall_us / 1000000);
		us = wall_us % 1000000;
		clock->second_us = wall_us - us;
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
	}
	digits(p + 20, (uint32_t)us / 10000);
	digits(p + 22, (uint32_t)us / 100);
	digits(p + 24, (uint32_t)us);
}

enum put { ABSENT, WRITTEN, NO_ROOM };

INLINE enum put
put_number(struct json *w, char *p, const struct line_field *f, uint64_t n)
{
	if (n == 0 && (f->flags & FRL_ABSENT_ZERO))
		return (ABSENT);
	w->at = number(p, n);
	return (WRITTEN);
}

/*
 * The value of a field behind its key, which ends at p; there is room for it
 * if it is no text.  Nothing is written, not even the key, if it is absent.
 */
INLINE enum put
put_value(struct json *w, char *p, const struct line_field *f,
    const void *record, const struct line *line, bool *cut)
{
	const void *value = (const char *)record + f->offset;
	const struct frl_bytes *text = value;
	const char *const *word = value;
	const int8_t *yes = value;

	switch ((enum frl_type)f->type) {
	case FRL_U64:
		return (put_number(w, p, f, *(const uint64_t *)value));
	case FRL_U32:
		return (put_number(w, p, f, *(const uint32_t *)value));
	case FRL_I64:
		if (*(const int64_t *)value < 0)
			return (ABSENT);
		return (put_number(w, p, f, *(const uint64_t *)value));
	case FRL_BOOL:
		if (*yes < 0)
			return (ABSENT);
		memcpy(p, *yes ? "true\0" : "false", 5);
		w->at = p + (*yes ? 4 : 5);
		return (WRITTEN);
	case FRL_NAME:
		if (*word == NULL)
			return (ABSENT);
		if (put_name(w, p, *word, line_cap(f, line), line, cut))
			return (WRITTEN);
		break;
	case FRL_TEXT:
		if (text->data == NULL)
			return (ABSENT);
		w->at = p;
		*w = put_string(*w, text->data, text->len, line_cap(f, line),
		    cut);
		break;
	}
	return (fits(w, f->rest) ? WRITTEN : NO_ROOM);
}

/* Close and open objects where fields were left out: `close` braces, then
 * what of the path is not open. */
static char *
rejoin(char *p, size_t close, const struct line_field *f, size_t common)
{
	while (close-- > 0)
		*p++ = '}';
	*p++ = ',';
	return (copy(p, f->path + f->start[common],
	    (size_t)f->path_len - f->start[common]));
}

/*
 * The fields that are there, behind something that was written at the top of
 * the line; ends at the top.
 *
 * Works on a copy of the struct json, so that the cursor stays in a register;
 * the copy's address must not leave the inlined code.  `open` objects are
 * open; when fields were left out, `common` of them are still right for the
 * field at hand.
 */
static bool
put_fields(struct json *j, const struct line_plan *plan, const void *record,
    const struct line *line)
{
	const struct line_field *f = plan->fields;
	const struct line_field *end = f + plan->count;
	struct json w = *j;
	size_t open = 0, common = 0;
	bool cut = false, left_out = false;
	const void *value;
	char *p;

	if (!fits(&w, plan->room))
		end = f;
	for (; f < end; f++) {
		if (left_out) {
			if (f->shared < common)
				common = f->shared;
			if (!line_value(f, record, &value))
				continue;
			p = rejoin(w.at, open - common, f, common);
		} else {
			p = copy(w.at, f->next, f->next_len);
		}
		switch (put_value(&w, p, f, record, line, &cut)) {
		case ABSENT:
			left_out = true;
			common = f->shared;
			break;
		case WRITTEN:
			left_out = false;
			open = f->depth;
			break;
		case NO_ROOM:
			end = f;
			break;
		}
	}
	if (!w.full) {
		memcpy(w.at, "}}}}", LINE_DEPTH);
		w.at += open;
	}
	*j = w;
	return (cut);
}

INLINE char *
usual_id(char *p, const char *id)
{
	*p = '"';
	memcpy(p + 1, id, ID_SIZE - 1);
	p[1 + ID_SIZE - 1] = '"';
	return (p + 2 + ID_SIZE - 1);
}

/* What is the same in all lines: `head` and the places to be filled in. */
static bool
put_common(struct json *j, const struct line *line)
{
	static const char dirs[2][LINE_SLACK] = { ",\"dir\":\"c2s\"",
	    ",\"dir\":\"s2c\"" };
	const struct line_plan *plan = line->plan;
	struct json w = *j;
	bool cut = false;

	if (!fits(&w, plan->head_len + LINE_NAME_SHORT + LINE_COMMON))
		goto out;
	memcpy(w.at, plan->head, plan->head_len);
	memcpy(w.at + sizeof(LINE_BEGIN) - 1, line->clock->text, 26);
	w.at += plan->head_len;
	if (line->tunnel == NULL) {
		w.at -= sizeof(LINE_TUNNEL) - 1;
	} else {
		if (line->usual_id)
			w.at = usual_id(w.at, line->tunnel->id);
		else if (!put_name(&w, w.at, line->tunnel->id, LINE_CAP, line,
		    &cut) && !fits(&w, LINE_COMMON))
			goto out;
		memcpy(w.at, ",\"seq\":", 7);
		w.at = number(w.at + 7, line->seq);
	}
	if ((plan->event->flags & FRL_EVENT_FLOW) && line->flow >= 0)
		w.at = copy(w.at, dirs[line->flow & 1], 12);
out:
	*j = w;
	return (cut);
}

void
line_json(struct json *j, const struct line *line)
{
	static const struct {
		char text[LINE_SLACK];
		size_t len;
	} ends[] = {
		[LINE_NO_VERDICT] = { "}\n", 2 },
		[LINE_ALLOW] = { ",\"verdict\":\"allow\"}\n", 20 },
		[LINE_REFUSE] = { ",\"verdict\":\"refuse\"}\n", 21 },
	};
	const struct event_part *part;
	bool cut;

	cut = put_common(j, line);
	cut |= put_fields(j, line->plan, line->record, line);
	for (part = line->parts; part != NULL; part = part->next)
		cut |= put_fields(j, part->plan, part->record, line);
	if (line->to != NULL) {
		json_raw(j, ",\"to\":", 6);
		cut |= json_string(j, line->to, strlen(line->to), LINE_CAP);
	}
	if (!fits(j, 2 * LINE_SLACK))
		return;
	j->at = copy(j->at, ends[line->verdict].text, ends[line->verdict].len);
	if (cut) {
		memcpy(j->at - 2, ",\"trunc\":true}\n", 16);
		j->at += 13;
	}
}
