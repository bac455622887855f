/* SPDX-License-Identifier: MIT */
#include "app/doors.h"

#include "app/config.h"
#include "app/server.h"
#include "base/log.h"
#include "flow/tunnel.h"
#include "net/sock.h"
#include "net/unixsock.h"

#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct door {
	struct tunnel_listener listener;
	struct acceptor *acceptor;
	int fd;
	char name[ADDR_PORT_TEXT_SIZE];	/* with the port that 0 became */
	const char *path;		/* of a UNIX socket; or NULL */
	struct unixsock_mark mark;
};

struct doors {
	size_t count;
	bool adopted;			/* somebody else says that we listen */
	struct addr *own;		/* where we listen, and its aliases */
	size_t own_count;
	struct door list[];
};

/* ------------------------------------------------------------------ */
/* Binding								*/

/* Learn what a TCP socket is bound to. */
static void
note_addr(struct doors *doors, struct door *door, const struct addr *wanted)
{
	struct addr *own = &doors->own[doors->own_count++];

	if (sock_local(door->fd, own) != 0)
		*own = *wanted;
	addr_format_port(own, door->name);
	door->listener.name = door->name;
}

static int
bind_path(struct door *door, const struct config_listen *listen,
    struct err *err)
{
	door->fd = unixsock_listen(listen->path, listen->permissions,
	    &door->mark, err);
	if (door->fd < 0)
		return (-1);
	door->path = listen->path;
	door->listener.name = listen->name;
	return (0);
}

/* No tunnel leads to a path, so only addresses are to be kept in mind. */
static int
bind_addr(struct doors *doors, struct door *door,
    const struct config_listen *listen, struct err *err)
{
	const struct sock_patience patience = { listen->timeouts.keepalive,
		listen->timeouts.unacknowledged };

	door->fd = sock_listen(&listen->addr, false, err);
	if (door->fd < 0)
		return (-1);
	sock_set_patience(door->fd, &patience);
	note_addr(doors, door, &listen->addr);
	return (0);
}

static struct rules_timeouts
make_timeouts(const struct config_timeouts *t)
{
	struct rules_timeouts timeouts = {
		.head_ms = t->head,
		.detect_ms = t->detect,
		.connect_ms = t->connect,
		.farewell_ms = t->farewell,
		.half_closed_ms = t->half_closed,
		.idle_ms = t->idle,
		.lifetime_ms = t->lifetime,
	};

	return (timeouts);
}

static void
fill_listener(struct tunnel_listener *listener,
    const struct config_listen *listen)
{
	listener->mode = listen->mode == CONFIG_REVERSE ? TUNNEL_REVERSE :
	    TUNNEL_CONNECT;
	listener->server = listen->server;
	listener->protocol = listen->protocol;
	listener->clients = listen->clients;
	listener->client_count = listen->client_count;
	listener->proxy_header = listen->proxy_header;
	listener->timeouts = make_timeouts(&listen->timeouts);
}

static int
bind_door(struct doors *doors, struct door *door,
    const struct config_listen *listen, struct err *err)
{
	fill_listener(&door->listener, listen);
	return (listen->path != NULL ? bind_path(door, listen, err) :
	    bind_addr(doors, door, listen, err));
}

static struct doors *
make_doors(const struct config *config, size_t n, struct err *err)
{
	struct doors *doors = calloc(1,
	    sizeof(*doors) + n * sizeof(doors->list[0]));
	size_t i;

	if (doors == NULL || (doors->own = calloc(n + 2,
	    sizeof(*doors->own))) == NULL) {
		err_set(err, "out of memory");
		free(doors);
		return (NULL);
	}
	for (i = 0; i < n; i++)
		doors->list[i].fd = -1;
	doors->count = n;
	if (config->admin.has_http)
		doors->own[doors->own_count++] = config->admin.http;
	return (doors);
}

struct doors *
doors_adopt(const struct config *config, const struct server_socket *sockets,
    size_t count, struct err *err)
{
	struct doors *doors = make_doors(config, count, err);
	const struct config_listen *listen;
	struct door *door;
	size_t i;

	if (doors != NULL)
		doors->adopted = true;
	for (i = 0; doors != NULL && i < count; i++) {
		listen = &config->listens[sockets[i].listen];
		door = &doors->list[i];
		door->fd = sockets[i].fd;
		fill_listener(&door->listener, listen);
		if (listen->path == NULL)
			note_addr(doors, door, &listen->addr);
		else
			door->listener.name = listen->name;
	}
	return (doors);
}

