/* SPDX-License-Identifier: MIT */
/*
 * tunnel_events -- the tables of the core's own events.
 *
 * Fields of one object are neighbours; what is absent in a record is absent
 * in the line.  A port or status of 0 is absent.
 */
#include <stddef.h>

#include <fairlead/tunnel.h>

#include "flow/tunnel_events.h"

/* One row; the record's struct is R, redefined for each table. */
#define U64(name, member, help) \
	{ name, help, offsetof(struct R, member), FRL_U64, 0, 0 }
#define U32(name, member, help) \
	{ name, help, offsetof(struct R, member), FRL_U32, 0, 0 }
#define OPT(name, member, help) \
	{ name, help, offsetof(struct R, member), FRL_U32, \
	    FRL_ABSENT_ZERO, 0 }
#define NAME(name, member, help) \
	{ name, help, offsetof(struct R, member), FRL_NAME, 0, 0 }
#define TEXT(name, member, cap, help) \
	{ name, help, offsetof(struct R, member), FRL_TEXT, 0, cap }
#define END { NULL, NULL, 0, 0, 0, 0 }

#define R frl_tunnel_open
static const struct frl_field open_fields[] = {
	NAME("mode", mode, "how the client asked: connect, forward or "
	    "reverse"),
	NAME("listener", listener, "address the client came in by"),
	NAME("client.addr", client_addr, "address of the client"),
	OPT("client.port", client_port, "port of the client"),
	NAME("server.name", server_name, "host of the target"),
	OPT("server.port", server_port, "port of the target"),
	END
};
#undef R

const struct frl_event tunnel_event_open = {
	.name = "tunnel.open",
	.help = "A client named a target; nothing was resolved yet.",
	.text = "open   {client.addr}:{client.port} -> "
	    "{server.name}:{server.port} ({mode})",
	.fields = open_fields,
	.record_size = sizeof(struct frl_tunnel_open),
	.flags = FRL_EVENT_ASKS
};

#define R frl_tunnel_dial
static const struct frl_field dial_fields[] = {
	NAME("server.name", server_name, "host of the target"),
	NAME("server.addr", server_addr, "address that will be dialled"),
	OPT("server.port", server_port, "port of the target"),
	U32("attempt", attempt, "addresses tried for this tunnel, from 1"),
	NAME("via", via, "the parent proxy that will be asked"),
	END
};
#undef R

const struct frl_event tunnel_event_dial = {
	.name = "tunnel.dial",
	.help = "This address is about to be connected to.",
	.text = "dial   {server.name} {server.addr?at} {server.addr} "
	    "port {server.port}, attempt {attempt}{via?, via} {via}",
	.fields = dial_fields,
	.record_size = sizeof(struct frl_tunnel_dial),
	.flags = FRL_EVENT_ASKS
};

#define R frl_tunnel_connect
static const struct frl_field connect_fields[] = {
	NAME("server.name", server_name, "host of the target"),
	NAME("server.addr", server_addr, "address that was reached"),
	OPT("server.port", server_port, "port of the target"),
	U64("dns_us", dns_us, "time to resolve the name"),
	U64("connect_us", connect_us, "time to connect, all attempts"),
	U32("attempts", attempts, "addresses that were tried"),
	NAME("via", via, "the parent proxy that leads there"),
	NAME("via_addr", via_addr, "address of that"),
	END
};
#undef R

const struct frl_event tunnel_event_connect = {
	.name = "tunnel.connect",
	.help = "The server is reached.",
	.text = "connect {server.name} {server.addr?at} {server.addr} "
	    "port {server.port}, dns {dns_us} us, connect {connect_us} us"
	    "{via?, via} {via}",
	.fields = connect_fields,
	.record_size = sizeof(struct frl_tunnel_connect),
	.flags = 0
};

#define R frl_tunnel_handoff
static const struct frl_field handoff_fields[] = {
	NAME("from", from, "inspector that owned the protocol"),
	NAME("to", to, "inspector that owns it now"),
	NAME("reason", reason, "upgrade or plugin"),
	U64("pending_c2s_bytes", pending_c2s_bytes,
	    "client bytes the new inspector is shown first"),
	U64("pending_s2c_bytes", pending_s2c_bytes,
	    "server bytes the new inspector is shown first"),
	TEXT("ws.subprotocol", subprotocol, 256,
	    "subprotocol the server chose"),
	TEXT("ws.extensions", extensions, 256, "extensions the server chose"),
	END
};
#undef R

