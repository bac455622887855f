/* SPDX-License-Identifier: MIT */
/*
 * dial -- names and addresses that answer, refuse, hang and are forbidden.
 *
 * One port, several addresses of 127/8: on .1 somebody listens, on .2 the
 * queue of a listener is full and a connect hangs, on .3 and others nobody
 * listens.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "fakedns.h"
#include "net/dial.h"

static const struct fake_row rows[] = {
	{ "good.test", AF_INET, FAKE_ANSWER, 60, 0, { "127.0.0.1" } },
	{ "good.test", AF_INET6, FAKE_ANSWER, 60, 0, { NULL } },
	{ "hang.test", AF_INET, FAKE_ANSWER, 60, 0, { "127.0.0.2" } },
	{ "hangs.test", AF_INET, FAKE_ANSWER, 60, 0, { "127.0.0.2",
	    "127.0.0.1" } },
	{ "refused.test", AF_INET, FAKE_ANSWER, 60, 0, { "127.0.0.3",
	    "127.0.0.4" } },
	{ "second.test", AF_INET, FAKE_ANSWER, 60, 0, { "127.0.0.3",
	    "127.0.0.1" } },
	{ "both.test", AF_INET, FAKE_ANSWER, 60, 0, { "127.0.0.3",
	    "127.0.0.4", "127.0.0.5" } },
	{ "both.test", AF_INET6, FAKE_ANSWER, 60, 0, { "2001:db8::1",
	    "2001:db8::2" } },
	{ "late.test", AF_INET, FAKE_ANSWER, 60, 0, { "127.0.0.3" } },
	{ "late.test", AF_INET6, FAKE_HELD, 60, 0, { "2001:db8::1" } },
	{ "later.test", AF_INET, FAKE_HELD, 60, 0, { "127.0.0.1" } },
	{ "later.test", AF_INET6, FAKE_ANSWER, 60, 0, { "2001:db8::1" } },
	{ "silent4.test", AF_INET, FAKE_SILENT, 0, 0, { NULL } },
	{ "silent6.test", AF_INET, FAKE_ANSWER, 60, 0, { "127.0.0.1" } },
	{ "silent6.test", AF_INET6, FAKE_SILENT, 0, 0, { NULL } },
	{ NULL, 0, 0, 0, 0, { NULL } }
};

#define ASKED_MAX 16

struct fixture {
	struct loop *loop;
	struct fakedns dns;
	struct resolver *resolver;
	struct dial_options options;
	struct dial *dial;
	int good, full, fillers[4];
	uint16_t port;
	unsigned descriptors;		/* that were open before */

	/* What the handlers answer. */
	const char *forbidden;		/* "*": every address */
	unsigned forbid_from;		/* from this call on */
	enum dial_verdict verdicts[ASKED_MAX];
	bool decide_inside, cancel_inside;

	/* What they saw. */
	unsigned allowed, nasked, calls;
	struct addr asked[ASKED_MAX];
	struct dial_result result;
};

static enum why
on_allow(void *arg, const struct addr *addr, const char **ret_text)
{
	struct fixture *f = arg;
	char text[ADDR_TEXT_SIZE];

	addr_format(addr, text);
	assert_int_equal(addr_port(addr), f->port);
	f->allowed++;
	if (f->forbidden == NULL || f->allowed < f->forbid_from ||
	    (f->forbidden[0] != '*' && strcmp(text, f->forbidden) != 0))
		return (WHY_NONE);
	*ret_text = "is not for you";
	return (WHY_FORBIDDEN_ADDRESS);
}

static enum dial_verdict
on_ask(void *arg, const struct addr *addr, unsigned attempt)
{
	struct fixture *f = arg;
	enum dial_verdict verdict;

	assert_true(f->nasked < ASKED_MAX);
	verdict = f->verdicts[f->nasked];
	f->asked[f->nasked++] = *addr;
	assert_int_equal(attempt, f->nasked);
	if (f->decide_inside)
		dial_decide(f->dial, DIAL_OK);
	if (f->cancel_inside) {
		dial_cancel(f->dial);
		f->dial = NULL;
	}
	return (verdict);
}

