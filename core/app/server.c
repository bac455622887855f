/* SPDX-License-Identifier: MIT */
#include "app/server.h"

#include "app/config.h"
#include "app/descriptors.h"
#include "app/doors.h"
#include "base/board.h"
#include "base/log.h"
#include "flow/audit.h"
#include "flow/host.h"
#include "flow/limits.h"
#include "flow/tunnel.h"
#include "flow/tunnel_events.h"
#include "flow/tunnel_watch.h"
#include "net/resolve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_CANNOT_BIND 69
#define EXIT_CONFIG 78

/* How long the last lines may take to be read by a slow sink. */
#define LAST_LINES_MS 5000

struct server {
	struct config *config;
	const struct server_guest *guest;	/* or NULL */
	struct loop *loop;
	struct events *events;
	struct resolver *resolver;
	struct host_env env;
	struct rules rules;
	struct rules_upgrade *upgrades;
	struct limits limits;
	struct audit audit;
	struct tunnels *tunnels;
	struct doors *doors;
	const char *leaving;		/* why; NULL: not yet */
	enum frl_why why;		/* for what is cut short by it */
	bool draining;
	struct timer patience;		/* until it is */
};

/* ------------------------------------------------------------------ */
/* What the configuration says, for the floor below			*/

static int
make_rules(struct server *s)
{
	const struct config *c = s->config;
	struct rules *r = &s->rules;
	size_t i;

	s->upgrades = calloc(c->upgrade_count + 1, sizeof(*s->upgrades));
	if (s->upgrades == NULL)
		return (-1);
	for (i = 0; i < c->upgrade_count; i++) {
		s->upgrades[i].token = c->upgrades[i].token;
		s->upgrades[i].plugin = c->upgrades[i].plugin;
	}
	r->plugins = (const struct plugin *const *)c->plugins;
	r->plugin_count = c->plugin_count;
	r->upgrades = s->upgrades;
	r->upgrade_count = c->upgrade_count;
	r->upgrade_other = c->upgrade_other;
	r->undetected = c->undetected;
	r->allow = c->allow;
	r->allow_count = c->allow_count;
	r->by_option = c->by_option;
	r->refused_ports = c->refused_ports;
	r->refused_port_count = c->refused_port_count;
	r->head_bytes = (size_t)c->limits.head;
	r->head_fields = (size_t)c->limits.head_fields;
	r->hold = (size_t)c->limits.hold;
	r->parents = &c->parents;
	r->resolve_ms = c->timeouts.resolve;
	r->patience.keepalive_ms = c->timeouts.keepalive;
	r->patience.unacknowledged_ms = c->timeouts.unacknowledged;
	return (0);
}

/* ------------------------------------------------------------------ */
/* Starting								*/

static int
start_limits(struct server *s, struct err *err)
{
	const struct config_limits *l = &s->config->limits;
	const uint64_t max[LIMITS] = {
		[LIMIT_TUNNELS] = l->tunnels,
		[LIMIT_CLIENT] = l->tunnels_per_client,
		[LIMIT_RESOLVES] = l->resolves,
		[LIMIT_CONNECTS] = l->connects,
		[LIMIT_MEMORY] = l->memory,
	};

	if (limits_begin(&s->limits, s->loop, s->events, max, err) != 0)
		return (-1);
	if (s->guest != NULL && s->guest->census.census != NULL)
		limits_share(&s->limits, &s->guest->census);
	return (0);
}

static int
start_events(struct server *s, struct err *err)
{
	struct events_options options = { s->loop, s->config->node,
		s->config->timeouts.wait };
	size_t i;

	s->events = events_create(&options);
	if (s->events == NULL)
		return (err_set(err, "out of memory"));
	s->env.events = s->events;
	for (i = 0; tunnel_events[i] != NULL; i++)
		if (events_declare(s->events, tunnel_events[i], err) == NULL)
			return (-1);
	for (i = 0; i < s->config->sink_count; i++)
		if (events_add_sink(s->events, &s->config->sinks[i],
		    s->guest == NULL || s->guest->loggers == NULL ? NULL :
		    &s->guest->loggers[i], err) != 0)
			return (-1);
	return (audit_begin(&s->audit, s->loop, s->events, s->config->sinks,
	    s->config->sink_count, err));
}

static int
load_plugins(struct server *s, struct err *err)
{
	struct frl_host host;

	host_table(&host);
	if (config_load_plugins(s->config, s->events, &host, &s->env,
	    err) != 0)
		return (-1);
	return (events_seal(s->events, err));
}

/* ------------------------------------------------------------------ */
/* Running								*/

