/* SPDX-License-Identifier: MIT */
/*
 * rules -- what the configuration says about tunnels, as the flow floor needs
 * it: plugins, the token table, destinations, bounds and deadlines.
 *
 * Immutable while a tunnel holds it.  Knows no file and no option table.
 */
#ifndef FLOW_RULES_H
#define FLOW_RULES_H

#include "base/why.h"
#include "flow/parents.h"
#include "flow/plugin.h"
#include "net/addr.h"
#include "net/sock.h"

struct rules_upgrade {
	const char *token;		/* lower case */
	const struct plugin *plugin;	/* NULL: refuse */
};

/* The deadlines of a listener's tunnels, in milliseconds. */
struct rules_timeouts {
	uint64_t head_ms, detect_ms, connect_ms, farewell_ms, half_closed_ms;
	uint64_t idle_ms, lifetime_ms;		/* 0: never */
};

struct rules {
	const struct plugin *const *plugins;	/* in configured order */
	size_t plugin_count;
	const struct rules_upgrade *upgrades;
	size_t upgrade_count;
	const struct plugin *upgrade_other;	/* "*"; NULL: refuse */
	const struct plugin *undetected;	/* NULL: refuse */
	const struct addr_range *allow;
	bool by_option;			/* ... `exec --allow` adds to it */
	size_t allow_count;
	const uint16_t *refused_ports;
	size_t refused_port_count;
	const struct addr *own;		/* where this proxy listens */
	size_t own_count;
	size_t head_bytes, head_fields, hold;
	const struct parents *parents;	/* NULL: none */
	uint64_t resolve_ms;
	struct sock_patience patience;	/* of servers' connections */
};

/*
 * Who takes over after a 101 with this token (lower case)?  NULL: refused.
 * *ret_how: 1 the token is named, 2 "*" covers it, 0 neither.
 */
const struct plugin *rules_upgrade(const struct rules *rules,
    const char *token, int *ret_how);

/*
 * May a tunnel be led to this address?  WHY_NONE, WHY_FORBIDDEN_ADDRESS,
 * WHY_FORBIDDEN_PORT or WHY_SELF.
 *
 *	public			yes
 *	private, local		only when a range of `allow` holds it
 *	metadata services	only when named as a single address
 *	multicast, broadcast	no
 *	our own listeners	no, under whatever address
 *	a refused port		no, at any address (RFC 9110, 9.3.6)
 *
 * named (or NULL) is a reverse listener's own server: allowed as if it were
 * in the list.  *ret_text: why not, to be read behind the address (static).
 */
enum why rules_allow(const struct rules *rules, const struct addr *addr,
    const struct addr *named, const char **ret_text);

/*
 * The same for a name that a parent will resolve, so that only its port is
 * known, and what every host means by localhost (RFC 6761, 6.3).
 */
enum why rules_allow_name(const struct rules *rules,
    const struct target *target, const char **ret_text);

/* Does this address lead to one of our own listening sockets? */
bool rules_is_own(const struct rules *rules, const struct addr *addr);

#endif
