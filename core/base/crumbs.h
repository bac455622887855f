/* SPDX-License-Identifier: MIT */
/*
 * crumbs -- whose code is running: a note before each call into a plugin, on
 * a page that the supervisor shares, so that it can be read when this process
 * cannot speak any more.
 *
 *	63     48 47      32 31             0
 *	| plugin | callback | tunnel + 1     |  0: the core itself
 *
 * A call within a call (a hook in data()) has its own crumb; the caller keeps
 * the one before, on its stack, and puts it back.
 *
 * It knows numbers only: the page has the names that were put there.  The
 * page is the one state at file scope beside evmem's, and for the same reason:
 * a signal handler knows no argument.  It is always there: until one is shared,
 * it is the process's own, so that a crumb costs no branch.
 */
#ifndef BASE_CRUMBS_H
#define BASE_CRUMBS_H

#include <fairlead/inspector.h>

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CRUMBS_KEPT 16
#define CRUMBS_PLUGINS 64		/* that the page has names for */
#define CRUMBS_NAME_SIZE 33
#define CRUMBS_TARGET_SIZE 272		/* "host:port" */

enum crumbs_callback {
	CRUMBS_LOAD = 1, CRUMBS_UNLOAD, CRUMBS_DETECT, CRUMBS_OPEN,
	CRUMBS_DATA, CRUMBS_END, CRUMBS_TIMER, CRUMBS_DECIDED,
	CRUMBS_FAREWELL, CRUMBS_CLOSE, CRUMBS_HOOK, CRUMBS_LATER
};

struct crumbs_plugin {
	char name[CRUMBS_NAME_SIZE];
	uint64_t from, to;		/* where its code lies */
};

struct crumbs {
	_Atomic uint64_t now;		/* the crumb of this moment */
	const struct frl_tunnel *tunnel;	/* likewise; or NULL */
	_Atomic uint64_t outer;		/* calls from the core itself so far */
	_Atomic uint64_t count;		/* all of them */
	_Atomic uint64_t ring[CRUMBS_KEPT];	/* the last ones */
	uint32_t prefix;		/* of tunnels' ids; 0: none yet */
	struct crumbs_plugin plugins[CRUMBS_PLUGINS];	/* number - 1 */
	/* Last words, if there was time for them. */
	char target[CRUMBS_TARGET_SIZE];	/* of the tunnel; "" */
	uint64_t pc;			/* 0: unknown */
	int32_t signo, sender;		/* of a crash; who sent it, or 0 */
};

/* What a caller keeps. */
struct crumb {
	uint64_t word;
	const struct frl_tunnel *tunnel;
};

extern struct crumbs *crumbs_page;

/* The part of a word that stays the same; tunnel: its number + 1, or 0. */
static inline uint64_t
crumbs_who(unsigned plugin, uint32_t tunnel)
{
	return ((uint64_t)plugin << 48 | tunnel);
}

/* A callback of a plugin is about to be called; tunnel: borrow, or NULL. */
static inline struct crumb
crumbs_enter(uint64_t who, enum crumbs_callback callback,
    const struct frl_tunnel *tunnel)
{
	struct crumbs *page = crumbs_page;
	struct crumb was = { atomic_load_explicit(&page->now,
	    memory_order_relaxed), page->tunnel };
	uint64_t word = who | (uint64_t)callback << 32;
	uint64_t n = atomic_load_explicit(&page->count, memory_order_relaxed);

	atomic_store_explicit(&page->now, word, memory_order_relaxed);
	page->tunnel = tunnel;
	atomic_store_explicit(&page->ring[n % CRUMBS_KEPT], word,
	    memory_order_relaxed);
	atomic_store_explicit(&page->count, n + 1, memory_order_relaxed);
	atomic_store_explicit(&page->outer, (was.word == 0) +
	    atomic_load_explicit(&page->outer, memory_order_relaxed),
	    memory_order_relaxed);
	return (was);
}

/* It has returned. */
static inline void
crumbs_leave(struct crumb was)
{
	struct crumbs *page = crumbs_page;

	atomic_store_explicit(&page->now, was.word, memory_order_relaxed);
	page->tunnel = was.tunnel;
}

/* The tunnel of the call that this one is made in, as in crumbs_who(). */
static inline uint32_t
crumbs_tunnel(void)
{
	return ((uint32_t)atomic_load_explicit(&crumbs_page->now,
	    memory_order_relaxed));
}

static inline unsigned
crumbs_plugin(uint64_t word)
{
	return ((unsigned)(word >> 48));
}

/* "data"; never NULL. */
const char *crumbs_callback_name(uint64_t word);

/* Memory for a page, as a descriptor that can be passed on (close-on-exec);
 * -1 and errno. */
int crumbs_memory(void);

/*
 * Map it; fd: borrow.  NULL and errno.  Children do not have it: one that a
 * plugin forked and that returns into the core ends there, and serves nobody.
 */
struct crumbs *crumbs_map(int fd);
void crumbs_unmap(struct crumbs *page);

/* Leave crumbs there from now on; NULL: on the process's own page. */
void crumbs_share(struct crumbs *page);

#endif
