/* SPDX-License-Identifier: MIT */
/*
 * channel -- a SOCK_SEQPACKET pair: it keeps messages apart, and says when the
 * other end is closed.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/channel.h"

#define CONTROL_SIZE CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))

union control {
	struct cmsghdr align;
	char bytes[CONTROL_SIZE];
};

int
channel_pair(int ret_fds[2])
{

	return (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    ret_fds));
}

int
channel_send(int channel, const void *message, size_t size, const int *fds,
    size_t count)
{
	struct iovec iov = { (void *)(size_t)message, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	struct cmsghdr *c;
	ssize_t n;

	if (count > CHANNEL_FDS_MAX) {
		errno = EINVAL;
		return (-1);
	}
	if (count != 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	do
		n = sendmsg(channel, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	return (n == -1 ? -1 : 0);
}

void
channel_wait_room(int channel)
{
	struct pollfd p = { .fd = channel, .events = POLLOUT };

	(void)poll(&p, 1, -1);
}

static void
take_fds(struct msghdr *msg, int ret_fds[CHANNEL_FDS_MAX], size_t *ret_count)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (c == NULL || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS)
		return;
	*ret_count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(ret_fds, CMSG_DATA(c), *ret_count * sizeof(int));
}

int
channel_receive(int channel, void *message, size_t size, int wait,
    int ret_fds[CHANNEL_FDS_MAX], size_t *ret_count)
{
	struct iovec iov = { message, size };
	union control control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	*ret_count = 0;
	do
		n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC |
		    (wait ? 0 : MSG_DONTWAIT));
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return (n == -1 && errno == ECONNRESET ? 0 : (int)n);
	take_fds(&msg, ret_fds, ret_count);
	if (!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return ((int)n);
	while (*ret_count > 0)
		close(ret_fds[--*ret_count]);
	errno = EBADMSG;
	return (-1);
}
