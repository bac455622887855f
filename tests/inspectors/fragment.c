/* SPDX-License-Identifier: MIT */
/*
 * fragment -- lets go of one byte per call, in both flows.
 *
 * Whatever stands behind it in the chain sees every cut there can be.  It
 * never looks at a byte and holds none longer than the core takes to call it
 * again.
 */
#include <fairlead/inspector.h>

static enum frl_verdict
fragment_data(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	(void)held, (void)seen;
	return (frl_pass(link, flow, 1) == 0 ? FRL_OK : FRL_FAIL);
}

FRL_PLUGIN = {
	FRL_ABI,
	.name = "fragment",
	.version = "1",
	.summary = "passes one byte at a time (for tests)",
	.licence = "MIT",
	.data = fragment_data,
};
