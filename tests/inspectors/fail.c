/* SPDX-License-Identifier: MIT */
/*
 * fail -- an inspector that breaks: it answers FRL_FAIL as soon as a client
 * has sent more than `after` bytes.
 *
 * Options:
 *	after	bytes that go through before
 */
#include <fairlead/inspector.h>

struct options {
	uint64_t after;
};

static const struct frl_option options_table[] = {
	{ .name = "after", .help = "bytes before it breaks", .def = "0",
	  .type = FRL_OPTION_SIZE, .offset = offsetof(struct options, after) },
	{ .name = NULL }
};

static enum frl_verdict
fail_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	(void)host;
	*ret_instance = (void *)(uintptr_t)options;
	return (FRL_OK);
}

static enum frl_verdict
fail_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	const struct options *options = link->instance;

	(void)seen;
	if (flow == FRL_FROM_CLIENT &&
	    frl_moved(link, flow) + held.len > options->after)
		return (FRL_FAIL);
	(void)frl_pass(link, flow, held.len);
	return (FRL_OK);
}

FRL_PLUGIN = {
	FRL_ABI,
	.name = "fail",
	.version = "1",
	.summary = "breaks after some bytes",
	.licence = "MIT",
	.options_size = sizeof(struct options),
	.options = options_table,
	.load = fail_load,
	.data = fail_data,
};
