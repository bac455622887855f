/* SPDX-License-Identifier: MIT */
/*
 * plugin -- from a file to a loaded plugin, or to a reason why not.
 *
 *	find -> open (O_NOFOLLOW) -> check owner, mode, folder -> copy into a
 *	sealed memfd -> a probe child dlopens it -> dlopen here -> check the
 *	descriptor                                     plugin_open
 *	options are read with its table                (the caller)
 *	a probe child calls load() -> load() here      plugin_load
 *
 * What crashes, hangs or exits does so in the child.  It knows nothing of
 * tunnels.
 */
#ifndef FLOW_PLUGIN_H
#define FLOW_PLUGIN_H

#include "base/board.h"
#include "base/err.h"
#include "flow/events.h"

#include <fairlead/inspector.h>

#define PLUGIN_NAME_MAX 32

struct plugin {
	const struct frl_plugin *desc;
	void *instance;
	const struct event_slot **slots;	/* beside desc->events */
	bool fail_open;				/* on_error */
	bool loaded;
	unsigned number;	/* from 1, in crumbs and bars; 0: the core's */
	char name[PLUGIN_NAME_MAX + 1];		/* as configured */
	struct frl_host host;			/* its own copy of the table */
	struct host_env *env;			/* what the table needs */
	struct board_plugin *counts;		/* borrow; NULL: nobody counts */
	void *options;				/* filled by the caller */
	void *library;				/* of dlopen */
	int memfd;	/* stays open: glibc knows /proc/self/fd/N by name */
	uint32_t probe_ms;	/* deadline of the probe that calls load() */
	struct err *said;	/* during load(): where FRL_ERROR texts go */
	char path[4096];			/* where it was found */
};

/*
 * Open a plugin by name in `folders` (NULL-terminated), or from the absolute
 * `path` when that is not NULL.  NULL and a sentence with file and reason:
 * not found, not a plain file, owner or mode or folder (writable by group or
 * others; a sticky folder is accepted), missing symbol, wrong magic, ABI or
 * size, malformed descriptor, constructor that crashes, hangs or exits.
 */
struct plugin *plugin_open(const char *name, const char *path,
    const char *const *folders, struct err *err);

/*
 * Declare its events, call load(), add its hooks.  plugin->host, env and
 * options are set.  -1 and a sentence: load failed, crashed, hung.
 */
int plugin_load(struct plugin *plugin, struct events *events,
    struct err *err);

/* Call unload, once, while what the host table leads to still exists. */
void plugin_unload(struct plugin *plugin);

/* Call unload, free options (the struct and, by the table, its strings),
 * close everything.  NULL is fine. */
void plugin_free(struct plugin *plugin);

/* The slot of an event this plugin declared, or NULL. */
const struct event_slot *plugin_slot(const struct plugin *plugin,
    const struct frl_event *event);

/*
 * Where plugins given by name are looked for: FAIRLEAD_PLUGIN_PATH (absolute
 * folders, separated by ':'), `plugins/` beside the program, the installed
 * folder.  give: free each and the array.
 */
char **plugin_folders(void);

#endif
