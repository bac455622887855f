/* SPDX-License-Identifier: MIT */
/*
 * fakedns -- a small name server on the test's own loop, that can be wrong.
 *
 * It answers from a table; what is not in the table does not exist.  Only
 * tests include it.
 */
#ifndef TESTS_NET_FAKEDNS_H
#define TESTS_NET_FAKEDNS_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/addr.h"
#include "net/loop.h"
#include "net/sock.h"

enum fake_kind {
	FAKE_ANSWER,		/* the addresses; none: NODATA */
	FAKE_SILENT,		/* nothing at all */
	FAKE_HELD,		/* the answer at fakedns_release() */
	FAKE_SERVFAIL,
	FAKE_NXDOMAIN,
	FAKE_GARBAGE,		/* bytes that are no answer */
	FAKE_FORGED,		/* answers to other ids, other names */
	FAKE_ALIAS		/* a CNAME of ttl 1 before the addresses */
};

struct fake_row {
	const char *name;
	int family;		/* 0: both */
	enum fake_kind kind;
	uint32_t ttl;
	unsigned repeat;	/* the last address so many times more */
	const char *addrs[4];
};

struct fakedns {
	struct loop *loop;
	int fd;
	struct watch watch;
	const struct fake_row *rows;
	unsigned asked;		/* questions, in all */
	char servers[32];	/* for resolver_options */
	uint8_t held[512];
	size_t nheld;
	struct sockaddr_in held_peer;
};

struct fake_out {
	uint8_t bytes[1500];
	size_t n;
};

static inline void
fake_put(struct fake_out *o, const void *bytes, size_t n)
{

	memcpy(o->bytes + o->n, bytes, n);
	o->n += n;
}

static inline void
fake_put16(struct fake_out *o, unsigned v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	fake_put(o, b, 2);
}

/* The question's name as text; the offset behind the question. */
static inline size_t
fake_question(const uint8_t *q, size_t n, char name[256], unsigned *type)
{
	size_t at = 12, out = 0, len;

	while (at < n && (len = q[at]) != 0 && at + len < n &&
	    out + len + 2 < 256) {
		if (out != 0)
			name[out++] = '.';
		memcpy(name + out, q + at + 1, len);
		out += len;
		at += len + 1;
	}
	name[out] = '\0';
	if (at + 5 > n)
		return (0);
	*type = (unsigned)q[at + 1] << 8 | q[at + 2];
	return (at + 5);
}

static inline void
fake_record(struct fake_out *o, unsigned owner, unsigned type, uint32_t ttl,
    const void *data, size_t n)
{

	fake_put16(o, owner);
	fake_put16(o, type);
	fake_put16(o, 1);
	fake_put16(o, ttl >> 16);
	fake_put16(o, ttl & 0xffff);
	fake_put16(o, (unsigned)n);
	fake_put(o, data, n);
}

static inline unsigned
fake_addresses(struct fake_out *o, const struct fake_row *row, unsigned type)
{
	uint8_t bytes[16];
	unsigned alias = 0xc00c, count = 0, i, j;
	int family = type == 28 ? AF_INET6 : AF_INET;

	if (row->kind == FAKE_ALIAS) {
		/* "x.NAME" is its real name, and lives for a second. */
		alias = 0xc000 | (unsigned)(o->n + 12);
		fake_record(o, 0xc00c, 5, 1, "\1x\300\14", 4);
		count++;
	}
	for (i = 0; i < 4 && row->addrs[i] != NULL; i++) {
		if (inet_pton(family, row->addrs[i], bytes) != 1)
			continue;
		for (j = 0; j <= row->repeat; j++, count++)
			fake_record(o, alias, type, row->ttl, bytes,
			    type == 28 ? 16 : 4);
	}
	return (count);
}

