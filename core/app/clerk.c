/* SPDX-License-Identifier: MIT */
#include "app/clerk.h"

#include "app/logger.h"
#include "app/message.h"
#include "base/log.h"
#include "net/outfile.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FINISH_PATIENT 4	/* then it is killed */
#define AGAIN_MS 1000		/* between two starts */

struct clerk {
	struct loop *loop;
	struct clerk_owner owner;
	pid_t pid;			/* 0: it has ended */
	uint64_t born_us;
	int channel;			/* of it; -1: closed */
	struct outbox outbox;
	struct watch watch;
	struct timer again;
	unsigned finishing;		/* so often asked to */
};

/* ------------------------------------------------------------------ */
/* The process								*/

static void
close_channel(struct clerk *clerk)
{
	watch_stop(&clerk->watch);
	outbox_close(&clerk->outbox);
	if (clerk->channel >= 0)
		close(clerk->channel);
	clerk->channel = -1;
}

static void
said(void *arg, bool readable, bool writable)
{
	struct clerk *clerk = arg;
	int fds[CHANNEL_FDS_MAX], n;
	struct message m;
	size_t count;

	(void)readable;
	(void)writable;
	while ((n = channel_receive(clerk->channel, &m, sizeof(m), 0, fds,
	    &count)) > 0) {
		while (count > 0)
			close(fds[--count]);
		if (m.kind == MESSAGE_OPENED)
			clerk->owner.opened(clerk->owner.arg,
			    m.u.open.generation, m.u.open.u.why.text);
		if (clerk->channel < 0)
			return;
	}
	if (n == 0 || errno != EAGAIN)
		close_channel(clerk);	/* clerk_reap() will see why */
}

static int
start(struct clerk *clerk)
{
	pid_t pid = logger_start(&clerk->channel);

	if (pid < 0) {
		log_say(FRL_ERROR, "cannot start the logger: %s",
		    strerror(errno));
		clerk->channel = -1;
		return (-1);
	}
	clerk->pid = pid;
	clerk->born_us = loop_now_us(clerk->loop);
	outbox_open(&clerk->outbox, clerk->loop, clerk->channel);
	watch_set(clerk->loop, &clerk->watch, clerk->channel, 1, said, clerk);
	return (0);
}

static void
replace(void *arg)
{
	struct clerk *clerk = arg;

	if (start(clerk) == 0)
		clerk->owner.replaced(clerk->owner.arg);
	else
		timer_start(clerk->loop, &clerk->again, AGAIN_MS, replace,
		    clerk);
}

static void
died(struct clerk *clerk, int status)
{
	uint64_t lived = (loop_now_us(clerk->loop) - clerk->born_us) / 1000;

	log_say(FRL_ERROR, "the logger died (status %d); starting another",
	    status);
	close_channel(clerk);
	if (lived >= AGAIN_MS)
		replace(clerk);
	else
		timer_start(clerk->loop, &clerk->again, AGAIN_MS - lived,
		    replace, clerk);
}

bool
clerk_reap(struct clerk *clerk, pid_t pid, int status)
{
	if (pid != clerk->pid)
		return (false);
	clerk->pid = 0;
	if (clerk->finishing)
		clerk->owner.finished(clerk->owner.arg, status);
	else
		died(clerk, status);
	return (true);
}

void
clerk_finish(struct clerk *clerk)
{
	clerk->finishing++;
	timer_stop(&clerk->again);
	close_channel(clerk);
	if (clerk->pid == 0)
		clerk->owner.finished(clerk->owner.arg, 0);
	else if (clerk->finishing > FINISH_PATIENT)
		(void)kill(clerk->pid, SIGKILL);
}

struct clerk *
clerk_create(struct loop *loop, const struct clerk_owner *owner)
{
	struct clerk *clerk = calloc(1, sizeof(*clerk));

	if (clerk == NULL) {
		log_say(FRL_ERROR, "cannot start the logger: out of memory");
		return (NULL);
	}
	clerk->loop = loop;
	clerk->owner = *owner;
	clerk->channel = clerk->outbox.channel = -1;
	if (start(clerk) == 0)
		return (clerk);
	free(clerk);
	return (NULL);
}

void
clerk_free(struct clerk *clerk)
{
	if (clerk == NULL)
		return;
	timer_stop(&clerk->again);
	close_channel(clerk);
	free(clerk);
}

/* ------------------------------------------------------------------ */
/* Logs									*/

struct outbox *
clerk_outbox(struct clerk *clerk)
{
	return (&clerk->outbox);
}

bool
clerk_listens(const struct clerk *clerk)
{
	return (clerk->channel >= 0);
}

static void
tell(struct clerk *clerk, const struct message *m)
{
	(void)message_post(&clerk->outbox, m, NULL, 0);
}

static void
open_some(struct clerk *clerk, const struct plan *plan, struct message *m,
    bool standard)
{
	uint32_t i;

	for (i = 0; i < plan->log_count; i++) {
		if (outfile_is_standard(plan->logs[i].file) != standard)
			continue;
		m->u.open.number = i;
		m->u.open.u.log = plan->logs[i];
		tell(clerk, m);
	}
}

/*
 * The pipe or terminal that we were given is ours, and may not be opened anew
 * by somebody else (net/outfile); files belong to the user that rotates them.
 */
void
clerk_open_logs(struct clerk *clerk, const struct plan *plan,
    uint32_t generation, bool anyway)
{
	struct message m = { .kind = MESSAGE_OPEN_LOG };
	struct message become = { .kind = MESSAGE_BECOME };

	m.u.open.generation = generation;
	m.u.open.anyway = anyway;
	open_some(clerk, plan, &m, true);
	become.u.as = plan->as;
	if (become.u.as.change)
		tell(clerk, &become);
	open_some(clerk, plan, &m, false);
}

void
clerk_close_logs(struct clerk *clerk, uint32_t generation)
{
	struct message m = { .kind = MESSAGE_CLOSE_LOGS };

	m.u.generation = generation;
	tell(clerk, &m);
}

void
clerk_reopen(struct clerk *clerk)
{
	const struct message m = { .kind = MESSAGE_REOPEN };

	tell(clerk, &m);
}