const struct frl_event tunnel_event_handoff = {
	.name = "tunnel.handoff",
	.help = "Another inspector owns the protocol from here on.",
	.text = "handoff {from} to {to} ({reason}) {ws.subprotocol:\"}",
	.fields = handoff_fields,
	.record_size = sizeof(struct frl_tunnel_handoff),
	.flags = 0
};

#define R frl_tunnel_uninspected
static const struct frl_field uninspected_fields[] = {
	NAME("reason", reason, "why nobody looks any more"),
	NAME("plugin", plugin, "the inspector that failed or gave up"),
	U64("from_bytes", from_bytes,
	    "bytes of both directions that were looked at before"),
	END
};
#undef R

const struct frl_event tunnel_event_uninspected = {
	.name = "tunnel.uninspected",
	.help = "From here on nobody looks.",
	.text = "uninspected ({reason}) {plugin} from byte {from_bytes}",
	.fields = uninspected_fields,
	.record_size = sizeof(struct frl_tunnel_uninspected),
	.flags = 0
};

#define R frl_tunnel_refused
static const struct frl_field refused_fields[] = {
	NAME("listener", listener, "as in tunnel.open; absent behind one"),
	NAME("client.addr", client_addr, "likewise"),
	OPT("client.port", client_port, "likewise"),
	NAME("kind", kind, "by rule: forbidden_address, forbidden_port, "
	    "self_connection, quarantined, refused (by `clients` or a "
	    "plugin); in mid-stream: refused, limit, protocol_error, timeout, "
	    "drain, out_of_resources, plugin_error"),
	TEXT("reason", reason, 256, "why, in the words of who refused"),
	OPT("status", status, "what the client was answered"),
	NAME("plugin", plugin, "who refused; absent: the core"),
	END
};
#undef R

const struct frl_event tunnel_event_refused = {
	.name = "tunnel.refused",
	.help = "A verdict ended the tunnel.",
	.text = "refused {status} {plugin}: {reason}",
	.fields = refused_fields,
	.record_size = sizeof(struct frl_tunnel_refused),
	.flags = 0
};

#define R frl_tunnel_failed
static const struct frl_field failed_fields[] = {
	NAME("listener", listener, "address the client came in by"),
	NAME("client.addr", client_addr, "address of the client"),
	OPT("client.port", client_port, "port of the client"),
	NAME("reason", reason, "bad_head, dns_failed, connect_failed, ..."),
	TEXT("detail", detail, 256, "a sentence about it"),
	OPT("status", status, "what the client was answered"),
	NAME("via", via, "the parent proxy that was asked"),
	OPT("via_status", via_status, "what that answered"),
	END
};
#undef R

const struct frl_event tunnel_event_failed = {
	.name = "tunnel.failed",
	.help = "A bad head, a failed resolve or connect.",
	.text = "failed {status} {reason} for client {client.addr}: "
	    "{detail}",
	.fields = failed_fields,
	.record_size = sizeof(struct frl_tunnel_failed),
	.flags = 0
};

#define R frl_tunnel_close
static const struct frl_field close_fields[] = {
	NAME("inspector", inspector, "who owned the protocol at the end"),
	U64("duration_us", duration_us, "since tunnel.open"),
	U64("c2s_bytes", c2s_bytes, "of the client that went through as they "
	    "came; not what the proxy wrote itself (heads it rewrites)"),
	U64("s2c_bytes", s2c_bytes, "bytes the server's side let through"),
	NAME("end", end, "why it ended: client_fin, server_fin, next_target "
	    "(the client went on to another server), client_reset, "
	    "server_reset, refused (tunnel.refused has the kind), a deadline "
	    "(idle_timeout, timeout, lifetime, ...), a limit, an error, "
	    "shutdown"),
	NAME("closed_by", closed_by, "client, server or proxy"),
	END
};
#undef R

const struct frl_event tunnel_event_close = {
	.name = "tunnel.close",
	.help = "The last line of every tunnel.",
	.text = "closed {end} by {closed_by} after {duration_us} us: "
	    "-> {c2s_bytes} B, <- {s2c_bytes} B {inspector}",
	.fields = close_fields,
	.record_size = sizeof(struct frl_tunnel_close),
	.flags = 0
};

#define R proxy_start
static const struct frl_field start_fields[] = {
	NAME("version", version, "of Fairlead"),
	TEXT("plugins", plugins, 1024, "plugins with their versions"),
	END
};
#undef R

const struct frl_event proxy_event_start = {
	.name = "proxy.start",
	.help = "Everything is loaded; connections are accepted.",
	.text = "fairlead {version} started: {plugins}",
	.fields = start_fields,
	.record_size = sizeof(struct proxy_start),
	.flags = FRL_EVENT_ALWAYS
};