static inline const struct fake_row *
fake_find(const struct fakedns *d, const char *name, unsigned type)
{
	const struct fake_row *row;
	int family = type == 28 ? AF_INET6 : type == 1 ? AF_INET : -1;

	for (row = d->rows; row->name != NULL; row++)
		if (strcmp(row->name, name) == 0 &&
		    (row->family == 0 || row->family == family))
			return (row);
	return (NULL);
}

static inline void
fake_send(struct fakedns *d, const struct fake_out *o,
    const struct sockaddr_in *peer)
{

	(void)sendto(d->fd, o->bytes, o->n, 0, (const struct sockaddr *)peer,
	    sizeof(*peer));
}

static inline void
fake_answer(struct fakedns *d, const uint8_t *q, size_t qend,
    const struct sockaddr_in *peer, const struct fake_row *row,
    unsigned type)
{
	struct fake_out o = { .n = 0 };
	unsigned count = 0, rcode = 0;

	if (row == NULL || row->kind == FAKE_NXDOMAIN)
		rcode = 3;
	else if (row->kind == FAKE_SERVFAIL)
		rcode = 2;
	fake_put(&o, q, 2);
	fake_put16(&o, 0x8180 | rcode);
	fake_put16(&o, 1);
	fake_put(&o, "\0\0\0\0\0\0", 6);
	fake_put(&o, q + 12, qend - 12);
	if (rcode == 0)
		count = fake_addresses(&o, row, type);
	o.bytes[7] = (uint8_t)count;
	if (row != NULL && row->kind == FAKE_GARBAGE) {
		memset(o.bytes + 12, 0xff, o.n - 12);
		o.bytes[7] = 200;
	}
	if (row != NULL && row->kind == FAKE_FORGED) {
		/* Wrong id; wrong name; no answer but a question. */
		o.bytes[0] ^= 0x55;
		fake_send(d, &o, peer);
		o.bytes[0] ^= 0x55;
		o.bytes[13] ^= 1;
		fake_send(d, &o, peer);
		o.bytes[13] ^= 1;
		o.n = 5;
	}
	fake_send(d, &o, peer);
}

static inline void
fake_readable(void *arg, bool readable, bool writable)
{
	struct fakedns *d = arg;
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	const struct fake_row *row;
	uint8_t q[512];
	char name[256];
	unsigned type = 0;
	ssize_t n;
	size_t qend;

	(void)readable;
	(void)writable;
	n = recvfrom(d->fd, q, sizeof(q), 0, (struct sockaddr *)&peer, &len);
	if (n < 17 || (qend = fake_question(q, (size_t)n, name, &type)) == 0)
		return;
	d->asked++;
	row = fake_find(d, name, type);
	if (row != NULL && row->kind == FAKE_SILENT)
		return;
	if (row != NULL && row->kind == FAKE_HELD) {
		memcpy(d->held, q, (size_t)n);
		d->nheld = (size_t)n;
		d->held_peer = peer;
		return;
	}
	fake_answer(d, q, qend, &peer, row, type);
}

static inline void
fakedns_release(struct fakedns *d)
{
	char name[256];
	unsigned type = 0;
	size_t qend = fake_question(d->held, d->nheld, name, &type);

	fake_answer(d, d->held, qend, &d->held_peer,
	    fake_find(d, name, type), type);
	d->nheld = 0;
}

static inline int
fakedns_start(struct fakedns *d, struct loop *loop,
    const struct fake_row *rows)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct addr local;

	memset(d, 0, sizeof(*d));
	d->loop = loop;
	d->rows = rows;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd == -1 ||
	    bind(d->fd, (struct sockaddr *)&in, sizeof(in)) == -1 ||
	    sock_local(d->fd, &local) == -1)
		return (-1);
	(void)snprintf(d->servers, sizeof(d->servers), "127.0.0.1:%u",
	    (unsigned)addr_port(&local));
	watch_set(loop, &d->watch, d->fd, 1, fake_readable, d);
	return (0);
}

static inline void
fakedns_stop(struct fakedns *d)
{

	watch_stop(&d->watch);
	close(d->fd);
}

#endif
