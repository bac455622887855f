/* SPDX-License-Identifier: MIT */
/*
 * line -- events made of whatever peers may send, read back.
 *
 * Each line is read by a grammar that knows nothing of ours (strict_json.h);
 * its strings, with their escapes undone, must be what a second, slow and
 * simple reading of UTF-8 makes of the bytes that went in.
 *
 * 50,000 events; FRL_LONG: a million.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "flow/line.h"
#include "strict_json.h"

#define TEXTS 3
#define SIZE 700		/* more than any cap */

static const uint16_t caps[TEXTS] = { 16, 256, 600 };

struct record {
	struct frl_bytes text[TEXTS];
	const char *name;
	uint64_t u64;
	uint32_t u32;
	int64_t i64;
	int8_t yes;
};

#define F(name, member, type, flags, cap) \
	{ name, "", offsetof(struct record, member), type, flags, cap }
static const struct frl_field fields[] = {
	F("a.first", text[0], FRL_TEXT, 0, 16),
	F("a.b.u64", u64, FRL_U64, 0, 0),
	F("a.b.second", text[1], FRL_TEXT, 0, 0),
	F("name", name, FRL_NAME, 0, 0),
	F("c.u32", u32, FRL_U32, FRL_ABSENT_ZERO, 0),
	F("c.third", text[2], FRL_TEXT, 0, 600),
	F("c.yes", yes, FRL_BOOL, 0, 0),
	F("i64", i64, FRL_I64, 0, 0),
	{ NULL, NULL, 0, 0, 0, 0 }
};

static const struct frl_event event = {
	.name = "random.event",
	.text = "[{a.first}] {name} {a.b.second:-9} {c.third} {c.yes?y}",
	.fields = fields,
	.record_size = sizeof(struct record)
};

static const char *const paths[TEXTS] = { "a.first", "a.b.second",
	"c.third" };

/* ------------------------------------------------------------------ */
/* What peers send							*/

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint32_t
draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((uint32_t)(seed >> 33) % below);
}

/* Pieces that something once stumbled over. */
static const struct frl_bytes pieces[] = {
#define P(s) { (const uint8_t *)s, sizeof(s) - 1 }
	P("\0"), P("\r\n"), P("\x1b[2J"), P("\x1b]0;owned\x07"), P("\x7f"),
	P("\""), P("\\"), P("\\\""), P("\\u0000"), P("\",\"end\":\"x"),
	P("\"}\n{\"v\":1}"), P("</script>"), P("\xc2\x9b""31m"), P("\xc2\x85"),
	P("\xe2\x80\xa8"), P("\xe2\x80\xa9"), P("\xef\xbb\xbf"),
	P("\xc0\xaf"), P("\xe0\x80\xaf"), P("\xf0\x80\x80\xaf"),
	P("\xed\xa0\x80"), P("\xed\xbf\xbf"), P("\xf4\x90\x80\x80"),
	P("\xf8\x88\x80\x80\x80"), P("\xff\xfe"), P("\xc3"), P("\xe2\x82"),
	P("\xf0\x9f\x92"), P("\xf0\x9f\x92\xa9"), P("\xe2\x82\xac"),
	P("\xc3\xa9"), P("\xef\xbf\xbd"), P("\xef\xbf\xbf"), P("\x80\x80\x80"),
	P("\xe2\x80\xae""gnp.exe"), P("plain text, and more of it"), P("%s%n"),
	P("\t"), P(" "), P("{"), P("}"), P("\x1f"), P("\x08"),
#undef P
};

static size_t
make_bytes(uint8_t *bytes)
{
	size_t size = draw(4) == 0 ? draw(SIZE) : draw(40), n = 0;
	const struct frl_bytes *piece;

	while (n < size) {
		piece = &pieces[draw(sizeof(pieces) / sizeof(pieces[0]))];
		switch (draw(4)) {
		case 0:
			bytes[n++] = (uint8_t)draw(256);
			break;
		case 1:
			bytes[n++] = (uint8_t)(0x20 + draw(0x5f));
			break;
		default:
			if (n + piece->len > size)
				return (n);
			memcpy(bytes + n, piece->data, piece->len);
			n += piece->len;
		}
	}
	return (n);
}

