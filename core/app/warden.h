/* SPDX-License-Identifier: MIT */
/*
 * warden -- watches what the plugins of one generation do to its workers, and
 * decides when one has done it too often:
 *
 *	three faults in a minute                        not called any more,
 *	                                                until the next reload
 *	the same callback and target twice in           not called for that
 *	ten minutes                                     target, for ten minutes
 *
 * A fault is a crash, an exit() or a hang.  It knows pages of crumbs and
 * numbers of plugins, no configuration.
 */
#ifndef APP_WARDEN_H
#define APP_WARDEN_H

#include "app/blame.h"
#include "app/hang.h"
#include "flow/bars.h"

#define WARDEN_FAULTS 64	/* that are remembered */

struct warden_fault {
	unsigned plugin;
	const char *callback;
	uint64_t when_us;
	char target[TARGET_TEXT_SIZE];
};

struct warden {
	void *arg;
	/* Something is to be told (borrow). */
	void (*news)(void *arg, const struct blame *blame);
	/* And to all workers. */
	void (*barred)(void *arg, const struct bar *bar);
	struct bars bars;
	struct warden_fault faults[WARDEN_FAULTS];
	unsigned next;
};

/* A worker.  Zeroed: none. */
struct ward {
	struct crumbs *page;
	struct hang hang;
};

/* Give a worker that starts its page, with the prefix of its tunnels' ids, and
 * tell it who is barred, by its channel.  0, or -1 and errno. */
int warden_meet(const struct warden *warden, struct ward *ward, int channel,
    uint32_t prefix);

/* Every HANG_LOOK_MS: one that is stuck is killed. */
void warden_look(struct warden *warden, struct ward *ward, pid_t pid);

/* Its process has ended. */
void warden_ended(struct warden *warden, struct ward *ward, int status);

void warden_forget(struct ward *ward);

/* A plugin had a fault: is it one too many?  (For tests; warden_ended() does
 * it.) */
void warden_count(struct warden *warden, const struct blame *blame,
    uint64_t now_us);

#endif
