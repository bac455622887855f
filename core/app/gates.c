/* SPDX-License-Identifier: MIT */
#include "app/gates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

/* sd_listen_fds(3) */
#define GIVEN_FIRST 3
#define GIVEN_MAX 64

struct gate {
	struct gate *next;
	struct plan_listen listen;	/* as it was opened */
	struct addr bound;		/* with the port that 0 became */
	bool given;			/* by LISTEN_FDS */
	struct unixsock_mark mark;
	int *fds;
	unsigned count;
};

struct gates {
	struct gate *list;
	int given;			/* descriptors from GIVEN_FIRST on, */
	bool used[GIVEN_MAX];		/* and which are some gate's */
};

struct gates *
gates_create(void)
{
	struct gates *gates = calloc(1, sizeof(struct gates));
	const char *count = getenv("LISTEN_FDS"), *pid =
	    getenv("LISTEN_PID");
	int i;

	if (gates != NULL && count != NULL && pid != NULL &&
	    strtol(pid, NULL, 10) == getpid())
		gates->given = (int)strtol(count, NULL, 10);
	if (gates != NULL && (gates->given < 0 || gates->given > GIVEN_MAX))
		gates->given = gates->given < 0 ? 0 : GIVEN_MAX;
	for (i = 0; gates != NULL && i < gates->given; i++)
		sock_adopt(GIVEN_FIRST + i);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	return (gates);
}

/* Is one of them bound to this?  Its descriptor, or -1. */
static int
take_given(struct gates *gates, const struct plan_listen *listen)
{
	int i;

	for (i = 0; i < gates->given; i++)
		if (!gates->used[i] && sock_is_at(GIVEN_FIRST + i,
		    &listen->addr, listen->path)) {
			gates->used[i] = true;
			return (GIVEN_FIRST + i);
		}
	return (-1);
}

static void
gate_free(struct gate *gate)
{
	unsigned i;

	/* The file of one that was given is not ours. */
	if (gate->count != 0 && !gate->given && gate->listen.path[0] != '\0')
		unixsock_remove(gate->listen.path, &gate->mark);
	for (i = 0; i < gate->count; i++)
		close(gate->fds[i]);
	free(gate->fds);
	free(gate);
}

void
gates_free(struct gates *gates)
{
	struct gate *gate;

	if (gates == NULL)
		return;
	while ((gate = gates->list) != NULL) {
		LL_DELETE(gates->list, gate);
		gate_free(gate);
	}
	free(gates);
}

static struct gate *
find(const struct gates *gates, const struct plan_listen *listen)
{
	struct gate *gate;

	LL_FOREACH(gates->list, gate)
		if (strcmp(gate->listen.name, listen->name) == 0)
			return (gate);
	return (NULL);
}

static int
add_fd(struct gate *gate, int fd, struct err *err)
{
	int *fds = realloc(gate->fds, (gate->count + 1) * sizeof(*fds));

	if (fds == NULL) {
		close(fd);
		return (err_set(err, "out of memory"));
	}
	gate->fds = fds;
	fds[gate->count++] = fd;
	return (0);
}

/*
 * A second instance of us would bind the same port and take half the clients:
 * so the first socket is tried alone.
 */
static int
bind_first(struct gate *gate, struct err *err)
{
	int alone, fd;

	alone = sock_listen(&gate->listen.addr, false, err);
	if (alone < 0)
		return (-1);
	if (sock_local(alone, &gate->bound) != 0)
		gate->bound = gate->listen.addr;
	close(alone);
	fd = sock_listen(&gate->bound, true, err);
	return (fd < 0 ? -1 : add_fd(gate, fd, err));
}

static int
bind_path(struct gate *gate, struct err *err)
{
	int fd = unixsock_listen(gate->listen.path,
	    (mode_t)gate->listen.permissions, &gate->mark, err);

	return (fd < 0 ? -1 : add_fd(gate, fd, err));
}

static struct gate *
add_gate(struct gates *gates, const struct plan_listen *listen,
    struct err *err)
{
	struct gate *gate = calloc(1, sizeof(*gate));
	int failed, given;

	if (gate == NULL) {
		err_set(err, "out of memory");
		return (NULL);
	}
	gate->listen = *listen;
	given = take_given(gates, listen);
	if (given >= 0) {
		gate->given = true;
		gate->bound = listen->addr;
		failed = add_fd(gate, given, err);
	} else
		failed = listen->path[0] != '\0' ? bind_path(gate, err) :
	    bind_first(gate, err);
	if (failed != 0) {
		gate_free(gate);
		return (NULL);
	}
	LL_APPEND(gates->list, gate);
	return (gate);
}

/* One socket for every worker? */
static bool
is_shared(const struct gate *gate)
{
	return (gate->given || gate->listen.path[0] != '\0');
}

/* As many sockets as workers. */
static int
grow(struct gate *gate, unsigned workers, struct err *err)
{
	int fd;

	while (!is_shared(gate) && gate->count < workers) {
		fd = sock_listen(&gate->bound, true, err);
		if (fd < 0 || add_fd(gate, fd, err) != 0)
			return (-1);
	}
	return (0);
}

int
gates_open(struct gates *gates, const struct plan *plan, struct err *err)
{
	struct gate *gate;
	unsigned k;
	size_t i;

	for (i = 0; i < plan->listen_count; i++) {
		const struct plan_listen *listen = &plan->listens[i];

		gate = find(gates, listen);
		if (gate == NULL)
			gate = add_gate(gates, listen, err);
		if (gate == NULL || grow(gate, plan->workers, err) != 0)
			return (-1);
		/* What it is changed to is inherited from now on. */
		for (k = 0; listen->path[0] == '\0' && k < gate->count; k++)
			sock_set_patience(gate->fds[k], &listen->patience);
	}
	return (0);
}

static bool
wants(const struct plan *plan, const struct gate *gate)
{
	size_t i;

	for (i = 0; i < plan->listen_count; i++)
		if (strcmp(plan->listens[i].name, gate->listen.name) == 0)
			return (true);
	return (false);
}

void
gates_keep(struct gates *gates, const struct plan *const *plans,
    size_t count)
{
	struct gate *gate, *next;
	bool wanted;
	size_t i;

	LL_FOREACH_SAFE(gates->list, gate, next) {
		wanted = false;
		for (i = 0; i < count; i++)
			wanted |= wants(plans[i], gate);
		if (wanted)
			continue;
		LL_DELETE(gates->list, gate);
		gate_free(gate);
	}
}

const char *
gates_name(const struct gates *gates, const struct plan_listen *listen,
    char ret[GATES_NAME_SIZE])
{
	const struct gate *gate = find(gates, listen);

	if (gate == NULL || listen->path[0] != '\0')
		(void)snprintf(ret, GATES_NAME_SIZE, "%s", listen->name);
	else
		addr_format_port(&gate->bound, ret);
	return (ret);
}

int
gates_socket(const struct gates *gates, const struct plan *plan,
    size_t listen, unsigned worker, unsigned n)
{
	const struct gate *gate = find(gates, &plan->listens[listen]);
	unsigned at = worker + n * plan->workers;

	if (gate == NULL)
		return (-1);
	if (is_shared(gate))
		at = n;
	return (at < gate->count ? gate->fds[at] : -1);
}
