/* SPDX-License-Identifier: MIT */
/* no_summary -- lacks a text that every plugin has. */
#include <fairlead/inspector.h>

FRL_PLUGIN = { FRL_ABI, .name = "no_summary", .version = "1" };
