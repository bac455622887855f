/* SPDX-License-Identifier: MIT */
/*
 * conn -- see conn.h.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 64, BACKLOG = 4096 };

static const struct role listener_role = { .name = "listener" };

static struct sockaddr_in
loopback(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_port = htons(port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return (a);
}

static struct conn *
conn_new(struct load *load, int fd, const struct role *role, uint32_t events)
{
	struct epoll_event event = { .events = events };
	struct conn *c = calloc(1, sizeof(*c));
	int one = 1;

	if (c == NULL)
		fail("out of memory");
	c->load = load;
	c->fd = fd;
	c->role = role;
	c->events = events;
	c->served = true;
	event.data.ptr = c;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		fail("epoll_ctl: %s", strerror(errno));
	return (c);
}

static int
socket_new(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		fail("socket: %s", strerror(errno));
	return (fd);
}

struct conn *
conn_open(
    struct load *load, uint16_t port, int buffer, const struct role *role)
{
	struct sockaddr_in a = loopback(port);
	struct conn *c;
	int fd = socket_new();

	if (buffer > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 &&
	    errno != EINPROGRESS)
		fail("connect to port %d: %s", (int)port, strerror(errno));
	c = conn_new(load, fd, role, EPOLLOUT);
	c->connecting = true;
	return (c);
}

void
conn_listen(struct load *load, uint16_t port, const struct role *role)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket_new();
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, BACKLOG) != 0)
		fail("port %d: %s", (int)port, strerror(errno));
	conn_new(load, fd, &listener_role, EPOLLIN)->accepts = role;
}

void
conn_close(struct conn *c)
{
	close(c->fd);
	free(c);
}

static void
conn_ask(struct conn *c, uint32_t events)
{
	struct epoll_event event = { .events = events };

	if (events == c->events)
		return;
	c->events = events;
	event.data.ptr = c;
	if (epoll_ctl(c->load->epoll, EPOLL_CTL_MOD, c->fd, &event) != 0)
		fail("epoll_ctl: %s", strerror(errno));
}

void
conn_reading(struct conn *c, bool on)
{
	conn_ask(c, on ? c->events | EPOLLIN : c->events & ~(uint32_t)EPOLLIN);
}

/* One small message is outstanding on a connection, so there is room for it
 * in the socket, always. */
void
conn_send(struct conn *c, const uint8_t *bytes, size_t n)
{
	ssize_t sent = send(c->fd, bytes, n, MSG_NOSIGNAL);

	if (sent == -1)
		fail("%s: send: %s", c->role->name, strerror(errno));
	if ((size_t)sent != n)
		fail("%s: no room for %zu bytes", c->role->name, n);
}

/* One write a turn, so that every connection has its share. */
static void
source_write(struct conn *c)
{
	ssize_t n = send(c->fd, c->block + c->block_at,
	    c->block_len - c->block_at, MSG_NOSIGNAL);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n == -1)
		fail("%s: send: %s", c->role->name, strerror(errno));
	c->load->pushed += (uint64_t)n;
	c->block_at += (size_t)n;
	if (c->block_at == c->block_len)
		c->block_at = 0;
}

void
conn_source(struct conn *c, const uint8_t *block, size_t n)
{
	c->block = block;
	c->block_len = n;
	conn_ask(c, c->events | EPOLLOUT);
}

static void
conn_read(struct conn *c, size_t max)
{
	struct load *load = c->load;
	ssize_t n = recv(c->fd, load->buffer, max, 0);

	if (n > 0) {
		c->role->data(c, load->buffer, (size_t)n);
		return;
	}
	if (n == -1 && errno == EAGAIN)
		return;
	/* A proxy may reset a connection that it kept idle. */
	if (n == -1 && (errno != ECONNRESET || c->role->ended == NULL))
		fail("%s: recv: %s", c->role->name, strerror(errno));
	if (c->role->ended == NULL)
		fail("%s: the connection was closed early", c->role->name);
	c->role->ended(c);
}

void
conn_sip(struct conn *c, size_t n)
{
	conn_read(c, n);
}

static void
conn_connected(struct conn *c)
{
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0)
		fail("%s: connect: %s", c->role->name, strerror(error));
	c->connecting = false;
	conn_ask(c, EPOLLIN);
	c->role->opened(c);
}

static void
conn_accept(struct conn *listener)
{
	const struct role *role = listener->accepts;
	int fd;

	for (;;) {
		fd = accept4(
		    listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1)
			break;
		role->opened(conn_new(listener->load, fd, role, EPOLLIN));
	}
	if (errno != EAGAIN && errno != ECONNABORTED)
		fail("accept: %s", strerror(errno));
}

static void
conn_serve(struct conn *c, uint32_t events)
{
	c->served = true;
	if (c->accepts != NULL) {
		conn_accept(c);
		return;
	}
	if (c->connecting) {
		conn_connected(c);
		return;
	}
	if (events & EPOLLOUT && c->block != NULL)
		source_write(c);
	/* The read may be the end of it: nothing comes after. */
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		conn_read(c, READ_SIZE);
}

void
conn_turn(struct load *load, uint64_t timeout_ns)
{
	struct epoll_event events[EVENTS_MAX];
	struct timespec wait = {
		.tv_sec = (time_t)(timeout_ns / 1000000000),
		.tv_nsec = (long)(timeout_ns % 1000000000),
	};
	int i;
	int n = epoll_pwait2(load->epoll, events, EVENTS_MAX, &wait, NULL);

	if (n == -1 && errno != EINTR)
		fail("epoll_pwait2: %s", strerror(errno));
	for (i = 0; i < n; i++)
		conn_serve(events[i].data.ptr, events[i].events);
}
