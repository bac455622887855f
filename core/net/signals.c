/* SPDX-License-Identifier: MIT */
/*
 * signals -- one signalfd(2), and whom to tell.
 *
 * One signal per turn of the loop, for its function may end the loop.  Where
 * the kernel has no room to watch the descriptor, that is tried again: what
 * came meanwhile waits in it.
 */
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "net/signals.h"

#define RETRY_MS 100

static void	signal_readable(void *arg, bool readable, bool writable);

void
signals_init(struct signals *signals)
{

	memset(signals, 0, sizeof(*signals));
	signals->fd = -1;
}

void
signals_close(struct signals *signals)
{

	watch_stop(&signals->watch);
	timer_stop(&signals->retry);
	if (signals->fd != -1)
		close(signals->fd);
	signals->fd = -1;
}

static void
signals_watch(void *arg)
{
	struct signals *signals = arg;

	watch_set(signals->loop, &signals->watch, signals->fd, 1,
	    signal_readable, signals);
}

static void
signal_readable(void *arg, bool readable, bool writable)
{
	struct signals *signals = arg;
	struct signalfd_siginfo info;
	unsigned i;

	(void)writable;
	if (!readable) {
		timer_start(signals->loop, &signals->retry, RETRY_MS,
		    signals_watch, signals);
		return;
	}
	if (read(signals->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	for (i = 0; i < signals->count; i++) {
		if (signals->rows[i].signo == (int)info.ssi_signo) {
			signals->rows[i].fn(signals->rows[i].arg,
			    (int)info.ssi_signo);
			return;
		}
	}
}

int
signals_add(struct signals *signals, struct loop *loop, const int *list,
    void (*fn)(void *arg, int signo), void *arg)
{
	struct signals_row *row;
	sigset_t set;
	unsigned i, n;
	int fd;

	for (n = 0; list[n] != 0; n++)
		;
	if (n > SIGNALS_MAX - signals->count)
		return (-1);
	sigemptyset(&set);
	for (i = 0; i < signals->count; i++)
		sigaddset(&set, signals->rows[i].signo);
	for (i = 0; i < n; i++)
		if (sigaddset(&set, list[i]) != 0)
			return (-1);
	/* An existing descriptor gets the larger set. */
	if ((fd = signalfd(signals->fd, &set,
	    SFD_NONBLOCK | SFD_CLOEXEC)) == -1)
		return (-1);
	signals->fd = fd;
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return (-1);
	for (i = 0; i < n; i++) {
		row = &signals->rows[signals->count++];
		row->signo = list[i];
		row->fn = fn;
		row->arg = arg;
	}
	signals->loop = loop;
	signals_watch(signals);
	return (0);
}
