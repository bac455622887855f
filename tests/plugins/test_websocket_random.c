/* SPDX-License-Identifier: MIT */
/*
 * test_websocket_random -- ten thousand WebSockets of random frames, good
 * and bad, cut at random places, in both directions.  A second decoder,
 * written here from RFC 6455 and sharing no code with the plugin, says what
 * must have been logged and counted.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake_host.h"
#include "websocket/tell.h"
#include "ws_bytes.h"

#define SEQUENCES 10000

extern const struct frl_plugin frl_plugin;

/* A generator of our own: the same sequences everywhere. */
struct dice {
	uint64_t state;
};

static uint32_t
roll(struct dice *dice, uint32_t below)
{
	dice->state ^= dice->state << 13;
	dice->state ^= dice->state >> 7;
	dice->state ^= dice->state << 17;
	return ((uint32_t)(dice->state >> 32) % below);
}

/* What one direction must come to. */
struct expected {
	const uint8_t *p;
	size_t len, at;
	bool client, deflate, open, closed, lost;
	bool open_compressed;
	unsigned int open_opcode, code;
	uint64_t msgs, frames_in_msg, msg_payload, frames;
	uint64_t kinds[16], messages, payload, longest;
	char lines[16384];
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void
expect(struct expected *e, const char *format, ...)
{
	va_list args;

	e->used += (size_t)snprintf(e->lines + e->used,
	    sizeof(e->lines) - e->used, "%s ", e->client ? "c2s" : "s2c");
	va_start(args, format);
	e->used += (size_t)vsnprintf(e->lines + e->used,
	    sizeof(e->lines) - e->used, format, args);
	va_end(args);
	assert_true(e->used < sizeof(e->lines));
}

static void
expect_error(struct expected *e, const char *kind)
{
	if (kind != NULL)
		expect(e, "ws.error ws.kind=%s ws.offset_bytes=%zu "
		    "ws.action=forward\n", kind,
		    e->at);
}

/* One frame as RFC 6455, 5.2 draws it. */
struct seen {
	bool fin, masked, control, padded;
	unsigned int rsv, opcode;
	size_t header;
	uint64_t payload;
};

/* 0, or how many bytes the header needs. */
static size_t
look(const struct expected *e, struct seen *s)
{
	const uint8_t *p = e->p + e->at;
	size_t left = e->len - e->at;
	unsigned int n7;

	if (left < 2)
		return (2);
	n7 = p[1] % 128;
	s->fin = p[0] >= 128;
	s->rsv = p[0] / 16 % 8;
	s->opcode = p[0] % 16;
	s->control = s->opcode >= 8;
	s->masked = p[1] >= 128;
	s->header = 2u + (n7 == 126 ? 2u : n7 == 127 ? 8u : 0u) +
	    (s->masked ? 4u : 0u);
	if (left < s->header)
		return (s->header);
	s->payload = n7;
	if (n7 == 126)
		s->payload = p[2] * 256u + p[3];
	for (size_t i = 2; n7 == 127 && i < 10; i++)
		s->payload = (i == 2 ? 0 : s->payload * 256) + p[i];
	s->padded = (n7 == 126 && s->payload < 126) ||
	    (n7 == 127 && s->payload < 65536);
	return (0);
}

static const char *const names[16] = { "continuation", "text", "binary",
    "reserved", "reserved", "reserved", "reserved", "reserved", "close",
    "ping", "pong", "reserved", "reserved", "reserved", "reserved",
    "reserved" };

static void
expect_frame(struct expected *e, const struct seen *s)
{
	uint64_t msg = s->opcode == 1 || s->opcode == 2 ? e->msgs + 1 :
	    s->opcode == 0 && e->open ? e->msgs : 0;
	char word[40] = "";

	if (msg != 0)
		snprintf(word, sizeof(word), " ws.msg=%llu",
		    (unsigned long long)msg);
	expect(e, "ws.frame ws.frame=%llu%s ws.opcode=%u ws.type=%s "
	    "ws.fin=%s ws.rsv=%u ws.masked=%s ws.header_bytes=%zu "
	    "ws.payload_bytes=%llu\n", (unsigned long long)e->frames + 1,
	    word, s->opcode, names[s->opcode], s->fin ? "true" : "false",
	    s->rsv, s->masked ? "true" : "false", s->header,
	    (unsigned long long)s->payload);
}

static const char *
judge_close(struct expected *e, const struct seen *s)
{
	const uint8_t *p = e->p + e->at + s->header;
	const uint8_t *key = p - 4;
	unsigned int code;

	e->code = 1005;
	if (s->payload == 0 || s->payload > 125)
		return (NULL);
	if (s->payload == 1)
		return ("bad_close_length");
	code = (p[0] ^ (s->masked ? key[0] : 0u)) * 256 +
	    (p[1] ^ (s->masked ? key[1] : 0u));
	e->code = code;
	if (code < 1000 || (code > 1003 && code < 1007) ||
	    (code > 1014 && code < 3000) || code > 4999)
		return ("bad_close_code");
	return (NULL);		/* the reasons sent here are ASCII */
}

static const char *
judge(struct expected *e, const struct seen *s)
{
	unsigned int free_bits = 0;
	const char *about = NULL;

	if (s->opcode == 8 && !e->closed)
		about = judge_close(e, s);
	if (e->closed)
		return ("frame_after_close");
	if (e->deflate && (s->opcode == 1 || s->opcode == 2))
		free_bits = 4;
	if ((s->rsv | free_bits) != free_bits)
		return ("rsv_bits");
	if (e->client != s->masked)
		return (e->client ? "unmasked_client" : "masked_server");
	if (s->opcode > 10 || (s->opcode > 2 && s->opcode < 8))
		return ("reserved_opcode");
	if (s->control && !s->fin)
		return ("control_fragmented");
	if (s->control && s->payload > 125)
		return ("control_too_long");
	if (!s->control && s->opcode != 0 && e->open)
		return ("interleaved_data");
	if (s->opcode == 0 && !e->open)
		return ("unexpected_continuation");
	return (s->padded ? "bad_length" : about);
}

static void
follow(struct expected *e, const struct seen *s)
{
	if (s->opcode == 8)
		e->closed = true;
	if (s->opcode == 1 || s->opcode == 2) {
		e->open = true;
		e->open_opcode = s->opcode;
		e->open_compressed = s->rsv >= 4;
		e->msgs++;
		e->frames_in_msg = e->msg_payload = 0;
	}
	if (s->opcode > 2 || !e->open)
		return;
	e->frames_in_msg++;
	e->msg_payload += s->payload;
	if (!s->fin)
		return;
	e->open = false;
	e->messages++;
	if (e->frames_in_msg > 1)
		expect(e, "ws.message ws.msg=%llu ws.opcode=%u ws.type=%s "
		    "ws.frames=%llu ws.payload_bytes=%llu "
		    "ws.compressed=%s\n", (unsigned long long)e->msgs,
		    e->open_opcode, names[e->open_opcode],
		    (unsigned long long)e->frames_in_msg,
		    (unsigned long long)e->msg_payload,
		    e->open_compressed ? "true" : "false");
}

/* The frame at e->at.  False: nothing follows. */
static bool
decode_one(struct expected *e)
{
	struct seen s = { 0 };
	size_t need = look(e, &s), left = e->len - e->at;
	uint64_t arrived;

	if (need > 0) {
		expect(e, "ws.error ws.kind=truncated ws.offset_bytes=%zu "
		    "ws.missing_bytes=%zu\n", e->at, need - left);
		return (false);
	}
	expect_frame(e, &s);
	if (s.payload >> 63 != 0) {
		expect_error(e, "bad_length");
		e->lost = true;
		return (false);
	}
	arrived = left - s.header < s.payload ? left - s.header : s.payload;
	/* A control frame that is not whole has not been looked at. */
	if (!s.control || s.payload > 125 || arrived == s.payload) {
		expect_error(e, judge(e, &s));
		follow(e, &s);
	}
	e->frames++;
	e->kinds[s.opcode]++;
	e->payload += arrived;
	e->longest = arrived > e->longest ? arrived : e->longest;
	if (arrived < s.payload)
		expect(e, "ws.error ws.kind=truncated ws.offset_bytes=%zu "
		    "ws.missing_bytes=%llu\n", e->at,
		    (unsigned long long)(s.payload - arrived));
	e->at += s.header + (size_t)arrived;
	return (arrived == s.payload);
}

static void
decode(struct expected *e)
{
	while (e->at < e->len && decode_one(e))
		continue;
}

/* ------------------------------------------------------------------ */

static uint8_t filler[70000];

static void
make_frame(struct dice *d, struct bytes *b, bool client)
{
	static const unsigned int opcodes[] = { 0, 0, 1, 1, 1, 2, 2, 2, 9, 9,
	    10, 8, 3, 11, 15 };
	static const uint32_t sizes[] = { 0, 1, 2, 5, 5, 17, 90, 125, 126,
	    127, 300, 5000 };
	struct ws_wish w = { .payload = filler };
	uint8_t closing[8] = "..reason";
	unsigned int code = 990 + roll(d, 40);

	w.first = opcodes[roll(d, roll(d, 6) ? 11 : 15)];
	w.first |= roll(d, 3) ? WS_FIN : 0;
	w.first |= roll(d, 9) ? 0 : roll(d, 8) << 4;
	w.masked = roll(d, 20) ? client : !client;
	w.announced = sizes[roll(d, w.first % 16 > 7 ? 8 : 12)];
	if (roll(d, 300) == 0)
		w.announced = 65530 + roll(d, 12);
	if (w.first % 16 == 8 && w.announced < 9 && roll(d, 2)) {
		closing[0] = (uint8_t)(code >> 8);
		closing[1] = (uint8_t)code;
		w.payload = closing;
	}
	w.sent = (size_t)w.announced;
	if (roll(d, 25) == 0)
		w.wide = w.announced < 65536 && roll(d, 2) ? 2 : 8;
	if (roll(d, 200) == 0) {
		w.announced = UINT64_C(1) << (62 + roll(d, 2));
		w.wide = 8;
	}
	ws_add(b, &w);
}

static void
make_stream(struct dice *d, struct bytes *b, bool client, bool whole)
{
	b->len = 0;
	for (uint32_t n = roll(d, 12); n > 0 && b->len < 50000; n--)
		make_frame(d, b, client);
	if (!whole && b->len > 0 && roll(d, 2))
		b->len -= roll(d, (uint32_t)(b->len < 20 ? b->len : 20));
}

/* Feed both, cut at random; answer hooks that wait. */
static void
play(struct dice *d, struct fake *f, struct bytes *const *streams)
{
	size_t at[2] = { 0, 0 };
	bool over[2] = { false, false };

	while (!over[0] || !over[1]) {
		enum frl_flow flow = (enum frl_flow)roll(d, 2);
		size_t left = streams[flow]->len - at[flow];
		size_t n = roll(d, roll(d, 3) ? 9 : 2000);

		if (roll(d, 5) == 0)
			fake_decide(f, (enum frl_flow)roll(d, 2), FRL_OK);
		if (over[flow])
			continue;
		n = n < left ? n : left;
		over[flow] = n == left && roll(d, 2);
		fake_feed(f, flow, streams[flow]->mem + at[flow], n,
		    over[flow]);
		at[flow] += n;
		fake_advance(f, roll(d, 500000));
		if (roll(d, 3) == 0)
			fake_timer(f);
	}
	while (fake_decide(f, FRL_FROM_CLIENT, FRL_OK) ||
	    fake_decide(f, FRL_FROM_SERVER, FRL_OK))
		continue;
}

/* The lines of one direction without ws.close, which has a test below, and
 * ws.rtt, which has a test of its own. */
static void
check_lines(const struct fake *f, const struct expected *e)
{
	const char *mine = e->client ? "c2s " : "s2c ";
	char *got = calloc(1, strlen(fake_events(f)) + 1);
	const char *line = fake_events(f), *end;

	assert_non_null(got);
	for (; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		if (strncmp(line, mine, 4) == 0 &&
		    strncmp(line + 4, "ws.close ", 9) != 0 &&
		    strncmp(line + 4, "ws.rtt ", 7) != 0)
			strncat(got, line, (size_t)(end + 1 - line));
	}
	assert_string_equal(got, e->lines);
	free(got);
}

static void
check_close(const struct fake *f, const struct expected *e)
{
	const char *line = fake_event(f, "ws.close", 0);
	char want[64];
	int by;

	assert_non_null(line);
	assert_int_equal(fake_count(f, "ws.close"), 1);
	if (!e[0].closed && !e[1].closed) {
		assert_non_null(strstr(line, "ws.code=1006 "));
		assert_non_null(strstr(line, "ws.clean=false"));
		return;
	}
	by = strstr(line, "ws.initiator=server") != NULL;
	assert_true(e[by].closed);
	assert_true(strncmp(line, by ? "s2c " : "c2s ", 4) == 0);
	snprintf(want, sizeof(want), "ws.code=%u ", e[by].code);
	assert_non_null(strstr(line, want));
	assert_non_null(strstr(line, e[0].closed && e[1].closed ?
	    "ws.clean=true" : "ws.clean=false"));
}

/* Take fields that contain this word out of a line. */
static void
take_out(char *line, const char *word)
{
	char *at, *end;

	while ((at = strstr(line, word)) != NULL) {
		while (*at != ' ')
			at--;
		end = at + 1 + strcspn(at + 1, " ");
		memmove(at, end, strlen(end) + 1);
	}
}

static uint64_t
kinds_sum(const struct expected *e)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(e->kinds) / sizeof(e->kinds[0]); i++)
		sum += e->kinds[i];
	return (sum);
}

