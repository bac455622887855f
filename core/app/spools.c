/* SPDX-License-Identifier: MIT */
#include "app/spools.h"

#include "base/spool.h"

#include <fcntl.h>
#include <unistd.h>

void
spools_forget(struct spools_kept *spools)
{
	if (spools->count != 0 && spools->room >= 0)
		close(spools->room);
	while (spools->count > 0)
		close(spools->fds[--spools->count]);
}

static int
add(struct spools_kept *spools, int fd)
{
	if (fd < 0)
		return (-1);
	spools->fds[spools->count++] = fd;
	return (0);
}

int
spools_make(struct spools_kept *spools, size_t logs)
{
	int bell[2], room[2] = { -1, -1 }, failed;
	size_t i;

	spools->count = 0;
	if (pipe2(bell, O_CLOEXEC | O_NONBLOCK) != 0)
		return (-1);
	failed = add(spools, bell[0]) | pipe2(room, O_CLOEXEC | O_NONBLOCK);
	spools->room = room[0];
	failed |= add(spools, room[1]);
	for (i = 0; failed == 0 && i < logs; i++)
		failed = add(spools, spool_memory());
	if (failed == 0)
		return (bell[1]);
	close(bell[1]);
	spools_forget(spools);
	return (-1);
}

int
spools_send(struct spools_kept *spools, int bell, int worker)
{
	struct message m = { .kind = MESSAGE_SPOOLS };
	int fds[SPOOLS_FDS], failed;
	size_t i;

	for (i = 0; i < spools->count; i++)
		fds[i] = spools->fds[i];
	fds[SPOOLS_BELL] = bell;
	fds[SPOOLS_ROOM] = spools->room;
	failed = message_send(worker, &m, fds, spools->count);
	close(bell);
	close(spools->room);
	spools->room = -1;
	return (failed);
}

int
spools_tell(const struct spools_kept *spools, uint32_t generation,
    struct outbox *logger)
{
	struct message m = { .kind = MESSAGE_SPOOLS };

	m.u.generation = generation;
	return (message_post(logger, &m, spools->fds, spools->count));
}
