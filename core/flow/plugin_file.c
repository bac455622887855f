/* SPDX-License-Identifier: MIT */
/*
 * plugin_file -- see plugin_file.h.
 *
 * What is checked is what is loaded: the folder and the file are opened
 * once, judged by their descriptors and copied from them.  A file that is
 * overwritten later changes nothing here.  It knows nothing of what is in
 * the file.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/options_scalar.h"
#include "flow/plugin.h"
#include "flow/plugin_file.h"

/* Where `cmake --install` puts them; the build says so. */
#ifndef FRL_PLUGIN_RELATIVE
#define FRL_PLUGIN_RELATIVE "../lib/fairlead/plugins"
#endif
#ifndef FRL_PLUGIN_DIR
#define FRL_PLUGIN_DIR "/usr/local/lib/fairlead/plugins"
#endif

#define FILE_SIZE_MAX (64 * 1024 * 1024)
#define FOLDERS_MAX 16

bool
plugin_name_valid(const char *name)
{
	size_t i;

	if (name[0] < 'a' || name[0] > 'z')
		return (false);
	for (i = 0; name[i] != '\0'; i++) {
		if (i == PLUGIN_NAME_MAX ||
		    strchr("abcdefghijklmnopqrstuvwxyz0123456789_-",
		    name[i]) == NULL)
			return (false);
	}
	return (true);
}

/* Which plugin of this folder was meant, if one is nearer than *best? */
static void
look_for_nearest(const char *name, DIR *folder, size_t *best,
    char near[PLUGIN_NAME_MAX + 1])
{
	struct dirent *entry;
	size_t len;

	while ((entry = readdir(folder)) != NULL) {
		len = strlen(entry->d_name);
		if (len <= 3 || len - 3 > PLUGIN_NAME_MAX ||
		    strcmp(entry->d_name + len - 3, ".so") != 0)
			continue;
		if (!options_nearer(name, entry->d_name, len - 3, best))
			continue;
		memcpy(near, entry->d_name, len - 3);
		near[len - 3] = '\0';
	}
}

/* "" where none is near. */
static void
find_nearest(const char *name, const char *const *folders,
    char near[PLUGIN_NAME_MAX + 1])
{
	size_t i, best = SIZE_MAX;
	DIR *folder;

	near[0] = '\0';
	for (i = 0; folders[i] != NULL; i++) {
		folder = opendir(folders[i]);
		if (folder == NULL)
			continue;
		look_for_nearest(name, folder, &best, near);
		closedir(folder);
	}
}

static int
not_found(const char *name, const char *const *folders, struct err *err)
{
	char list[768] = "", near[PLUGIN_NAME_MAX + 1];
	size_t i, len = 0;
	int n;

	for (i = 0; folders[i] != NULL && len < sizeof(list); i++) {
		n = snprintf(list + len, sizeof(list) - len, "%s%s",
		    i > 0 ? ", " : "", folders[i]);
		if (n < 0)
			break;
		len += (size_t)n;
	}
	find_nearest(name, folders, near);
	return (err_set(err, "%s.so is not in %s%s%s%s", name,
	    i > 0 ? list : "any folder: none is known",
	    near[0] != '\0' ? "; did you mean \"" : "", near,
	    near[0] != '\0' ? "\"?" : ""));
}

int
plugin_file_find(const char *name, const char *const *folders,
    char path[PLUGIN_PATH_SIZE], struct err *err)
{
	struct stat st;
	size_t i;
	int n;

	for (i = 0; folders[i] != NULL; i++) {
		n = snprintf(path, PLUGIN_PATH_SIZE, "%s/%s.so", folders[i],
		    name);
		if (n < 0 || n >= PLUGIN_PATH_SIZE)
			continue;
		/* Anything by that name is judged, not skipped. */
		if (lstat(path, &st) == 0 || (errno != ENOENT &&
		    errno != ENOTDIR && errno != EACCES))
			return (0);
	}
	return (not_found(name, folders, err));
}

/* Is somebody who may have put code here trusted anyway? */
static bool
owner_trusted(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid());
}

/* Who may write into the folder may swap the file in it. */
static int
check_folder(int fd, const char *folder, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return (err_set(err, "its folder: %s", strerror(errno)));
	/* In a sticky folder only the file's owner may swap it. */
	if (st.st_mode & S_ISVTX)
		return (0);
	if (!owner_trusted(&st))
		return (err_set(err, "its folder %s belongs to user %u, "
		    "neither root nor us", folder, (unsigned)st.st_uid));
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return (err_set(err, "its folder %s is writable by others "
		    "(mode %04o)", folder, (unsigned)st.st_mode & 07777u));
	return (0);
}