static void
on_done(void *arg, const struct dial_result *result)
{
	struct fixture *f = arg;

	f->dial = NULL;
	f->calls++;
	f->result = *result;
}

static const struct dial_handlers handlers = { on_allow, on_ask, on_done };

/* -1: somebody else has the port. */
static int
listen_on(const char *text, uint16_t port, int backlog)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, text, &in.sin_addr), 1);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0 ||
	    listen(fd, backlog) != 0) {
		assert_int_equal(errno, EADDRINUSE);
		close(fd);
		return (-1);
	}
	return (fd);
}

/* Two that have the same port, the second with a backlog of 0: one that is
 * free on the first address may be taken on the second. */
static void
listen_twice(struct fixture *f)
{
	struct addr a;

	for (;;) {
		f->good = listen_on("127.0.0.1", 0, 64);
		assert_true(f->good >= 0);
		assert_int_equal(sock_local(f->good, &a), 0);
		f->port = addr_port(&a);
		f->full = listen_on("127.0.0.2", f->port, 0);
		if (f->full != -1)
			return;
		close(f->good);
	}
}

static unsigned
count_descriptors(void)
{
	unsigned n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return (n);
}

static void
setup(struct fixture *f)
{
	struct resolver_options o = { .timeout_ms = 60000,
		.cache_entries = 16, .ttl_max_ms = 60000 };
	struct addr a;
	struct err err;
	int i;

	memset(f, 0, sizeof(*f));
	f->descriptors = count_descriptors();
	f->loop = loop_create();
	assert_int_equal(fakedns_start(&f->dns, f->loop, rows), 0);
	o.servers = f->dns.servers;
	f->resolver = resolver_create(f->loop, &o, &err);
	assert_non_null(f->resolver);
	f->options.loop = f->loop;
	f->options.resolver = f->resolver;
	f->options.resolve_ms = f->options.connect_ms = 60000;
	listen_twice(f);
	addr_from_bytes(&a, (const uint8_t[4]){ 127, 0, 0, 2 }, 4, f->port);
	for (i = 0; i < 4; i++)
		f->fillers[i] = sock_connect(&a);
}

static void
teardown(struct fixture *f)
{
	int i;

	if (f->calls != 0 && f->result.fd != -1)
		close(f->result.fd);
	for (i = 0; i < 4; i++)
		if (f->fillers[i] != -1)
			close(f->fillers[i]);
	close(f->full);
	close(f->good);
	resolver_free(f->resolver);
	fakedns_stop(&f->dns);
	loop_free(f->loop);
	assert_int_equal(count_descriptors(), f->descriptors);
}

static void
start(struct fixture *f, const char *host)
{
	struct target t;
	char text[TARGET_TEXT_SIZE];
	const char *why;

	(void)snprintf(text, sizeof(text), "%s:%u", host, (unsigned)f->port);
	assert_int_equal(target_parse(&t, text, strlen(text), &why), 0);
	f->dial = dial_start(&f->options, &t, &handlers, f);
	assert_non_null(f->dial);
	assert_int_equal(f->calls, 0);
	assert_int_equal(f->nasked, 0);
}

static void
finish(struct fixture *f)
{

	while (f->calls == 0)
		loop_turn(f->loop, true);
	assert_int_equal(f->calls, 1);
}

static void
assert_asked(const struct fixture *f, unsigned i, const char *text)
{
	char have[ADDR_TEXT_SIZE];

	assert_true(i < f->nasked);
	addr_format(&f->asked[i], have);
	assert_string_equal(have, text);
}

static void
assert_connected(struct fixture *f, unsigned attempts)
{
	struct addr peer;
	socklen_t len = sizeof(peer);
	char text[ADDR_TEXT_SIZE];

	finish(f);
	if (f->result.fd < 0)
		fail_msg("%s", f->result.text);
	memset(&peer, 0, sizeof(peer));
	assert_int_equal(getpeername(f->result.fd, &peer.u.sa, &len), 0);
	assert_true(addr_equal(&peer, &f->result.addr));
	addr_format(&peer, text);
	assert_string_equal(text, "127.0.0.1");
	assert_int_equal(f->result.attempts, attempts);
	assert_int_equal(f->result.why, WHY_NONE);
	assert_string_equal(f->result.text, "");
}

