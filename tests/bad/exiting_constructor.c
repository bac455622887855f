/* SPDX-License-Identifier: MIT */
/* exiting_constructor -- ends the program before anybody calls it. */
#include <stdlib.h>

#include <fairlead/inspector.h>

__attribute__((constructor)) static void
construct(void)
{
	_Exit(3);
}

FRL_PLUGIN = { FRL_ABI, .name = "exiting_constructor",
	.version = "1", .summary = "must be refused", .licence = "MIT" };
