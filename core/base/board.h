/* SPDX-License-Identifier: MIT */
/*
 * board -- the counters of one worker, in memory that the admin process reads.
 *
 * What always holds: one process writes, by plain stores; a reader sees each
 * number whole, not all of one moment.  What a writer that was killed had
 * counted is still there.
 */
#ifndef BASE_BOARD_H
#define BASE_BOARD_H

#include "base/why.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define BOARD_PLUGINS_MAX 32
#define BOARD_NAME_SIZE 40	/* longer than any */

/*
 * X(member, name of the metric without "fairlead_", label or "", kind, help):
 * a counter only grows, a gauge is what there is now.  Rows of one name are
 * neighbours.
 */
#define BOARD_TABLE(X) \
	X(open, "tunnels", "", gauge, "Tunnels that are there.") \
	X(accepted, "tunnels_total", "", counter, \
	    "Tunnels that ever began, also those that came to nothing.") \
	X(from_client, "received_bytes_total", "from=\"client\"", counter, \
	    "Bytes read from peers.") \
	X(from_server, "received_bytes_total", "from=\"server\"", counter, \
	    "Bytes read from peers.") \
	X(waiting_bytes, "waiting_bytes", "", gauge, \
	    "Bytes that wait in all tunnels.") \
	X(resolving, "resolving", "", gauge, \
	    "Questions that name servers have not answered yet.") \
	X(connecting, "connecting", "", gauge, \
	    "Tunnels on their way to a server.") \
	X(resting, "resting_listeners", "", gauge, \
	    "Listeners that accept nobody for want of descriptors or " \
	    "memory, of each worker.") \
	X(log_produced, "log_lines_total", "state=\"produced\"", counter, \
	    "Lines of all logs.") \
	X(log_written, "log_lines_total", "state=\"written\"", counter, \
	    "Lines of all logs.") \
	X(log_dropped, "log_lines_total", "state=\"dropped\"", counter, \
	    "Lines of all logs.")

enum board_row {
#define BOARD_ENUM(member, name, label, kind, help) BOARD_##member,
	BOARD_TABLE(BOARD_ENUM)
#undef BOARD_ENUM
	BOARD_ROWS
};

/* Of one inspector: data() alone, which is where bytes are looked at. */
struct board_plugin {
	char name[BOARD_NAME_SIZE];
	_Atomic uint64_t calls, bytes, us;
};

struct board {
	_Atomic uint64_t rows[BOARD_ROWS];
	_Atomic uint64_t ends[WHY_COUNT];	/* of tunnels */
	_Atomic uint32_t plugin_count;		/* whose names are there */
	struct board_plugin plugins[BOARD_PLUGINS_MAX];
};

/* Memory for one, as a descriptor that can be passed on (close-on-exec) and
 * never changes its size; -1 and errno. */
int board_memory(void);

/* Map it (fd: borrow), to write or only to read.  NULL and errno. */
struct board *board_map(int fd, int writable);
void board_unmap(struct board *board);

/* Copy what one says to another. */
void board_copy(struct board *to, const struct board *from);

/* Add it to a sum; past: its worker is gone, so are its gauges. */
void board_sum(struct board *to, const struct board *from, int past);

/* Is the row a gauge? */
int board_is_gauge(enum board_row row);

static inline uint64_t
board_get(const _Atomic uint64_t *n)
{
	return (atomic_load_explicit(n, memory_order_relaxed));
}

static inline void
board_set(_Atomic uint64_t *n, uint64_t value)
{
	atomic_store_explicit(n, value, memory_order_relaxed);
}

static inline void
board_add(_Atomic uint64_t *n, uint64_t more)
{
	board_set(n, board_get(n) + more);
}

#endif