/* ------------------------------------------------------------------ */
/* What they mean, read slowly						*/

static size_t
encode(uint32_t c, uint8_t out[4])
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return (1);
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 63));
		return (2);
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (c & 63));
		return (3);
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (c & 63));
	return (4);
}

/* Are these bytes one whole character?  Those of a length are tried as the
 * number they would be; then written again. */
static bool
whole(const uint8_t *p, size_t n)
{
	static const uint8_t bits[5] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = p[0] & bits[n];
	uint8_t again[4];
	size_t i;

	for (i = 1; i < n; i++)
		c = c << 6 | (p[i] & 63);
	return (c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) &&
	    encode(c, again) == n && memcmp(again, p, n) == 0);
}

/* Could these bytes begin a character of so many? */
static bool
begins(const uint8_t *p, size_t n, size_t of)
{
	/* What follows is either of these, if anything is. */
	static const uint8_t next[] = { 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf };
	uint8_t all[4];
	size_t i;

	memcpy(all, p, n);
	for (i = 0; i < sizeof(next); i++) {
		memset(all + n, 0x80, of - n);
		all[n] = next[i];
		if (whole(all, of))
			return (true);
	}
	return (false);
}

/* The length of the character at p, or of what is replaced as one. */
static size_t
character(const uint8_t *p, size_t n, bool *ret_whole)
{
	size_t len, of, longest = 1;

	*ret_whole = true;
	for (len = 1; len <= 4 && len <= n; len++)
		if (whole(p, len))
			return (len);
	*ret_whole = false;
	for (len = 1; len <= 3 && len <= n; len++)
		for (of = len + 1; of <= 4; of++)
			if (begins(p, len, of) && len > longest)
				longest = len;
	return (longest);
}

/* What a log says of bytes, as UTF-8; *ret_cut: not all of it. */
static size_t
expect(const struct frl_bytes *bytes, size_t cap, uint8_t *out, bool *ret_cut)
{
	size_t at = 0, n = 0, len;
	bool good;

	while (at < bytes->len) {
		len = character(bytes->data + at, bytes->len - at, &good);
		if (at + len > cap)
			break;
		if (good)
			memcpy(out + n, bytes->data + at, len);
		else
			memcpy(out + n, "\xef\xbf\xbd", 3);
		n += good ? len : 3;
		at += len;
	}
	*ret_cut = at < bytes->len;
	return (n);
}

/* ------------------------------------------------------------------ */
/* What the line says							*/

/* A JSON string with its quotes, its escapes undone. */
static size_t
undo(const char *text, uint8_t *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char four[5] = { 0 };
	size_t n = 0;

	for (text++; *text != '"'; text++) {
		if (*text != '\\') {
			out[n++] = (uint8_t)*text;
			continue;
		}
		if (*++text != 'u') {
			out[n++] = (uint8_t)to[strchr(from, *text) - from];
			continue;
		}
		memcpy(four, text + 1, 4);
		n += encode((uint32_t)strtoul(four, NULL, 16), out + n);
		text += 4;
	}
	return (n);
}

/* The leaf of a path; NULL: none. */
static const char *
leaf(const struct strict *s, const char *path)
{
	size_t n = strlen(path);
	const char *p;

	for (p = s->leaves; *p != '\0'; p = strchr(p, '\n') + 1)
		if (strncmp(p, path, n) == 0 && p[n] == '=')
			return (p + n + 1);
	return (NULL);
}

/* Nothing that a terminal or a script would act on. */
static void
assert_inert(const char *text, size_t n)
{
	size_t i;

	assert_true(n > 0 && text[n - 1] == '\n');
	for (i = 0; i + 1 < n; i++) {
		uint8_t c = (uint8_t)text[i], d = (uint8_t)text[i + 1];

		assert_true(c >= 0x20 && c != 0x7f);
		assert_false(c == 0xc2 && d < 0xa0);
		assert_false(c == 0xe2 && d == 0x80 &&
		    ((uint8_t)text[i + 2] | 1) == 0xa9);
	}
}

