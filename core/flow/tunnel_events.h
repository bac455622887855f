/* SPDX-License-Identifier: MIT */
/*
 * tunnel_events -- the events that the core itself publishes.
 *
 * Tables only: the records of tunnel.* stand in <fairlead/tunnel.h>, because
 * hooks see them; those of proxy.*, plugin.* and log.* stand here.
 */
#ifndef FLOW_TUNNEL_EVENTS_H
#define FLOW_TUNNEL_EVENTS_H

#include <fairlead/tunnel.h>

/* proxy.start: everything is loaded, connections are accepted. */
struct proxy_start {
	const char *version;		/* of Fairlead */
	struct frl_bytes plugins;	/* "http 1.0, websocket 1.0" */
};

/* proxy.stop: the last line of a process. */
struct proxy_stop {
	const char *version;
	const char *reason;		/* "signal", "command ended" */
};

/* proxy.reload: another configuration is in force, or it was not taken over. */
struct proxy_reload {
	uint64_t generation;		/* the one that serves now */
	const char *result;		/* "serves", "failed" */
	struct frl_bytes plugins;	/* as in proxy.start */
	struct frl_bytes errors;	/* why not: lines */
};

/* proxy.worker: a process that serves has come or gone. */
struct proxy_worker {
	uint64_t pid;
	uint64_t generation;
	const char *tunnels;		/* "5-*" */
	const char *state;		/* "serves", "ended" */
	struct frl_bytes reason;	/* of its end, if it was none of ours */
};

/* proxy.unguarded: a process serves without one of the guards of `security`. */
struct proxy_unguarded {
	uint64_t pid;
	const char *guard;		/* "seccomp", "landlock" */
	struct frl_bytes reason;
};

/* proxy.limit: clients were turned away since the last such line. */
struct proxy_limit {
	const char *limit;		/* its name under `limits` */
	uint64_t value;			/* what it is set to */
	uint64_t refused;
	const char *client_addr;	/* of tunnels_per_client, or NULL */
};

/* plugin.error: a callback or a hook of a plugin answered FRL_FAIL, or ended
 * its process. */
struct plugin_error {
	const char *plugin;		/* NULL: one of the suspects */
	const char *callback;		/* "data", "hook", ...; NULL: none */
	/* Of a process that ended, or NULL. */
	const char *tunnel;		/* id: it cannot write that line */
	const char *signal;		/* "SIGSEGV" */
	struct frl_bytes detail;
	struct frl_bytes suspects;	/* "websocket data ID, ..." */
};

/* plugin.slow: a callback has not returned for long. */
struct plugin_slow {
	const char *plugin, *callback;
	const char *tunnel;		/* as above */
	uint64_t cpu_ms, asleep_ms;	/* since it was called */
};

/* plugin.quarantined: it is not called any more. */
struct plugin_quarantined {
	const char *plugin;
	const char *callback;		/* it failed in last, or NULL */
	struct frl_bytes target;	/* for this one only; or none */
	uint32_t seconds;		/* with a target: for so long */
	struct frl_bytes reason;
};

/* log.dropped: lines of this sink were lost before this one. */
struct log_dropped {
	uint64_t count;
	struct frl_bytes since;		/* RFC 3339, as in "ts" */
};

/* log.broken: a log with `audit: required` cannot be written. */
struct log_broken {
	uint64_t pid;			/* of the worker that says so */
	struct frl_bytes file, reason;
};

/* log.mended: it can again. */
struct log_mended {
	uint64_t pid;
	struct frl_bytes file;
	uint64_t seconds;		/* it could not */
	uint64_t refused;		/* clients, meanwhile */
};

extern const struct frl_event tunnel_event_open;	/* asks */
extern const struct frl_event tunnel_event_dial;	/* asks */
extern const struct frl_event tunnel_event_connect;
extern const struct frl_event tunnel_event_handoff;
extern const struct frl_event tunnel_event_uninspected;
extern const struct frl_event tunnel_event_refused;
extern const struct frl_event tunnel_event_failed;
extern const struct frl_event tunnel_event_close;
extern const struct frl_event proxy_event_start;	/* always */
extern const struct frl_event proxy_event_stop;		/* always */
extern const struct frl_event proxy_event_reload;	/* always */
extern const struct frl_event proxy_event_worker;	/* always */
extern const struct frl_event proxy_event_unguarded;	/* always */
extern const struct frl_event proxy_event_limit;		/* always */
extern const struct frl_event plugin_event_error;	/* always */
extern const struct frl_event plugin_event_slow;		/* always */
extern const struct frl_event plugin_event_quarantined;	/* always */
extern const struct frl_event log_event_dropped;	/* always */
extern const struct frl_event log_event_broken;		/* always */
extern const struct frl_event log_event_mended;		/* always */

/* All of them; NULL ends. */
extern const struct frl_event *const tunnel_events[];

#endif
