/* SPDX-License-Identifier: MIT */
#include "app/house.h"

#include "app/cli.h"
#include "app/keeper.h"
#include "app/message.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* The lists' items come behind it, one by one. */
static void
take_plan(struct house *h, const struct plan *plan)
{
	if (h->plan.listens != NULL)
		return;			/* there is one */
	h->plan = *plan;
	h->plan.listens = calloc(plan->listen_count,
	    sizeof(*h->plan.listens));
	h->plan.logs = calloc(plan->log_count, sizeof(*h->plan.logs));
	if (h->plan.listens == NULL || h->plan.logs == NULL)
		h->owner.failed(h->owner.arg, "out of memory", EXIT_RUNTIME);
}

static void
take_log(struct house *h, const struct plan_log *log)
{
	if (h->plan.logs == NULL || h->logs == h->plan.log_count)
		return;
	h->plan.logs[h->logs++] = *log;
	if (h->logs == h->plan.log_count)
		h->owner.planned(h->owner.arg);
}

static void
hear(struct house *h, const struct message *m)
{
	switch (m->kind) {
	case MESSAGE_PLAN:
		take_plan(h, &m->u.plan);
		break;
	case MESSAGE_LISTEN:
		if (h->plan.listens != NULL &&
		    h->listens < h->plan.listen_count)
			h->plan.listens[h->listens++] = m->u.listen;
		break;
	case MESSAGE_LOG:
		take_log(h, &m->u.log);
		break;
	case MESSAGE_FAILED:
		h->owner.failed(h->owner.arg, NULL, m->u.code);
		break;
	default:
		break;
	}
}

static void
said(void *arg, bool readable, bool writable)
{
	struct house *h = arg;
	int fds[CHANNEL_FDS_MAX], n;
	struct message m;
	size_t count;

	(void)readable;
	(void)writable;
	while ((n = channel_receive(h->channel, &m, sizeof(m), 0, fds,
	    &count)) > 0) {
		while (count > 0)
			close(fds[--count]);
		hear(h, &m);
		if (h->channel < 0)
			return;
	}
	if (n < 0 && errno == EAGAIN)
		return;
	house_close(h);
	h->owner.died(h->owner.arg);
}

int
house_start(struct house *h, const struct house_owner *owner,
    const char *path, int err)
{
	pid_t pid;

	*h = (struct house){ .owner = *owner, .channel = -1 };
	pid = keeper_start(path, owner->census, err, &h->channel);
	if (pid < 0) {
		h->channel = -1;
		return (-1);
	}
	h->keeper = pid;
	watch_set(owner->loop, &h->watch, h->channel, 1, said, h);
	return (0);
}

int
house_fork(const struct house *h, int channel)
{
	const struct message m = { .kind = MESSAGE_WORKER };

	return (message_send(h->channel, &m, &channel, 1));
}

bool
house_is_open(const struct house *h)
{
	return (h->channel >= 0);
}

bool
house_is_empty(const struct house *h)
{
	return (h->keeper == 0);
}

void
house_close(struct house *h)
{
	watch_stop(&h->watch);
	if (h->channel >= 0)
		close(h->channel);
	h->channel = -1;
}

void
house_kill(const struct house *h)
{
	if (h->keeper != 0)
		(void)kill(h->keeper, SIGKILL);
}

bool
house_reap(struct house *h, pid_t pid)
{
	if (pid != h->keeper)
		return (false);
	h->keeper = 0;
	return (true);
}

void
house_free(struct house *h)
{
	house_close(h);
	free(h->plan.listens);
	free(h->plan.logs);
}
