/* SPDX-License-Identifier: MIT */
/*
 * config -- the configuration file as structs, checked from end to end.
 *
 *	yaml_read --> schema*.c, one table per section --> struct config:
 *	                  |                           plugins opened, their
 *	                  |                           options read
 *	                  +-- every error at once (file:line:col)
 *
 * What config_read gives never changes: a tunnel keeps the one it began
 * with.  Names are resolved here: whoever reads a config sees plugins and
 * addresses, no texts.  It knows nothing of tunnels or sockets.
 */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "app/guard.h"
#include "base/err.h"
#include "base/target.h"
#include "base/yaml.h"
#include "flow/events.h"
#include "flow/parents.h"
#include "flow/plugin.h"
#include "net/addr.h"
#include "net/unixsock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_limits {
	uint64_t head;			/* bytes of a request head */
	uint64_t head_fields;
	uint64_t hold;			/* held bytes per flow */
	/* Of the process; 0: no bound. */
	uint64_t tunnels, tunnels_per_client, resolves, connects;
	uint64_t memory;		/* bytes */
	uint64_t generations;		/* of workers, at least 2 */
};

/* Milliseconds; 0 is never, where the schema allows it. */
struct config_timeouts {
	uint64_t head, detect, resolve, connect;
	uint64_t wait, farewell, idle, half_closed, lifetime;
	uint64_t keepalive, unacknowledged;
	uint64_t drain, reload_drain;
};

#define CONFIG_WORKERS_MAX 128

#define CONFIG_TOKEN_SIZE 129

/* Where to ask what is going on. */
struct config_admin {
	char socket[UNIXSOCK_PATH_SIZE];	/* "": nowhere */
	struct addr http;			/* of loopback, if any */
	bool has_http;
	char token[CONFIG_TOKEN_SIZE];		/* of who asks there */
};

enum config_mode { CONFIG_CONNECT = 0, CONFIG_REVERSE = 1 };

#define CONFIG_LISTEN_NAME_SIZE (sizeof("unix:") + UNIXSOCK_PATH_SIZE)

struct config_listen {
	struct addr addr;		/* without a path */
	char *path;			/* of a UNIX socket; or NULL */
	unsigned permissions;		/* of the path: 0600 */
	/* "127.0.0.1:3128", "unix:/run/fairlead/proxy.sock" */
	char name[CONFIG_LISTEN_NAME_SIZE];
	struct addr_range *clients;	/* who may connect; none: anybody */
	size_t client_count;
	bool proxy_header;		/* a PROXY header comes first */
	enum config_mode mode;
	struct target server;		/* CONFIG_REVERSE */
	struct plugin *protocol;	/* NULL: detect */
	struct config_timeouts timeouts; /* this one's, or as for all */
};

/* What takes over after a 101 with this token. */
struct config_upgrade {
	char *token;			/* lower case */
	struct plugin *plugin;		/* NULL: refuse */
};

/* What a range of addresses looks like, for who wrote another thing. */
#define SCHEMA_RANGE "one is written as 10.0.0.0/8, where all behind the " \
	"first 8 bits is 0, or as one address, ::1"

struct config {
	struct config_listen *listens;
	size_t listen_count;

	struct plugin **plugins;	/* in the order of the file */
	size_t plugin_count;

	struct config_upgrade *upgrades; /* without "*" and without those
					  * whose inspector is not listed */
	size_t upgrade_count;
	struct plugin *upgrade_other;	/* "*"; NULL: refuse */
	struct plugin *undetected;	/* NULL: refuse */

	struct addr_range *allow;	/* destinations that need a word */
	size_t allow_count;
	bool by_option;			/* `exec --allow` adds to it */
	uint16_t *refused_ports;
	size_t refused_port_count;

	struct parents parents;		/* proxies that lead to some of them */

	struct sink_options *sinks;	/* at least one */
	size_t sink_count;

	char *name_servers;		/* "127.0.0.1:53,..."; NULL: the
					 * system's, and /etc/hosts */
	char *node;			/* NULL: the host's name */
	uint32_t workers;		/* 0: as many as processors */
	struct guard_options security;
	struct config_limits limits;
	struct config_timeouts timeouts;
	struct config_admin admin;
};

/*
 * Read and check a file; opens its plugins (plugin_open) and reads their
 * options.  NULL with at least one error added.  give: config_free.
 */
struct config *config_read(const char *path, struct yaml_errors *errors);

/* The same from memory; name is what errors call it. */
struct config *config_parse(const char *name, const char *text, size_t len,
    struct yaml_errors *errors);

/* Only where that file's proxy is asked, whatever else is wrong with it:
 * nothing but `admin` is looked at, and errors that do not matter for that may
 * be added.  -1: it does not say; with or without an error. */
int config_read_socket(const char *path, char socket[UNIXSOCK_PATH_SIZE],
    struct yaml_errors *errors);

/* One of both (text: where it is not NULL), for a person: NULL after all
 * errors were printed on stderr. */
struct config *config_read_or_say(const char *path, const char *text);

/*
 * What a command line adds to a finished config.  -1 and a sentence.
 *
 *	listen_only	CONNECT on this address ("127.0.0.1:0"), nowhere else
 *	allow		one more range under `destinations`
 *	parent		by this proxy alone, to all but loopback; it resolves
 *	sink		one more log, of all events
 */
int config_listen_only(struct config *config, const char *address,
    struct err *err);
int config_add_allow(struct config *config, const char *range,
    struct err *err);
int config_set_parent(struct config *config, const char *url,
    struct err *err);
int config_add_sink(struct config *config, const char *file,
    enum sink_format format, struct err *err);

/*
 * Load every plugin, in order: plugin->host becomes a copy of *host,
 * plugin->env is env (borrow, until config_free).  -1 and a sentence that
 * names the plugin; those loaded so far stay loaded until config_free.
 */
int config_load_plugins(struct config *config, struct events *events,
    const struct frl_host *host, struct host_env *env, struct err *err);

/* "http 0.1.0, websocket 0.1.0", cut at size. */
void config_plugin_text(const struct config *config, char *ret_text,
    size_t size);

/* Call unload of every loaded plugin, last first. */
void config_unload_plugins(struct config *config);

/*
 * Who takes over after a 101 with this token (lower case)?  NULL: refuse.
 * *ret_how (may be NULL): 1 the token is named, 2 "*" covers it, 0 neither.
 */
struct plugin *config_upgrade(const struct config *config, const char *token,
    int *ret_how);

/* The plugin of that configured name, or NULL. */
struct plugin *config_plugin(const struct config *config, const char *name);

/* Free where clients come in. */
void config_clear_listens(struct config *config);

/* Unload and close the plugins, last first, and free all.  NULL is fine. */
void config_free(struct config *config);

#endif
