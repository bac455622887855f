/* SPDX-License-Identifier: MIT */
/* watcher -- fine, but owns no protocol: it cannot take a tunnel over. */
#include <fairlead/inspector.h>

FRL_PLUGIN = { FRL_ABI, .name = "watcher", .version = "1",
	.summary = "watches every tunnel", .licence = "MIT" };
