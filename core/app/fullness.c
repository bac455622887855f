/* SPDX-License-Identifier: MIT */
#include "app/fullness.h"

#include "base/census.h"
#include "flow/limits.h"

#include <stdio.h>
#include <stdlib.h>

/* Of a limit: so much must be free again.  Of memory workers do not tell each
 * byte (limits.c), so it counts as reached a little earlier. */
#define FREE_PART 16
#define UNTOLD_PART 64

struct fullness {
	const struct census *census;
	bool full[LIMITS];
};

struct fullness *
fullness_create(const struct census *census)
{
	struct fullness *fullness = calloc(1, sizeof(*fullness));

	if (fullness != NULL)
		fullness->census = census;
	return (fullness);
}

void
fullness_free(struct fullness *fullness)
{
	free(fullness);
}

static bool
look(bool *full, enum limit limit, uint64_t used, uint64_t max)
{
	uint64_t again = max - max / FREE_PART;

	if (limit == LIMIT_MEMORY)
		max -= max / UNTOLD_PART;
	*full = max != 0 && used >= (*full ? again : max);
	return (*full);
}

bool
fullness_say(struct fullness *fullness, uint32_t generation, char *text,
    size_t size)
{
	size_t at = 0;
	unsigned i;

	for (i = 0; i < LIMITS; i++) {
		uint64_t used = census_total(fullness->census, i);
		uint64_t max = census_bound(fullness->census, generation, i);

		if (!look(&fullness->full[i], (enum limit)i, used, max) ||
		    at >= size)
			continue;
		at += (size_t)snprintf(text + at, size - at, "%s%s: %llu of "
		    "%llu", at == 0 ? "" : ", ", limits_name((enum limit)i),
		    (unsigned long long)used, (unsigned long long)max);
	}
	return (at != 0);
}
