/* SPDX-License-Identifier: MIT */
/* wild_option -- an option that lies outside its struct. */
#include <fairlead/inspector.h>

static const struct frl_option options[] = {
	{ .name = "wild", .help = "no", .def = "1",
	    .type = FRL_OPTION_COUNT, .offset = 800 },
	{ .name = NULL },
};

FRL_PLUGIN = { FRL_ABI, .name = "wild_option",
	.version = "1", .summary = "must be refused", .licence = "MIT",
	.options = options, .options_size = 8 };
