/* SPDX-License-Identifier: MIT */
/*
 * plugin_check -- is a descriptor one that we understand, and well formed?
 */
#ifndef FLOW_PLUGIN_CHECK_H
#define FLOW_PLUGIN_CHECK_H

#include "base/err.h"

#include <fairlead/inspector.h>

/*
 * Check magic, ABI, size, and every table: names, types, offsets within
 * their structs.  -1 and the reason.  May crash on wild pointers: call it
 * in a probe first.
 */
int plugin_check(const struct frl_plugin *desc, struct err *err);

#endif