static void
check_counters(const struct fake *f, const struct expected *e)
{
	char want[1024] = "ws.summary", *got = strdup(
	    fake_report(f, "ws.summary"));

	for (int i = 0; i < 2; i++) {
		const char *way = i == 0 ? "c2s" : "s2c";
		const uint64_t values[] = { kinds_sum(&e[i]),
		    e[i].kinds[1], e[i].kinds[2],
		    e[i].kinds[0], e[i].kinds[9], e[i].kinds[10],
		    e[i].kinds[8], e[i].messages, e[i].payload,
		    e[i].longest };
		static const char *const keys[] = { "frames", "text",
		    "binary", "continuation", "ping", "pong", "close",
		    "messages",
		    "payload_bytes", "max_payload_bytes" };

		for (size_t k = 0; k < 10; k++) {
			size_t n = strlen(want);

			snprintf(want + n, sizeof(want) - n,
			    " ws.%s.%s=%llu", way, keys[k],
			    (unsigned long long)values[k]);
		}
	}
	assert_non_null(got);
	take_out(got, ".rtt_");
	take_out(got, ".proxy_");
	take_out(got, ".ping_age_");
	assert_string_equal(got, want);
	free(got);
}

/* What came out is what went in, but for our pings, between two frames. */
static void
check_output(const struct fake *f, const struct expected *e)
{
	struct frl_bytes out = fake_output(f,
	    e->client ? FRL_FROM_CLIENT : FRL_FROM_SERVER);
	const uint8_t ping[2] = { 0x89, e->client ? 0x8c : 0x0c };
	size_t ours = e->client ? 18 : 14, n;
	struct expected walk = { .p = e->p, .len = e->len };
	struct seen s;

	for (;; out.data += n, out.len -= n, walk.at += n) {
		n = walk.len - walk.at;
		if (n > 0 && look(&walk, &s) == 0 &&
		    s.payload < n - s.header)
			n = s.header + (size_t)s.payload;
		while ((out.len < n || n == 0 ||
		    memcmp(out.data, walk.p + walk.at, n) != 0) &&
		    out.len >= ours && memcmp(out.data, ping, 2) == 0) {
			out.data += ours;
			out.len -= ours;
		}
		assert_true(out.len >= n);
		if (n == 0)
			break;
		assert_memory_equal(out.data, walk.p + walk.at, n);
	}
	assert_int_equal(out.len, 0);
}

