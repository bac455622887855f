/* SPDX-License-Identifier: MIT */
/* wrong_major -- built for another major ABI. */
#include <fairlead/inspector.h>

FRL_PLUGIN = { .magic = FRL_MAGIC, .abi_major = 9,
	.abi_minor = FRL_ABI_MINOR, .size = sizeof(struct frl_plugin),
	.name = "wrong_major",
	.version = "1", .summary = "must be refused", .licence = "MIT" };
