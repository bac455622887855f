/* SPDX-License-Identifier: MIT */
/*
 * work -- the kinds of work: what client and origin say to each other once a
 * tunnel is open, and what counts as a unit of it.  Whatever comes back is
 * checked.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_MAX = 65536 };

/* Another message than the last, into c->message. */
static void
message_next(struct conn *c)
{
	size_t n = c->load->options.payload;

	if (c->number++ == 0)
		pattern_put(c->message, n);
	/* The first byte stays: see pattern(). */
	c->message[n - 2] = (uint8_t)c->number;
	c->message[n - 1] = (uint8_t)(c->number >> 8);
	c->in = 0;
	c->waiting = true;
}

/* These bytes of the message came back.  True if it is whole. */
static bool
message_took(struct conn *c, const uint8_t *bytes, size_t n)
{
	size_t left = c->load->options.payload - (size_t)c->in;

	if (!c->waiting || n > left ||
	    memcmp(c->message + c->in, bytes, n) != 0)
		fail("tunnel %zu: another echo than was sent", c->index);
	c->in += n;
	c->waiting = n < left;
	return (!c->waiting);
}

/* ws-echo: a masked message, and the same one back. */

void
echo_send(struct conn *c)
{
	uint8_t frame[MESSAGE_MAX + FRAME_HEAD_MAX];
	uint64_t key = load_random(c->load);

	message_next(c);
	conn_send(c, frame, frame_put(frame, c->message,
	    c->load->options.payload, (const uint8_t *)&key));
}

/* True if the echo is whole. */
static bool
echo_took(struct conn *c, const uint8_t *bytes, size_t n)
{
	struct piece piece;
	bool whole = false;
	size_t used;

	for (; n > 0; bytes += used, n -= used) {
		used = frames_feed(&c->frames, bytes, n, &piece);
		if (used == 0)
			fail("tunnel %zu: not a frame", c->index);
		if (piece.n > 0)
			whole = message_took(c, piece.bytes, piece.n);
		if (piece.n > 0 && piece.done != whole)
			fail("tunnel %zu: the echo is cut", c->index);
	}
	return (whole);
}

static void
echo_again(struct conn *c, const uint8_t *bytes, size_t n)
{
	if (!echo_took(c, bytes, n))
		return;
	c->load->units++;
	echo_send(c);
}

static void
echo_once(struct conn *c, const uint8_t *bytes, size_t n)
{
	if (echo_took(c, bytes, n))
		c->load->units++;
}

static void
echo_probe(struct conn *c, const uint8_t *bytes, size_t n)
{
	if (!echo_took(c, bytes, n))
		return;
	c->load->units++;
	if (c->index == 0)
		probe_took(c->load);
}

static void
echo_serve(struct conn *c, const uint8_t *bytes, size_t n)
{
	uint8_t frame[MESSAGE_MAX + FRAME_HEAD_MAX];
	struct piece piece;
	size_t used;
	size_t i;

	for (; n > 0; bytes += used, n -= used) {
		used = frames_feed(&c->frames, bytes, n, &piece);
		if (used == 0 || piece.at + piece.n > MESSAGE_MAX)
			fail("origin: not a frame of ours");
		for (i = 0; i < piece.n; i++)
			c->message[piece.at + i] = piece.bytes[i] ^
			    c->frames.key[(piece.at + i) & 3];
		if (piece.done)
			conn_send(c, frame, frame_put(frame, c->message,
			    (size_t)(piece.at + piece.n), NULL));
	}
}

/* ws-down, ws-up: frames one way, as fast as they go. */

static void
block_of_frames(struct load *load, bool masked)
{
	size_t n = load->options.payload;
	uint8_t *payload = malloc(n);
	uint64_t key;

	if (load->block != NULL) {
		free(payload);
		return;
	}
	load->block = malloc(BLOCK_SIZE + n + FRAME_HEAD_MAX);
	if (load->block == NULL || payload == NULL)
		fail("out of memory");
	pattern_put(payload, n);
	while (load->block_len < BLOCK_SIZE) {
		key = load_random(load);
		load->block_len += frame_put(load->block + load->block_len,
		    payload, n, masked ? (const uint8_t *)&key : NULL);
	}
	free(payload);
}

static void
frames_from_client(struct conn *c)
{
	block_of_frames(c->load, true);
	conn_source(c, c->load->block, c->load->block_len);
}

static void
frames_from_origin(struct conn *c)
{
	block_of_frames(c->load, false);
	conn_source(c, c->load->block, c->load->block_len);
}

static void
frames_count(struct conn *c, const uint8_t *bytes, size_t n)
{
	struct piece piece;
	size_t used;

	for (; n > 0; bytes += used, n -= used) {
		used = frames_feed(&c->frames, bytes, n, &piece);
		if (used == 0 ||
		    !pattern_holds(piece.bytes, piece.n, piece.at,
		    c->frames.key))
			fail("%s: not the frame that was sent", c->role->name);
		if (!piece.done)
			continue;
		if (piece.at + piece.n != c->load->options.payload)
			fail("%s: a frame is cut", c->role->name);
		c->load->units++;
	}
}

/* raw-down, raw-up: bytes one way. */

static void
bytes_source(struct conn *c)
{
	struct load *load = c->load;

	if (load->block == NULL) {
		load->block = malloc(BLOCK_SIZE);
		if (load->block == NULL)
			fail("out of memory");
		pattern_put(load->block, BLOCK_SIZE);
		load->block_len = BLOCK_SIZE;
	}
	conn_source(c, load->block, load->block_len);
}

