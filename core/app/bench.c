/* SPDX-License-Identifier: MIT */
#include "app/bench.h"

#include "base/log.h"

#include <signal.h>
#include <stdlib.h>

/* What do the plugins do? */
static void
look(void *arg)
{
	struct bench *b = arg;
	unsigned i;

	for (i = 0; i < b->count; i++)
		seat_look(&b->seats[i]);
	timer_start(b->owner.loop, &b->look, HANG_LOOK_MS, look, b);
}

int
bench_begin(struct bench *b, const struct seat_owner *owner, unsigned count)
{
	unsigned i;

	b->owner = *owner;
	b->seats = calloc(count, sizeof(*b->seats));
	if (b->seats == NULL)
		return (-1);
	b->count = count;
	for (i = 0; i < count; i++)
		seat_begin(&b->seats[i], &b->owner, i);
	look(b);
	return (0);
}

void
bench_tell(const struct bench *b, const struct message *m)
{
	unsigned i;

	for (i = 0; i < b->count; i++)
		seat_tell(&b->seats[i], m);
}

void
bench_tell_logger(const struct bench *b)
{
	unsigned i;

	for (i = 0; i < b->count; i++)
		seat_tell_logger(&b->seats[i]);
}

void
bench_introduce(struct bench *b, pid_t pid, int admin)
{
	unsigned i;

	for (i = 0; i < b->count; i++)
		if (pid == 0 || pid == b->seats[i].pid)
			seat_introduce(&b->seats[i], admin);
}

unsigned
bench_hand_over(struct bench *b)
{
	unsigned i, n = 0;

	for (i = 0; i < b->count; i++)
		n += seat_hands_over(&b->seats[i]);
	return (n);
}

void
bench_say_late(const struct bench *b)
{
	unsigned i;

	for (i = 0; i < b->count; i++)
		if (b->seats[i].at_door)
			log_say(FRL_WARNING, "worker %d of generation %u does "
			    "not say that it lets nobody in any more",
			    (int)b->seats[i].pid, b->owner.generation);
}

void
bench_stay_empty(struct bench *b)
{
	unsigned i;

	for (i = 0; i < b->count; i++)
		seat_stay_empty(&b->seats[i]);
}

void
bench_kill_late(const struct bench *b)
{
	unsigned i;

	for (i = 0; i < b->count; i++)
		if (b->seats[i].state == BORN && b->seats[i].pid != 0)
			(void)kill(b->seats[i].pid, SIGKILL);
}

void
bench_kill(const struct bench *b)
{
	unsigned i;

	for (i = 0; i < b->count; i++)
		if (b->seats[i].state != ABSENT && b->seats[i].pid != 0)
			(void)kill(b->seats[i].pid, SIGKILL);
}

struct seat *
bench_find(struct bench *b, pid_t pid)
{
	unsigned i;

	for (i = 0; i < b->count; i++)
		if (seat_has(&b->seats[i], pid))
			return (&b->seats[i]);
	return (NULL);
}

unsigned
bench_workers(const struct bench *b)
{
	unsigned i, n = 0;

	for (i = 0; i < b->count; i++)
		n += b->seats[i].state != ABSENT;
	return (n);
}

bool
bench_serves(const struct bench *b)
{
	unsigned i;

	for (i = 0; i < b->count; i++)
		if (b->seats[i].state != SERVING)
			return (false);
	return (b->count != 0);
}

void
bench_free(struct bench *b)
{
	unsigned i;

	timer_stop(&b->look);
	for (i = 0; i < b->count; i++)
		seat_free(&b->seats[i]);
	free(b->seats);
}