#define R proxy_stop
static const struct frl_field stop_fields[] = {
	NAME("version", version, "of Fairlead"),
	NAME("reason", reason, "what ended the process"),
	END
};
#undef R

const struct frl_event proxy_event_stop = {
	.name = "proxy.stop",
	.help = "The process ends; the last line it writes.",
	.text = "fairlead {version} stopped: {reason}",
	.fields = stop_fields,
	.record_size = sizeof(struct proxy_stop),
	.flags = FRL_EVENT_ALWAYS
};

#define R proxy_reload
static const struct frl_field reload_fields[] = {
	U64("generation", generation, "of workers, that serves now"),
	NAME("result", result, "serves, or failed: the old one goes on"),
	TEXT("plugins", plugins, 1024, "plugins with their versions"),
	TEXT("errors", errors, 4096, "why it failed, one error a line"),
	END
};
#undef R

const struct frl_event proxy_event_reload = {
	.name = "proxy.reload",
	.help = "The configuration was read anew, and is in force or not.",
	.text = "reload {result}: generation {generation}"
	    "{errors? goes on: }{errors:\"}{plugins?, }{plugins}",
	.fields = reload_fields,
	.record_size = sizeof(struct proxy_reload),
	.flags = FRL_EVENT_ALWAYS
};

#define R proxy_worker
static const struct frl_field worker_fields[] = {
	U64("pid", pid, "of the process"),
	U64("generation", generation, "that it belongs to"),
	NAME("tunnels", tunnels, "how the short IDs of its tunnels begin: 5-* "
	    "has 5-0, 5-1"),
	NAME("state", state, "serves, or ended"),
	TEXT("reason", reason, 256, "of its end, if nobody asked for it; with "
	    "it ended those of its tunnels that have no tunnel.close"),
	END
};
#undef R

const struct frl_event proxy_event_worker = {
	.name = "proxy.worker",
	.help = "A process that serves has come or gone.",
	.text = "worker {pid} of generation {generation} {state}"
	    "{tunnels?, tunnels }{tunnels}{reason?: }{reason}",
	.fields = worker_fields,
	.record_size = sizeof(struct proxy_worker),
	.flags = FRL_EVENT_ALWAYS
};

#define R proxy_unguarded
static const struct frl_field unguarded_fields[] = {
	U64("pid", pid, "of the process"),
	NAME("guard", guard, "seccomp or landlock"),
	TEXT("reason", reason, 256, "why it is not to be had"),
	END
};
#undef R

const struct frl_event proxy_event_unguarded = {
	.name = "proxy.unguarded",
	.help = "A worker serves without a guard that is on under `security`.",
	.text = "worker {pid} serves without {guard}: {reason}",
	.fields = unguarded_fields,
	.record_size = sizeof(struct proxy_unguarded),
	.flags = FRL_EVENT_ALWAYS
};

#define R proxy_limit
static const struct frl_field limit_fields[] = {
	NAME("limit", limit, "which one of `limits`"),
	U64("value", value, "what it is set to"),
	U64("refused", refused, "turned away since the last such line"),
	NAME("client.addr", client_addr,
	    "with tunnels_per_client: the last of them"),
	END
};
#undef R

const struct frl_event proxy_event_limit = {
	.name = "proxy.limit",
	.help = "A limit is reached; at most one line a second for each.",
	.text = "limits.{limit} is {value}: {refused} turned away"
	    "{client.addr?, last client} {client.addr}",
	.fields = limit_fields,
	.record_size = sizeof(struct proxy_limit),
	.flags = FRL_EVENT_ALWAYS
};

#define R plugin_error
static const struct frl_field error_fields[] = {
	NAME("plugin", plugin, "whose code failed"),
	NAME("callback", callback, "in which callback"),
	NAME("in_tunnel", tunnel, "of which tunnel, where it ended a worker "
	    "and with it the tunnel"),
	NAME("signal", signal, "that ended the worker"),
	TEXT("detail", detail, 256, "what it said, or how the worker ended"),
	TEXT("suspects", suspects, 1024, "instead of a plugin, where the "
	    "damage showed later: callbacks that ran before, the last first"),
	END
};
#undef R

const struct frl_event plugin_event_error = {
	.name = "plugin.error",
	.help = "A callback or a hook of a plugin failed, or ended a worker.",
	.text = "plugin {plugin} failed in {callback}{in_tunnel?, tunnel }"
	    "{in_tunnel} {detail}{suspects?; suspects: }{suspects}",
	.fields = error_fields,
	.record_size = sizeof(struct plugin_error),
	.flags = FRL_EVENT_ALWAYS
};

