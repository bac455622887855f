/* SPDX-License-Identifier: MIT */
/*
 * raw -- let everything through.
 *
 * For protocols that nobody knows, and for what shall not be looked at.  It
 * never sees more than the first bytes of a flow: the rest runs ahead, and
 * the core moves it the cheapest way there is.  It needs libc only.
 *
 * Options: none.
 */
#include <fairlead/inspector.h>

static enum frl_verdict
raw_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	(void)held;
	(void)seen;
	return (frl_pass(link, flow, FRL_ALL) == 0 ? FRL_OK : FRL_FAIL);
}

FRL_PLUGIN = {
	FRL_ABI,
	.flags = FRL_OWNS_PROTOCOL,
	.name = "raw",
	.version = "0.1.0",
	.summary = "lets everything through, unlooked at",
	.licence = "MIT",
	.data = raw_data
};
