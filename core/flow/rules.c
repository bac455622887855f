/* SPDX-License-Identifier: MIT */
#include "flow/rules.h"

#include <string.h>

const struct plugin *
rules_upgrade(const struct rules *rules, const char *token, int *ret_how)
{
	size_t i;

	for (i = 0; i < rules->upgrade_count; i++)
		if (strcmp(rules->upgrades[i].token, token) == 0) {
			*ret_how = rules->upgrades[i].plugin != NULL ? 1 : 0;
			return (rules->upgrades[i].plugin);
		}

	/* A cleartext change to HTTP/2 would hide every later request from
	 * whoever inspects HTTP: only its own name opens that door. */
	*ret_how = 0;
	if (rules->upgrade_other == NULL || strcmp(token, "h2c") == 0)
		return (NULL);
	*ret_how = 2;
	return (rules->upgrade_other);
}

bool
rules_is_own(const struct rules *rules, const struct addr *addr)
{
	static const struct addr_range any4 = { .family = 4, .bits = 32 };
	static const struct addr_range any6 = { .family = 6, .bits = 128 };
	/* connect(2) to ::ffff:a.b.c.d goes to a.b.c.d. */
	const struct addr plain = addr_unmapped(addr);
	size_t i;

	for (i = 0; i < rules->own_count; i++) {
		const struct addr *own = &rules->own[i];

		if (addr_port(own) != addr_port(addr))
			continue;
		if (addr_equal(own, &plain))
			return (true);
		/* A wildcard listener is reached under every local address,
		 * and 0.0.0.0 or :: reach a listener on loopback. */
		if ((addr_range_has(&any4, own) || addr_range_has(&any6, own) ||
		    addr_range_has(&any4, &plain) ||
		    addr_range_has(&any6, &plain)) &&
		    addr_classify(&plain) == ADDR_LOCAL)
			return (true);
	}
	return (false);
}

static bool
listed(const struct rules *rules, const struct addr *addr, bool single)
{
	size_t i;

	for (i = 0; i < rules->allow_count; i++)
		if (addr_range_has(&rules->allow[i], addr) &&
		    (!single || addr_range_single(&rules->allow[i])))
			return (true);
	return (false);
}

static bool
port_refused(const struct rules *rules, uint16_t port)
{
	size_t i;

	for (i = 0; i < rules->refused_port_count; i++)
		if (rules->refused_ports[i] == port)
			return (true);
	return (false);
}

enum why
rules_allow(const struct rules *rules, const struct addr *addr,
    const struct addr *named, const char **ret_text)
{
	bool ok = false;

	if (rules_is_own(rules, addr)) {
		*ret_text = "leads to a listener of this proxy";
		return (WHY_SELF);
	}
	if (named == NULL && port_refused(rules, addr_port(addr))) {
		*ret_text = "has a port of `destinations: refused_ports` of "
		    "the configuration";
		return (WHY_FORBIDDEN_PORT);
	}
	*ret_text = rules->by_option ? "needs `fairlead exec --allow`" :
	    "is not among `destinations: allow` of the configuration";
	switch (addr_classify(addr)) {
	case ADDR_PUBLIC:
		ok = true;
		break;
	case ADDR_SHARED:
	case ADDR_LOCAL:
		ok = listed(rules, addr, false) ||
		    (named != NULL && addr_equal(named, addr));
		break;
	case ADDR_METADATA:
		*ret_text = "is a metadata service: only an entry of its own "
		    "in `destinations: allow` opens it";
		ok = listed(rules, addr, true) ||
		    (named != NULL && addr_equal(named, addr));
		break;
	case ADDR_NEVER:
		*ret_text = "is no address that a server can have";
		break;
	}
	return (ok ? WHY_NONE : WHY_FORBIDDEN_ADDRESS);
}

enum why
rules_allow_name(const struct rules *rules, const struct target *target,
    const char **ret_text)
{
	static const char local[] = ".localhost";
	static const uint8_t loopback[] = { 127, 0, 0, 1 };
	size_t len = strlen(target->host), tail = sizeof(local) - 1;
	struct addr addr;

	if (strcmp(target->host, local + 1) == 0 || (len > tail &&
	    strcmp(target->host + len - tail, local) == 0)) {
		addr_from_bytes(&addr, loopback, 4, target->port);
		return (rules_allow(rules, &addr, NULL, ret_text));
	}
	if (!port_refused(rules, target->port))
		return (WHY_NONE);
	*ret_text = "has a port of `destinations: refused_ports` of "
	    "the configuration";
	return (WHY_FORBIDDEN_PORT);
}
