/* SPDX-License-Identifier: MIT */
/*
 * probe -- see probe.h.
 *
 *	parent                    child
 *	   |---- fork ------------->|
 *	   |                        | fn(arg, &err)
 *	   |<--- one report --------|
 *	   |<--- _exit -------------|
 *
 * Only a report counts: a child that ends without one did not come back
 * from fn, however friendly its exit status is.  It knows no plugins.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/crumbs.h"
#include "flow/probe.h"

/* What the child says; smaller than PIPE_BUF, so it comes in one piece. */
struct report {
	int result;
	struct err err;
};

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u);
}

/* Leave nothing of the parent's that a dying child could disturb: its
 * terminal, its signal handlers, the disk by a core file. */
static void
child_prepare(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
		SIGABRT, SIGTRAP, SIGSYS, SIGTERM, SIGINT, SIGHUP, SIGUSR1,
		SIGALRM };
	static const struct rlimit no_core;
	sigset_t none;
	size_t i;
	int null;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
}

static _Noreturn void
child_run(int (*fn)(void *arg, struct err *err), void *arg, int fd)
{
	struct report report;
	ssize_t n;

	child_prepare();
	crumbs_share(NULL);	/* the parent's page is not here */
	memset(&report, 0, sizeof(report));
	report.result = fn(arg, &report.err);
	do
		n = write(fd, &report, sizeof(report));
	while (n < 0 && errno == EINTR);
	_exit(n == (ssize_t)sizeof(report) ? 0 : 1);
}

/* Wait for the report.  1: it came; 0: the child ended without; -1: time is
 * over. */
static int
wait_report(int fd, uint32_t ms, struct report *report)
{
	uint64_t deadline = now_ms() + ms, now;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	for (;;) {
		now = now_ms();
		if (now >= deadline)
			return (-1);
		if (poll(&p, 1, (int)(deadline - now)) <= 0)
			continue;
		n = read(fd, report, sizeof(*report));
		if (n < 0 && errno == EINTR)
			continue;
		return (n == (ssize_t)sizeof(*report));
	}
}

/* How did a child end that never reported? */
static int
explain_end(int status, struct err *err)
{
	if (WIFSIGNALED(status))
		return (err_set(err, "crashed (%s)",
		    strsignal(WTERMSIG(status))));
	if (WIFEXITED(status))
		return (err_set(err, "ended the program (exit status %d)",
		    WEXITSTATUS(status)));
	return (err_set(err, "ended without a word"));
}

static int
parent_run(pid_t pid, int fd, uint32_t ms, struct err *err)
{
	struct report report;
	int came, status = 0;
	pid_t got;

	came = wait_report(fd, ms, &report);
	/* A child that reported has nothing left to do; one that did not
	 * must not stay. */
	if (came < 0)
		kill(pid, SIGKILL);
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (came < 0)
		return (err_set(err, "did not finish within %u ms", ms));
	if (came == 0)
		return (explain_end(got == pid ? status : 0x7f, err));
	if (report.result == 0)
		return (0);
	report.err.text[sizeof(report.err.text) - 1] = '\0';
	return (err_set(err, "%s", report.err.text));
}

int
probe_run(int (*fn)(void *arg, struct err *err), void *arg, uint32_t ms,
    struct err *err)
{
	int fds[2], ret;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return (err_set(err, "cannot be probed: pipe: %s",
		    strerror(errno)));
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child_run(fn, arg, fds[1]);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return (err_set(err, "cannot be probed: fork: %s",
		    strerror(errno)));
	}
	ret = parent_run(pid, fds[0], ms, err);
	close(fds[0]);
	return (ret);
}