static void
assert_failed(struct fixture *f, enum why why, const char *part)
{

	finish(f);
	assert_int_equal(f->result.fd, -1);
	assert_int_equal(f->result.why, why);
	if (strstr(f->result.text, part) == NULL)
		fail_msg("\"%s\" without \"%s\"", f->result.text, part);
}

static void
test_connects(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "good.test",
		"silent6.test" };
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		setup(&f);
		start(&f, hosts[i]);
		assert_connected(&f, 1);
		assert_int_equal(f.nasked, 1);
		assert_int_equal(f.allowed, 2);
		/* IPv6 has 50 ms to come. */
		if (i == 2)
			assert_true(f.result.dns_us >= 49000);
		teardown(&f);
	}
}

/* A dial that connects is counted until it ends, however it does; one too
 * many fails at once. */
static void
test_too_many(void **state)
{
	struct quota quota = { .max = 1 };
	struct fixture f;

	(void)state;
	setup(&f);
	f.options.connects = &quota;
	start(&f, "good.test");
	assert_connected(&f, 1);
	assert_int_equal(quota.used, 0);
	teardown(&f);

	setup(&f);
	f.options.connects = &quota;
	start(&f, "127.0.0.2");		/* hangs */
	while (quota.used == 0)
		loop_turn(f.loop, true);
	dial_cancel(f.dial);
	assert_int_equal(quota.used, 0);
	teardown(&f);

	setup(&f);
	f.options.connects = &quota;
	quota.used = 1;
	start(&f, "127.0.0.1");
	assert_failed(&f, WHY_LIMIT, "too many pending connects");
	assert_int_equal(quota.turned, 1);
	assert_int_equal(quota.used, 1);
	teardown(&f);
}

static void
test_refused(void **state)
{
	struct fixture f;
	char text[64];

	(void)state;
	setup(&f);
	start(&f, "127.0.0.3");
	(void)snprintf(text, sizeof(text),
	    "connect to 127.0.0.3:%u: Connection refused", f.port);
	assert_failed(&f, WHY_CONNECT_FAILED, text);
	assert_string_equal(f.result.text, text);
	teardown(&f);

	/* The first failure is told, and all were tried. */
	setup(&f);
	start(&f, "refused.test");
	assert_failed(&f, WHY_CONNECT_FAILED, "connect to 127.0.0.3:");
	assert_int_equal(f.result.attempts, 2);
	teardown(&f);

	/* A failed attempt does not wait for the next one's time. */
	setup(&f);
	start(&f, "second.test");
	assert_connected(&f, 2);
	teardown(&f);
}

static void
test_forbidden(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	f.forbidden = "*";
	start(&f, "second.test");
	assert_failed(&f, WHY_FORBIDDEN_ADDRESS, "127.0.0.3:");
	assert_int_equal(f.nasked, 0);
	assert_int_equal(f.result.attempts, 0);
	teardown(&f);

	/* The other address may be used. */
	setup(&f);
	f.forbidden = "127.0.0.3";
	start(&f, "second.test");
	assert_connected(&f, 1);
	teardown(&f);

	/* Forbidden only when asked again, right before connect(2). */
	setup(&f);
	f.forbidden = "127.0.0.1";
	f.forbid_from = 2;
	start(&f, "127.0.0.1");
	assert_failed(&f, WHY_FORBIDDEN_ADDRESS, "127.0.0.1:");
	assert_non_null(strstr(f.result.text, " is not for you"));
	assert_int_equal(f.nasked, 1);
	teardown(&f);

	/* A refused connection tells more than a forbidden address. */
	setup(&f);
	f.forbidden = "127.0.0.3";
	start(&f, "refused.test");
	assert_failed(&f, WHY_CONNECT_FAILED, "127.0.0.4:");
	teardown(&f);
}

