/* SPDX-License-Identifier: MIT */
/* hanging_constructor -- never finishes to be loaded. */
#include <unistd.h>

#include <fairlead/inspector.h>

__attribute__((constructor)) static void
construct(void)
{
	for (;;)
		pause();
}

FRL_PLUGIN = { FRL_ABI, .name = "hanging_constructor",
	.version = "1", .summary = "must be refused", .licence = "MIT" };
