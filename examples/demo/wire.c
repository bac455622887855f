/* SPDX-License-Identifier: MIT */
/*
 * wire -- see wire.h.  It refuses frames above 64 KiB: a demo needs no more,
 * and so nothing is allocated.
 */
#include "wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

static int
write_all(int fd, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	ssize_t n;

	while (len > 0) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n <= 0)
			return (-1);
		p += n;
		len -= (size_t)n;
	}
	return (0);
}

/* Make at least one more byte available. */
static int
fill(struct wire *wire)
{
	ssize_t n;

	if (wire->start == wire->end)
		wire->start = wire->end = 0;
	if (wire->end == sizeof(wire->bytes))
		return (-1);
	n = read(wire->fd, wire->bytes + wire->end,
	    sizeof(wire->bytes) - wire->end);
	if (n <= 0)
		return (-1);
	wire->end += (size_t)n;
	return (0);
}

static int
read_exactly(struct wire *wire, void *bytes, size_t len)
{
	uint8_t *p = bytes;
	size_t have;

	while (len > 0) {
		if (wire->start == wire->end && fill(wire) != 0)
			return (-1);
		have = wire->end - wire->start;
		if (have > len)
			have = len;
		memcpy(p, wire->bytes + wire->start, have);
		wire->start += have;
		p += have;
		len -= have;
	}
	return (0);
}

int
wire_head(struct wire *wire, char *head, size_t room)
{
	size_t len;

	for (len = 0; len + 1 < room; len++) {
		if (read_exactly(wire, head + len, 1) != 0)
			return (-1);
		head[len + 1] = '\0';
		if (len >= 3 && memcmp(head + len - 3, "\r\n\r\n", 4) == 0)
			return (0);
	}
	return (-1);
}

int
wire_write(struct wire *wire, const char *text)
{
	return (write_all(wire->fd, text, strlen(text)));
}

int
wire_recv(struct wire *wire, struct wire_frame *frame)
{
	uint8_t start[2], ext[8], mask[4] = { 0 };
	size_t i, extlen;
	uint64_t len;

	if (read_exactly(wire, start, 2) != 0)
		return (-1);
	frame->fin = (start[0] & 0x80) != 0;
	frame->opcode = (enum wire_opcode)(start[0] & 0x0f);
	len = start[1] & 0x7f;
	extlen = len == 127 ? 8 : len == 126 ? 2 : 0;
	if (extlen > 0) {
		if (read_exactly(wire, ext, extlen) != 0)
			return (-1);
		for (len = 0, i = 0; i < extlen; i++)
			len = len << 8 | ext[i];
	}
	if (len > WIRE_FRAME_MAX)
		return (-1);
	if ((start[1] & 0x80) != 0 && read_exactly(wire, mask, 4) != 0)
		return (-1);
	frame->len = (size_t)len;
	if (read_exactly(wire, frame->payload, frame->len) != 0)
		return (-1);
	for (i = 0; i < frame->len; i++)
		frame->payload[i] ^= mask[i % 4];
	frame->payload[frame->len] = '\0';
	return (0);
}

int
wire_send(struct wire *wire, bool masked, const struct wire_frame *frame)
{
	static const uint8_t none[4] = { 0 };
	uint8_t out[WIRE_FRAME_MAX + 8], mask[4];
	size_t i, n = 0;

	if (frame->len > WIRE_FRAME_MAX)
		return (-1);
	out[n++] = (uint8_t)((frame->fin ? 0x80 : 0) | frame->opcode);
	if (frame->len < 126) {
		out[n++] = (uint8_t)frame->len;
	} else {
		out[n++] = 126;
		out[n++] = (uint8_t)(frame->len >> 8);
		out[n++] = (uint8_t)(frame->len & 0xff);
	}
	memcpy(mask, none, sizeof(mask));
	if (masked) {
		out[1] = (uint8_t)(out[1] | 0x80);
		if (getrandom(mask, sizeof(mask), 0) != sizeof(mask))
			return (-1);
		memcpy(out + n, mask, sizeof(mask));
		n += sizeof(mask);
	}
	for (i = 0; i < frame->len; i++)
		out[n++] = frame->payload[i] ^ mask[i % 4];
	return (write_all(wire->fd, out, n));
}

int
wire_field(const char *head, const char *name, char *value, size_t room)
{
	const char *line, *end;
	size_t len = strlen(name);

	for (line = strstr(head, "\r\n"); line != NULL;
	    line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		line += len + 1;
		line += strspn(line, " \t");
		end = strstr(line, "\r\n");
		if (end == NULL || (size_t)(end - line) >= room)
			return (-1);
		memcpy(value, line, (size_t)(end - line));
		value[end - line] = '\0';
		return (0);
	}
	return (-1);
}

void
wire_accept(const char *key, char accept[WIRE_ACCEPT_SIZE])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char text[256];

	snprintf(text, sizeof(text), "%s%s", key,
	    "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
	if (EVP_Digest(text, strlen(text), digest, &len, EVP_sha1(), NULL) !=
	    1)
		len = 0;
	EVP_EncodeBlock((uint8_t *)accept, digest, (int)len);
}

int
wire_dial(const char *address)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	const char *colon = strrchr(address, ':');
	char host[64];
	int fd, on = 1;

	if (colon == NULL || (size_t)(colon - address) >= sizeof(host))
		return (-1);
	memcpy(host, address, (size_t)(colon - address));
	host[colon - address] = '\0';
	sin.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, host, &sin.sin_addr) != 1)
		return (-1);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (-1);
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0) {
		close(fd);
		return (-1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return (fd);
}

int
wire_listen(char *address, size_t room)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (-1);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    listen(fd, 16) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) != 0) {
		close(fd);
		return (-1);
	}
	snprintf(address, room, "127.0.0.1:%u", ntohs(sin.sin_port));
	return (fd);
}
