/* SPDX-License-Identifier: MIT */
/* silent_load -- load() fails without a word. */
#include <fairlead/inspector.h>

static enum frl_verdict
silent_load_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	(void)options;
	(void)ret_instance;
	(void)host;
	return (FRL_REFUSE);
}

FRL_PLUGIN = { FRL_ABI, .name = "silent_load",
	.version = "1", .summary = "must be refused", .licence = "MIT",
	.load = silent_load_load };
