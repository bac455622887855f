/* SPDX-License-Identifier: MIT */
/* hanging_load -- load() never returns. */
#include <unistd.h>

#include <fairlead/inspector.h>

static enum frl_verdict
hanging_load_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	(void)options;
	(void)ret_instance;
	(void)host;
	while (pause() < 0)
		continue;
	return (FRL_OK);
}

FRL_PLUGIN = { FRL_ABI, .name = "hanging_load",
	.version = "1", .summary = "must be refused", .licence = "MIT",
	.load = hanging_load_load };
