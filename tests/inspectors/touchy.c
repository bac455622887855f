/* SPDX-License-Identifier: MIT */
/*
 * touchy -- a hook that ends its process when a server of a certain name is
 * about to be reached.
 */
#include <fairlead/inspector.h>

#include <stdlib.h>
#include <string.h>

static enum frl_verdict
touchy_ask(void *instance, struct frl_question *question)
{
	(void)instance;
	if (strcmp(question->tunnel->server_name, "touchy.invalid") == 0)
		abort();
	return (FRL_OK);
}

static const struct frl_hook hooks[] = {
	{ "tunnel.dial", touchy_ask },
	{ NULL, NULL }
};

FRL_PLUGIN = {
	FRL_ABI,
	.name = "touchy",
	.version = "1",
	.summary = "ends its process at a name (for tests)",
	.licence = "MIT",
	.hooks = hooks,
};
