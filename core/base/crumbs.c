/* SPDX-License-Identifier: MIT */
#include "base/crumbs.h"

#include "base/sealed.h"

#include <sys/mman.h>

static struct crumbs own;
struct crumbs *crumbs_page = &own;

const char *
crumbs_callback_name(uint64_t word)
{
	static const char *const names[] = {
		[0] = "?",
		[CRUMBS_LOAD] = "load",
		[CRUMBS_UNLOAD] = "unload",
		[CRUMBS_DETECT] = "detect",
		[CRUMBS_OPEN] = "open",
		[CRUMBS_DATA] = "data",
		[CRUMBS_END] = "end",
		[CRUMBS_TIMER] = "timer",
		[CRUMBS_DECIDED] = "decided",
		[CRUMBS_FAREWELL] = "farewell",
		[CRUMBS_CLOSE] = "close",
		[CRUMBS_HOOK] = "hook",
		[CRUMBS_LATER] = "later",
	};
	size_t i = (uint16_t)(word >> 32);

	return (names[i < sizeof(names) / sizeof(names[0]) ? i : 0]);
}

int
crumbs_memory(void)
{
	return (sealed_memory("crumbs", sizeof(struct crumbs)));
}

struct crumbs *
crumbs_map(int fd)
{
	void *at = mmap(NULL, sizeof(struct crumbs), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return (NULL);
	if (madvise(at, sizeof(struct crumbs), MADV_DONTFORK) == 0)
		return (at);
	munmap(at, sizeof(struct crumbs));
	return (NULL);
}

void
crumbs_unmap(struct crumbs *page)
{
	if (page != NULL)
		munmap(page, sizeof(*page));
}

void
crumbs_share(struct crumbs *page)
{
	crumbs_page = page != NULL ? page : &own;
}