struct doors *
doors_bind(const struct config *config, struct err *err)
{
	size_t i, n = config->listen_count;
	struct doors *doors = make_doors(config, n, err);

	for (i = 0; doors != NULL && i < n; i++) {
		if (bind_door(doors, &doors->list[i], &config->listens[i],
		    err) != 0) {
			doors_free(doors);
			return (NULL);
		}
	}
	return (doors);
}

/* ------------------------------------------------------------------ */
/* Our own addresses							*/

static bool
is_wildcard(const struct addr *a)
{
	static const struct addr_range any4 = { .family = 4, .bits = 32 };
	static const struct addr_range any6 = { .family = 6, .bits = 128 };

	return (addr_range_has(&any4, a) || addr_range_has(&any6, a));
}

/* One that listens everywhere is reached under every address of this host. */
static int
add_aliases(struct doors *doors, const struct addr *wildcard,
    const struct ifaddrs *list)
{
	const struct ifaddrs *i;
	struct addr *more, *a;

	for (i = list; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL || i->ifa_addr->sa_family !=
		    wildcard->u.sa.sa_family)
			continue;
		more = realloc(doors->own,
		    (doors->own_count + 1) * sizeof(*more));
		if (more == NULL)
			return (-1);
		doors->own = more;
		a = &more[doors->own_count++];
		memset(a, 0, sizeof(*a));
		memcpy(&a->u, i->ifa_addr, addr_len(wildcard));
		addr_set_port(a, addr_port(wildcard));
	}
	return (0);
}

int
doors_own(struct doors *doors, const struct addr **ret_own,
    size_t *ret_count, struct err *err)
{
	struct ifaddrs *list = NULL;
	size_t i, bound = doors->own_count;
	struct addr own;
	int failed = 0;

	if (getifaddrs(&list) != 0)
		return (err_set(err, "cannot list the host's addresses"));
	for (i = 0; failed == 0 && i < bound; i++) {
		own = doors->own[i];
		if (is_wildcard(&own))
			failed = add_aliases(doors, &own, list);
	}
	freeifaddrs(list);
	*ret_own = doors->own;
	*ret_count = doors->own_count;
	return (failed == 0 ? 0 : err_set(err, "out of memory"));
}

/* ------------------------------------------------------------------ */
/* Accepting								*/

static void
accepted(void *arg, int fd, const struct addr *peer)
{
	struct door *door = arg;

	tunnel_accept(&door->listener, fd, peer);
}

static void
say_open(const struct tunnel_listener *listener)
{
	char server[TARGET_TEXT_SIZE];

	if (listener->mode != TUNNEL_REVERSE) {
		log_say(FRL_NOTICE, "listening on %s", listener->name);
		return;
	}
	target_format(&listener->server, server, sizeof(server));
	log_say(FRL_NOTICE, "listening on %s for %s", listener->name, server);
}

int
doors_open(struct doors *doors, struct loop *loop, struct tunnels *tunnels,
    struct err *err)
{
	size_t i;

	for (i = 0; i < doors->count; i++) {
		struct door *door = &doors->list[i];

		door->listener.tunnels = tunnels;
		door->acceptor = acceptor_start(loop, door->fd, accepted,
		    door);
		if (door->acceptor == NULL)
			return (err_set(err, "out of memory"));
		if (!doors->adopted)
			say_open(&door->listener);
	}
	return (0);
}

size_t
doors_resting(const struct doors *doors)
{
	size_t i, n = 0;

	for (i = 0; i < doors->count; i++)
		n += acceptor_resting(doors->list[i].acceptor);
	return (n);
}

const char *
doors_first(const struct doors *doors)
{
	return (doors->list[0].listener.name);
}

void
doors_close(struct doors *doors)
{
	size_t i;

	for (i = 0; doors != NULL && i < doors->count; i++) {
		struct door *door = &doors->list[i];

		acceptor_stop(door->acceptor);
		door->acceptor = NULL;
		if (door->path != NULL)
			unixsock_remove(door->path, &door->mark);
		door->path = NULL;
		if (door->fd >= 0)
			close(door->fd);
		door->fd = -1;
	}
}

void
doors_free(struct doors *doors)
{
	if (doors == NULL)
		return;
	doors_close(doors);
	free(doors->own);
	free(doors);
}