static void
one_sequence(struct dice *d, struct bytes *const *streams,
    struct expected *e)
{
	const struct options options = { .log = LOG_FRAME,
	    .keepalive = roll(d, 2) * 1000 };
	static const char deflate[] = "permessage-deflate";
	bool waits = roll(d, 4) == 0, compressed = roll(d, 2);
	struct frl_context context = { .size = sizeof(context),
	    .token = "websocket" };
	struct fake *f;

	if (compressed)
		context.extensions = (struct frl_bytes){
		    (const uint8_t *)deflate, sizeof(deflate) - 1 };
	f = fake_create(&(struct fake_options){ .plugin = &frl_plugin,
	    .options = &options, .context = &context,
	    .moved = { roll(d, 500), roll(d, 500) } });
	assert_non_null(f);
	for (int i = 0; waits && i < 16; i++)
		fake_answer(f, "ws.frame", roll(d, 2) ? FRL_WAIT : FRL_OK);
	for (int i = 0; i < 2; i++) {
		make_stream(d, streams[i], i == 0, waits);
		e[i] = (struct expected){ .p = streams[i]->mem,
		    .len = streams[i]->len, .client = i == 0,
		    .deflate = compressed };
		decode(&e[i]);
	}
	play(d, f, streams);
	for (int i = 0; i < 2; i++) {
		check_output(f, &e[i]);
		check_lines(f, &e[i]);
	}
	assert_int_equal(fake_count(f, "ws.handshake"), 1);
	assert_true(fake_closed(f));
	check_close(f, e);
	check_counters(f, e);
	fake_free(f);
}

static void
test_random_sequences(void **state)
{
	struct dice dice = { UINT64_C(0x9e3779b97f4a7c15) };
	struct bytes *streams[2];
	struct expected *e = calloc(2, sizeof(*e));

	(void)state;
	assert_non_null(e);
	for (size_t i = 0; i < 2; i++) {
		streams[i] = calloc(1, sizeof(*streams[i]));
		assert_non_null(streams[i]);
	}
	for (size_t i = 0; i < sizeof(filler); i++)
		filler[i] = (uint8_t)roll(&dice, 256);
	for (int i = 0; i < SEQUENCES; i++)
		one_sequence(&dice, streams, e);
	free(streams[0]);
	free(streams[1]);
	free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_sequences)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
