/* SPDX-License-Identifier: MIT */
/*
 * unresolved -- needs a function that nobody has: the test writes another
 * name over strfry's in a copy of the finished file, because the linker
 * would not make it so.
 */
#include <string.h>

#include <fairlead/inspector.h>

static enum frl_verdict
unresolved_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	static char text[] = "anagram";

	(void)host;
	(void)options;
	*ret_instance = strfry(text);
	return (FRL_OK);
}

FRL_PLUGIN = { FRL_ABI, .name = "unresolved", .version = "1",
	.summary = "must be refused", .licence = "MIT",
	.load = unresolved_load };
