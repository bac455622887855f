/* SPDX-License-Identifier: MIT */
/*
 * names -- two queries, and two lists that take turns.
 */
#include <string.h>
#include <sys/socket.h>

#include "net/names.h"

enum { V6, V4, FAMILIES };

static void
names_answered(void *arg, const struct answer *answer)
{
	struct family *f = arg;
	struct names *names = f->names;
	bool v4 = f == &names->families[V4];

	/* This query is no longer pending. */
	f->query = NULL;
	memcpy(f->addrs, answer->addrs, sizeof(f->addrs));
	f->count = answer->count;
	/* Most names that fail to resolve are IPv4's: it has the say, but
	 * silence is worse than a denial. */
	if (answer->count == 0)
		fault_dns(names->fault,
		    answer->why == WHY_DNS_TIMEOUT || v4 ? FAULT_DNS :
		    FAULT_NO_ADDRESS, answer->why, names->target->host,
		    answer->text);
	names->answered(names->arg, answer);
}

int
names_ask(struct names *names, struct resolver *resolver,
    const struct target *target, struct fault *fault,
    void (*answered)(void *arg, const struct answer *answer), void *arg)
{
	static const int numbers[FAMILIES] = { AF_INET6, AF_INET };
	struct family *f;
	unsigned i;

	names->target = target;
	names->fault = fault;
	names->answered = answered;
	names->arg = arg;
	for (i = 0; i < FAMILIES; i++) {
		f = &names->families[i];
		f->names = names;
		f->query = resolve_start(resolver, target->host, numbers[i],
		    names_answered, f);
		if (f->query == NULL)
			return (-1);
	}
	return (0);
}

void
names_give(struct names *names, const struct target *target)
{
	bool v6 = target->kind == TARGET_IPV6;
	struct family *f = &names->families[v6 ? V6 : V4];

	names->target = target;
	addr_from_bytes(&f->addrs[f->count++], target->address, v6 ? 16 : 4,
	    target->port);
}

void
names_cancel(struct names *names)
{
	unsigned i;

	for (i = 0; i < FAMILIES; i++) {
		resolve_cancel(names->families[i].query);
		names->families[i].query = NULL;
	}
}

bool
names_ready(const struct names *names)
{
	const struct family *v6 = &names->families[V6];
	const struct family *v4 = &names->families[V4];

	return ((v6->query == NULL && v4->query == NULL) || v6->count != 0 ||
	    (v4->count != 0 && v6->query == NULL));
}

bool
names_known(const struct names *names)
{

	return (names->families[V6].count != 0 ||
	    names->families[V4].count != 0);
}

bool
names_pending(const struct names *names)
{

	return (names->families[V6].query != NULL ||
	    names->families[V4].query != NULL);
}

bool
names_next(struct names *names, struct addr *ret_addr)
{
	struct family *f = &names->families[names->turn];

	if (f->next == f->count) {
		f = &names->families[1 - names->turn];
		if (f->next == f->count)
			return (false);
	}
	*ret_addr = f->addrs[f->next++];
	addr_set_port(ret_addr, names->target->port);
	names->turn = f == &names->families[V6] ? V4 : V6;
	return (true);
}
