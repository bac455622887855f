/* SPDX-License-Identifier: MIT */
/* crashing_load -- load() crashes. */
#include <signal.h>

#include <fairlead/inspector.h>

static enum frl_verdict
crashing_load_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	(void)options;
	(void)ret_instance;
	(void)host;
	raise(SIGSEGV);
	return (FRL_OK);
}

FRL_PLUGIN = { FRL_ABI, .name = "crashing_load",
	.version = "1", .summary = "must be refused", .licence = "MIT",
	.load = crashing_load_load };
