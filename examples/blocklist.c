/* SPDX-License-Identifier: MIT */
/*
 * blocklist -- refuse tunnels to some hosts, by name.
 *
 * A hook, not an inspector: it is asked once per tunnel, before the name is
 * resolved, and never sees a byte.  It knows names only; an address behind
 * another name is not recognized (hook tunnel.dial for that).
 *
 *	plugins:
 *	  - name: blocklist
 *	    options:
 *	      hosts: [ads.example, tracker.example.net]
 *
 * Options:
 *	hosts	names; each stands for itself and all names below it, so that
 *		ads.example covers eu.ads.example but not loads.example
 *
 * Build: cc -shared -fPIC -I<prefix>/include -o blocklist.so blocklist.c
 */
#include <fairlead/inspector.h>
#include <fairlead/tunnel.h>

#include <string.h>
#include <strings.h>

struct options {
	struct frl_strings hosts;
};

static const struct frl_option options_table[] = {
	{ .name = "hosts", .help = "names, each with all names below it",
	  .type = FRL_OPTION_LIST,
	  .offset = offsetof(struct options, hosts) },
	{ .name = NULL }
};

/* A policy that cannot work as written must not start. */
static enum frl_verdict
blocklist_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	const struct options *mine = options;
	size_t i;

	for (i = 0; i < mine->hosts.count; i++) {
		const char *name = mine->hosts.items[i];

		if (name[0] == '\0' || name[0] == '.' ||
		    name[strlen(name) - 1] == '.') {
			host->say(host, FRL_ERROR, "blocklist: `hosts` takes "
			    "names without a dot at either end");
			return (FRL_FAIL);
		}
	}
	*ret_instance = (void *)(uintptr_t)options;
	return (FRL_OK);
}

/* Is `name` the listed one, or below it?  Labels are compared whole. */
static bool
covers(const char *listed, const char *name)
{
	size_t n = strlen(listed), len = strlen(name);

	if (len < n || strcasecmp(name + (len - n), listed) != 0)
		return (false);
	return (len == n || name[len - n - 1] == '.');
}

static enum frl_verdict
blocklist_tunnel_open(void *instance, struct frl_question *question)
{
	const struct options *options = instance;
	const struct frl_tunnel_open *open = question->record;
	size_t i;

	/* An older host might know less than this header. */
	if (question->event->record_size < sizeof(*open))
		return (FRL_FAIL);
	for (i = 0; i < options->hosts.count; i++)
		if (covers(options->hosts.items[i], open->server_name)) {
			question->reason = "this host is on the blocklist";
			return (FRL_REFUSE);
		}
	return (FRL_OK);
}

static const struct frl_hook hooks[] = {
	{ "tunnel.open", blocklist_tunnel_open },
	{ NULL, NULL }
};

FRL_PLUGIN = {
	FRL_ABI,
	.name = "blocklist",
	.version = "1.0",
	.summary = "refuses tunnels to some hosts, by name",
	.licence = "MIT",
	.options_size = sizeof(struct options),
	.options = options_table,
	.hooks = hooks,
	.load = blocklist_load,
};
