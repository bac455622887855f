/* SPDX-License-Identifier: MIT */
/*
 * test_websocket_inflate -- what compressed messages inflate to: random ones
 * as zlib writes them, in random fragments and cuts; and ones that are none.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#include "fake_host.h"
#include "websocket/tell.h"
#include "ws_bytes.h"

extern const struct frl_plugin frl_plugin;

static const struct options observe = { .inflate = true,
    .inflate_ratio = 100, .inflate_max = 64 << 20 };
static const struct options enforce = { .inflate = true,
    .inflate_ratio = 100, .inflate_max = 64 << 20, .mode = MODE_ENFORCE };
static const struct options *const modes[] = { &observe, &enforce };

static struct fake *
start(const struct options *options, const char *extensions)
{
	const struct frl_context context = { .size = sizeof(context),
	    .token = "websocket", .extensions = {
	    (const uint8_t *)extensions, strlen(extensions) } };
	struct fake *f = fake_create(&(struct fake_options){
	    .plugin = &frl_plugin, .options = options,
	    .context = &context });

	assert_non_null(f);
	return (f);
}

/* ------------------------------------------------------------------ */
/* Random messages							*/

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

/* One side that sends: what, and what must be said of it. */
struct sender {
	struct dice dice;
	struct bytes wire;
	z_stream z;
	bool client, takeover;
	uint64_t messages, total;
	char lines[1 << 16];
	size_t used;
};

static size_t
write_text(struct dice *dice, uint8_t *text)
{
	size_t n = roll(dice, 4) == 0 ? roll(dice, 20000) : roll(dice, 300);
	uint32_t kind = roll(dice, 3);

	for (size_t i = 0; i < n; i++)
		text[i] = kind == 0 ? 'a' : (uint8_t)(kind == 1 ?
		    "say it again, "[i % 14] : (int)(' ' + roll(dice, 90)));
	return (n);
}

/* Deflate it as RFC 7692, 7.2.1 says, in one of the ways it allows. */
static size_t
deflate_text(struct sender *s, uint8_t *text, size_t n, uint8_t *out,
    size_t room)
{
	static const int flushes[] = { Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH,
		Z_PARTIAL_FLUSH, Z_BLOCK };
	bool final = roll(&s->dice, 5) == 0;
	z_stream *z = &s->z;
	size_t len;

	z->next_out = out;
	z->avail_out = (unsigned int)room;
	for (size_t at = 0, part; at < n; at += part) {
		part = roll(&s->dice, 2) ? n - at :
		    1 + roll(&s->dice, (uint32_t)(n - at));
		z->next_in = text + at;
		z->avail_in = (unsigned int)part;
		assert_int_equal(deflate(z, flushes[roll(&s->dice, 5)]),
		    Z_OK);
	}
	deflate(z, final ? Z_FINISH : Z_SYNC_FLUSH);
	assert_true(z->avail_out > 8);
	len = room - z->avail_out;
	if (final) {
		out[len++] = 0;
		deflateReset(z);
	} else if (len >= 4 && memcmp(out + len - 4, "\0\0\xff\xff", 4) == 0)
		len -= 4;
	else			/* two flushes in a row: nothing was added */
		out[len++] = 0;
	if (!s->takeover)
		deflateReset(z);
	return (len);
}

static void
expect(struct sender *s, unsigned int opcode, uint64_t frames, size_t wire,
    const char *more)
{
	s->used += (size_t)snprintf(s->lines + s->used,
	    sizeof(s->lines) - s->used, "%s ws.message ws.msg=%llu "
	    "ws.opcode=%u ws.type=%s ws.frames=%llu ws.payload_bytes=%zu "
	    "%s\n", s->client ? "c2s" : "s2c",
	    (unsigned long long)s->messages, opcode,
	    opcode == 1 ? "text" : "binary", (unsigned long long)frames,
	    wire, more);
	assert_true(s->used < sizeof(s->lines));
}

