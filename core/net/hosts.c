/* SPDX-License-Identifier: MIT */
/*
 * hosts -- see hosts.h.
 *
 *	text     "127.0.0.1\0localhost loopback\0..."   in lower case
 *	          ^address   ^name     ^name
 *	entries  sorted by name, then by place in the file
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "net/hosts.h"

#define FILE_MAX (64 * 1024 * 1024)
#define ENTRIES_MIN 64

struct entry {
	const char *name, *address;	/* of hosts->text */
};

struct hosts {
	char *path, *text;
	struct entry *entries;
	size_t count, cap;
	struct stat seen;		/* of the file that was read */
};

static void
forget(struct hosts *hosts)
{
	free(hosts->text);
	free(hosts->entries);
	hosts->text = NULL;
	hosts->entries = NULL;
	hosts->count = hosts->cap = 0;
}

/* Does the second name come later in the file?  It is where it was read. */
static int
compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return (order != 0 ? order : x->name < y->name ? -1 :
	    x->name > y->name);
}

static bool
add(struct hosts *hosts, const char *name, const char *address)
{
	size_t cap = hosts->cap == 0 ? ENTRIES_MIN : 2 * hosts->cap;
	struct entry *more;

	if (hosts->count == hosts->cap) {
		more = realloc(hosts->entries, cap * sizeof(*more));
		if (more == NULL)
			return (false);
		hosts->entries = more;
		hosts->cap = cap;
	}
	hosts->entries[hosts->count++] = (struct entry){ name, address };
	return (true);
}

/* One line: an address, then names; `#` begins a remark. */
static bool
read_line(struct hosts *hosts, char *line)
{
	static const char space[] = " \t\r\f\v";
	const char *address = NULL;
	char *word, *rest;

	line[strcspn(line, "#")] = '\0';
	for (word = strtok_r(line, space, &rest); word != NULL;
	    word = strtok_r(NULL, space, &rest)) {
		if (address == NULL)
			address = word;
		else if (!add(hosts, word, address))
			return (false);
	}
	return (true);
}

static bool
read_text(struct hosts *hosts, int fd, size_t size)
{
	size_t n = 0, i;
	ssize_t got = 1;
	char *line, *rest;

	hosts->text = malloc(size + 1);
	if (hosts->text == NULL)
		return (false);
	while (n < size && (got = read(fd, hosts->text + n, size - n)) > 0)
		n += (size_t)got;
	/* A NUL would hide what is behind it. */
	for (i = 0; i < n; i++)
		hosts->text[i] = hosts->text[i] == '\0' ? ' ' :
		    (char)tolower((unsigned char)hosts->text[i]);
	hosts->text[n] = '\0';
	for (line = strtok_r(hosts->text, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest))
		if (!read_line(hosts, line))
			return (false);
	if (hosts->count != 0)
		qsort(hosts->entries, hosts->count, sizeof(*hosts->entries),
		    compare);
	return (got >= 0);
}

/* Read the file again if it is not the one that was read. */
static void
refresh(struct hosts *hosts)
{
	struct stat now;
	int fd;

	if (stat(hosts->path, &now) == -1)
		memset(&now, 0, sizeof(now));
	if (now.st_ino == hosts->seen.st_ino &&
	    now.st_dev == hosts->seen.st_dev &&
	    now.st_size == hosts->seen.st_size &&
	    now.st_mtim.tv_sec == hosts->seen.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == hosts->seen.st_mtim.tv_nsec)
		return;
	hosts->seen = now;
	if (!S_ISREG(now.st_mode) || now.st_size > FILE_MAX) {
		forget(hosts);
		return;
	}
	fd = open(hosts->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	/* Landlock lets us read the file that was there at the beginning: what
	 * it says holds better than nothing. */
	if (fd == -1 && errno == EACCES) {
		log_say(FRL_WARNING, "%s has changed, and this process may "
		    "not read the new one: the old one holds until the next "
		    "reload", hosts->path);
		return;
	}
	forget(hosts);
	if (fd == -1 || !read_text(hosts, fd, (size_t)now.st_size)) {
		/* Descriptors or memory may be there the next time. */
		forget(hosts);
		memset(&hosts->seen, 0, sizeof(hosts->seen));
	}
	if (fd != -1)
		close(fd);
}

struct hosts *
hosts_create(const char *path)
{
	struct hosts *hosts = calloc(1, sizeof(*hosts));

	if (hosts == NULL || (hosts->path = strdup(path)) == NULL) {
		free(hosts);
		return (NULL);
	}
	refresh(hosts);
	return (hosts);
}

void
hosts_free(struct hosts *hosts)
{
	if (hosts == NULL)
		return;
	forget(hosts);
	free(hosts->path);
	free(hosts);
}

/* The first entry that is not before this name. */
static size_t
lower_bound(const struct hosts *hosts, const char *name)
{
	size_t low = 0, high = hosts->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(hosts->entries[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return (low);
}

bool
hosts_find(struct hosts *hosts, const char *name, int family,
    struct addr *addrs, size_t max, size_t *ret_count)
{
	uint8_t bytes[16];
	bool found = false;
	size_t i;

	refresh(hosts);
	*ret_count = 0;
	for (i = lower_bound(hosts, name); i < hosts->count &&
	    strcmp(hosts->entries[i].name, name) == 0; i++) {
		const char *text = hosts->entries[i].address;

		if (inet_pton(family, text, bytes) == 1) {
			found = true;
			if (*ret_count < max)
				addr_from_bytes(&addrs[(*ret_count)++], bytes,
				    family == AF_INET6 ? 16 : 4, 0);
		} else if (inet_pton(family == AF_INET6 ? AF_INET : AF_INET6,
		    text, bytes) == 1)
			found = true;
	}
	return (found);
}
