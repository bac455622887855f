/* SPDX-License-Identifier: MIT */
#include "app/logger.h"

#include "app/cli.h"
#include "app/message.h"
#include "app/process.h"
#include "base/log.h"
#include "base/spool.h"
#include "flow/scribe.h"
#include "net/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define LAST_LINES_MS 5000	/* for slow readers, at the end */

/* A file, whichever generations write to it. */
struct file {
	struct file *prev, *next;
	struct scribe *scribe;
	unsigned users;			/* logs of generations, spools */
};

/* The logs of one generation. */
struct logs {
	struct logs *prev, *next;
	uint32_t generation;
	struct file *files[EVENTS_SINKS_MAX];
};

/* A worker's. */
struct spools {
	struct spools *prev, *next;
	struct logger *logger;
	int bell, room;
	struct watch watch;
	bool ended;			/* nobody rings any more */
	struct timer look;		/* is all taken? */
	size_t count;
	struct {
		struct spool spool;
		struct file *file;
		struct scribe_source *source;
	} list[EVENTS_SINKS_MAX];
};

struct logger {
	struct loop *loop;
	int channel;			/* -1: the supervisor is gone */
	struct watch watch;
	struct file *files;
	struct logs *logs;
	struct spools *spools;
	struct timer patience;		/* with slow readers, at the end */
	bool dropped;			/* we are who writes the files */
	bool failed;			/* and shall not be */
};

/* ------------------------------------------------------------------ */
/* Files								*/

static struct file *
use_file(struct logger *l, const char *name, bool anyway, struct err *err)
{
	struct file *file;
	struct err why;

	DL_FOREACH(l->files, file)
		if (strcmp(scribe_name(file->scribe), name) == 0) {
			file->users++;
			return (file);
		}
	file = calloc(1, sizeof(*file));
	if (file != NULL)
		file->scribe = anyway ? scribe_await(l->loop, name) :
		    scribe_open(l->loop, name, &why);
	if (file == NULL || file->scribe == NULL) {
		err_set(err, "%s%s", file == NULL || anyway ?
		    "out of memory" : why.text, l->dropped ?
		    " (logs are written as security.user)" : "");
		free(file);
		return (NULL);
	}
	file->users = 1;
	DL_APPEND(l->files, file);
	return (file);
}

static void
leave_file(struct logger *l, struct file *file)
{
	if (--file->users != 0)
		return;
	DL_DELETE(l->files, file);
	scribe_free(file->scribe);
	free(file);
}

static struct logs *
find_logs(struct logger *l, uint32_t generation)
{
	struct logs *logs;

	DL_FOREACH(l->logs, logs)
		if (logs->generation == generation)
			return (logs);
	return (NULL);
}

static void
open_log(struct logger *l, const struct message *m, struct err *err)
{
	struct logs *logs = find_logs(l, m->u.open.generation);
	uint32_t i = m->u.open.number;

	if (i >= EVENTS_SINKS_MAX || l->failed) {
		err_set(err, "no log can be opened: the logger could not "
		    "become security.user");
		return;
	}
	if (logs == NULL) {
		logs = calloc(1, sizeof(*logs));
		if (logs == NULL) {
			err_set(err, "out of memory");
			return;
		}
		logs->generation = m->u.open.generation;
		DL_APPEND(l->logs, logs);
	}
	logs->files[i] = use_file(l, m->u.open.u.log.file, m->u.open.anyway,
	    err);
}

static void
close_logs(struct logger *l, struct logs *logs)
{
	size_t i;

	if (logs == NULL)
		return;
	DL_DELETE(l->logs, logs);
	for (i = 0; i < EVENTS_SINKS_MAX; i++)
		if (logs->files[i] != NULL)
			leave_file(l, logs->files[i]);
	free(logs);
}

/* ------------------------------------------------------------------ */
/* Spools								*/

static void	stop_if_done(struct logger *);
static void	look(void *);

/* A full pipe says it just as well. */
static void
tell_room(const struct spools *s)
{
	ssize_t n = write(s->room, "", 1);

	(void)n;
}

/* Called by a scribe, which is not ready to lose a source. */
static void
has_room(void *arg)
{
	struct spools *s = arg;

	tell_room(s);
	if (s->ended)
		timer_start(s->logger->loop, &s->look, 0, look, s);
}

static void
forget_spools(struct spools *s)
{
	struct logger *l = s->logger;
	size_t i;

	watch_stop(&s->watch);
	for (i = 0; i < s->count; i++) {
		if (s->list[i].source != NULL)
			scribe_remove(s->list[i].file->scribe,
			    s->list[i].source);
		if (s->list[i].file != NULL)
			leave_file(l, s->list[i].file);
		spool_unmap(&s->list[i].spool);
	}
	/* A scribe may have found room for us just now: one who only pretends
	 * that it is gone still puts lines. */
	timer_stop(&s->look);
	close(s->bell);
	close(s->room);
	DL_DELETE(l->spools, s);
	free(s);
	stop_if_done(l);
}

static bool
is_taken(const struct spools *s)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (spool_lines(&s->list[i].spool).len != 0)
			return (false);
	return (true);
}

static void
look(void *arg)
{
	struct spools *s = arg;

	if (is_taken(s))
		forget_spools(s);
}

/* Its worker is gone: the pipe says so for ever, and is not asked again.  What
 * no file takes now is waited for as if the worker still wanted room. */
static void
end_spools(struct spools *s)
{
	size_t i;

	s->ended = true;
	watch_stop(&s->watch);
	for (i = 0; i < s->count; i++)
		spool_want_room(&s->list[i].spool);
	for (i = 0; i < s->count; i++)
		scribe_write(s->list[i].file->scribe);
	if (is_taken(s))
		forget_spools(s);
	else
		stop_if_done(s->logger);
}

