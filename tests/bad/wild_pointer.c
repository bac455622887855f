/* SPDX-License-Identifier: MIT */
/* wild_pointer -- checking its descriptor crashes. */
#include <fairlead/inspector.h>

FRL_PLUGIN = { FRL_ABI, .name = (const char *)8,
	.version = "1", .summary = "must be refused", .licence = "MIT" };
