/* SPDX-License-Identifier: MIT */
/*
 * host -- the functions of a plugin's host table that are about no link: the
 * clock, late answers, timers of hooks, words to the operator.
 */
#ifndef FLOW_HOST_H
#define FLOW_HOST_H

#include "flow/plugin.h"

struct bars;
struct later;

struct host_env {
	struct loop *loop;
	struct events *events;
	struct later *laters;		/* what hooks wait for */
	const struct bars *bars;	/* who is not called; or NULL */
};

/* Fill the whole table, the functions of links included. */
void host_table(struct frl_host *host);

/* Forget every timer of hooks. */
void host_forget(struct host_env *env);

#endif
