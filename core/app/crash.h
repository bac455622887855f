/* SPDX-License-Identifier: MIT */
/*
 * crash -- a worker's last words: which signal ended it, where the program was
 * and which tunnel it was about, on the page of crumbs (base/crumbs.h).
 *
 * Who is to blame is decided by whoever reads the page (blame.h).  All that is
 * missed when there is no time for last words is the target and the place.
 */
#ifndef APP_CRASH_H
#define APP_CRASH_H

#include "base/crumbs.h"

struct config;

/* Leave crumbs and last words on that page (borrow) until crash_forget(), with
 * the names and places of the config's plugins.  0, or -1 and errno. */
int crash_watch(struct crumbs *page, const struct config *config);

/* The process ends as it should. */
void crash_forget(void);

#endif
