/* SPDX-License-Identifier: MIT */
/*
 * opening -- how a tunnel begins, on both sides: connect, CONNECT, and the
 * opening handshake of RFC 6455.  What follows is the work's business.
 */
#include "load.h"

#include <stdio.h>
#include <string.h>

/* How many tunnels may be opening at a time, and how long one may take. */
enum { OPENING_MAX = 64, OPENING_SECONDS = 30 };

enum stage { STAGE_PROXY, STAGE_UPGRADE, STAGE_READY };

static void
client_ask_proxy(struct conn *c)
{
	char text[256];
	int n = snprintf(text, sizeof(text),
	    "CONNECT 127.0.0.1:%d HTTP/1.1\r\n"
	    "Host: 127.0.0.1:%d\r\n"
	    "\r\n",
	    (int)c->load->options.origin, (int)c->load->options.origin);

	c->stage = STAGE_PROXY;
	conn_send(c, (const uint8_t *)text, (size_t)n);
}

static void
client_ask_upgrade(struct conn *c)
{
	uint64_t nonce[2] = { load_random(c->load), load_random(c->load) };
	char key[WS_KEY_SIZE];
	char text[512];
	int n;

	ws_key((const uint8_t *)nonce, key);
	ws_accept(key, c->accept);
	n = snprintf(text, sizeof(text),
	    "GET /bench HTTP/1.1\r\n"
	    "Host: 127.0.0.1:%d\r\n"
	    "Connection: Upgrade\r\n"
	    "Upgrade: websocket\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: %s\r\n"
	    "\r\n",
	    (int)c->load->options.origin, key);
	c->stage = STAGE_UPGRADE;
	conn_send(c, (const uint8_t *)text, (size_t)n);
}

static void
client_begin(struct conn *c)
{
	const struct work *work = c->load->work;

	c->stage = STAGE_READY;
	c->load->ready++;
	if (work->client_ready != NULL)
		work->client_ready(c);
}

static void
client_opened(struct conn *c)
{
	if (c->load->options.connect)
		client_ask_proxy(c);
	else if (c->load->work->ws)
		client_ask_upgrade(c);
	else
		client_begin(c);
}

/* An answer to what the client asked last. */
static void
client_answered(struct conn *c)
{
	bool proxy = c->stage == STAGE_PROXY;
	char accept[ACCEPT_SIZE];

	if (head_status(&c->head) != (proxy ? 200 : 101))
		fail("%s was answered: %s", proxy ? "CONNECT" : "upgrade",
		    c->head.text);
	if (!proxy && (!head_field(&c->head, "Sec-WebSocket-Accept", accept,
	    sizeof(accept)) || strcmp(accept, c->accept) != 0))
		fail("a wrong Sec-WebSocket-Accept: %s", c->head.text);
	c->head.len = 0;
	c->head.whole = false;
	if (proxy && c->load->work->ws)
		client_ask_upgrade(c);
	else
		client_begin(c);
}

static void
client_data(struct conn *c, const uint8_t *bytes, size_t n)
{
	size_t used;

	while (c->stage != STAGE_READY && n > 0) {
		used = head_feed(&c->head, bytes, n);
		if (used == 0)
			fail("too long a head: %s", c->head.text);
		bytes += used;
		n -= used;
		if (c->head.whole)
			client_answered(c);
	}
	if (n == 0)
		return;
	if (c->load->work->client_data == NULL)
		fail("client: %zu bytes nobody sent", n);
	c->load->work->client_data(c, bytes, n);
}

static const struct role client_role = {
	.name = "client", .opened = client_opened, .data = client_data,
};

void
client_open(struct load *load, size_t i)
{
	struct conn *c = conn_open(
	    load, load->options.to, load->options.buffer, &client_role);

	c->index = i;
	load->tunnels[i] = c;
	load->opened++;
}

void
client_open_all(struct load *load)
{
	uint64_t limit = now_ns() + OPENING_SECONDS * 1000000000ULL;
	size_t begun = load->ready;

	while (load->ready < load->options.tunnels) {
		while (load->opened < load->options.tunnels &&
		    load->opened < load->ready + OPENING_MAX)
			client_open(load, load->opened);
		conn_turn(load, 100000000);
		if (load->ready > begun) {
			begun = load->ready;
			limit = now_ns() + OPENING_SECONDS * 1000000000ULL;
		}
		if (now_ns() > limit)
			fail("only %zu of %zu tunnels have opened", begun,
			    load->options.tunnels);
	}
}

static void
origin_begin(struct conn *c)
{
	const struct work *work = c->load->work;

	c->stage = STAGE_READY;
	if (work->origin_ready != NULL)
		work->origin_ready(c);
}

static void
origin_opened(struct conn *c)
{
	c->stage = STAGE_UPGRADE;
	if (!c->load->work->ws)
		origin_begin(c);
}

static void
origin_asked(struct conn *c)
{
	char key[64];
	char text[256];
	int n;

	if (!head_field(&c->head, "Sec-WebSocket-Key", key, sizeof(key)) ||
	    !ws_accept(key, c->accept))
		fail("origin: no handshake: %s", c->head.text);
	n = snprintf(text, sizeof(text),
	    "HTTP/1.1 101 Switching Protocols\r\n"
	    "Connection: Upgrade\r\n"
	    "Upgrade: websocket\r\n"
	    "Sec-WebSocket-Accept: %s\r\n"
	    "\r\n",
	    c->accept);
	conn_send(c, (const uint8_t *)text, (size_t)n);
	origin_begin(c);
}

static void
origin_data(struct conn *c, const uint8_t *bytes, size_t n)
{
	size_t used;

	if (c->stage != STAGE_READY) {
		used = head_feed(&c->head, bytes, n);
		if (used == 0)
			fail("origin: too long a head: %s", c->head.text);
		bytes += used;
		n -= used;
		if (c->head.whole)
			origin_asked(c);
	}
	if (n == 0)
		return;
	if (c->load->work->origin_data == NULL)
		fail("origin: %zu bytes nobody sent", n);
	c->load->work->origin_data(c, bytes, n);
}

/* A client that misses something says so; here an end is only an end. */
static const struct role origin_role = {
	.name = "origin", .opened = origin_opened, .data = origin_data,
	.ended = conn_close,
};

void
origin_listen(struct load *load)
{
	conn_listen(load, load->options.origin, &origin_role);
}
