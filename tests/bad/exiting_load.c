/* SPDX-License-Identifier: MIT */
/* exiting_load -- load() ends the program. */
#include <unistd.h>

#include <fairlead/inspector.h>

static enum frl_verdict
exiting_load_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	(void)options;
	(void)ret_instance;
	(void)host;
	_exit(0);
}

FRL_PLUGIN = { FRL_ABI, .name = "exiting_load",
	.version = "1", .summary = "must be refused", .licence = "MIT",
	.load = exiting_load_load };
