/* SPDX-License-Identifier: MIT */
/*
 * wait -- a hook that answers events of one name later.
 *
 * Every question that still waits is in a list: what host->later() has not
 * run when the plugin is unloaded is forgotten, and its memory is ours.
 *
 * Options:
 *	event	tunnel.open, tunnel.dial, http.request or ws.frame
 *	delay	how much later
 *	verdict	ok or refuse
 */
#include <fairlead/inspector.h>

#include <stdlib.h>
#include <string.h>

struct options {
	const char *event;
	uint64_t delay;
	uint32_t verdict;	/* index into "ok|refuse" */
};

static const struct frl_option options_table[] = {
	{ .name = "event", .help = "the event to answer late",
	  .type = FRL_OPTION_STRING,
	  .offset = offsetof(struct options, event) },
	{ .name = "delay", .help = "how much later", .def = "10ms",
	  .type = FRL_OPTION_DURATION,
	  .offset = offsetof(struct options, delay) },
	{ .name = "verdict", .help = "the late answer", .def = "ok",
	  .choices = "ok|refuse", .type = FRL_OPTION_CHOICE,
	  .offset = offsetof(struct options, verdict) },
	{ .name = NULL }
};

struct pending {
	struct pending *next, **self;	/* self: what points here */
	struct wait *wait;
	uint64_t token;
};

struct wait {
	const struct frl_host *host;
	const struct options *options;
	struct pending *first;
};

static enum frl_verdict
wait_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	struct wait *wait = calloc(1, sizeof(*wait));

	if (wait == NULL)
		return (FRL_FAIL);
	wait->host = host;
	wait->options = options;
	*ret_instance = wait;
	return (FRL_OK);
}

static void
pending_free(struct pending *pending)
{
	*pending->self = pending->next;
	if (pending->next != NULL)
		pending->next->self = pending->self;
	free(pending);
}

static void
wait_unload(void *instance)
{
	struct wait *wait = instance;

	while (wait->first != NULL)
		pending_free(wait->first);
	free(wait);
}

static void
wait_answer(void *arg)
{
	struct pending *pending = arg;
	struct wait *wait = pending->wait;
	uint64_t token = pending->token;

	pending_free(pending);
	if (wait->options->verdict == 0)
		wait->host->resume(wait->host, token, FRL_OK, NULL);
	else
		wait->host->resume(wait->host, token, FRL_REFUSE,
		    "refused late by test");
}

static enum frl_verdict
wait_ask(void *instance, struct frl_question *question)
{
	struct wait *wait = instance;
	struct pending *pending;

	if (strcmp(question->event->name, wait->options->event) != 0)
		return (FRL_OK);
	pending = calloc(1, sizeof(*pending));
	if (pending == NULL)
		return (FRL_FAIL);
	pending->wait = wait;
	pending->token = question->token;
	if (wait->host->later(wait->host, wait->options->delay, wait_answer,
	    pending) != 0) {
		free(pending);
		return (FRL_FAIL);
	}
	pending->next = wait->first;
	if (pending->next != NULL)
		pending->next->self = &pending->next;
	pending->self = &wait->first;
	wait->first = pending;
	return (FRL_WAIT);
}

static const struct frl_hook hooks[] = {
	{ "tunnel.open", wait_ask },
	{ "tunnel.dial", wait_ask },
	{ "http.request", wait_ask },
	{ "ws.frame", wait_ask },
	{ NULL, NULL }
};

FRL_PLUGIN = {
	FRL_ABI,
	.name = "wait",
	.version = "1",
	.summary = "answers one event late (for tests)",
	.licence = "MIT",
	.options_size = sizeof(struct options),
	.options = options_table,
	.hooks = hooks,
	.load = wait_load,
	.unload = wait_unload,
};
