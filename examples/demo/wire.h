/* SPDX-License-Identifier: MIT */
/*
 * wire -- just enough of HTTP and RFC 6455 for the demo's two programs, over
 * blocking sockets.
 */
#ifndef DEMO_WIRE_H
#define DEMO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_FRAME_MAX 65535
#define WIRE_ACCEPT_SIZE 29	/* 20 bytes in base64, and a NUL */

enum wire_opcode {
	WIRE_CONTINUATION = 0,
	WIRE_TEXT = 1,
	WIRE_BINARY = 2,
	WIRE_CLOSE = 8,
	WIRE_PING = 9,
	WIRE_PONG = 10
};

/*
 * A connection and what was read from it but not yet used:
 * 0 <= start <= end <= sizeof(bytes).
 */
struct wire {
	int fd;
	size_t start, end;
	uint8_t bytes[16384];
};

struct wire_frame {
	enum wire_opcode opcode;
	bool fin;
	size_t len;
	uint8_t payload[WIRE_FRAME_MAX + 1];	/* a NUL follows */
};

/* All of them return 0, or -1 when the peer is gone or breaks the rules. */

/* Read a head up to its empty line; room counts the NUL. */
int wire_head(struct wire *wire, char *head, size_t room);

/* Write a whole string. */
int wire_write(struct wire *wire, const char *text);

/* Read one frame, unmasked. */
int wire_recv(struct wire *wire, struct wire_frame *frame);

/* Write one frame; masked as a client must. */
int wire_send(struct wire *wire, bool masked, const struct wire_frame *frame);

/* The value of a header field, copied; -1 if there is none. */
int wire_field(const char *head, const char *name, char *value, size_t room);

/* Sec-WebSocket-Accept for a key (RFC 6455, 4.2.2). */
void wire_accept(const char *key, char accept[WIRE_ACCEPT_SIZE]);

/* "127.0.0.1:80" as a connected socket or a listening one; -1 on failure. */
int wire_dial(const char *address);
int wire_listen(char *address, size_t room);

#endif
