/* SPDX-License-Identifier: MIT */
/*
 * fuzz_dns -- the resolver against a name server that says anything.
 *
 * The server is a socket on loopback; the loop is turned by hand and nobody
 * waits: what is not answered by the last response of an input is cancelled.
 *
 * What must hold: a query is answered at most once, with addresses of the
 * family asked for that stood in a response, 16 at most, or with a reason;
 * an answer that was kept is the same when asked for again.
 *
 * The first byte: 1 is the other family, 2 asks twice at once, which is one
 * query with two answers alike, 4 asks before for names that no server is asked
 * for, 8 lets one query be under way, which is given back whatever comes.
 * Responses end at 0xfe.  A response is a byte
 * of how (1: as it stands behind the id, else flags and counts follow and the
 * question is echoed) and the bytes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "net/resolve.h"
#include "net/sock.h"

#define RESPONSES 6

struct server {
	struct loop *loop;
	int fd;
	char name[32];			/* for resolver_options */
};

struct ask {
	struct answer answer;
	unsigned int calls;
	struct query *query;
};

static struct server server = { .fd = -1 };

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct addr local;

	(void)argc, (void)argv;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.loop = loop_create();
	server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	MUST(server.loop != NULL && server.fd >= 0 && bind(server.fd,
	    (struct sockaddr *)&in, sizeof(in)) == 0 &&
	    sock_local(server.fd, &local) == 0);
	snprintf(server.name, sizeof(server.name), "127.0.0.1:%u",
	    (unsigned int)addr_port(&local));
	return (0);
}

/* Where the question of a query ends. */
static size_t
question_end(const uint8_t *q, size_t n)
{
	size_t at = 12;

	while (at < n && q[at] != 0)
		at += q[at] + 1u;
	MUST(at + 5 <= n);
	return (at + 5);
}

/* A response to this query. */
static size_t
respond(uint8_t *out, size_t size, const uint8_t *query, size_t n,
    struct frl_bytes response)
{
	struct input in = { response.data, response.len };
	uint8_t how = input_byte(&in);
	size_t at = 2, end = question_end(query, n);
	struct frl_bytes rest;

	memcpy(out, query, 2);
	if ((how & 1) == 0) {
		out[2] = 0x80 | input_byte(&in);
		out[3] = input_byte(&in);
		memcpy(out + 4, "\0\1\0\0\0\0\0", 8);
		out[7] = input_byte(&in);
		out[9] = input_byte(&in);
		memcpy(out + 12, query + 12, end - 12);
		at = end;
	}
	rest = input_take(&in, size - at);
	if (rest.len > 0)
		memcpy(out + at, rest.data, rest.len);
	return (at + rest.len);
}

/* Answer one query with this; false: there is none. */
static bool
serve(struct frl_bytes response)
{
	uint8_t query[1024], out[4096];
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	ssize_t n = recvfrom(server.fd, query, sizeof(query), 0,
	    (struct sockaddr *)&peer, &len);

	if (n < 0)
		return (false);
	MUST(n > 17);
	if (response.data != NULL)
		(void)sendto(server.fd, out, respond(out, sizeof(out), query,
		    (size_t)n, response), 0, (struct sockaddr *)&peer, len);
	return (true);
}

static void
on_done(void *arg, const struct answer *answer)
{
	struct ask *ask = arg;

	ask->query = NULL;
	ask->answer = *answer;
	ask->calls++;
}

static void
start(struct resolver *resolver, const char *name, int family,
    struct ask *ask)
{
	memset(ask, 0, sizeof(*ask));
	ask->query = resolve_start(resolver, name, family, on_done, ask);
	MUST(ask->query != NULL && ask->calls == 0);
}

static void
turns(const struct ask *ask)
{
	for (int i = 0; i < 4 && ask->calls == 0; i++)
		loop_turn(server.loop, false);
}

