/* SPDX-License-Identifier: MIT */
/*
 * conn, sock, pipe -- over real sockets of the loopback.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/pipe.h"
#include "net/sock.h"

struct end {
	struct conn *conn;
	unsigned readable, writable;
	bool close_in_readable, stop_write_in_readable;
};

struct pair {
	struct loop *loop;
	int listener;
	struct acceptor *acceptor;
	struct addr addr, peer;
	struct end client, server;
	unsigned accepted;
	bool stop_in_accepted;
};

static void
on_readable(void *arg)
{
	struct end *e = arg;

	e->readable++;
	if (e->stop_write_in_readable)
		conn_want_write(e->conn, false);
	if (e->close_in_readable) {
		conn_close(e->conn, false);
		e->conn = NULL;
	}
}

static void
on_writable(void *arg)
{
	struct end *e = arg;

	e->writable++;
}

static const struct conn_handlers handlers = { on_readable, on_writable };

static void
on_accepted(void *arg, int fd, const struct addr *peer)
{
	struct pair *p = arg;

	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	p->peer = *peer;
	if (p->accepted++ == 0)
		p->server.conn = conn_create(p->loop, fd);
	else
		close(fd);
	if (p->stop_in_accepted) {
		acceptor_stop(p->acceptor);
		p->acceptor = NULL;
	}
}

static void
pair_listen(struct pair *p)
{
	struct err err;

	memset(p, 0, sizeof(*p));
	p->loop = loop_create();
	assert_int_equal(addr_parse(&p->addr, "127.0.0.1:0"), 0);
	p->listener = sock_listen(&p->addr, false, &err);
	assert_true(p->listener >= 0);
	assert_int_equal(sock_local(p->listener, &p->addr), 0);
	p->acceptor = acceptor_start(p->loop, p->listener, on_accepted, p);
	assert_non_null(p->acceptor);
}

static void
pair_open(struct pair *p)
{
	struct addr local;
	int fd;

	pair_listen(p);
	fd = sock_connect(&p->addr);
	assert_true(fd >= 0);
	while (p->server.conn == NULL)
		loop_turn(p->loop, true);
	assert_int_equal(sock_connect_result(fd, &p->addr), 0);
	assert_int_equal(sock_local(fd, &local), 0);
	assert_true(addr_equal(&local, &p->peer));
	p->client.conn = conn_create(p->loop, fd);
	assert_non_null(p->client.conn);
	conn_set_handlers(p->client.conn, &handlers, &p->client);
	conn_set_handlers(p->server.conn, &handlers, &p->server);
}

static void
pair_close(struct pair *p)
{

	conn_close(p->client.conn, false);
	conn_close(p->server.conn, false);
	acceptor_stop(p->acceptor);
	close(p->listener);
	loop_free(p->loop);
}

static ssize_t
say(struct conn *conn, const char *text)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)text, 1 },
		{ (void *)(uintptr_t)(text + 1), strlen(text) - 1 } };

	return (conn_write(conn, iov, 2));
}

static void
wait_readable(struct pair *p, struct end *e)
{
	unsigned before = e->readable;

	conn_want_read(e->conn, true);
	while (e->readable == before)
		loop_turn(p->loop, true);
}

static void
test_bytes_and_ends(void **state)
{
	struct pair p;
	char bytes[64];

	(void)state;
	pair_open(&p);
	assert_int_equal(conn_read(p.server.conn, bytes, 64), CONN_AGAIN);
	assert_int_equal(say(p.client.conn, "hello"), 5);
	wait_readable(&p, &p.server);
	assert_int_equal(conn_read(p.server.conn, bytes, 64), 5);
	assert_memory_equal(bytes, "hello", 5);
	/* Half closed: the other direction goes on. */
	assert_int_equal(conn_look(p.server.conn), 0);
	assert_int_equal(conn_shutdown(p.client.conn), 0);
	wait_readable(&p, &p.server);
	assert_int_equal(conn_look(p.server.conn), 1);
	assert_int_equal(conn_read(p.server.conn, bytes, 64), 0);
	assert_int_equal(say(p.server.conn, "bye"), 3);
	wait_readable(&p, &p.client);
	assert_int_equal(conn_look(p.client.conn), 0);
	assert_int_equal(conn_read(p.client.conn, bytes, 64), 3);
	pair_close(&p);
}

