/* SPDX-License-Identifier: MIT */
/*
 * json -- writes values into a fixed piece of memory, and never past it.
 *
 * What always holds: at <= end; once `full` is set they are equal and nothing
 * more is written, so the text is a prefix of what it would have been, cut
 * between characters.
 *
 * Lines of a log are mostly plain ASCII, so a string is walked as runs: one
 * table look-up per byte, one memcpy per run.
 */
#include "base/json.h"

#include "base/words.h"

#include <assert.h>
#include <string.h>

enum { PLAIN, QUOTE, CONTROL, HIGH };

const uint8_t json_kinds[256] = {
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
};

static const char hex[] = "0123456789abcdef";

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

void
json_raw(struct json *j, const char *text, size_t len)
{
	if (len > (size_t)(j->end - j->at)) {
		json_overflow(j);
		return;
	}
	if (len > 0)
		memcpy(j->at, text, len);
	j->at += len;
}

void
json_u64(struct json *j, uint64_t n)
{
	char text[20];
	char *p = text + sizeof(text);

	while (n >= 100) {
		p -= 2;
		memcpy(p, pairs + 2 * (n % 100), 2);
		n /= 100;
	}
	if (n >= 10) {
		p -= 2;
		memcpy(p, pairs + 2 * n, 2);
	} else {
		*--p = (char)('0' + n);
	}
	json_raw(j, p, (size_t)(text + sizeof(text) - p));
}

void
json_i64(struct json *j, int64_t n)
{
	if (n < 0) {
		/* Also right for INT64_MIN, whose negative has no int64_t. */
		char text[21];
		struct json tmp = { .at = text, .end = text + sizeof(text) };

		json_raw(&tmp, "-", 1);
		json_u64(&tmp, 0 - (uint64_t)n);
		json_raw(j, text, (size_t)(tmp.at - text));
	} else {
		json_u64(j, (uint64_t)n);
	}
}

void
json_bool(struct json *j, bool b)
{
	if (b)
		json_raw(j, "true", 4);
	else
		json_raw(j, "false", 5);
}

/*
 * The character at p (n > 0 bytes are there, the first is above 0x7f):
 * returns how many bytes it is made of, and its value, or -1 for bytes that
 * are no UTF-8; then the count is that of the longest part that could have
 * begun a character (Unicode 15, 3.9, table 3-7).
 */
