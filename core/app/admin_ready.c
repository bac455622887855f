/* SPDX-License-Identifier: MIT */
/*
 * admin_ready -- is this proxy ready for new clients, and if not, why not: one
 * table for /readyz, `fairlead status` and the metrics.
 *
 * A reason names no file and no address: whoever may use the loopback may read
 * it.
 */
#include "app/admin_parts.h"
#include "app/fullness.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* Nobody of the newest configuration is there. */
static bool
is_starting(const struct admin *a, char *why, size_t size)
{
	const struct admin_seat *seat;

	DL_FOREACH(a->seats, seat)
		if (seat->generation == a->state.generation)
			return (false);
	(void)snprintf(why, size, "no worker serves yet");
	return (true);
}

static bool
is_stopping(const struct admin *a, char *why, size_t size)
{
	if (a->state.stopping)
		(void)snprintf(why, size, "the proxy is draining");
	return (a->state.stopping);
}

static bool
is_full(const struct admin *a, char *why, size_t size)
{
	return (fullness_say(a->fullness, a->state.generation, why, size));
}

/* No tunnel of theirs is lost, but nobody comes in. */
static bool
is_resting(const struct admin *a, char *why, size_t size)
{
	const struct admin_seat *seat;
	unsigned n = 0, all = 0;

	DL_FOREACH(a->seats, seat) {
		if (seat->generation != a->state.generation ||
		    seat->board == NULL)
			continue;
		all++;
		n += board_get(&seat->board->rows[BOARD_resting]) != 0;
	}
	(void)snprintf(why, size, "%u of %u workers can accept nobody: too "
	    "many open files, or no memory", n, all);
	return (n != 0);
}

/* Each says whether it holds, and then why in a sentence (UTF-8, without a
 * quote, a backslash or a control character). */
static const struct {
	const char *name;
	bool (*holds)(const struct admin *admin, char *why, size_t size);
} checks[] = {
	{ "draining", is_stopping },
	{ "starting", is_starting },
	{ "limits", is_full },
	{ "descriptors", is_resting },
};

bool
admin_unready(const struct admin *a, unsigned *at, struct admin_reason *ret)
{
	for (; *at < sizeof(checks) / sizeof(checks[0]); ++*at) {
		if (!checks[*at].holds(a, ret->why, sizeof(ret->why)))
			continue;
		ret->name = checks[(*at)++].name;
		return (true);
	}
	return (false);
}

bool
admin_ready(const struct admin *a)
{
	struct admin_reason reason;
	unsigned at = 0;

	return (!admin_unready(a, &at, &reason));
}
