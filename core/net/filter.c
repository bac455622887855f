/* SPDX-License-Identifier: MIT */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <unistd.h>

#include "net/filter.h"

/* Names, not numbers: one that this machine or libseccomp does not know is
 * left out. */
static const char *const allowed[] = {
	/* The loop. */
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
	"epoll_pwait2", "eventfd2", "timerfd_create", "timerfd_settime",
	"timerfd_gettime", "poll", "ppoll", "select", "pselect6",
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep",
	"gettimeofday", "time",
	/* Connections: none to listen or be bound at. */
	"accept", "accept4", "connect", "shutdown", "getsockname",
	"getpeername", "getsockopt", "setsockopt", "sendto", "sendmsg",
	"sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "socketpair",
	/* Descriptors.  What may be opened is Landlock's business. */
	"read", "readv", "write", "writev", "pread64", "preadv", "pipe",
	"pipe2", "splice", "tee", "close", "close_range", "dup", "dup2",
	"dup3", "fcntl", "fcntl64", "lseek", "_llseek", "open", "openat",
	"stat", "stat64", "lstat", "lstat64", "fstat", "fstat64",
	"newfstatat", "fstatat64", "statx", "fstatfs", "access", "faccessat",
	"faccessat2", "readlink", "readlinkat", "getdents64", "getcwd",
	/* Memory. */
	"brk", "munmap", "mremap", "madvise", "membarrier",
	/* Oneself. */
	"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid",
	"getegid", "getrandom", "getrusage", "getrlimit", "ugetrlimit",
	"setrlimit", "times", "uname", "sysinfo", "sched_yield",
	"sched_getaffinity", "futex", "set_robust_list", "get_robust_list",
	"rseq", "restart_syscall", "rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "sigreturn", "rt_sigpending", "rt_sigtimedwait",
	"sigaltstack", "exit", "exit_group",
#if defined(FRL_SANITIZE)
	/* LeakSanitizer traces its own threads at the end. */
	"clone", "wait4", "ptrace", "prctl", "arch_prctl", "tgkill",
	"getdents",
	"process_vm_readv",
#endif
};

static const char *const killed[] = {
	"execve", "execveat", "ptrace", "process_vm_readv",
	"process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
	"mount", "umount", "umount2", "pivot_root", "chroot", "fsopen",
	"fsconfig", "fsmount", "fspick", "move_mount", "open_tree",
	"mount_setattr", "unshare", "setns", "bpf", "perf_event_open",
	"userfaultfd", "io_uring_setup", "init_module", "finit_module",
	"delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon",
	"swapoff", "acct", "quotactl", "add_key", "keyctl", "request_key",
	"open_by_handle_at", "iopl", "ioperm", "modify_ldt", "setuid",
	"setgid", "setreuid", "setregid", "setresuid", "setresgid",
	"setgroups", "capset",
};

/* Allowed with one argument as it says. */
struct condition {
	const char *name;
	unsigned argument;
	enum scmp_compare compare;
	scmp_datum_t a, b;
};

static const struct condition conditions[] = {
	{ "socket", 0, SCMP_CMP_EQ, AF_INET, 0 },
	{ "socket", 0, SCMP_CMP_EQ, AF_INET6, 0 },
	{ "socket", 0, SCMP_CMP_EQ, AF_UNIX, 0 },
	/* No memory that holds code: all of that was loaded before. */
	{ "mmap", 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 },
	{ "mmap2", 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 },
	{ "mprotect", 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 },
	/* A terminal would take keys typed for it (TIOCSTI). */
	{ "ioctl", 1, SCMP_CMP_EQ, FIONREAD, 0 },
	{ "ioctl", 1, SCMP_CMP_EQ, FIONBIO, 0 },
	{ "ioctl", 1, SCMP_CMP_EQ, SIOCOUTQ, 0 },
	{ "ioctl", 1, SCMP_CMP_EQ, TCGETS, 0 },
	{ "prctl", 0, SCMP_CMP_EQ, PR_SET_NAME, 0 },
	{ "prctl", 0, SCMP_CMP_EQ, PR_GET_DUMPABLE, 0 },
	{ "prlimit64", 0, SCMP_CMP_EQ, 0, 0 },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_among(const char *const *names, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (true);
	return (false);
}

bool
filter_knows(const char *name)
{
	return (seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR);
}

/* 0, or the number of an error, negative. */
static int
add(scmp_filter_ctx filter, uint32_t action, const char *const *names,
    size_t count, const struct frl_strings *but)
{
	int number, result;
	size_t i;

	for (i = 0; i < count; i++) {
		number = seccomp_syscall_resolve_name(names[i]);
		if (number == __NR_SCMP_ERROR || (but != NULL &&
		    is_among(but->items, but->count, names[i])))
			continue;
		result = seccomp_rule_add(filter, action, number, 0);
		if (result != 0)
			return (result);
	}
	return (0);
}

/* What is allowed whatever its arguments needs no condition. */
static int
add_conditions(scmp_filter_ctx filter, const struct frl_strings *more)
{
	int number, result;
	size_t i;

	for (i = 0; i < COUNT(conditions); i++) {
		const struct condition *c = &conditions[i];

		number = seccomp_syscall_resolve_name(c->name);
		if (number == __NR_SCMP_ERROR ||
		    is_among(allowed, COUNT(allowed), c->name) ||
		    is_among(more->items, more->count, c->name))
			continue;
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
		    SCMP_CMP(c->argument, c->compare, c->a, c->b));
		if (result != 0)
			return (result);
	}
	return (0);
}

/* abort() and raise() signal oneself; nobody else is. */
static int
add_suicide(scmp_filter_ctx filter, const struct frl_strings *more)
{
	static const char *const names[] = { "kill", "tgkill" };
	int result;
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		if (is_among(allowed, COUNT(allowed), names[i]) ||
		    is_among(more->items, more->count, names[i]))
			continue;
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
		    seccomp_syscall_resolve_name(names[i]), 1,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
		if (result != 0)
			return (result);
	}
	return (0);
}

static int
add_killed(scmp_filter_ctx filter, const struct frl_strings *more)
{
	int result;
	size_t i;

	for (i = 0; i < COUNT(killed); i++) {
		if (is_among(allowed, COUNT(allowed), killed[i]))
			continue;
		result = add(filter, SCMP_ACT_KILL_PROCESS, &killed[i], 1,
		    more);
		if (result != 0)
			return (result);
	}
	return (0);
}

int
filter_enter(const struct frl_strings *more, struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int result;

	if (filter == NULL)
		return (err_set(err, "seccomp: out of memory"));
	/* Threads of plugins, too; what is refused is in the kernel's log;
	 * a tree instead of a list (libseccomp 2.5). */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	result = add(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed), NULL);
	if (result == 0)
		result = add(filter, SCMP_ACT_ALLOW, more->items, more->count,
		    NULL);
	if (result == 0)
		result = add_conditions(filter, more);
	if (result == 0)
		result = add_suicide(filter, more);
	if (result == 0)
		result = add_killed(filter, more);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return (result == 0 ? 0 : err_set(err, "seccomp: %s",
	    strerror(-result)));
}