/* Closed with a reset; writing to who is gone kills nobody. */
static void
test_reset(void **state)
{
	struct pair p;
	char bytes[8];

	(void)state;
	pair_open(&p);
	assert_int_equal(say(p.client.conn, "x"), 1);
	wait_readable(&p, &p.server);
	conn_close(p.client.conn, true);
	p.client.conn = NULL;
	/* The reset is seen behind the byte that nobody read. */
	while (conn_look(p.server.conn) != CONN_RESET)
		loop_turn(p.loop, true);
	assert_int_equal(conn_look(p.server.conn), CONN_RESET);
	while (conn_read(p.server.conn, bytes, sizeof(bytes)) >= 0)
		;
	assert_int_equal(say(p.server.conn, "y"), CONN_RESET);
	assert_int_equal(say(p.server.conn, "y"), CONN_RESET);
	assert_int_equal(conn_shutdown(p.server.conn), CONN_RESET);
	pair_close(&p);
}

static void
test_write_until_full(void **state)
{
	static char block[65536];
	struct iovec iov = { block, sizeof(block) };
	struct pair p;
	size_t sent = 0, got = 0;
	ssize_t n;

	(void)state;
	pair_open(&p);
	while ((n = conn_write(p.client.conn, &iov, 1)) > 0)
		sent += (size_t)n;
	assert_int_equal(n, CONN_AGAIN);
	conn_want_write(p.client.conn, true);
	while (p.client.writable == 0) {
		while ((n = conn_read(p.server.conn, block,
		    sizeof(block))) > 0)
			got += (size_t)n;
		loop_turn(p.loop, false);
	}
	conn_want_write(p.client.conn, false);
	assert_int_equal(conn_shutdown(p.client.conn), 0);
	while (got < sent) {
		wait_readable(&p, &p.server);
		while ((n = conn_read(p.server.conn, block,
		    sizeof(block))) > 0)
			got += (size_t)n;
	}
	assert_int_equal(got, sent);
	pair_close(&p);
}

/* Both are due in one turn; the first handler closes, or wants no more. */
static void
test_no_callback_after_close(void **state)
{
	struct pair p;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		pair_open(&p);
		assert_int_equal(say(p.client.conn, "x"), 1);
		wait_readable(&p, &p.server);
		p.server.readable = 0;
		p.server.close_in_readable = i == 0;
		p.server.stop_write_in_readable = i == 1;
		conn_want_write(p.server.conn, true);
		while (p.server.readable == 0)
			loop_turn(p.loop, true);
		assert_int_equal(p.server.writable, 0);
		pair_close(&p);
	}
}

static void
test_want_nothing(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p);
	conn_want_read(p.server.conn, true);
	conn_want_read(p.server.conn, true);
	conn_want_read(p.server.conn, false);
	assert_int_equal(say(p.client.conn, "x"), 1);
	loop_turn(p.loop, false);
	loop_turn(p.loop, false);
	assert_int_equal(p.server.readable, 0);
	pair_close(&p);
}