static void
test_verdicts(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	f.verdicts[0] = f.verdicts[1] = DIAL_REFUSE;
	start(&f, "second.test");
	assert_failed(&f, WHY_REFUSED, "127.0.0.3:");
	assert_int_equal(f.nasked, 2);
	teardown(&f);

	setup(&f);
	f.verdicts[0] = DIAL_REFUSE;
	start(&f, "second.test");
	assert_connected(&f, 2);
	teardown(&f);
}

static void
turns(struct fixture *f, int n)
{

	while (n-- > 0)
		loop_turn(f->loop, false);
}

static void
until_asked(struct fixture *f, unsigned n)
{

	while (f->nasked < n)
		loop_turn(f->loop, true);
}

static void
test_waiting(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	f.verdicts[0] = f.verdicts[1] = DIAL_WAIT;
	start(&f, "second.test");
	until_asked(&f, 1);
	turns(&f, 5);
	assert_int_equal(f.nasked, 1);
	dial_decide(f.dial, DIAL_REFUSE);
	dial_decide(f.dial, DIAL_OK);	/* too late: the first counts */
	assert_int_equal(f.nasked, 1);
	until_asked(&f, 2);
	assert_asked(&f, 1, "127.0.0.1");
	dial_decide(f.dial, DIAL_OK);
	assert_connected(&f, 2);
	teardown(&f);

	/* A verdict from within the question. */
	setup(&f);
	f.verdicts[0] = DIAL_WAIT;
	f.decide_inside = true;
	start(&f, "127.0.0.1");
	assert_connected(&f, 1);
	teardown(&f);

	/* Both ways at once: one attempt. */
	setup(&f);
	f.decide_inside = true;
	start(&f, "127.0.0.1");
	assert_connected(&f, 1);
	assert_int_equal(f.allowed, 2);
	teardown(&f);
}

static void
nothing(void *arg)
{

	*(bool *)arg = true;
}

/* The time that a verdict takes is not held against the server. */
static void
test_waiting_costs_no_time(void **state)
{
	struct fixture f;
	struct timer timer = { .loop = NULL };
	bool fired = false;

	(void)state;
	setup(&f);
	f.verdicts[0] = DIAL_WAIT;
	f.options.connect_ms = 2000;
	start(&f, "127.0.0.1");
	until_asked(&f, 1);
	timer_start(f.loop, &timer, 2100, nothing, &fired);
	while (!fired)
		loop_turn(f.loop, true);
	assert_int_equal(f.calls, 0);
	dial_decide(f.dial, DIAL_OK);
	assert_connected(&f, 1);
	teardown(&f);
}

/* The second attempt begins although the first still hangs, and wins. */
static void
test_staggered(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	start(&f, "hangs.test");
	assert_connected(&f, 2);
	assert_true(f.result.connect_us >= 249000);
	teardown(&f);

	/* While a verdict is awaited no other begins, but one may win. */
	setup(&f);
	f.verdicts[1] = DIAL_WAIT;
	start(&f, "hangs.test");
	until_asked(&f, 2);
	turns(&f, 3);
	dial_decide(f.dial, DIAL_OK);
	assert_connected(&f, 2);
	teardown(&f);
}

static void
test_hangs(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	f.options.connect_ms = 100;
	start(&f, "hang.test");
	assert_failed(&f, WHY_CONNECT_TIMEOUT, "connect to 127.0.0.2:");
	assert_true(f.result.connect_us >= 99000);
	teardown(&f);
}

