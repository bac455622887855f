/* SPDX-License-Identifier: MIT */
/*
 * plugin_span -- where in memory the code of a loaded plugin lies.
 */
#ifndef FLOW_PLUGIN_SPAN_H
#define FLOW_PLUGIN_SPAN_H

#include "flow/plugin.h"

/* from <= address < to; both 0 where the linker does not say. */
void plugin_span(const struct plugin *plugin, uint64_t *ret_from,
    uint64_t *ret_to);

#endif