/* A message in fragments, with a ping here and there. */
static void
send_message(struct sender *s)
{
	static uint8_t text[20000], out[60000];
	unsigned int opcode = 1 + roll(&s->dice, 2);
	bool deflated = roll(&s->dice, 6) != 0;
	size_t n = write_text(&s->dice, text), len = n, at = 0, part;
	uint64_t frames = 0;
	char more[80];

	if (deflated)
		len = deflate_text(s, text, n, out, sizeof(out));
	else
		memcpy(out, text, n);
	do {
		part = roll(&s->dice, 3) ? len - at :
		    roll(&s->dice, (uint32_t)(len - at + 1));
		ws_good(&s->wire, (frames == 0 ? opcode | (deflated ? 0x40u :
		    0) : 0) | (at + part == len ? WS_FIN : 0), s->client,
		    out + at, part);
		at += part;
		frames++;
		if (roll(&s->dice, 8) == 0)
			ws_good(&s->wire, 0x89, s->client, "ping", 4);
	} while (at < len);
	/* An end may be a frame that ends the message by having nothing. */
	s->messages++;
	if (deflated) {
		s->total += n;
		snprintf(more, sizeof(more), "ws.compressed=true "
		    "ws.inflated_bytes=%zu ws.duration_us=0", n);
		expect(s, opcode, frames, len, more);
	} else if (frames > 1) {
		expect(s, opcode, frames, len, opcode == 1 ?
		    "ws.compressed=false ws.duration_us=0" :
		    "ws.compressed=false");
	}
}

static void
check_sender(struct fake *f, struct sender *s, const char *said)
{
	enum frl_flow flow = s->client ? FRL_FROM_CLIENT : FRL_FROM_SERVER;
	struct frl_bytes out = fake_output(f, flow);
	char word[64];

	assert_int_equal(out.len, s->wire.len);
	assert_memory_equal(out.data, s->wire.mem, out.len);
	assert_string_equal(said, s->lines);
	snprintf(word, sizeof(word), "ws.%s.inflated_bytes=%llu",
	    s->client ? "c2s" : "s2c", (unsigned long long)s->total);
	if (s->total > 0)
		assert_non_null(strstr(fake_report(f, "ws.summary"), word));
	else
		assert_null(strstr(fake_report(f, "ws.summary"), word));
	deflateEnd(&s->z);
}

/* The messages that were told of one direction. */
static char *
messages_of(struct fake *f, const char *way)
{
	char *lines = calloc(1, 1 << 16);
	const char *line;
	size_t used = 0;

	assert_non_null(lines);
	for (size_t i = 0; (line = fake_event(f, "ws.message", i)) != NULL;
	    i++)
		if (strncmp(line, way, 3) == 0)
			used += (size_t)snprintf(lines + used,
			    (1 << 16) - used, "%s\n", line);
	return (lines);
}

static void
begin(struct sender *s, uint64_t seed, bool client, char *extension)
{
	int bits;

	s->dice.state = seed * 2654435761u + 12345 + client;
	s->wire.len = s->used = 0;
	s->lines[0] = '\0';
	s->client = client;
	s->messages = s->total = 0;
	memset(&s->z, 0, sizeof(s->z));
	roll(&s->dice, 2);
	bits = 9 + (int)roll(&s->dice, 7);
	s->takeover = roll(&s->dice, 2) != 0;
	assert_int_equal(deflateInit2(&s->z, (int)roll(&s->dice, 10),
	    Z_DEFLATED, -bits, 1 + (int)roll(&s->dice, 9),
	    roll(&s->dice, 2) ? Z_DEFAULT_STRATEGY : Z_FIXED), Z_OK);
	sprintf(extension + strlen(extension), "; %s_max_window_bits=%d%s%s",
	    client ? "client" : "server", bits, s->takeover ? "" : "; ",
	    s->takeover ? "" : client ? "client_no_context_takeover" :
	    "server_no_context_takeover");
}

/* Both streams, in pieces, now of one and now of the other. */
static void
feed_cut(struct fake *f, struct sender *both, struct dice *dice)
{
	size_t at[2] = { 0, 0 };

	while (at[0] < both[0].wire.len || at[1] < both[1].wire.len) {
		uint32_t i = roll(dice, 2);
		size_t left = both[i].wire.len - at[i];
		size_t n = roll(dice, 3) == 0 ? roll(dice, 3) :
		    roll(dice, 10) == 0 ? left : roll(dice, 5000);

		n = n < left ? n : left;
		fake_feed(f, (enum frl_flow)i, both[i].wire.mem + at[i], n,
		    false);
		at[i] += n;
	}
}

