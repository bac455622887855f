/* SPDX-License-Identifier: MIT */
#include "app/plan.h"

#include "app/config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* `workers: auto`: as many as there are processors for us. */
static uint32_t
workers_of(const struct config *config)
{
	long n = config->workers;

	if (n == 0)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return (n < 1 ? 1 : n > CONFIG_WORKERS_MAX ? CONFIG_WORKERS_MAX :
	    (uint32_t)n);
}

static struct plan_admin
admin_of(const struct config_admin *from)
{
	struct plan_admin admin;

	memset(&admin, 0, sizeof(admin));
	memcpy(admin.socket, from->socket, sizeof(admin.socket));
	memcpy(admin.token, from->token, sizeof(admin.token));
	admin.http = from->http;
	admin.has_http = from->has_http;
	return (admin);
}

struct plan
plan_of(const struct config *config)
{
	struct plan plan = {
		.as = config->security.as,
		.workers = workers_of(config),
		.generations = (uint32_t)config->limits.generations,
		.drain_ms = config->timeouts.drain,
		.reload_drain_ms = config->timeouts.reload_drain,
		.listen_count = (uint32_t)config->listen_count,
		.log_count = (uint32_t)config->sink_count,
	};

	if (config->node != NULL)
		(void)snprintf(plan.node, sizeof(plan.node), "%s",
		    config->node);
	plan.admin = admin_of(&config->admin);
	config_plugin_text(config, plan.plugins, sizeof(plan.plugins));
	return (plan);
}

struct plan_listen
plan_listen_of(const struct config *config, size_t i)
{
	const struct config_listen *from = &config->listens[i];
	struct plan_listen listen;

	memset(&listen, 0, sizeof(listen));
	(void)snprintf(listen.name, sizeof(listen.name), "%s", from->name);
	listen.addr = from->addr;
	if (from->path != NULL)
		(void)snprintf(listen.path, sizeof(listen.path), "%s",
		    from->path);
	listen.permissions = from->permissions;
	listen.patience.keepalive_ms = from->timeouts.keepalive;
	listen.patience.unacknowledged_ms = from->timeouts.unacknowledged;
	return (listen);
}

struct plan_log
plan_log_of(const struct config *config, size_t i)
{
	struct plan_log log;

	memset(&log, 0, sizeof(log));
	(void)snprintf(log.file, sizeof(log.file), "%s",
	    config->sinks[i].file);
	log.for_people = config->sinks[i].format == SINK_TEXT;
	return (log);
}
