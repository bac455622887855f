/* SPDX-License-Identifier: MIT */
/*
 * refuse -- a hook that refuses every event of one name.
 *
 * `refuse` is a word of the configuration: list it under another name, with
 * its path.
 *
 * Options:
 *	event	tunnel.open, tunnel.dial, http.request or ws.frame
 */
#include <fairlead/inspector.h>

#include <string.h>

struct options {
	const char *event;
};

static const struct frl_option options_table[] = {
	{ .name = "event", .help = "the event to refuse",
	  .type = FRL_OPTION_STRING,
	  .offset = offsetof(struct options, event) },
	{ .name = NULL }
};

static enum frl_verdict
refuse_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	(void)host;
	*ret_instance = (void *)(uintptr_t)options;
	return (FRL_OK);
}

static enum frl_verdict
refuse_ask(void *instance, struct frl_question *question)
{
	const struct options *options = instance;

	if (strcmp(question->event->name, options->event) != 0)
		return (FRL_OK);
	question->reason = "refused by test";
	return (FRL_REFUSE);
}

static const struct frl_hook hooks[] = {
	{ "tunnel.open", refuse_ask },
	{ "tunnel.dial", refuse_ask },
	{ "http.request", refuse_ask },
	{ "ws.frame", refuse_ask },
	{ NULL, NULL }
};

FRL_PLUGIN = {
	FRL_ABI,
	.name = "refuse",
	.version = "1",
	.summary = "refuses one event (for tests)",
	.licence = "MIT",
	.options_size = sizeof(struct options),
	.options = options_table,
	.hooks = hooks,
	.load = refuse_load,
};
