/* SPDX-License-Identifier: MIT */
/* crashing_constructor -- crashes before anybody calls it. */
#include <signal.h>

#include <fairlead/inspector.h>

__attribute__((constructor)) static void
construct(void)
{
	raise(SIGSEGV);
}

FRL_PLUGIN = { FRL_ABI, .name = "crashing_constructor",
	.version = "1", .summary = "must be refused", .licence = "MIT" };
