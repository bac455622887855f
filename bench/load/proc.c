/* SPDX-License-Identifier: MIT */
/*
 * proc -- see proc.h.
 */
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void
fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec);
}

/* A thread that is gone meanwhile counts nothing: none of the proxies ends
 * one while it is measured. */
static uint64_t
thread_cpu_ns(pid_t pid, const char *thread)
{
	char path[300];
	uint64_t ns = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid,
	    thread);
	f = fopen(path, "re");
	if (f == NULL)
		return (0);
	if (fscanf(f, "%" SCNu64, &ns) != 1)
		fail("%s: no time in it", path);
	fclose(f);
	return (ns);
}

static uint64_t
process_cpu_ns(pid_t pid)
{
	char path[64];
	const struct dirent *entry;
	uint64_t ns = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		fail("%s: %s; has the proxy died?", path, strerror(errno));
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			ns += thread_cpu_ns(pid, entry->d_name);
	closedir(dir);
	return (ns);
}

static uint64_t
process_memory_kib(pid_t pid)
{
	char path[64];
	char line[256];
	uint64_t kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		fail("%s: %s; has the proxy died?", path, strerror(errno));
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Pss: %" SCNu64, &kib) == 1)
			break;
	fclose(f);
	if (kib == 0)
		fail("%s: no Pss in it", path);
	return (kib);
}

uint64_t
proc_cpu_ns(const pid_t *pids, size_t n)
{
	uint64_t ns = 0;
	size_t i;

	for (i = 0; i < n; i++)
		ns += process_cpu_ns(pids[i]);
	return (ns);
}

uint64_t
proc_memory_kib(const pid_t *pids, size_t n)
{
	uint64_t kib = 0;
	size_t i;

	for (i = 0; i < n; i++)
		kib += process_memory_kib(pids[i]);
	return (kib);
}
