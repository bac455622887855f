/* SPDX-License-Identifier: MIT */
/*
 * sock -- TCP sockets; accepting is done for UNIX sockets, too.
 *
 * Knows nothing of what is said over them.  Every descriptor that leaves here
 * is non-blocking and close-on-exec; those that carry a stream have Nagle's
 * algorithm off, for a relay must not wait for more.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "net/sock.h"

#define BACKLOG 4096		/* the kernel cuts it at somaxconn */
#define ACCEPT_BATCH 64		/* per turn: others want their share */
#define ACCEPT_PAUSE_MS 100
#define KEEPALIVE_PROBES 3

struct acceptor {
	struct loop *loop;
	int fd;
	void (*accepted)(void *arg, int fd, const struct addr *peer);
	void *arg;
	struct watch watch;
	struct timer pause;
	bool said;		/* that it rests; and nobody came since */
	bool *stopped;		/* set by acceptor_stop() under accepted() */
};

static void
set_on(int fd, int level, int option)
{
	int on = 1;

	(void)setsockopt(fd, level, option, &on, sizeof(on));
}

/* What to do about it. */
static const char *
advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return ("; `ss -ltnp` tells who listens there");
	case EACCES:
		return ("; ports below 1024 are for root and who has "
		    "CAP_NET_BIND_SERVICE");
	case EADDRNOTAVAIL:
		return ("; no interface of this host has it");
	default:
		return ("");
	}
}

