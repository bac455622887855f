/* SPDX-License-Identifier: MIT */
#include "flow/bars.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

uint64_t
bars_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
}

void
bars_put(struct bars *bars, const struct bar *bar)
{
	if (bar->target[0] == '\0') {
		if (bar->plugin < 64)
			bars->plugins |= (uint64_t)1 << bar->plugin;
		return;
	}
	bars->list[bars->next] = *bar;
	bars->next = (bars->next + 1) % BARS_MAX;
	if (bars->count < BARS_MAX)
		bars->count++;
}

const char *
bars_text(char ret[BARS_TEXT_SIZE], const char *plugin)
{
	(void)snprintf(ret, BARS_TEXT_SIZE, "plugin %s, which this tunnel "
	    "needs, crashed or hung repeatedly and is quarantined", plugin);
	return (ret);
}

/* Both texts come from the same place, the tunnel's. */
static bool
is_for(const struct bar *bar, const struct frl_tunnel *tunnel)
{
	size_t len = strlen(tunnel->server_name);
	char port[8];

	(void)snprintf(port, sizeof(port), ":%u",
	    (unsigned)tunnel->server_port);
	return (strncmp(bar->target, tunnel->server_name, len) == 0 &&
	    strcmp(bar->target + len, port) == 0);
}

bool
bars_search(const struct bars *bars, unsigned plugin,
    const struct frl_tunnel *tunnel, uint64_t now_us)
{
	size_t i;

	if (plugin < 64 && (bars->plugins & (uint64_t)1 << plugin) != 0)
		return (true);
	for (i = 0; tunnel != NULL && i < bars->count; i++) {
		const struct bar *bar = &bars->list[i];

		if (bar->plugin == plugin && now_us < bar->until_us &&
		    is_for(bar, tunnel))
			return (true);
	}
	return (false);
}