void
server_publish(struct server *s, const struct frl_event *event,
    const void *record)
{
	const struct event_slot *slot;
	struct decision decision;
	uint64_t token;
	struct err err;

	slot = events_declare(s->events, event, &err);
	if (slot != NULL)
		events_publish(s->events, slot, NULL, -1, record, NULL,
		    &decision, &token);
}

static void
say_start(struct server *s)
{
	struct proxy_start record = { .version = FRL_VERSION };
	char text[512];

	config_plugin_text(s->config, text, sizeof(text));
	record.plugins.data = (const uint8_t *)text;
	record.plugins.len = strlen(text);
	server_publish(s, &proxy_event_start, &record);
}

static void
drained(void *arg)
{
	struct server *s = arg;

	loop_stop(s->loop);
}

static void
drain(void *arg)
{
	struct server *s = arg;

	timer_stop(&s->patience);
	s->draining = true;
	tunnels_drain(s->tunnels, s->why);
}

void
server_leave(struct server *s, const char *reason, enum frl_why why,
    uint64_t ms)
{
	if (s->leaving == NULL) {
		s->leaving = reason;
		doors_close(s->doors);
		tunnels_leave(s->tunnels, drained, s);
	}
	s->why = why;
	if (s->draining)
		return;
	timer_stop(&s->patience);
	if (ms != 0)
		timer_start(s->loop, &s->patience, ms, drain, s);
}

void
server_drain(struct server *s, const char *reason)
{
	if (s->draining) {
		tunnels_cut(s->tunnels);
		return;
	}
	if (s->leaving == NULL)
		server_leave(s, reason, FRL_WHY_DRAIN, 0);
	drain(s);
}

void
server_reopen(struct server *s)
{
	events_reopen(s->events);
}

void
server_logged(struct server *s)
{
	events_took(s->events);
}

static void
signalled(void *arg, int signo)
{
	struct server *s = arg;

	if (signo == SIGUSR1) {
		server_reopen(s);
		return;
	}
	if (s->draining)
		log_say(FRL_NOTICE, "second signal: leaving now");
	else
		log_say(FRL_NOTICE, "draining %zu tunnel%s",
		    tunnels_count(s->tunnels),
		    tunnels_count(s->tunnels) == 1 ? "" : "s");
	server_drain(s, "signal");
}

static int
watch_signals(struct server *s)
{
	static const int alone[] = { SIGTERM, SIGINT, SIGUSR1, 0 };
	static const int hosting[] = { SIGUSR1, 0 };

	return (loop_signals(s->loop, s->guest == NULL ? alone : hosting,
	    signalled, s));
}

/* Somebody else says when the proxy starts and stops. */
static bool
is_led(const struct server *s)
{
	return (s->guest != NULL && s->guest->loggers != NULL);
}

static int
serve(struct server *s)
{
	struct proxy_stop record = { .version = FRL_VERSION };
	struct err err;

	if (watch_signals(s) != 0) {
		log_say(FRL_ERROR, "cannot watch for signals");
		return (EXIT_FAILURE);
	}
	/* A supervised worker has done so before; a guest is no server. */
	if (s->guest == NULL && s->config->security.as.change &&
	    privileges_drop(&s->config->security.as, &err) != 0) {
		log_say(FRL_ERROR, "%s", err.text);
		return (EXIT_CONFIG);
	}
	if (s->guest != NULL &&
	    s->guest->opened(s->guest->arg, s, &err) != 0) {
		log_say(FRL_ERROR, "%s", err.text);
		return (EXIT_FAILURE);
	}
	if (!is_led(s))
		say_start(s);
	loop_run(s->loop);
	record.reason = s->leaving;
	if (!is_led(s))
		server_publish(s, &proxy_event_stop, &record);
	/* events_free() says which lines are lost, and why. */
	return (events_flush(s->events, LAST_LINES_MS) == 0 ? 0 :
	    EXIT_FAILURE);
}