static void
test_splice(void **state)
{
	struct pipe_pool *pool = pipe_pool_create();
	struct pipe_end *pipe = pipe_take(pool);
	struct pair p;
	char bytes[64];

	(void)state;
	assert_non_null(pipe);
	assert_true(pipe->cap >= 65536);
	pair_open(&p);
	assert_true(conn_can_splice(p.server.conn));
	assert_int_equal(conn_splice_in(p.server.conn, pipe, 64), CONN_AGAIN);
	assert_int_equal(conn_splice_out(p.server.conn, pipe), 0);
	assert_int_equal(say(p.client.conn, "hello world"), 11);
	wait_readable(&p, &p.server);
	assert_int_equal(conn_splice_in(p.server.conn, pipe, 5), 5);
	assert_int_equal(pipe->fill, 5);
	assert_int_equal(conn_splice_in(p.server.conn, pipe, 64), 6);
	assert_int_equal(conn_splice_out(p.server.conn, pipe), 11);
	assert_int_equal(pipe->fill, 0);
	wait_readable(&p, &p.client);
	assert_int_equal(conn_read(p.client.conn, bytes, 64), 11);
	assert_memory_equal(bytes, "hello world", 11);

	/* The end, and then a peer that is gone: no SIGPIPE. */
	assert_int_equal(say(p.client.conn, "z"), 1);
	wait_readable(&p, &p.server);
	assert_int_equal(conn_splice_in(p.server.conn, pipe, 64), 1);
	assert_int_equal(conn_shutdown(p.client.conn), 0);
	wait_readable(&p, &p.server);
	assert_int_equal(conn_splice_in(p.server.conn, pipe, 64), 0);
	conn_close(p.client.conn, true);
	p.client.conn = NULL;
	while (conn_look(p.server.conn) != CONN_RESET)
		loop_turn(p.loop, true);
	assert_int_equal(conn_splice_out(p.server.conn, pipe), CONN_RESET);
	assert_int_equal(conn_splice_out(p.server.conn, pipe), CONN_RESET);
	assert_int_equal(pipe->fill, 1);
	pipe_give(pool, pipe);
	pipe_pool_free(pool);
	pair_close(&p);
}

/* No more than there may be; none comes back with somebody's bytes. */
static void
test_pipe_pool(void **state)
{
	struct pipe_pool *pool = pipe_pool_create();
	struct pipe_end *pipes[PIPE_POOL_MAX + 1], *pipe;
	size_t n = 0;

	(void)state;
	while (n <= PIPE_POOL_MAX && (pipe = pipe_take(pool)) != NULL)
		pipes[n++] = pipe;
	assert_true(n > 0 && n <= PIPE_POOL_MAX);
	assert_int_equal(write(pipes[0]->in, "secret", 6), 6);
	pipes[0]->fill = 6;
	while (n > 0)
		pipe_give(pool, pipes[--n]);
	for (n = 0; n < PIPE_POOL_MAX; n++) {
		char byte;

		if ((pipes[n] = pipe_take(pool)) == NULL)
			break;
		assert_int_equal(read(pipes[n]->out, &byte, 1), -1);
		assert_int_equal(errno, EAGAIN);
		assert_int_equal(pipes[n]->fill, 0);
	}
	while (n > 0)
		pipe_give(pool, pipes[--n]);
	pipe_give(pool, NULL);
	pipe_pool_free(pool);
	pipe_pool_free(NULL);
}

static void
test_listen_fails(void **state)
{
	struct pair p;
	struct addr a;
	struct err err;
	char text[ADDR_PORT_TEXT_SIZE];

	(void)state;
	pair_listen(&p);
	assert_int_equal(sock_listen(&p.addr, false, &err), -1);
	addr_format_port(&p.addr, text);
	assert_non_null(strstr(err.text, text));
	assert_int_equal(addr_parse(&a, "192.0.2.1:0"), 0);
	assert_int_equal(sock_listen(&a, false, &err), -1);
	pair_close(&p);
}

/* A socket that met itself has met nobody. */
static void
test_self_connection(void **state)
{
	struct addr a;
	int fd;

	(void)state;
	assert_int_equal(addr_parse(&a, "127.0.0.1:0"), 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &a.u.sa, addr_len(&a)), 0);
	assert_int_equal(sock_local(fd, &a), 0);
	assert_int_equal(connect(fd, &a.u.sa, addr_len(&a)), 0);
	assert_int_equal(sock_connect_result(fd, &a), ECONNREFUSED);
	/* Also by way of a wildcard. */
	a.u.in4.sin_addr.s_addr = htonl(INADDR_ANY);
	assert_int_equal(sock_connect_result(fd, &a), ECONNREFUSED);
	close(fd);
}

