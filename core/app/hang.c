/* SPDX-License-Identifier: MIT */
#include "app/hang.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* load() has its own deadline, in a probe (flow/probe.h). */
#define LOAD_HUNG_MS 10000

static uint64_t
now_us(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) != 0)
		return (0);
	return ((uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
}

/* The file of that name in /proc/PID.  Its length, or -1. */
static ssize_t
read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return (-1);
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return (n);
}

/* Behind the name, which may have any character in it. */
static char
state_of(pid_t pid)
{
	char text[512];
	const char *end;

	if (read_proc(pid, "stat", text, sizeof(text)) <= 0 ||
	    (end = strrchr(text, ')')) == NULL || end[1] != ' ')
		return (0);
	return (end[2]);
}

/* A kernel without schedstat still tells the processor's time, and nothing
 * of sleep. */
static void
read_times(struct hang_times *t, pid_t pid)
{
	uint64_t ran, waited;
	clockid_t clock;
	char text[128];

	if (read_proc(pid, "schedstat", text, sizeof(text)) > 0 &&
	    sscanf(text, "%" SCNu64 " %" SCNu64, &ran, &waited) == 2) {
		t->ran_us = ran / 1000;
		t->waited_us = waited / 1000;
		return;
	}
	t->state = 0;
	t->waited_us = 0;
	t->ran_us = clock_getcpuclockid(pid, &clock) == 0 ? now_us(clock) : 0;
}

/* What is measured is not more than what there was: a beginning is dated
 * behind what had been used then, everything else before. */
static void
take_times(struct hang_times *t, pid_t pid, bool begins)
{
	uint64_t before = now_us(CLOCK_MONOTONIC);

	memset(t, 0, sizeof(*t));
	t->state = state_of(pid);
	read_times(t, pid);
	t->wall_us = begins ? now_us(CLOCK_MONOTONIC) : before;
}

/* ------------------------------------------------------------------ */
/* What it means							*/

static void
begin(struct hang *h, uint64_t outer, const struct hang_times *t)
{
	memset(h, 0, sizeof(*h));
	h->outer = outer;
	h->watching = true;
	h->ran_us = t->ran_us;
	h->waited_us = t->waited_us;
	h->wall_us = t->wall_us;
}

static void
measure(struct hang *h, const struct hang_times *t)
{
	uint64_t wall, awake;

	if (t->state == 'T' || t->state == 't' || t->ran_us < h->ran_us) {
		h->watching = false;	/* a debugger's, or none any more */
		return;
	}
	h->cpu_ms = (t->ran_us - h->ran_us) / 1000;
	wall = t->wall_us - h->wall_us;
	awake = t->ran_us - h->ran_us + t->waited_us - h->waited_us;
	/* How long one waits that does not run is known when it runs. */
	if ((t->state == 'S' || t->state == 'D') && wall > awake)
		h->asleep_ms = (wall - awake) / 1000;
}

static bool
is_load(uint64_t word)
{
	uint16_t callback = (uint16_t)(word >> 32);

	return (callback == CRUMBS_LOAD || callback == CRUMBS_UNLOAD);
}

static bool
is_watched(const struct hang *h, uint64_t outer)
{
	return (h->watching && h->outer == outer);
}

enum hang_news
hang_judge(struct hang *h, uint64_t outer, uint64_t word,
    const struct hang_times *times)
{
	if (!is_watched(h, outer)) {
		begin(h, outer, times);
		return (HANG_NOTHING);
	}
	measure(h, times);
	if (!h->watching)
		return (HANG_NOTHING);
	if (h->cpu_ms + h->asleep_ms >= (is_load(word) ? LOAD_HUNG_MS :
	    HANG_HUNG_MS))
		return (HANG_HUNG);
	if (h->told || is_load(word) || (h->cpu_ms < HANG_SLOW_MS &&
	    h->asleep_ms < HANG_SLOW_MS))
		return (HANG_NOTHING);
	h->told = true;
	return (HANG_SLOW);
}

enum hang_news
hang_look(struct hang *h, const struct crumbs *page, pid_t worker)
{
	uint64_t outer = atomic_load(&page->outer);
	uint64_t word = atomic_load(&page->now);
	struct hang_times times;

	if (word == 0 || page->signo != 0) {	/* it is dying already */
		h->watching = false;
		return (HANG_NOTHING);
	}
	take_times(&times, worker, !is_watched(h, outer));
	/* Has it returned meanwhile?  Then that was of another call. */
	if (atomic_load(&page->outer) != outer ||
	    atomic_load(&page->now) == 0)
		return (HANG_NOTHING);
	return (hang_judge(h, outer, word, &times));
}