static size_t
decode(const uint8_t *p, size_t n, int32_t *ret_value)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t need, i;
	int32_t value;

	*ret_value = -1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return (1);
	need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	value = p[0] & (0x7f >> need);
	if (p[0] == 0xe0)
		low = 0xa0;		/* overlong */
	else if (p[0] == 0xed)
		high = 0x9f;		/* surrogates */
	else if (p[0] == 0xf0)
		low = 0x90;		/* overlong */
	else if (p[0] == 0xf4)
		high = 0x8f;		/* above U+10FFFF */
	for (i = 1; i < need; i++) {
		if (i == n || p[i] < low || p[i] > high)
			return (i);
		value = value << 6 | (p[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	*ret_value = value;
	return (need);
}

static void
put_unicode(struct json *j, unsigned value)
{
	char text[6] = { '\\', 'u', hex[value >> 12 & 15],
	    hex[value >> 8 & 15], hex[value >> 4 & 15], hex[value & 15] };

	json_raw(j, text, sizeof(text));
}

static void
put_hex(struct json *j, uint8_t byte)
{
	char text[4] = { '\\', 'x', hex[byte >> 4], hex[byte & 15] };

	json_raw(j, text, sizeof(text));
}

/* A byte that is not plain, below 0x80, in a JSON string (RFC 8259, 7). */
static void
put_escape(struct json *j, uint8_t byte)
{
	char text[2] = { '\\', (char)byte };

	switch (byte) {
	case '"':
	case '\\':
		break;
	case '\n':
		text[1] = 'n';
		break;
	case '\r':
		text[1] = 'r';
		break;
	case '\t':
		text[1] = 't';
		break;
	default:
		put_unicode(j, byte);
		return;
	}
	json_raw(j, text, sizeof(text));
}

/* A backslash is escaped too, or a peer could write our escapes itself. */
static void
put_plain_escape(struct json *j, uint8_t byte)
{
	if (byte == '"')
		json_raw(j, "\"", 1);
	else
		put_hex(j, byte);
}

/*
 * One character above 0x7f.  U+0080 to U+009F are control characters as
 * well: U+009B begins a terminal's escape sequence.
 */
static void
put_high(struct json *j, const uint8_t *p, size_t n, int32_t value, bool plain)
{
	size_t i;

	if (value < 0) {
		json_raw(j, "\xef\xbf\xbd", 3);
	} else if (value >= 0xa0 && value != 0x2028 && value != 0x2029) {
		json_raw(j, (const char *)p, n);
	} else if (!plain) {
		put_unicode(j, (unsigned)value);
	} else {
		for (i = 0; i < n; i++)
			put_hex(j, p[i]);
	}
}

/* Bytes that need no escape; what does not fit is cut off. */
static void
put_run(struct json *j, const uint8_t *p, size_t n)
{
	size_t room = (size_t)(j->end - j->at);

	if (n <= room) {
		json_raw(j, (const char *)p, n);
	} else {
		json_raw(j, (const char *)p, room);
		json_overflow(j);
	}
}

static bool
put_text(struct json *j, const uint8_t *p, size_t len, size_t cap, bool plain)
{
	size_t at = 0, stop = len < cap ? len : cap, run, n;
	int32_t value;

	while (at < stop && !j->full) {
		run = at;
		while (run < stop && json_kinds[p[run]] == PLAIN)
			run++;
		if (run > at)
			put_run(j, p + at, run - at);
		at = run;
		if (at == stop || j->full)
			break;
		if (json_kinds[p[at]] == HIGH) {
			/* Read over the cut: it may be inside a character. */
			n = decode(p + at, len - at, &value);
			if (n > stop - at)
				break;
			put_high(j, p + at, n, value, plain);
			at += n;
		} else if (plain) {
			put_plain_escape(j, p[at++]);
		} else {
			put_escape(j, p[at++]);
		}
	}
	return (at < len || j->full);
}

/* Eight bytes that stand for themselves? */
static inline bool
all_plain(const void *bytes)
{
	uint64_t x = words_load(bytes);

	return ((words_not_plain(x, ' ') | words_is(x, '"') |
	    words_is(x, '\\')) == 0);
}

/* Copy text that needs no escape; false: it does, and what was written is to
 * be written over.  The last eight bytes overlap those before. */
static bool
copy_plain(char *to, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		if (!all_plain(p + i))
			return (false);
		memcpy(to + i, p + i, 8);
	}
	if (i < len && len >= 8) {
		memcpy(to + len - 8, p + len - 8, 8);
		return (all_plain(p + len - 8));
	}
	for (; i < len; i++) {
		if (json_kinds[p[i]] != PLAIN)
			return (false);
		to[i] = (char)p[i];
	}
	return (true);
}

bool
json_string(struct json *j, const void *bytes, size_t len, size_t cap)
{
	bool cut;

	assert(j->at <= j->end);
	if (len <= cap && (size_t)(j->end - j->at) >= len + 2 &&
	    copy_plain(j->at + 1, bytes, len)) {	/* nearly always */
		j->at[0] = j->at[len + 1] = '"';
		j->at += len + 2;
		return (false);
	}
	json_raw(j, "\"", 1);
	cut = put_text(j, bytes, len, cap, false);
	json_raw(j, "\"", 1);
	return (cut);
}

bool
json_plain(struct json *j, const void *bytes, size_t len, size_t cap)
{
	assert(j->at <= j->end);
	return (put_text(j, bytes, len, cap, true));
}