/* IPv6 first, then in turns; the rest when one family is used up. */
static void
test_alternates(void **state)
{
	struct fixture f;
	unsigned i;

	(void)state;
	setup(&f);
	for (i = 0; i < ASKED_MAX; i++)
		f.verdicts[i] = DIAL_REFUSE;
	start(&f, "late.test");
	while (f.dns.nheld == 0)
		loop_turn(f.loop, true);
	fakedns_release(&f.dns);
	finish(&f);
	assert_int_equal(f.nasked, 2);
	teardown(&f);

	/* With both answers there, the order is exact. */
	setup(&f);
	f.verdicts[0] = DIAL_WAIT;
	for (i = 1; i < ASKED_MAX; i++)
		f.verdicts[i] = DIAL_REFUSE;
	start(&f, "both.test");
	until_asked(&f, 1);
	/* This question is answered after IPv4's was. */
	while (f.dns.asked < 2)
		loop_turn(f.loop, true);
	turns(&f, 20);
	dial_decide(f.dial, DIAL_REFUSE);
	finish(&f);
	assert_int_equal(f.nasked, 5);
	if (f.asked[0].u.sa.sa_family == AF_INET6) {
		assert_asked(&f, 0, "2001:db8::1");
		assert_asked(&f, 1, "127.0.0.3");
		assert_asked(&f, 2, "2001:db8::2");
		assert_asked(&f, 3, "127.0.0.4");
		assert_asked(&f, 4, "127.0.0.5");
	}
	teardown(&f);
}

/* An answer that comes when the others have failed already. */
static void
test_late_answers(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	f.verdicts[0] = DIAL_REFUSE;
	start(&f, "later.test");
	until_asked(&f, 1);
	turns(&f, 5);
	assert_int_equal(f.calls, 0);
	while (f.dns.nheld == 0)
		loop_turn(f.loop, true);
	fakedns_release(&f.dns);
	assert_connected(&f, 2);
	teardown(&f);

	setup(&f);
	f.verdicts[1] = DIAL_REFUSE;
	start(&f, "late.test");
	until_asked(&f, 1);
	assert_asked(&f, 0, "127.0.0.3");
	while (f.dns.nheld == 0)
		loop_turn(f.loop, true);
	fakedns_release(&f.dns);
	assert_failed(&f, WHY_CONNECT_FAILED, "127.0.0.3:");
	assert_asked(&f, 1, "2001:db8::1");
	teardown(&f);
}

static void
test_names_fail(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	start(&f, "unknown.test");
	assert_failed(&f, WHY_DNS_FAILED,
	    "resolve unknown.test: there is no such name");
	assert_int_equal(f.result.attempts, 0);
	teardown(&f);

	setup(&f);
	f.options.resolve_ms = 50;
	start(&f, "silent4.test");
	assert_failed(&f, WHY_DNS_TIMEOUT, "resolve silent4.test: ");
	teardown(&f);

	/* A name so long that the reason would be cut off. */
	setup(&f);
	start(&f, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb."
	    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.test");
	assert_failed(&f, WHY_DNS_FAILED, "there is no such name");
	teardown(&f);
}

/* Cancelled after so many turns, in every kind of life. */
static void
test_cancel(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "127.0.0.2",
		"127.0.0.3", "good.test", "hangs.test", "refused.test",
		"both.test", "late.test", "silent4.test", "silent6.test" };
	struct fixture f;
	size_t i;
	int n, wait;

	(void)state;
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		for (n = 0; n < 16; n++) {
			wait = n / 8;
			setup(&f);
			f.verdicts[0] = wait ? DIAL_WAIT : DIAL_OK;
			start(&f, hosts[i]);
			turns(&f, n % 8);
			if (f.calls == 0 && wait && n % 2)
				dial_decide(f.dial, DIAL_OK);
			if (f.calls == 0)
				dial_cancel(f.dial);
			turns(&f, 2);
			assert_true(f.calls <= 1);
			teardown(&f);
		}
	}
	dial_cancel(NULL);
}

static void
test_cancel_inside(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "second.test",
		"late.test" };
	struct fixture f;
	size_t i;

	(void)state;
	for (i = 0; i < 9; i++) {
		setup(&f);
		f.cancel_inside = true;
		f.verdicts[0] = (enum dial_verdict)(i / 3);
		start(&f, hosts[i % 3]);
		until_asked(&f, 1);
		turns(&f, 3);
		assert_int_equal(f.calls, 0);
		assert_int_equal(f.nasked, 1);
		teardown(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connects),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_waiting_costs_no_time),
		cmocka_unit_test(test_staggered),
		cmocka_unit_test(test_hangs),
		cmocka_unit_test(test_alternates),
		cmocka_unit_test(test_late_answers),
		cmocka_unit_test(test_names_fail),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_inside),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