/* The steps of a start; 0, or the exit code with a sentence. */
static int
start(struct server *s, struct err *err)
{
	struct resolver_options resolve = {
		.timeout_ms = s->config->timeouts.resolve,
		.cache_entries = 1024,
		.ttl_min_ms = 1000,
		.ttl_max_ms = 300 * 1000,
		.queries = &s->limits.quotas[LIMIT_RESOLVES],
		.servers = s->config->name_servers,
		/* Who names servers wants to hear them alone. */
		.hosts = s->config->name_servers != NULL ? NULL :
		    "/etc/hosts",
	};
	struct tunnels_options options;

	/* A guest would inherit it, and few expect so many. */
	if (s->guest == NULL)
		descriptors_raise(s->config->limits.tunnels);
	s->loop = loop_create();
	if (s->loop == NULL || make_rules(s) != 0) {
		err_set(err, "out of memory or descriptors");
		return (EXIT_FAILURE);
	}
	s->env.loop = s->loop;
	s->env.bars = s->guest == NULL ? NULL : s->guest->bars;
	if (start_events(s, err) != 0 || start_limits(s, err) != 0 ||
	    load_plugins(s, err) != 0)
		return (EXIT_CONFIG);
	s->resolver = resolver_create(s->loop, &resolve, err);
	if (s->resolver == NULL)
		return (EXIT_FAILURE);
	s->doors = s->guest != NULL && s->guest->sockets != NULL ?
	    doors_adopt(s->config, s->guest->sockets, s->guest->socket_count,
	    err) : doors_bind(s->config, err);
	if (s->doors == NULL)
		return (EXIT_CANNOT_BIND);
	if (doors_own(s->doors, &s->rules.own, &s->rules.own_count, err) != 0)
		return (EXIT_FAILURE);
	options.loop = s->loop;
	options.events = s->events;
	options.resolver = s->resolver;
	options.env = &s->env;
	options.rules = &s->rules;
	options.limits = &s->limits;
	options.audit = &s->audit;
	s->tunnels = tunnels_create(&options, err);
	if (s->tunnels == NULL ||
	    doors_open(s->doors, s->loop, s->tunnels, err) != 0)
		return (EXIT_FAILURE);
	return (0);
}

static void
stop(struct server *s)
{
	if (s->guest != NULL && s->guest->closing != NULL)
		s->guest->closing(s->guest->arg);
	timer_stop(&s->patience);
	doors_close(s->doors);
	tunnels_free(s->tunnels);
	limits_end(&s->limits);
	audit_end(&s->audit);
	if (s->resolver != NULL)
		resolver_free(s->resolver);
	host_forget(&s->env);
	config_unload_plugins(s->config);
	if (s->events != NULL)
		events_free(s->events);
	if (s->loop != NULL)
		loop_free(s->loop);
	free(s->upgrades);
	doors_free(s->doors);
}

struct loop *
server_loop(const struct server *s)
{
	return (s->loop);
}

const char *
server_door(const struct server *s)
{
	return (doors_first(s->doors));
}

size_t
server_tunnels(const struct server *s)
{
	return (tunnels_count(s->tunnels));
}

struct tunnels *
server_list(const struct server *s)
{
	return (s->tunnels);
}

void
server_use_board(struct server *s, struct board *board)
{
	struct plugin **plugins = s->config->plugins;
	size_t i, n = s->config->plugin_count;

	tunnels_use_board(s->tunnels, board);
	audit_use_board(&s->audit, board);
	for (i = 0; i < n && i < BOARD_PLUGINS_MAX; i++) {
		plugins[i]->counts = board == NULL ? NULL :
		    &board->plugins[i];
		if (board != NULL)
			memcpy(board->plugins[i].name, plugins[i]->name,
			    sizeof(plugins[i]->name));
	}
	if (board != NULL)
		atomic_store(&board->plugin_count, (uint32_t)i);
}

int
server_tap(struct server *s, int memory, void (*kick)(void *arg), void *arg)
{
	const struct sink_logger logger = { memory, kick, arg };

	return (events_tap(s->events, &logger));
}

void
server_untap(struct server *s)
{
	events_untap(s->events);
}

void
server_count(const struct server *s, struct board *board)
{
	const struct quota *quotas = s->limits.quotas;
	struct events_counts lines;

	events_count(s->events, &lines);
	board_set(&board->rows[BOARD_waiting_bytes],
	    quotas[LIMIT_MEMORY].used);
	board_set(&board->rows[BOARD_resolving], quotas[LIMIT_RESOLVES].used);
	board_set(&board->rows[BOARD_connecting],
	    quotas[LIMIT_CONNECTS].used);
	board_set(&board->rows[BOARD_resting], doors_resting(s->doors));
	board_set(&board->rows[BOARD_log_produced], lines.produced);
	board_set(&board->rows[BOARD_log_written], lines.written);
	board_set(&board->rows[BOARD_log_dropped], lines.dropped);
}

bool
server_used(const struct server *s)
{
	return (tunnels_came(s->tunnels));
}

int
server_run(struct config *config, const struct server_guest *guest)
{
	struct server s = { .config = config, .guest = guest };
	struct err err = { "" };
	int code;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* write(2) says so */
	code = start(&s, &err);
	if (code != 0)
		log_say(FRL_ERROR, "%s", err.text);
	else
		code = serve(&s);
	stop(&s);
	return (code);
}
