/* SPDX-License-Identifier: MIT */
/* failing_load -- load() says why it fails. */
#include <fairlead/inspector.h>

static enum frl_verdict
failing_load_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	(void)options;
	(void)ret_instance;
	host->say(host, FRL_ERROR, "the moon is not full");
	return (FRL_FAIL);
}

FRL_PLUGIN = { FRL_ABI, .name = "failing_load",
	.version = "1", .summary = "must be refused", .licence = "MIT",
	.load = failing_load_load };