int
sock_listen(const struct addr *a, bool shared, struct err *err)
{
	char text[ADDR_PORT_TEXT_SIZE];
	int fd, saved;

	if ((fd = socket(a->u.sa.sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == -1)
		goto err0;
	set_on(fd, SOL_SOCKET, SO_REUSEADDR);
	if (shared)
		set_on(fd, SOL_SOCKET, SO_REUSEPORT);
	/* Accepted sockets inherit it, as all of sock_set_patience(). */
	set_on(fd, IPPROTO_TCP, TCP_NODELAY);
	/* "[::]" means IPv6: who wants IPv4 as well says so. */
	if (a->u.sa.sa_family == AF_INET6)
		set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (bind(fd, &a->u.sa, addr_len(a)) == -1 ||
	    listen(fd, BACKLOG) == -1)
		goto err1;
	return (fd);
err1:
	saved = errno;
	close(fd);
	errno = saved;
err0:
	saved = errno;
	addr_format_port(a, text);
	return (err_set(err, "listen on %s: %s%s", text, strerror(saved),
	    advice(saved)));
}

void
sock_adopt(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags != -1)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	set_on(fd, IPPROTO_TCP, TCP_NODELAY);
}

bool
sock_is_at(int fd, const struct addr *a, const char *path)
{
	struct sockaddr_un un;
	struct addr local;
	socklen_t len = sizeof(un);

	if (path[0] == '\0')
		return (sock_local(fd, &local) == 0 && addr_equal(&local, a));
	memset(&un, 0, sizeof(un));
	return (getsockname(fd, (struct sockaddr *)&un, &len) == 0 &&
	    un.sun_family == AF_UNIX &&
	    strncmp(un.sun_path, path, sizeof(un.sun_path)) == 0);
}

static void
set_number(int fd, int option, uint64_t value)
{
	int number = value < 1 ? 1 : value > 32767 ? 32767 : (int)value;

	(void)setsockopt(fd, IPPROTO_TCP, option, &number, sizeof(number));
}

/*
 * With TCP_USER_TIMEOUT the kernel counts no probes: it gives up when the
 * time is over and one probe is unanswered.  So probing begins early enough
 * that a single lost one does no harm.
 */
void
sock_set_patience(int fd, const struct sock_patience *p)
{
	uint64_t idle = p->keepalive_ms, rest, ms = p->unacknowledged_ms;
	unsigned user = ms > INT32_MAX ? INT32_MAX : (unsigned)ms;

	if (user != 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user,
		    sizeof(user));
	if (idle == 0)
		return;
	if (ms != 0 && idle > ms / 2)
		idle = ms / 2;
	rest = ms != 0 ? ms - idle : idle / 2;
	set_number(fd, TCP_KEEPIDLE, idle / 1000);
	set_number(fd, TCP_KEEPINTVL, rest / KEEPALIVE_PROBES / 1000);
	set_number(fd, TCP_KEEPCNT, KEEPALIVE_PROBES);
	set_on(fd, SOL_SOCKET, SO_KEEPALIVE);
}

int
sock_local(int fd, struct addr *ret_addr)
{
	struct addr a;
	socklen_t len = sizeof(a.u);

	memset(&a, 0, sizeof(a));
	if (getsockname(fd, &a.u.sa, &len) == -1)
		return (-1);
	*ret_addr = a;
	return (0);
}

int
sock_connect(const struct addr *a)
{
	int fd, saved;

	if ((fd = socket(a->u.sa.sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	set_on(fd, IPPROTO_TCP, TCP_NODELAY);
	/* EINTR: the connection goes on by itself (POSIX, connect). */
	if (connect(fd, &a->u.sa, addr_len(a)) == 0 ||
	    errno == EINPROGRESS || errno == EINTR)
		return (fd);
	saved = errno;
	close(fd);
	errno = saved;
	return (-1);
}

/*
 * Where nobody listens on a local port out of the kernel's range for clients,
 * a socket may be bound to that very port and connect to itself: refused.
 * Only where the ports are the same is the peer asked for: what was connected
 * to may have been a wildcard.
 */
int
sock_connect_result(int fd, const struct addr *to)
{
	struct addr local, peer;
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return (errno);
	if (error != 0)
		return (error);
	if (sock_local(fd, &local) == -1 || addr_port(&local) != addr_port(to))
		return (0);
	memset(&peer, 0, sizeof(peer));
	len = sizeof(peer.u);
	if (getpeername(fd, &peer.u.sa, &len) == -1)
		return (errno);
	return (addr_equal(&local, &peer) ? ECONNREFUSED : 0);
}

/* ------------------------------------------------------------------ */
/* Accepting								*/

static void acceptor_ready(void *arg, bool readable, bool writable);

static void
acceptor_watch(struct acceptor *acceptor, int wants)
{

	watch_set(acceptor->loop, &acceptor->watch, acceptor->fd, wants,
	    acceptor_ready, acceptor);
}

static void
acceptor_again(void *arg)
{

	acceptor_watch(arg, 1);
	/* Somebody else may have accepted who waited: then it is quiet. */
	acceptor_ready(arg, true, false);
}

/*
 * Go on accepting after this errno?  What befell the one connection (accept(2)
 * hands network errors over) is no reason to stop; what befell the process
 * would make a level-triggered watcher spin.
 */
static bool
acceptor_failed(struct acceptor *acceptor, int error)
{
	char text[ADDR_PORT_TEXT_SIZE] = "?";
	struct addr a;

	switch (error) {
	case EAGAIN:
		acceptor->said = false;
		return (false);
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
		break;
	default:
		return (true);
	}
	if (!acceptor->said) {
		acceptor->said = true;
		if (sock_local(acceptor->fd, &a) == 0)
			addr_format_port(&a, text);
		log_say(FRL_WARNING, "accept on %s: %s; trying again",
		    text, strerror(error));
	}
	acceptor_watch(acceptor, 0);
	timer_start(acceptor->loop, &acceptor->pause, ACCEPT_PAUSE_MS,
	    acceptor_again, acceptor);
	return (false);
}

static void
acceptor_ready(void *arg, bool readable, bool writable)
{
	struct acceptor *acceptor = arg;
	struct addr peer;
	socklen_t len;
	bool stopped = false;
	int fd, i;

	(void)writable;
	if (!readable) {
		(void)acceptor_failed(acceptor, ENOMEM);
		return;
	}
	acceptor->stopped = &stopped;
	for (i = 0; i < ACCEPT_BATCH; i++) {
		memset(&peer, 0, sizeof(peer));
		len = sizeof(peer.u);
		if ((fd = accept4(acceptor->fd, &peer.u.sa, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) == -1) {
			if (!acceptor_failed(acceptor, errno))
				break;
			continue;
		}
		acceptor->said = false;
		acceptor->accepted(acceptor->arg, fd, &peer);
		if (stopped)
			return;
	}
	acceptor->stopped = NULL;
}

struct acceptor *
acceptor_start(struct loop *loop, int fd,
    void (*accepted)(void *arg, int fd, const struct addr *peer), void *arg)
{
	struct acceptor *acceptor;

	if ((acceptor = calloc(1, sizeof(*acceptor))) == NULL)
		return (NULL);
	acceptor->loop = loop;
	acceptor->fd = fd;
	acceptor->accepted = accepted;
	acceptor->arg = arg;
	acceptor_watch(acceptor, 1);
	return (acceptor);
}

bool
acceptor_resting(const struct acceptor *acceptor)
{

	return (acceptor != NULL && acceptor->said);
}

void
acceptor_stop(struct acceptor *acceptor)
{

	if (acceptor == NULL)
		return;
	watch_stop(&acceptor->watch);
	timer_stop(&acceptor->pause);
	if (acceptor->stopped != NULL)
		*acceptor->stopped = true;
	free(acceptor);
}
