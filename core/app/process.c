/* SPDX-License-Identifier: MIT */
#include "app/process.h"

#include "net/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void
ignore_signals(void)
{
	static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1,
		SIGPIPE, SIGXFSZ };
	sigset_t none;
	size_t i;

	for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* No listening socket, no channel, no loop of the parent's stays open. */
static int
keep_only(int channel)
{
	int fd = STDERR_FILENO + 1;

	if (channel != fd && dup3(channel, fd, O_CLOEXEC) < 0)
		return (-1);
	close_range((unsigned)fd + 1, ~0u, 0);
	return (fd);
}

pid_t
process_start(int (*main)(int channel, void *arg), void *arg, int err,
    int *ret_channel)
{
	int ends[2], saved;
	pid_t pid;

	if (channel_pair(ends) != 0)
		return (-1);
	pid = fork();
	if (pid == 0) {
		ignore_signals();
		if (err >= 0 && dup2(err, STDERR_FILENO) < 0)
			_exit(EXIT_FAILURE);
		ends[1] = keep_only(ends[1]);
		exit(ends[1] < 0 ? EXIT_FAILURE : main(ends[1], arg));
	}
	saved = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		errno = saved;
		return (-1);
	}
	*ret_channel = ends[0];
	return (pid);
}
