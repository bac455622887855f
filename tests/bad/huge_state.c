/* SPDX-License-Identifier: MIT */
/* huge_state -- asks for absurd memory per tunnel. */
#include <fairlead/inspector.h>

FRL_PLUGIN = { FRL_ABI, .name = "huge_state",
	.version = "1", .summary = "must be refused", .licence = "MIT",
	.state_size = 1u << 30 };
