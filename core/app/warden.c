/* SPDX-License-Identifier: MIT */
#include "app/warden.h"

#include "app/message.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MINUTE_US ((uint64_t)60 * 1000 * 1000)
#define TARGET_MINUTES 10
#define FAULTS_MAX 3

/* ------------------------------------------------------------------ */
/* Workers								*/

static int
send_bars(const struct warden *w, int channel)
{
	struct message m = { .kind = MESSAGE_BAR };
	unsigned i;

	for (i = 1; i < 64; i++) {
		if ((w->bars.plugins & (uint64_t)1 << i) == 0)
			continue;
		m.u.bar.plugin = i;
		if (message_send(channel, &m, NULL, 0) != 0)
			return (-1);
	}
	for (i = 0; i < w->bars.count; i++) {
		m.u.bar = w->bars.list[i];
		if (message_send(channel, &m, NULL, 0) != 0)
			return (-1);
	}
	return (0);
}

int
warden_meet(const struct warden *w, struct ward *ward, int channel,
    uint32_t prefix)
{
	const struct message m = { .kind = MESSAGE_CRUMBS };
	int fd = crumbs_memory(), failed, saved;

	if (fd < 0)
		return (-1);
	warden_forget(ward);
	ward->page = crumbs_map(fd);
	if (ward->page != NULL)
		ward->page->prefix = prefix;
	failed = ward->page == NULL ||
	    message_send(channel, &m, &fd, 1) != 0 ||
	    send_bars(w, channel) != 0;
	saved = errno;
	close(fd);
	errno = saved;
	return (failed ? -1 : 0);
}

void
warden_forget(struct ward *ward)
{
	crumbs_unmap(ward->page);
	memset(ward, 0, sizeof(*ward));
}

void
warden_look(struct warden *w, struct ward *ward, pid_t pid)
{
	struct blame blame;

	if (ward->page == NULL || pid <= 0)
		return;
	switch (hang_look(&ward->hang, ward->page, pid)) {
	case HANG_NOTHING:
		return;
	case HANG_SLOW:
		if (!blame_now(&blame, ward->page))
			return;
		blame.kind = BLAME_SLOW;
		blame.cpu_ms = ward->hang.cpu_ms;
		blame.asleep_ms = ward->hang.asleep_ms;
		w->news(w->arg, &blame);
		return;
	case HANG_HUNG:
		/* First so that it can say where it is stuck. */
		(void)kill(pid, ward->hang.hung ? SIGKILL : SIGABRT);
		ward->hang.hung = true;
		return;
	}
}

/* ------------------------------------------------------------------ */
/* Faults								*/

static void
say_barred(struct warden *w, const struct blame *blame, struct bar *bar)
{
	struct blame told = *blame;

	bars_put(&w->bars, bar);
	w->barred(w->arg, bar);
	told.kind = BLAME_BARRED;
	told.seconds = bar->target[0] == '\0' ? 0 : TARGET_MINUTES * 60;
	(void)snprintf(told.target, sizeof(told.target), "%s", bar->target);
	if (told.seconds == 0)
		log_say(FRL_ERROR, "plugin %s is quarantined until the next "
		    "reload: %d faults in a minute", told.name, FAULTS_MAX);
	else
		log_say(FRL_ERROR, "plugin %s is quarantined for %s for %d "
		    "minutes: it failed twice in %s there", told.name,
		    told.target, TARGET_MINUTES, told.callback);
	w->news(w->arg, &told);
}

static bool
same_place(const struct warden_fault *a, const struct warden_fault *b)
{
	return (a->target[0] != '\0' && strcmp(a->target, b->target) == 0 &&
	    a->callback != NULL && a->callback == b->callback);
}

void
warden_count(struct warden *w, const struct blame *blame, uint64_t now_us)
{
	struct warden_fault fault = { .plugin = blame->plugin,
	    .callback = blame->callback, .when_us = now_us };
	struct bar bar = { .plugin = blame->plugin };
	unsigned i, in_a_minute = 1;
	bool twice = false;

	(void)snprintf(fault.target, sizeof(fault.target), "%.*s",
	    (int)sizeof(fault.target) - 1, blame->target);
	for (i = 0; i < WARDEN_FAULTS; i++) {
		const struct warden_fault *old = &w->faults[i];
		uint64_t age = fault.when_us - old->when_us;

		if (old->plugin != fault.plugin)
			continue;
		in_a_minute += age < MINUTE_US;
		twice |= age < TARGET_MINUTES * MINUTE_US &&
		    same_place(old, &fault);
	}
	w->faults[w->next] = fault;
	w->next = (w->next + 1) % WARDEN_FAULTS;
	if (twice) {
		bar.until_us = fault.when_us + TARGET_MINUTES * MINUTE_US;
		memcpy(bar.target, fault.target, sizeof(bar.target));
		say_barred(w, blame, &bar);
	}
	if (in_a_minute >= FAULTS_MAX) {
		bar.target[0] = '\0';
		say_barred(w, blame, &bar);
	}
}

static void
say_fault(const struct blame *b)
{
	if (b->plugin == 0)
		log_say(FRL_ERROR, "%s, but in no plugin; before it ran: %s",
		    b->detail, b->suspects);
	else
		log_say(FRL_ERROR, "plugin %s failed%s%s%s%s: %s", b->name,
		    b->callback != NULL ? " in " : "",
		    b->callback != NULL ? b->callback : "",
		    b->tunnel[0] != '\0' ? " of tunnel " : "", b->tunnel,
		    b->detail);
}

void
warden_ended(struct warden *w, struct ward *ward, int status)
{
	struct blame blame;

	if (ward->page != NULL && blame_end(&blame, ward->page, status,
	    ward->hang.hung)) {
		say_fault(&blame);
		w->news(w->arg, &blame);
		if (blame.plugin != 0)
			warden_count(w, &blame, bars_now_us());
	}
	warden_forget(ward);
}
