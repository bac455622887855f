/* SPDX-License-Identifier: MIT */
/*
 * plan -- what the supervisor knows of a configuration: where to listen, how
 * many workers, how long to drain.  No texts of peers, no plugins.
 */
#ifndef APP_PLAN_H
#define APP_PLAN_H

#include "app/privileges.h"
#include "net/addr.h"
#include "net/sock.h"
#include "net/unixsock.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_NODE_SIZE 256
#define PLAN_TOKEN_SIZE 129
#define PLAN_NAME_SIZE (sizeof("unix:") + UNIXSOCK_PATH_SIZE)

struct plan_listen {
	char name[PLAN_NAME_SIZE];	/* as configured */
	struct addr addr;		/* without a path */
	char path[UNIXSOCK_PATH_SIZE];	/* ""; or of a UNIX socket */
	uint32_t permissions;
	struct sock_patience patience;
};

/* A log, as the config names its file. */
struct plan_log {
	char file[PATH_MAX];
	bool for_people;		/* format: text */
};

/* Where to ask what is going on. */
struct plan_admin {
	char socket[UNIXSOCK_PATH_SIZE];	/* "": nowhere */
	struct addr http;
	bool has_http;
	char token[PLAN_TOKEN_SIZE];
};

struct plan {
	struct privileges as;		/* whom the logger becomes */
	uint32_t workers;
	uint32_t generations;		/* alive at a time, at most */
	uint64_t drain_ms;		/* at the end; 0: no bound */
	uint64_t reload_drain_ms;	/* of a replaced one; likewise */
	char node[PLAN_NODE_SIZE];	/* "": the host's name */
	char plugins[512];		/* "http 0.1.0, raw 0.1.0" */
	struct plan_admin admin;
	uint32_t listen_count;
	struct plan_listen *listens;	/* give */
	uint32_t log_count;
	struct plan_log *logs;		/* give */
};

struct config;

/* What the config says, and the items of its lists. */
struct plan plan_of(const struct config *config);
struct plan_listen plan_listen_of(const struct config *config, size_t i);
struct plan_log plan_log_of(const struct config *config, size_t i);

#endif