static void
check_texts(const struct strict *s, const struct record *record)
{
	static uint8_t wanted[3 * SIZE], have[6 * SIZE];
	bool cut, any = false;
	size_t i, n, m;

	for (i = 0; i < TEXTS; i++) {
		const char *value = leaf(s, paths[i]);

		if (record->text[i].data == NULL) {
			assert_null(value);
			continue;
		}
		assert_non_null(value);
		n = expect(&record->text[i], caps[i], wanted, &cut);
		m = undo(value, have);
		assert_int_equal(m, n);
		assert_memory_equal(have, wanted, n);
		any = any || cut;
	}
	assert_int_equal(any, leaf(s, "trunc") != NULL);
}

static void
check_numbers(const struct strict *s, const struct record *r)
{
	const char *value = leaf(s, "a.b.u64");

	assert_non_null(value);
	assert_true(strtoull(value, NULL, 10) == r->u64);
	value = leaf(s, "c.u32");
	assert_int_equal(value != NULL, r->u32 != 0);
	assert_true(value == NULL || strtoul(value, NULL, 10) == r->u32);
	value = leaf(s, "i64");
	assert_int_equal(value != NULL, r->i64 >= 0);
	assert_true(value == NULL || strtoll(value, NULL, 10) == r->i64);
	value = leaf(s, "c.yes");
	assert_int_equal(value != NULL, r->yes >= 0);
	assert_true(value == NULL || (*value == 't') == (r->yes == 1));
}

static void
make_record(struct record *r, uint8_t memory[TEXTS][SIZE], char *name)
{
	size_t i, n;

	for (i = 0; i < TEXTS; i++) {
		r->text[i].len = make_bytes(memory[i]);
		r->text[i].data = draw(10) == 0 ? NULL : memory[i];
	}
	n = make_bytes((uint8_t *)name);
	name[n] = '\0';
	r->name = draw(10) == 0 ? NULL : name;
	r->u64 = (uint64_t)draw(UINT32_MAX) << draw(33);
	r->u32 = draw(3) == 0 ? 0 : draw(UINT32_MAX);
	r->i64 = (int64_t)draw(UINT32_MAX) - (draw(2) ? UINT32_MAX : 0);
	r->yes = (int8_t)((int)draw(3) - 1);
}

static void
test_random(void **state)
{
	static uint8_t memory[TEXTS][SIZE];
	static char name[SIZE + 1], out[65536];
	static struct strict s;
	static struct line_clock clock;
	const struct frl_tunnel tunnel = { .id = "7f3a9c21-00000a4e" };
	struct err err;
	struct line_plan *plan = line_compile(&event, "n\x1b\"ode", &err);
	struct record record;
	struct line line = { .plan = plan, .record = &record,
	    .clock = &clock };
	const char *full = getenv("FRL_LONG");
	long i, events = full != NULL && *full != '\0' ? 1000000 : 50000;
	struct json j;

	(void)state;
	assert_non_null(plan);
	for (i = 0; i < events; i++) {
		make_record(&record, memory, name);
		line_clock_set(&clock, UINT64_C(1795456987120431) +
		    (uint64_t)i * draw(1000000));
		line.seq = draw(UINT32_MAX);
		line.flow = (int)draw(3) - 1;
		line.tunnel = draw(2) ? &tunnel : NULL;
		line.verdict = (enum line_verdict)draw(3);
		j = (struct json){ .at = out, .end = out + sizeof(out) };
		line_json(&j, &line);
		assert_false(j.full);
		if (!strict_line(&s, out, (size_t)(j.at - out)))
			fail_msg("%.*s", (int)(j.at - out), out);
		assert_inert(out, (size_t)(j.at - out));
		check_texts(&s, &record);
		check_numbers(&s, &record);
		j = (struct json){ .at = out, .end = out + sizeof(out) };
		line_text(&j, &line);
		assert_false(j.full);
		assert_inert(out, (size_t)(j.at - out));
	}
	line_plan_free(plan);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
