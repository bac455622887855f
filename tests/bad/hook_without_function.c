/* SPDX-License-Identifier: MIT */
/* hook_without_function -- a hook that nobody could call. */
#include <fairlead/inspector.h>

static const struct frl_hook hooks[] = {
	{ .event = "tunnel.open", .ask = NULL },
	{ .event = NULL },
};

FRL_PLUGIN = { FRL_ABI, .name = "hook_without_function",
	.version = "1", .summary = "must be refused", .licence = "MIT",
	.hooks = hooks };
