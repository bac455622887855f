/* SPDX-License-Identifier: MIT */
/* wrong_minor -- built for another minor ABI of major 0. */
#include <fairlead/inspector.h>

FRL_PLUGIN = { .magic = FRL_MAGIC, .abi_major = FRL_ABI_MAJOR,
	.abi_minor = 77, .size = sizeof(struct frl_plugin),
	.name = "wrong_minor",
	.version = "1", .summary = "must be refused", .licence = "MIT" };