/* The worker rang, or is gone. */
static void
rung(void *arg, bool readable, bool writable)
{
	struct spools *s = arg;
	char bytes[4096];
	ssize_t n;
	size_t i;

	(void)readable;
	(void)writable;
	/* What is left rings again: a mad worker rings without an end. */
	n = read(s->bell, bytes, sizeof(bytes));
	if (n == 0) {
		end_spools(s);
		return;
	}
	for (i = 0; i < s->count; i++)
		scribe_write(s->list[i].file->scribe);
}

static int
add_spool(struct spools *s, struct file *file, int memory)
{
	size_t i = s->count;

	if (file == NULL || spool_map(&s->list[i].spool, memory) != 0)
		return (-1);
	s->count++;
	file->users++;
	s->list[i].file = file;
	s->list[i].source = scribe_add(file->scribe, &s->list[i].spool,
	    has_room, s);
	return (s->list[i].source == NULL ? -1 : 0);
}

static void
add_spools(struct logger *l, uint32_t generation, const int *fds,
    size_t count)
{
	struct logs *logs = find_logs(l, generation);
	struct spools *s;
	size_t i;

	if (count < SPOOLS_MEMORY || count > SPOOLS_FDS)
		return;
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		log_say(FRL_ERROR, "logger: out of memory for a worker");
		return;
	}
	s->logger = l;
	s->bell = dup(fds[SPOOLS_BELL]);
	s->room = dup(fds[SPOOLS_ROOM]);
	DL_APPEND(l->spools, s);
	for (i = SPOOLS_MEMORY; i < count; i++) {
		if (s->bell >= 0 && s->room >= 0 && logs != NULL &&
		    add_spool(s, logs->files[i - SPOOLS_MEMORY],
		    fds[i]) == 0)
			continue;
		log_say(FRL_ERROR, "logger: no log for a worker: %s",
		    strerror(errno));
		forget_spools(s);
		return;
	}
	watch_set(l->loop, &s->watch, s->bell, 1, rung, s);
	/* A logger before us may have died, also between taking lines and
	 * saying so. */
	tell_room(s);
	rung(s, true, false);
}

/* ------------------------------------------------------------------ */
/* The supervisor							*/

static void
give_up(void *arg)
{
	struct logger *l = arg;

	loop_stop(l->loop);
}

/* Nobody will write any more; what no file takes gets some more time. */
static void
stop_if_done(struct logger *l)
{
	const struct spools *s;

	if (l->channel >= 0)
		return;
	DL_FOREACH(l->spools, s)
		if (!s->ended)
			return;
	if (l->spools == NULL)
		loop_stop(l->loop);
	else if (!timer_running(&l->patience))
		timer_start(l->loop, &l->patience, LAST_LINES_MS, give_up, l);
}

/* Once: the supervisor lets no configuration ask for another. */
static void
become(struct logger *l, const struct privileges *as)
{
	struct err err;

	if (l->dropped)
		return;
	l->dropped = true;
	if (privileges_drop(as, &err) == 0)
		return;
	log_say(FRL_ERROR, "logger: %s", err.text);
	l->failed = true;
}

static void
obey(struct logger *l, struct message *m, const int *fds, size_t count)
{
	struct err why = { "" };
	struct file *file;

	switch (m->kind) {
	case MESSAGE_OPEN_LOG:
		open_log(l, m, &why);
		m->u.open.u.why = why;
		m->kind = MESSAGE_OPENED;
		(void)message_send(l->channel, m, NULL, 0);
		break;
	case MESSAGE_BECOME:
		become(l, &m->u.as);
		break;
	case MESSAGE_CLOSE_LOGS:
		close_logs(l, find_logs(l, m->u.generation));
		break;
	case MESSAGE_SPOOLS:
		add_spools(l, m->u.generation, fds, count);
		break;
	case MESSAGE_REOPEN:
		DL_FOREACH(l->files, file)
			scribe_reopen(file->scribe);
		break;
	default:
		break;
	}
}

static void
told(void *arg, bool readable, bool writable)
{
	struct logger *l = arg;
	int fds[CHANNEL_FDS_MAX], n;
	struct message m;
	size_t count;

	(void)readable;
	(void)writable;
	while ((n = channel_receive(l->channel, &m, sizeof(m), 0, fds,
	    &count)) > 0) {
		obey(l, &m, fds, count);
		while (count > 0)
			close(fds[--count]);
	}
	if (n < 0 && errno == EAGAIN)
		return;
	watch_stop(&l->watch);
	close(l->channel);
	l->channel = -1;
	stop_if_done(l);
}

/* 0: all was written.  What is lost is said by the scribes. */
static int
finish(struct logger *l)
{
	int failed = 0;

	while (l->spools != NULL) {
		failed |= is_taken(l->spools) ? 0 : -1;
		forget_spools(l->spools);
	}
	while (l->logs != NULL)
		close_logs(l, l->logs);
	timer_stop(&l->patience);
	return (failed);
}

static int
serve(int channel, void *arg)
{
	struct logger l = { .channel = channel };
	int failed;

	(void)arg;
	l.loop = loop_create();
	if (l.loop == NULL) {
		log_say(FRL_ERROR, "logger: out of memory or descriptors");
		return (EXIT_RUNTIME);
	}
	watch_set(l.loop, &l.watch, channel, 1, told, &l);
	loop_run(l.loop);
	failed = finish(&l);
	loop_free(l.loop);
	return (failed == 0 ? EXIT_FINE : EXIT_RUNTIME);
}

pid_t
logger_start(int *ret_channel)
{
	return (process_start(serve, NULL, -1, ret_channel));
}
