/* SPDX-License-Identifier: MIT */
/*
 * client -- a WebSocket client for the demo: through a proxy's CONNECT, a few
 * frames of each kind, and a clean close.
 *
 *	client PROXY SERVER		both as 127.0.0.1:port
 *
 * Exits 0 if every frame came back as it should.  It takes its time, so that
 * one can watch.
 */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEY "RylUQAh3p5cysfOlexgubw=="

struct step {
	enum wire_opcode opcode;
	bool fin;
	size_t fill;			/* this many bytes, or the text */
	const char *text;
};

static const struct step script[] = {
	{ WIRE_TEXT, true, 0, "heave away" },
	{ WIRE_BINARY, true, 4096, NULL },
	{ WIRE_PING, true, 0, "are you there?" },
	{ WIRE_TEXT, false, 0, "one message " },
	{ WIRE_CONTINUATION, false, 0, "in three " },
	{ WIRE_CONTINUATION, true, 0, "frames" },
	{ WIRE_BINARY, true, 65535, NULL },
	{ WIRE_CLOSE, true, 0, "\x03\xe8" "bye" },	/* 1000 */
};

static void
nap(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* The proxy may still be starting: try for ten seconds. */
static int
dial(const char *address)
{
	int fd, i;

	for (i = 0; i < 200; i++) {
		fd = wire_dial(address);
		if (fd != -1)
			return (fd);
		nap(50);
	}
	return (-1);
}

/* Send a head and expect this status. */
static int
ask(struct wire *wire, const char *head, const char *status)
{
	char answer[8192];

	if (wire_write(wire, head) != 0 ||
	    wire_head(wire, answer, sizeof(answer)) != 0) {
		fprintf(stderr, "client: no answer\n");
		return (-1);
	}
	if (strncmp(answer + 8, status, strlen(status)) != 0) {
		fprintf(stderr, "client: wanted%s, got %s", status, answer);
		return (-1);
	}
	return (0);
}

static int
start(struct wire *wire, const char *server)
{
	char head[512];

	snprintf(head, sizeof(head),
	    "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", server, server);
	if (ask(wire, head, " 200") != 0)
		return (-1);
	snprintf(head, sizeof(head),
	    "GET /echo HTTP/1.1\r\nHost: localhost\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
	    KEY);
	return (ask(wire, head, " 101"));
}

/* Send a frame and see it come back. */
static int
play(struct wire *wire, const struct step *step)
{
	static struct wire_frame out, in;
	enum wire_opcode back;

	out.opcode = step->opcode;
	out.fin = step->fin;
	if (step->text != NULL) {
		out.len = strlen(step->text);
		memcpy(out.payload, step->text, out.len);
	} else {
		out.len = step->fill;
		memset(out.payload, 0xa5, out.len);
	}
	back = step->opcode == WIRE_PING ? WIRE_PONG : step->opcode;
	if (wire_send(wire, true, &out) != 0 || wire_recv(wire, &in) != 0) {
		fprintf(stderr, "client: the tunnel is gone\n");
		return (-1);
	}
	if (in.opcode != back || in.fin != out.fin || in.len != out.len ||
	    memcmp(in.payload, out.payload, out.len) != 0) {
		fprintf(stderr, "client: another frame came back\n");
		return (-1);
	}
	return (0);
}

int
main(int argc, char **argv)
{
	static struct wire wire;
	static struct wire_frame hello;
	const size_t steps = sizeof(script) / sizeof(script[0]);
	size_t i;

	if (argc != 3) {
		fprintf(stderr, "usage: client PROXY SERVER\n");
		return (EXIT_FAILURE);
	}
	wire.fd = dial(argv[1]);
	if (wire.fd == -1) {
		fprintf(stderr, "client: no proxy at %s\n", argv[1]);
		return (EXIT_FAILURE);
	}
	if (start(&wire, argv[2]) != 0)
		return (EXIT_FAILURE);
	if (wire_recv(&wire, &hello) != 0 || hello.opcode != WIRE_TEXT) {
		fprintf(stderr, "client: no greeting\n");
		return (EXIT_FAILURE);
	}
	for (i = 0; i < steps; i++) {
		nap(150);
		if (play(&wire, &script[i]) != 0)
			return (EXIT_FAILURE);
	}
	close(wire.fd);
	printf("\"%s\" came, and %zu of %zu frames came back.\n",
	    (const char *)hello.payload, i, steps);
	return (EXIT_SUCCESS);
}