static void
test_stop_in_accepted(void **state)
{
	struct pair p;
	int fds[3], i;

	(void)state;
	pair_listen(&p);
	p.stop_in_accepted = true;
	for (i = 0; i < 3; i++)
		assert_true((fds[i] = sock_connect(&p.addr)) >= 0);
	while (p.accepted == 0)
		loop_turn(p.loop, true);
	loop_turn(p.loop, false);
	assert_int_equal(p.accepted, 1);
	for (i = 0; i < 3; i++)
		close(fds[i]);
	pair_close(&p);
}

/* Without descriptors it waits, and goes on when there are some again. */
static void
test_no_descriptors(void **state)
{
	struct rlimit limit, low;
	struct pair p;
	int fds[64], n = 0, client, turns = 0;

	(void)state;
	pair_listen(&p);
	client = sock_connect(&p.addr);
	assert_true(client >= 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = (rlim_t)client + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (n < 64 && (fds[n] = dup(client)) >= 0)
		n++;
	for (turns = 0; turns < 3; turns++)
		loop_turn(p.loop, true);
	assert_int_equal(p.accepted, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (n > 0)
		close(fds[--n]);
	while (p.accepted == 0)
		loop_turn(p.loop, true);
	close(client);
	pair_close(&p);
}

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return (value);
}

/* What is set on a listening socket holds for all that come in by it: there
 * is no call for each of them. */
static void
test_inherited(void **state)
{
	static const struct sock_patience patience = { 60000, 60000 };
	int client, server;
	struct pair p;

	(void)state;
	pair_listen(&p);
	sock_set_patience(p.listener, &patience);
	client = sock_connect(&p.addr);
	assert_true(client >= 0);
	server = accept(p.listener, NULL, NULL);
	assert_true(server >= 0);
	assert_int_equal(option(server, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(option(server, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(server, IPPROTO_TCP, TCP_USER_TIMEOUT),
	    60000);
	/* Three probes until the time is over. */
	assert_int_equal(option(server, IPPROTO_TCP, TCP_KEEPIDLE), 30);
	assert_int_equal(option(server, IPPROTO_TCP, TCP_KEEPINTVL), 10);
	assert_int_equal(option(server, IPPROTO_TCP, TCP_KEEPCNT), 3);
	close(client);
	close(server);
	pair_close(&p);
}

static void
test_patience(void **state)
{
	static const struct {
		struct sock_patience patience;
		int keepalive, user, idle, interval;
	} rows[] = {
		{ { 0, 0 }, 0, 0, 0, 0 },
		{ { 0, 5000 }, 0, 5000, 0, 0 },
		{ { 60000, 0 }, 1, 0, 60, 10 },
		{ { 10000, 70000 }, 1, 70000, 10, 20 },
		{ { 1, 1 }, 1, 1, 1, 1 },
		{ { 21600000, 21600000 }, 1, 21600000, 10800, 3600 },
	};
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		assert_true(fd >= 0);
		sock_set_patience(fd, &rows[i].patience);
		assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE),
		    rows[i].keepalive);
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT),
		    rows[i].user);
		if (rows[i].keepalive) {
			assert_int_equal(option(fd, IPPROTO_TCP,
			    TCP_KEEPIDLE), rows[i].idle);
			assert_int_equal(option(fd, IPPROTO_TCP,
			    TCP_KEEPINTVL), rows[i].interval);
		}
		close(fd);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_and_ends),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_write_until_full),
		cmocka_unit_test(test_no_callback_after_close),
		cmocka_unit_test(test_want_nothing),
		cmocka_unit_test(test_splice),
		cmocka_unit_test(test_pipe_pool),
		cmocka_unit_test(test_listen_fails),
		cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_self_connection),
		cmocka_unit_test(test_stop_in_accepted),
		cmocka_unit_test(test_no_descriptors),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
