/* SPDX-License-Identifier: MIT */
#include "net/dns.h"

#include <arpa/nameser.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define TRIES 3
#define EDNS_SIZE 1232			/* fits every path unfragmented */

/* One of c-ares' descriptors. */
struct dns_socket {
	struct dns *dns;
	struct dns_socket *next;
	struct watch watch;
	int fd;
	bool deaf;		/* it could not be watched */
};

static void	turn(void *);
static void	socket_ready(void *, bool, bool);

static void
rearm(struct dns *dns)
{
	struct timeval tv;
	uint64_t ms;

	if (ares_timeout(dns->channel, NULL, &tv) == NULL) {
		timer_stop(&dns->timer);
		return;
	}
	/* Rounded up: a moment too early would only come back. */
	ms = (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000 + 1;
	timer_start(dns->loop, &dns->timer, ms, turn, dns);
}

/* c-ares' next try may be heard. */
static void
turn(void *arg)
{
	struct dns *dns = arg;
	struct dns_socket *s;

	for (s = dns->sockets; s != NULL; s = s->next)
		if (s->deaf)
			watch_set(dns->loop, &s->watch, s->fd, 1,
			    socket_ready, s);
	ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	rearm(dns);
}

static void
socket_ready(void *arg, bool readable, bool writable)
{
	struct dns_socket *s = arg;
	struct dns *dns = s->dns;
	int fd = s->fd;

	s->deaf = !readable && !writable;
	/* c-ares may close the descriptor in here, which frees s. */
	ares_process_fd(dns->channel, readable ? fd : ARES_SOCKET_BAD,
	    writable ? fd : ARES_SOCKET_BAD);
	rearm(dns);
}

/* Called by c-ares: which events does it wait for?  None: it closes fd. */
static void
socket_changed(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *dns = arg;
	struct dns_socket *s, **p;

	for (p = &dns->sockets; (s = *p) != NULL; p = &s->next)
		if (s->fd == fd)
			break;
	if (!readable && !writable) {
		if (s == NULL)
			return;
		watch_stop(&s->watch);
		*p = s->next;
		free(s);
		return;
	}
	if (s == NULL) {
		/* Without memory nobody hears the answer: a timeout. */
		if ((s = calloc(1, sizeof(*s))) == NULL)
			return;
		s->dns = dns;
		s->fd = fd;
		s->next = dns->sockets;
		dns->sockets = s;
	}
	watch_set(dns->loop, &s->watch, fd,
	    (readable ? 1 : 0) | (writable ? 2 : 0), socket_ready, s);
}

int
dns_open(struct dns *dns, struct loop *loop, uint64_t timeout_ms,
    const char *servers, struct err *err)
{
	struct ares_options o;
	uint64_t try = timeout_ms / ((1u << TRIES) - 1);
	int status, mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS |
	    ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_DOMAINS |
	    ARES_OPT_EDNSPSZ;

	memset(&o, 0, sizeof(o));
	/* No search list: what policy saw is what is looked up. */
	o.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
	o.ednspsz = EDNS_SIZE;
	/* Each try waits twice as long as the one before. */
	o.timeout = try < 1 ? 1 : try > 60000 ? 60000 : (int)try;
	o.tries = TRIES;
	o.sock_state_cb = socket_changed;
	o.sock_state_cb_data = dns;
	dns->loop = loop;
	if ((status = ares_init_options(&dns->channel, &o, mask)) !=
	    ARES_SUCCESS)
		return (err_set(err, "resolver: %s", ares_strerror(status)));
	if (servers != NULL && (status = ares_set_servers_ports_csv(
	    dns->channel, servers)) != ARES_SUCCESS) {
		ares_destroy(dns->channel);
		return (err_set(err, "resolver: servers \"%s\": %s", servers,
		    ares_strerror(status)));
	}
	return (0);
}

void
dns_ask(struct dns *dns, const char *name, int family, ares_callback done,
    void *arg)
{
	ares_query(dns->channel, name, ns_c_in,
	    family == AF_INET6 ? ns_t_aaaa : ns_t_a, done, arg);
	rearm(dns);
}

void
dns_close(struct dns *dns)
{
	ares_destroy(dns->channel);
	timer_stop(&dns->timer);
	assert(dns->sockets == NULL);
}