static void
bytes_count(struct conn *c, const uint8_t *bytes, size_t n)
{
	if (!pattern_holds(bytes, n, c->in, NULL))
		fail("%s: not the bytes that were sent", c->role->name);
	c->in += n;
	c->load->units += n;
}

/* short, idle-raw: some bytes, and the same ones back. */

static void
bytes_send(struct conn *c)
{
	message_next(c);
	conn_send(c, c->message, c->load->options.payload);
}

static void
bytes_serve(struct conn *c, const uint8_t *bytes, size_t n)
{
	conn_send(c, bytes, n);
}

static void
bytes_once(struct conn *c, const uint8_t *bytes, size_t n)
{
	if (message_took(c, bytes, n))
		c->load->units++;
}

static void
bytes_and_anew(struct conn *c, const uint8_t *bytes, size_t n)
{
	struct load *load = c->load;
	size_t i = c->index;

	if (!message_took(c, bytes, n))
		return;
	load->units++;
	conn_close(c);
	client_open(load, i);
}

/* http: a request, and a response with a body. */

static void
http_ask(struct conn *c)
{
	char text[256];
	int n = snprintf(text, sizeof(text),
	    "GET /bench/of/requests HTTP/1.1\r\n"
	    "Host: 127.0.0.1:%d\r\n"
	    "User-Agent: fairlead-bench\r\n"
	    "Accept: */*\r\n"
	    "\r\n",
	    (int)c->load->options.origin);

	if (c->number++ == 0)
		pattern_put(c->message, c->load->options.payload);
	c->head.len = 0;
	c->head.whole = false;
	c->in = 0;
	conn_send(c, (const uint8_t *)text, (size_t)n);
}

static void
http_answered(struct conn *c)
{
	char length[32];

	if (head_status(&c->head) != 200)
		fail("a request was answered: %s", c->head.text);
	if (!head_field(&c->head, "Content-Length", length, sizeof(length)) ||
	    strtoull(length, NULL, 10) != c->load->options.payload)
		fail("another Content-Length: %s", c->head.text);
}

static void
http_take(struct conn *c, const uint8_t *bytes, size_t n)
{
	size_t used = 0;

	if (!c->head.whole) {
		used = head_feed(&c->head, bytes, n);
		if (used == 0)
			fail("too long a head: %s", c->head.text);
		if (!c->head.whole)
			return;
		http_answered(c);
	}
	bytes += used;
	n -= used;
	if (n > c->load->options.payload - c->in ||
	    memcmp(c->message + c->in, bytes, n) != 0)
		fail("tunnel %zu: another body than was sent", c->index);
	c->in += n;
	if (c->in < c->load->options.payload)
		return;
	c->load->units++;
	http_ask(c);
}

static void
http_serve(struct conn *c, const uint8_t *bytes, size_t n)
{
	uint8_t answer[MESSAGE_MAX + 256];
	int len;

	if (head_feed(&c->head, bytes, n) != n)
		fail("origin: more than a request: %s", c->head.text);
	if (!c->head.whole)
		return;
	c->head.len = 0;
	c->head.whole = false;
	len = snprintf((char *)answer, sizeof(answer),
	    "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/octet-stream\r\n"
	    "Content-Length: %zu\r\n"
	    "\r\n",
	    c->load->options.payload);
	pattern_put(answer + len, c->load->options.payload);
	conn_send(c, answer, (size_t)len + c->load->options.payload);
}

static void
stop_reading(struct conn *c)
{
	conn_reading(c, false);
}

static const struct work works[] = {
	{ "ws-echo", true, MESSAGE_MAX, echo_send, echo_again, NULL,
	    echo_serve, run_window },
	{ "ws-down", true, STREAM_MAX, NULL, frames_count, frames_from_origin,
	    NULL, run_window },
	{ "ws-up", true, STREAM_MAX, frames_from_client, NULL, NULL,
	    frames_count, run_window },
	{ "raw-down", false, STREAM_MAX, NULL, bytes_count, bytes_source, NULL,
	    run_window },
	{ "raw-up", false, STREAM_MAX, bytes_source, NULL, NULL, bytes_count,
	    run_window },
	{ "http", false, MESSAGE_MAX, http_ask, http_take, NULL, http_serve,
	    run_window },
	{ "short", false, MESSAGE_MAX, bytes_send, bytes_and_anew, NULL,
	    bytes_serve, run_window },
	{ "idle-raw", false, MESSAGE_MAX, bytes_send, bytes_once, NULL,
	    bytes_serve, run_idle },
	{ "idle-ws", true, MESSAGE_MAX, echo_send, echo_once, NULL, echo_serve,
	    run_idle },
	{ "probe", true, MESSAGE_MAX, NULL, echo_probe, NULL, echo_serve,
	    run_probe },
	{ "slow-raw", false, STREAM_MAX, stop_reading, bytes_count,
	    bytes_source, NULL, run_slow },
	{ "slow-ws", true, STREAM_MAX, stop_reading, frames_count,
	    frames_from_origin, NULL, run_slow },
};

const struct work *
work_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(works[i].name, name) == 0)
			return (&works[i]);
	return (NULL);
}

void
work_list(void)
{
	size_t i;

	for (i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		fprintf(stderr, " %s", works[i].name);
	fputc('\n', stderr);
}
