/* SPDX-License-Identifier: MIT */
#include "base/board.h"

#include "base/sealed.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

int
board_memory(void)
{
	return (sealed_memory("board", sizeof(struct board)));
}

struct board *
board_map(int fd, int writable)
{
	struct stat st;
	void *at;

	if (fstat(fd, &st) != 0)
		return (NULL);
	if (st.st_size != (off_t)sizeof(struct board)) {
		errno = EINVAL;
		return (NULL);
	}
	at = mmap(NULL, sizeof(struct board), writable ?
	    PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	return (at == MAP_FAILED ? NULL : at);
}

void
board_unmap(struct board *board)
{
	if (board != NULL)
		munmap(board, sizeof(*board));
}

int
board_is_gauge(enum board_row row)
{
	enum kind { counter, gauge };
	static const enum kind kinds[] = {
#define BOARD_KIND(member, name, label, kind, help) kind,
		BOARD_TABLE(BOARD_KIND)
#undef BOARD_KIND
	};

	return (kinds[row] == gauge);
}

void
board_copy(struct board *to, const struct board *from)
{
	memcpy(to, from, sizeof(*to));
}

static uint32_t
plugins_of(const struct board *board)
{
	uint32_t n = atomic_load_explicit(&board->plugin_count,
	    memory_order_acquire);

	/* The other process may be mad. */
	return (n > BOARD_PLUGINS_MAX ? BOARD_PLUGINS_MAX : n);
}

static void
add_plugin(struct board *to, const struct board_plugin *from)
{
	struct board_plugin *p;
	uint32_t i, n = plugins_of(to);
	char name[BOARD_NAME_SIZE];

	memcpy(name, from->name, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	for (i = 0; i < n && strcmp(to->plugins[i].name, name) != 0; i++)
		;
	if (i == BOARD_PLUGINS_MAX)
		return;
	p = &to->plugins[i];
	if (i == n) {
		memcpy(p->name, name, sizeof(name));
		atomic_store(&to->plugin_count, n + 1);
	}
	board_add(&p->calls, board_get(&from->calls));
	board_add(&p->bytes, board_get(&from->bytes));
	board_add(&p->us, board_get(&from->us));
}

void
board_name_log(struct board *board, size_t i, const char *file, int required)
{
	struct board_log *log = &board->logs[i];
	size_t n = strlen(file);

	if (n >= sizeof(log->file))
		file += n - sizeof(log->file) + 1;
	strcpy(log->file, file);
	atomic_store(&log->required, required != 0);
}

void
board_set_log(struct board *board, size_t i, uint32_t trouble)
{
	atomic_store_explicit(&board->logs[i].trouble, trouble,
	    memory_order_relaxed);
}

void
board_log_file(const struct board_log *log, char ret[BOARD_FILE_SIZE])
{
	char *c;

	/* The other process may be mad, and change it meanwhile. */
	memcpy(ret, log->file, BOARD_FILE_SIZE);
	ret[BOARD_FILE_SIZE - 1] = '\0';
	for (c = ret; *c != '\0'; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
			*c = '?';
}

const char *
board_log_why(uint32_t trouble)
{
	return (trouble == 0 ? "it is written" : trouble == BOARD_LOG_STILL ?
	    "nobody takes its lines" : strerror((int)trouble));
}

void
board_sum(struct board *to, const struct board *from, int past)
{
	uint32_t i, n = plugins_of(from);
	enum board_row row;

	for (row = 0; row < BOARD_ROWS; row++)
		if (!past || !board_is_gauge(row))
			board_add(&to->rows[row], board_get(&from->rows[row]));
	for (i = 0; i < WHY_COUNT; i++)
		board_add(&to->ends[i], board_get(&from->ends[i]));
	for (i = 0; i < n; i++)
		add_plugin(to, &from->plugins[i]);
}
