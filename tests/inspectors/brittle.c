/* SPDX-License-Identifier: MIT */
/*
 * brittle -- an inspector that an upgrade leads to, and that crashes when its
 * client says "boom".
 */
#include <fairlead/inspector.h>

#include <string.h>

/* Nothing that the compiler knows. */
static volatile int *volatile nowhere;

/* A sanitizer would see it coming. */
__attribute__((noinline, no_sanitize("undefined"), no_sanitize("address")))
static void
crash(void)
{
	*nowhere = 1;
}

static enum frl_verdict
data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	(void)seen;
	if (flow == FRL_FROM_CLIENT && held.len >= 4 &&
	    memcmp(held.data, "boom", 4) == 0)
		crash();
	return (frl_pass(link, flow, held.len) == 0 ? FRL_OK : FRL_FAIL);
}

FRL_PLUGIN = {
	FRL_ABI,
	.flags = FRL_OWNS_PROTOCOL,
	.name = "brittle",
	.version = "0.1.0",
	.summary = "crashes at a word, behind an upgrade (for tests)",
	.licence = "MIT",
	.data = data,
};
