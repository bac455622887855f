/* SPDX-License-Identifier: MIT */
/*
 * bars -- plugins that are not called any more, because they crashed or hung
 * too often: everywhere, or for one target and a time.
 *
 * What becomes of a tunnel that needs one says its on_error; that is decided
 * where plugins are called, not here.
 */
#ifndef FLOW_BARS_H
#define FLOW_BARS_H

#include "base/target.h"

#include <fairlead/inspector.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BARS_MAX 64		/* targets at a time; the oldest makes room */
#define BARS_TEXT_SIZE 128

struct bar {
	unsigned plugin;
	uint64_t until_us;
	char target[TARGET_TEXT_SIZE];	/* "host:port" */
};

/* Zeroed: nobody is barred. */
struct bars {
	uint64_t plugins;		/* bit n: plugin n, from 1 to 63 */
	size_t count, next;
	struct bar list[BARS_MAX];
};

/* Call it nowhere, or (target not "") not for this target until then. */
void bars_put(struct bars *bars, const struct bar *bar);

/* The clock of until_us, the same in all processes. */
uint64_t bars_now_us(void);

/* Why a tunnel that needs this plugin is refused; returns ret. */
const char *bars_text(char ret[BARS_TEXT_SIZE], const char *plugin);

/* As bars_hold(), where anybody is barred, at that time. */
bool bars_search(const struct bars *bars, unsigned plugin,
    const struct frl_tunnel *tunnel, uint64_t now_us);

/* Is it barred for this tunnel (NULL: for all)?  bars may be NULL. */
static inline bool
bars_hold(const struct bars *bars, unsigned plugin,
    const struct frl_tunnel *tunnel)
{
	return (bars != NULL && (bars->plugins != 0 || bars->count != 0) &&
	    bars_search(bars, plugin, tunnel, bars_now_us()));
}

#endif
