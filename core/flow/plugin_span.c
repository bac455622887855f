/* SPDX-License-Identifier: MIT */
#include "flow/plugin_span.h"

#include <dlfcn.h>
#include <link.h>

struct search {
	ElfW(Addr) base;
	uint64_t from, to;
};

static int
look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *search = arg;
	size_t i;

	(void)size;
	if (info->dlpi_addr != search->base)
		return (0);
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uint64_t from = info->dlpi_addr + part->p_vaddr;

		if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0)
			continue;
		if (search->to == 0 || from < search->from)
			search->from = from;
		if (from + part->p_memsz > search->to)
			search->to = from + part->p_memsz;
	}
	return (1);
}

void
plugin_span(const struct plugin *plugin, uint64_t *ret_from,
    uint64_t *ret_to)
{
	struct search search = { 0, 0, 0 };
	struct link_map *map;

	if (plugin->library != NULL &&
	    dlinfo(plugin->library, RTLD_DI_LINKMAP, &map) == 0) {
		search.base = map->l_addr;
		(void)dl_iterate_phdr(look, &search);
	}
	*ret_from = search.from;
	*ret_to = search.to;
}
