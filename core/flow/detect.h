/* SPDX-License-Identifier: MIT */
/*
 * detect -- the protocol link of a tunnel whose protocol nobody knows yet.
 *
 * It holds both flows and asks the inspectors in the order of the
 * configuration; the first that does not say no decides.  Then it hands over,
 * with every byte it held.
 */
#ifndef FLOW_DETECT_H
#define FLOW_DETECT_H

#include "flow/rules.h"

/* Make `plugin` the detecting inspector for these rules (borrow). */
void detect_init(struct plugin *plugin, const struct rules *rules,
    struct host_env *env);

#endif