static int
check_file(int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return (err_set(err, "%s", strerror(errno)));
	if (!S_ISREG(st.st_mode))
		return (err_set(err, "not a plain file"));
	if (!owner_trusted(&st))
		return (err_set(err, "the file belongs to user %u, neither "
		    "root nor us", (unsigned)st.st_uid));
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return (err_set(err, "the file is writable by others "
		    "(mode %04o)", (unsigned)st.st_mode & 07777u));
	if (st.st_size > FILE_SIZE_MAX)
		return (err_set(err, "larger than 64 MiB"));
	return (0);
}

/* Open folder and file, the file by its name in that very folder. */
static int
open_checked(const char *path, struct err *err)
{
	char folder[PLUGIN_PATH_SIZE];
	const char *slash = strrchr(path, '/');
	int dir, fd;

	if (path[0] != '/' || strlen(path) >= sizeof(folder))
		return (err_set(err, "not an absolute path"));
	snprintf(folder, sizeof(folder), "%.*s",
	    slash == path ? 1 : (int)(slash - path), path);
	dir = (int)TEMP_FAILURE_RETRY(open(folder,
	    O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (dir < 0)
		return (err_set(err, "%s", strerror(errno)));
	if (check_folder(dir, folder, err) < 0) {
		close(dir);
		return (-1);
	}
	fd = (int)TEMP_FAILURE_RETRY(openat(dir, slash + 1,
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
	if (fd < 0)
		err_set(err, "%s", errno == ELOOP ? "is a symbolic link" :
		    strerror(errno));
	close(dir);
	if (fd >= 0 && check_file(fd, err) < 0) {
		close(fd);
		return (-1);
	}
	return (fd);
}

static int
write_all(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (-1);
		bytes += n;
		len -= (size_t)n;
	}
	return (0);
}

/* The file may grow while it is copied: the bound counts here, too. */
static int
copy(int from, int to, struct err *err)
{
	char bytes[16384];
	size_t total = 0;
	ssize_t n;

	for (;;) {
		n = read(from, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return (err_set(err, "reading: %s", strerror(errno)));
		if (n == 0)
			return (0);
		total += (size_t)n;
		if (total > FILE_SIZE_MAX)
			return (err_set(err, "larger than 64 MiB"));
		if (write_all(to, bytes, (size_t)n) < 0)
			return (err_set(err, "copying: %s", strerror(errno)));
	}
}

int
plugin_file_open(const char *path, struct err *err)
{
	int fd, memfd;

	fd = open_checked(path, err);
	if (fd < 0)
		return (-1);
	memfd = memfd_create(strrchr(path, '/') + 1,
	    MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memfd < 0) {
		err_set(err, "memfd_create: %s", strerror(errno));
		goto err1;
	}
	if (copy(fd, memfd, err) < 0)
		goto err2;
	if (fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
		err_set(err, "sealing: %s", strerror(errno));
		goto err2;
	}
	close(fd);
	return (memfd);
err2:
	close(memfd);
err1:
	close(fd);
	return (-1);
}

/* Append a copy of len bytes followed by `tail`. */
static void
add_folder(char **folders, size_t *count, const char *text, size_t len,
    const char *tail)
{
	char *folder;

	if (*count == FOLDERS_MAX || len == 0 || text[0] != '/')
		return;
	if (asprintf(&folder, "%.*s%s", (int)len, text, tail) < 0)
		return;
	folders[(*count)++] = folder;
}

static void
add_beside_program(char **folders, size_t *count)
{
	char path[PLUGIN_PATH_SIZE];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash, *installed;

	if (n <= 0)
		return;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return;
	add_folder(folders, count, path, (size_t)(slash - path) + 1,
	    "plugins");
	/* Installed under whatever prefix: the way from bin/ to lib/. */
	slash[1] = '\0';
	if (strlen(path) + sizeof(FRL_PLUGIN_RELATIVE) <= sizeof(path) &&
	    (installed = realpath(strcat(path, FRL_PLUGIN_RELATIVE),
	    NULL)) != NULL) {
		if (strcmp(installed, FRL_PLUGIN_DIR) != 0)
			add_folder(folders, count, installed,
			    strlen(installed), "");
		free(installed);
	}
}

char **
plugin_folders(void)
{
	char **folders = calloc(FOLDERS_MAX + 1, sizeof(*folders));
	const char *at = secure_getenv("FAIRLEAD_PLUGIN_PATH");
	size_t count = 0, len;

	if (folders == NULL)
		return (NULL);
	while (at != NULL && *at != '\0') {
		len = strcspn(at, ":");
		add_folder(folders, &count, at, len, "");
		at += len + (at[len] == ':');
	}
	add_beside_program(folders, &count);
	add_folder(folders, &count, FRL_PLUGIN_DIR,
	    strlen(FRL_PLUGIN_DIR), "");
	return (folders);
}