static void
test_random(void **state)
{
	static struct sender both[2];
	int tunnels = getenv("FRL_LONG") != NULL ? 20000 : 1000;

	(void)state;
	for (int seed = 1; seed <= tunnels; seed++) {
		char extension[200] = "permessage-deflate";
		struct dice dice = { (uint64_t)seed * 7919 };
		struct fake *f;
		char *said;

		begin(&both[0], (uint64_t)seed, true, extension);
		begin(&both[1], (uint64_t)seed, false, extension);
		for (uint32_t n = roll(&dice, 8); n > 0; n--)
			send_message(&both[roll(&dice, 2)]);
		f = start(modes[seed % 2], extension);
		feed_cut(f, both, &dice);
		assert_int_equal(fake_count(f, "ws.error"), 0);
		fake_over(f, FRL_FROM_CLIENT);
		fake_over(f, FRL_FROM_SERVER);
		for (int i = 0; i < 2; i++) {
			said = messages_of(f, i == 0 ? "c2s" : "s2c");
			check_sender(f, &both[i], said);
			free(said);
		}
		fake_free(f);
	}
}

/* ------------------------------------------------------------------ */
/* Messages that are written by hand					*/

/* "Hello" as RFC 7692, 7.2.3 has it. */
#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00"
#define HELLO_FINAL "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"
#define HELLO_AGAIN "\xf2\x00\x11\x00\x00"

struct hand {
	const char *name, *kind;	/* NULL: none */
	const char *first, *second;	/* payloads */
	size_t first_len, second_len;
	int first_size, second_size;	/* inflated; -1: not told */
	const char *extensions;
	unsigned int opcode;
};

#define HAND(name, kind, a, b, na, nb, ext, op) { name, kind, a, b, \
	sizeof(a) - 1, sizeof(b) - 1, na, nb, ext, op }
#define DEFLATE "permessage-deflate"

static const struct hand hands[] = {
	HAND("Hello", NULL, HELLO, HELLO, 5, 5, DEFLATE, 1),
	HAND("the window is kept", NULL, HELLO, HELLO_AGAIN, 5, 5, DEFLATE,
	    1),
	HAND("a last block", NULL, HELLO_FINAL, HELLO_FINAL, 5, 5, DEFLATE,
	    1),
	HAND("the window is kept behind a last block", NULL, HELLO_FINAL,
	    HELLO_AGAIN, 5, 5, DEFLATE, 1),
	HAND("a last block and nothing more", NULL,
	    "\xf3\x48\xcd\xc9\xc9\x07\x00", HELLO_AGAIN, 5, 5, DEFLATE, 1),
	HAND("nothing, deflated", NULL, "\x00", HELLO, 0, 5, DEFLATE, 1),
	HAND("nothing, in a last block", NULL, "\x01", HELLO, 0, 5, DEFLATE,
	    1),
	HAND("an empty last block", NULL, "\xf2\x48\xcd\xc9\xc9\x07\x04",
	    HELLO_AGAIN, 5, 5, DEFLATE, 1),
	HAND("two blocks", NULL,
	    "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", HELLO, 5,
	    5, DEFLATE, 1),
	HAND("a stored block", NULL, "\x00\x05\x00\xfa\xffHello\x00", HELLO,
	    5, 5, DEFLATE, 1),
	HAND("not kept, but referred to", "bad_deflate", HELLO, HELLO_AGAIN,
	    5, -1, DEFLATE "; server_no_context_takeover; "
	    "client_no_context_takeover", 1),
	HAND("no deflate", "bad_deflate", "\xff\xff\xff\xff", HELLO, -1, -1,
	    DEFLATE, 1),
	HAND("no bytes", "bad_deflate", "", HELLO, -1, -1, DEFLATE, 1),
	HAND("cut off", "bad_deflate", "\xf2\x48\xcd\xc9", HELLO, -1, -1,
	    DEFLATE, 2),
	HAND("cut off in a stored block", "bad_deflate",
	    "\x00\x50\x00\xaf\xffHello", HELLO, -1, -1, DEFLATE, 2),
	HAND("a text that is none", "bad_utf8",
	    "\x00\x03\x00\xfc\xff""a\xff""b\x00", HELLO, 3, 5, DEFLATE, 1),
	HAND("a text that ends too early", "bad_utf8",
	    "\x00\x01\x00\xfe\xff\xc3\x00", HELLO, 1, 5, DEFLATE, 1),
	HAND("the same as binary", NULL, "\x00\x01\x00\xfe\xff\xc3\x00",
	    HELLO, 1, 5, DEFLATE, 2),
	HAND("an extension between", NULL, "\xff", HELLO, -1, -1,
	    DEFLATE ", x-turn", 1)
};

