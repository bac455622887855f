/* SPDX-License-Identifier: MIT */
/*
 * trial -- load the plugins of a configuration as a server would, and serve
 * nobody.
 */
#ifndef APP_TRIAL_H
#define APP_TRIAL_H

#include "base/err.h"

struct config;

/* Declare, load, seal, unload.  No log is opened: a trial leaves no file
 * behind.  -1 and a sentence. */
int trial_load(struct config *config, struct err *err);

#endif
