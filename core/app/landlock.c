/* SPDX-License-Identifier: MIT */
#include "app/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What was added since the header of Debian 12: the kernel that runs counts,
 * not the one this was compiled on. */
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define SCOPE_ALL (UINT64_C(1) << 0 | UINT64_C(1) << 1)

#define FS_1 ((UINT64_C(1) << 13) - 1)		/* EXECUTE to MAKE_SYM */
#define FS_2 (FS_1 | LANDLOCK_ACCESS_FS_REFER)
#define FS_3 (FS_2 | FS_TRUNCATE)
#define FS_5 (FS_3 | FS_IOCTL_DEV)

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define READ (READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* What each ABI handles: struct landlock_ruleset_attr grew, and an old kernel
 * refuses bytes that it does not know. */
struct ruleset {
	uint64_t fs, net, scoped;
};

static const struct {
	size_t size;
	struct ruleset ruleset;
} abis[] = {
	[1] = { 8, { FS_1, 0, 0 } },
	[2] = { 8, { FS_2, 0, 0 } },
	[3] = { 8, { FS_3, 0, 0 } },
	[4] = { 16, { FS_3, 0, 0 } },
	[5] = { 16, { FS_5, 0, 0 } },
	[6] = { 24, { FS_5, 0, SCOPE_ALL } },
};

#define ABI_MAX ((int)(sizeof(abis) / sizeof(abis[0])) - 1)

/* Where libc and c-ares look when they are asked for a name or a time. */
static const struct {
	const char *path;
	uint64_t access;
} always[] = {
	{ "/etc/hosts", READ_FILE },
	{ "/etc/host.conf", READ_FILE },
	{ "/etc/resolv.conf", READ_FILE },
	{ "/etc/nsswitch.conf", READ_FILE },
	{ "/etc/gai.conf", READ_FILE },
	{ "/etc/services", READ_FILE },
	{ "/etc/localtime", READ_FILE },
	{ "/usr/share/zoneinfo", READ },
	{ "/dev/urandom", READ_FILE },
	{ "/dev/null", READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE },
	/* malloc asks how many processors and how much memory there are. */
	{ "/sys/devices/system/cpu", READ },
	{ "/proc/sys/vm/overcommit_memory", READ_FILE },
#if defined(FRL_SANITIZE)
	/* LeakSanitizer looks at its own threads. */
	{ "/proc/self", READ },
#endif
};

int
landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return (abi < 1 ? 0 : (int)abi);
}

/* A folder's rule also covers what is below. */
static int
permit(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };
	struct stat st;
	long result;
	int saved;

	rule.parent_fd = (int)TEMP_FAILURE_RETRY(open(path,
	    O_PATH | O_CLOEXEC));
	if (rule.parent_fd < 0)
		return (-1);
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
	result = syscall(SYS_landlock_add_rule, rules,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	saved = errno;
	close(rule.parent_fd);
	errno = saved;
	return (result == 0 ? 0 : -1);
}

static int
permit_all(int rules, const struct frl_strings *more, struct err *err)
{
	size_t i;

	for (i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		if (permit(rules, always[i].path, always[i].access) != 0 &&
		    errno != ENOENT && errno != EACCES && errno != ENOTDIR)
			return (err_set(err, "landlock: %s: %s",
			    always[i].path, strerror(errno)));
	for (i = 0; i < more->count; i++)
		if (permit(rules, more->items[i], READ) != 0)
			return (err_set(err, "security.read: %s: %s",
			    more->items[i], strerror(errno)));
	return (0);
}

int
landlock_enter(int abi, const struct frl_strings *more, struct err *err)
{
	int known = abi > ABI_MAX ? ABI_MAX : abi, rules, result;

	rules = (int)syscall(SYS_landlock_create_ruleset,
	    &abis[known].ruleset, abis[known].size, 0);
	if (rules < 0)
		return (err_set(err, "landlock: %s", strerror(errno)));
	result = permit_all(rules, more, err);
	if (result == 0 && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		result = err_set(err, "landlock: %s", strerror(errno));
	close(rules);
	return (result);
}
