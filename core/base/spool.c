/* SPDX-License-Identifier: MIT */
#include "base/spool.h"

#include "base/sealed.h"

#include <errno.h>
#include <sys/mman.h>

#define PAGE ((size_t)4096)

_Static_assert(sizeof(struct spool_page) <= PAGE, "it is one page");
_Static_assert((SPOOL_SIZE & (SPOOL_SIZE - 1)) == 0, "a power of two");

int
spool_memory(void)
{
	return (sealed_memory("spool", PAGE + SPOOL_SIZE));
}

static int
map_at(char *at, size_t size, int fd, size_t offset)
{
	return (mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
	    fd, (off_t)offset) == MAP_FAILED ? -1 : 0);
}

int
spool_map(struct spool *spool, int fd)
{
	const size_t size = PAGE + 2 * SPOOL_SIZE;
	char *at;
	int saved;

	at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return (-1);
	if (map_at(at, PAGE + SPOOL_SIZE, fd, 0) != 0 ||
	    map_at(at + PAGE + SPOOL_SIZE, SPOOL_SIZE, fd, PAGE) != 0) {
		saved = errno;
		munmap(at, size);
		errno = saved;
		return (-1);
	}
	spool->page = (struct spool_page *)(void *)at;
	spool->bytes = at + PAGE;
	return (0);
}

void
spool_unmap(struct spool *spool)
{
	if (spool->page != NULL)
		munmap(spool->page, PAGE + 2 * SPOOL_SIZE);
	spool->page = NULL;
}

struct frl_bytes
spool_lines(const struct spool *spool)
{
	struct frl_bytes lines = { .len = spool_waiting(spool) };

	lines.data = (const uint8_t *)spool_at(spool, atomic_load_explicit(
	    &spool->page->got, memory_order_relaxed));
	/* The other process may be mad. */
	if (lines.len > SPOOL_SIZE)
		lines.len = 0;
	return (lines);
}

void
spool_get(struct spool *spool, size_t n, uint64_t lines)
{
	struct spool_page *page = spool->page;

	atomic_fetch_add_explicit(&page->lines_got, lines,
	    memory_order_relaxed);
	atomic_fetch_add_explicit(&page->got, n, memory_order_release);
	/* See spool_want_room(). */
	atomic_thread_fence(memory_order_seq_cst);
}
