/* SPDX-License-Identifier: MIT */
/* wrong_magic -- its descriptor is of something else. */
#include <fairlead/inspector.h>

FRL_PLUGIN = { .magic = 0x12345678u, .abi_major = FRL_ABI_MAJOR,
	.abi_minor = FRL_ABI_MINOR, .size = sizeof(struct frl_plugin),
	.name = "wrong_magic",
	.version = "1", .summary = "must be refused", .licence = "MIT" };