#define R plugin_slow
static const struct frl_field slow_fields[] = {
	NAME("plugin", plugin, "whose code it is"),
	NAME("callback", callback, "that has not returned yet"),
	NAME("in_tunnel", tunnel, "of which tunnel"),
	U64("cpu_ms", cpu_ms, "that the worker ran in it so far"),
	U64("asleep_ms", asleep_ms, "that it slept in it"),
	END
};
#undef R

const struct frl_event plugin_event_slow = {
	.name = "plugin.slow",
	.help = "A callback takes so long that other tunnels feel it; after "
	    "2 s the worker is replaced.",
	.text = "plugin {plugin} slow in {callback}{in_tunnel?, tunnel }"
	    "{in_tunnel}: {cpu_ms} ms running, {asleep_ms} ms asleep",
	.fields = slow_fields,
	.record_size = sizeof(struct plugin_slow),
	.flags = FRL_EVENT_ALWAYS
};

#define R plugin_quarantined
static const struct frl_field quarantined_fields[] = {
	NAME("plugin", plugin, "that is not called any more"),
	NAME("callback", callback, "that it failed in last"),
	TEXT("target", target, 300, "only for this server; absent: for all, "
	    "until the next reload"),
	OPT("seconds", seconds, "for so long"),
	TEXT("reason", reason, 256, "why"),
	END
};
#undef R

const struct frl_event plugin_event_quarantined = {
	.name = "plugin.quarantined",
	.help = "A plugin ended workers too often: its on_error decides about "
	    "tunnels that need it.",
	.text = "plugin {plugin} quarantined{target? for }{target}{reason?: }"
	    "{reason}",
	.fields = quarantined_fields,
	.record_size = sizeof(struct plugin_quarantined),
	.flags = FRL_EVENT_ALWAYS
};

#define R log_dropped
static const struct frl_field dropped_fields[] = {
	U64("count", count, "lines that were lost"),
	TEXT("since", since, 64, "when the first of them was"),
	END
};
#undef R

const struct frl_event log_event_dropped = {
	.name = "log.dropped",
	.help = "Lines of this sink were lost.",
	.text = "lines of this log lost since {since}: {count}",
	.fields = dropped_fields,
	.record_size = sizeof(struct log_dropped),
	.flags = FRL_EVENT_ALWAYS
};

#define R log_broken
static const struct frl_field broken_fields[] = {
	U64("pid", pid, "of the worker; each has a line"),
	TEXT("log", file, 512, "its file"),
	TEXT("reason", reason, 128, "why"),
	END
};
#undef R

const struct frl_event log_event_broken = {
	.name = "log.broken",
	.help = "A log with `audit: required` cannot be written: no new "
	    "tunnel is let in.",
	.text = "worker {pid}: no new tunnel is let in: the log {log} cannot "
	    "be written: {reason}",
	.fields = broken_fields,
	.record_size = sizeof(struct log_broken),
	.flags = FRL_EVENT_ALWAYS
};

#define R log_mended
static const struct frl_field mended_fields[] = {
	U64("pid", pid, "of the worker; each has a line"),
	TEXT("log", file, 512, "its file"),
	U64("seconds", seconds, "for which it could not be written"),
	U64("refused", refused, "clients that it turned away meanwhile"),
	END
};
#undef R

const struct frl_event log_event_mended = {
	.name = "log.mended",
	.help = "A log with `audit: required` is written again.",
	.text = "worker {pid}: the log {log} is written again after {seconds} "
	    "s; {refused} turned away",
	.fields = mended_fields,
	.record_size = sizeof(struct log_mended),
	.flags = FRL_EVENT_ALWAYS
};

const struct frl_event *const tunnel_events[] = {
	&tunnel_event_open,
	&tunnel_event_dial,
	&tunnel_event_connect,
	&tunnel_event_handoff,
	&tunnel_event_uninspected,
	&tunnel_event_refused,
	&tunnel_event_failed,
	&tunnel_event_close,
	&proxy_event_start,
	&proxy_event_stop,
	&proxy_event_reload,
	&proxy_event_worker,
	&proxy_event_unguarded,
	&proxy_event_limit,
	&plugin_event_error,
	&plugin_event_slow,
	&plugin_event_quarantined,
	&log_event_dropped,
	&log_event_broken,
	&log_event_mended,
	NULL
};
