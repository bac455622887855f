/* SPDX-License-Identifier: MIT */
/*
 * spool -- lines on their way from one that writes them to one that takes them
 * away, in memory that two processes may share.
 *
 *	    got           put            got + SPOOL_SIZE
 *	     |/// lines ///|    room          |
 *
 * The bytes are mapped twice, one behind the other, so that both the lines and
 * the room are in one piece wherever they lie.
 *
 * What always holds:
 *	got <= put <= got + SPOOL_SIZE; only the putter moves put, only the
 *	getter moves got, and both by whole lines: so what is left of a
 *	putter that was killed has no torn line
 *	only the putter moves first, the byte that lies at the memory's
 *	begin, and only in an empty spool: a getter that sees lines, and
 *	looks for first then, finds them
 *	the memory keeps its size
 */
#ifndef BASE_SPOOL_H
#define BASE_SPOOL_H

#include <fairlead/inspector.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So much of a killed worker's lines outlives it, however slow the file is. */
#define SPOOL_SIZE ((size_t)1024 * 1024)

/* The shared page. */
struct spool_page {
	_Atomic uint64_t put, got;		/* bytes */
	_Atomic uint64_t first;
	_Atomic uint64_t lines_put, lines_got;
	_Atomic uint64_t dropped;		/* lines, by the putter */
	_Atomic uint32_t wants_room;		/* the putter waits for it */
	_Atomic uint32_t trouble;		/* of the getter with what it
						 * writes to: errno, or 0 */
};

struct spool {
	struct spool_page *page;		/* NULL: not mapped */
	char *bytes;				/* 2 * SPOOL_SIZE */
};

/* Memory for one, as a descriptor that can be passed on (close-on-exec); -1
 * and errno. */
int spool_memory(void);

/* Map it; fd: borrow.  0, or -1 and errno. */
int spool_map(struct spool *spool, int fd);
void spool_unmap(struct spool *spool);

static inline size_t
spool_waiting(const struct spool *spool)
{
	return ((size_t)(atomic_load_explicit(&spool->page->put,
	    memory_order_acquire) - atomic_load_explicit(&spool->page->got,
	    memory_order_acquire)));
}

static inline size_t
spool_room(const struct spool *spool)
{
	return (SPOOL_SIZE - spool_waiting(spool));
}

/* Where a byte lies; memory_order_relaxed: put was loaded before. */
static inline char *
spool_at(const struct spool *spool, uint64_t byte)
{
	return (spool->bytes + ((byte - atomic_load_explicit(
	    &spool->page->first, memory_order_relaxed)) & (SPOOL_SIZE - 1)));
}

/* Where the next line goes: spool_room() bytes. */
static inline char *
spool_end(const struct spool *spool)
{
	return (spool_at(spool, atomic_load_explicit(&spool->page->put,
	    memory_order_relaxed)));
}

/* For the putter, before a line: where nothing waits, it goes to the memory's
 * begin, which is still in the cache. */
static inline void
spool_begin(struct spool *spool)
{
	if (spool_waiting(spool) == 0)
		atomic_store_explicit(&spool->page->first,
		    atomic_load_explicit(&spool->page->put,
		    memory_order_relaxed), memory_order_relaxed);
}

/* n bytes, whole lines of that number, are there now. */
static inline void
spool_put(struct spool *spool, size_t n, uint64_t lines)
{
	struct spool_page *page = spool->page;

	atomic_store_explicit(&page->lines_put, lines + atomic_load_explicit(
	    &page->lines_put, memory_order_relaxed), memory_order_relaxed);
	atomic_store_explicit(&page->put, n + atomic_load_explicit(&page->put,
	    memory_order_relaxed), memory_order_release);
}

/*
 * The putter wants to be told when something is taken.  It must look for room
 * once more behind this: either it sees what was taken, or the getter sees
 * that it waits.
 */
static inline void
spool_want_room(struct spool *spool)
{
	atomic_store_explicit(&spool->page->wants_room, 1,
	    memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

/* What waits; nothing, where the other process has gone mad. */
struct frl_bytes spool_lines(const struct spool *spool);

/* The first n bytes of it, whole lines of that number, are taken. */
void spool_get(struct spool *spool, size_t n, uint64_t lines);

#endif