static void
check_answer(const struct answer *answer, int family, struct frl_bytes all)
{
	MUST(answer->count <= RESOLVE_MAX);
	MUST(answer->count > 0 || (answer->why != WHY_NONE &&
	    answer->text != NULL));
	for (size_t i = 0; i < answer->count; i++) {
		const struct addr *a = &answer->addrs[i];
		const void *bytes = family == AF_INET ?
		    (const void *)&a->u.in4.sin_addr : &a->u.in6.sin6_addr;

		MUST(a->u.sa.sa_family == family && addr_port(a) == 0);
		MUST(memmem(all.data, all.len, bytes,
		    family == AF_INET ? 4 : 16) != NULL);
	}
}

static void
check_same(const struct ask *a, const struct ask *b)
{
	MUST(a->calls == 1 && a->answer.count == b->answer.count);
	MUST(a->answer.why == b->answer.why);
	for (size_t i = 0; i < a->answer.count; i++)
		MUST(addr_equal(&a->answer.addrs[i], &b->answer.addrs[i]));
}

static void
check_again(struct resolver *resolver, int family, const struct ask *first)
{
	struct ask ask;

	start(resolver, "a.test", family, &ask);
	turns(&ask);
	check_same(&ask, first);
}

/* Without a server, and before anything else is done. */
static void
check_local(struct resolver *resolver, int family)
{
	static const uint8_t six[16] = { [15] = 1 }, four[4] = { 127, 0, 0, 1 };
	struct ask ask;

	start(resolver, "a.localhost", family, &ask);
	turns(&ask);
	MUST(ask.calls == 1 && ask.answer.count == 1);
	check_answer(&ask.answer, family, family == AF_INET ?
	    (struct frl_bytes){ four, 4 } : (struct frl_bytes){ six, 16 });
	start(resolver, "a.onion", family, &ask);
	turns(&ask);
	MUST(ask.calls == 1 && ask.answer.count == 0);
	MUST(!serve((struct frl_bytes){ NULL, 0 }));
}

/* While one is under way there is no room for another. */
static void
check_full(struct resolver *resolver, int family)
{
	struct ask ask;

	start(resolver, "b.test", family, &ask);
	turns(&ask);
	MUST(ask.calls == 1 && ask.answer.why == WHY_LIMIT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct resolver_options options = { .timeout_ms = 60000,
	    .cache_entries = 4, .ttl_min_ms = 60000, .ttl_max_ms = 3600000,
	    .servers = server.name };
	struct input in = { bytes, len };
	struct quota quota = { .max = 1 };
	uint8_t how = input_byte(&in);
	int family = how & 1 ? AF_INET6 : AF_INET;
	struct resolver *resolver;
	struct ask ask, twin = { .query = NULL };
	struct err err;

	if (how & 8)
		options.queries = &quota;
	resolver = resolver_create(server.loop, &options, &err);
	MUST(resolver != NULL);
	if (how & 4)
		check_local(resolver, family);
	start(resolver, "a.test", family, &ask);
	if (how & 2)
		start(resolver, "a.test", family, &twin);
	if (how & 8)
		check_full(resolver, family);
	for (int i = 0; i < RESPONSES && in.len > 0 && ask.calls == 0; i++) {
		if (!serve(input_until(&in, 0xfe)))
			break;
		turns(&ask);
	}
	MUST(ask.calls <= 1);
	if (how & 2) {
		turns(&twin);
		MUST(twin.calls == ask.calls);
		if (twin.calls == 1)
			check_same(&twin, &ask);
	}
	if (ask.calls == 1)
		check_answer(&ask.answer, family,
		    (struct frl_bytes){ bytes, len });
	if (ask.calls == 1 && ask.answer.count > 0)
		check_again(resolver, family, &ask);
	resolve_cancel(ask.query);
	resolve_cancel(twin.query);
	resolver_free(resolver);
	MUST(quota.used == 0);
	while (serve((struct frl_bytes){ NULL, 0 }))
		continue;
	return (0);
}
