/* SPDX-License-Identifier: MIT */
/* wrong_size -- its descriptor has another size. */
#include <fairlead/inspector.h>

FRL_PLUGIN = { .magic = FRL_MAGIC, .abi_major = FRL_ABI_MAJOR,
	.abi_minor = FRL_ABI_MINOR, .size = 40,
	.name = "wrong_size",
	.version = "1", .summary = "must be refused", .licence = "MIT" };
