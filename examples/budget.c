/* SPDX-License-Identifier: MIT */
/*
 * budget -- cut a tunnel that moves more bytes than it may.
 *
 * It never looks inside a byte, so it may be given any protocol.
 *
 *	plugins:
 *	  - name: budget
 *	    options:
 *	      max_bytes: 10MiB
 *
 * Options:
 *	max_bytes	both directions together; required
 *
 * Build: cc -shared -fPIC -I<prefix>/include -o budget.so budget.c
 */
#include <fairlead/inspector.h>

#include <stdio.h>

struct options {
	uint64_t max_bytes;
};

/* The core reads the configuration with this table, checks it and hands
 * load() the finished struct.  No default: it must be given. */
static const struct frl_option options_table[] = {
	{ .name = "max_bytes", .help = "bytes of both directions together",
	  .type = FRL_OPTION_SIZE, .min = 1,
	  .offset = offsetof(struct options, max_bytes) },
	{ .name = NULL }
};

/* What we keep of one tunnel.  The core allocates and zeroes it. */
struct state {
	uint64_t used;
	bool spent;
};

/* The options live until unload(): all that we need to know of ourselves. */
static enum frl_verdict
budget_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	(void)host;
	*ret_instance = (void *)(uintptr_t)options;
	return (FRL_OK);
}

static enum frl_verdict
spend_out(struct frl_link *link, struct state *state, uint64_t max_bytes)
{
	char text[80];

	state->spent = true;
	snprintf(text, sizeof(text), "moved more than %llu bytes",
	    (unsigned long long)max_bytes);
	return (frl_refuse(link, FRL_WHY_LIMIT, text));
}

/*
 * Let go what the budget allows; what is not passed is held.  Refusing ends
 * the tunnel behind the last byte that was passed, and gives the link that
 * owns the protocol a chance to say why: these last words come through here
 * like other bytes and may pass.
 */
static enum frl_verdict
budget_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	const struct options *options = link->instance;
	struct state *state = link->state;
	uint64_t n = held.len;

	(void)seen;
	if (!state->spent && n > options->max_bytes - state->used)
		n = options->max_bytes - state->used;
	if (!state->spent)
		state->used += n;
	if (frl_pass(link, flow, n) != 0)
		return (FRL_FAIL);
	if (n < held.len)
		return (spend_out(link, state, options->max_bytes));
	return (FRL_OK);
}

FRL_PLUGIN = {
	FRL_ABI,
	.name = "budget",
	.version = "1.0",
	.summary = "cuts a tunnel that moves more bytes than it may",
	.licence = "MIT",
	.state_size = sizeof(struct state),
	.options_size = sizeof(struct options),
	.options = options_table,
	.load = budget_load,
	.data = budget_data,
};