static int
told_size(struct fake *f, size_t nth)
{
	const char *line = fake_event(f, "ws.message", nth), *at;

	if (line == NULL || (at = strstr(line, "inflated_bytes=")) == NULL)
		return (-1);
	return (atoi(at + 15));
}

static void
check_hand(struct fake *f, const struct hand *hand, bool enforced,
    bool client, const struct bytes *b, size_t first)
{
	enum frl_flow flow = client ? FRL_FROM_CLIENT : FRL_FROM_SERVER;
	struct frl_bytes out = fake_output(f, flow);
	size_t good;

	assert_int_equal(fake_count(f, "ws.error"), hand->kind != NULL);
	if (hand->kind != NULL)
		assert_true(fake_saw(f, "ws.error", hand->kind));
	if (hand->kind == NULL || !enforced) {
		assert_int_equal(out.len, b->len);
		assert_memory_equal(out.data, b->mem, b->len);
		assert_int_equal(told_size(f, 0), hand->first_size != -1 ?
		    hand->first_size : hand->second_size);
		return;
	}
	good = hand->first_size >= 0 && hand->second_size < 0 ? b->len :
	    first;
	assert_memory_equal(out.data, b->mem, good);
	assert_true(ws_is_close(out.data + good, out.len - good, client,
	    1007, hand->kind));
	assert_true(fake_closed(f));
}

static char *
play_hand(const struct hand *hand, const struct options *options,
    bool client, size_t cut, size_t step)
{
	enum frl_flow flow = client ? FRL_FROM_CLIENT : FRL_FROM_SERVER;
	static struct bytes b;
	struct fake *f = start(options, hand->extensions);
	size_t first;
	char *lines;

	b.len = 0;
	ws_good(&b, 0xc0 | hand->opcode, client, hand->first,
	    hand->first_len);
	first = b.len;
	ws_good(&b, 0xc0 | hand->opcode, client, hand->second,
	    hand->second_len);
	cut = cut < b.len ? cut : b.len;
	fake_feed(f, flow, b.mem, cut, false);
	for (; step > 0 && cut + step < b.len; cut += step)
		fake_feed(f, flow, b.mem + cut, step, false);
	fake_feed(f, flow, b.mem + cut, b.len - cut, false);
	check_hand(f, hand, options == &enforce, client, &b, first);
	if (hand->kind == NULL && hand->first_size >= 0)
		assert_int_equal(told_size(f, 1), hand->second_size);
	lines = strdup(fake_events(f));
	fake_free(f);
	return (lines);
}

static void
test_by_hand(void **state)
{
	char *whole, *pieces;

	(void)state;
	for (size_t i = 0; i < sizeof(hands) / sizeof(hands[0]); i++) {
		print_message("           %s\n", hands[i].name);
		for (int k = 0; k < 4; k++) {
			whole = play_hand(&hands[i], modes[k % 2], k / 2,
			    SIZE_MAX, 0);
			pieces = play_hand(&hands[i], modes[k % 2], k / 2, 0,
			    1);
			assert_string_equal(pieces, whole);
			free(pieces);
			for (size_t cut = 0; cut < 45; cut++) {
				pieces = play_hand(&hands[i], modes[k % 2],
				    k / 2, cut, 0);
				assert_string_equal(pieces, whole);
				free(pieces);
			}
			free(whole);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_by_hand)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
