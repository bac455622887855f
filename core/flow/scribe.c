/* SPDX-License-Identifier: MIT */
#include "flow/scribe.h"

#include "base/log.h"
#include "net/outfile.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define RETRY_MS 1000
#define ROUNDS_MAX 4		/* before others have their turn */

enum scribe_state { SCRIBE_READY, SCRIBE_BLOCKED, SCRIBE_BROKEN };

struct scribe_source {
	struct scribe_source *prev, *next;
	struct spool *spool;
	size_t part;			/* written of a line that waits */
	void (*room)(void *arg);
	void *arg;
};

struct scribe {
	struct loop *loop;
	struct outfile file;
	enum scribe_state state;
	int error;			/* why SCRIBE_BROKEN */
	struct scribe_source *sources;
	struct scribe_source *torn;	/* the one with a part; or NULL */
	struct timer retry;
	struct watch watch;
	int unopened;			/* errno: it is not the file that has
					 * its name now, or there is none */
	struct timer again;		/* opens it, then */
	bool nameless;			/* it never had one: /proc/self/fd/3 */
};

static void	note_unopened(struct scribe *, int, const struct err *);

struct scribe *
scribe_open(struct loop *loop, const char *file, struct err *err)
{
	struct scribe *scribe = calloc(1, sizeof(*scribe));

	if (scribe == NULL) {
		err_set(err, "%s: out of memory", file);
		return (NULL);
	}
	if (outfile_open(&scribe->file, file, err) != 0) {
		free(scribe);
		return (NULL);
	}
	scribe->loop = loop;
	scribe->nameless = outfile_is_removed(&scribe->file);
	return (scribe);
}

struct scribe *
scribe_await(struct loop *loop, const char *file)
{
	struct err err;
	struct scribe *scribe = scribe_open(loop, file, &err);
	int error = errno;

	if (scribe != NULL)
		return (scribe);
	scribe = calloc(1, sizeof(*scribe));
	if (scribe == NULL)
		return (NULL);
	scribe->loop = loop;
	scribe->file.fd = -1;
	scribe->file.name = strdup(file);
	if (scribe->file.name == NULL) {
		free(scribe);
		return (NULL);
	}
	note_unopened(scribe, error, &err);
	return (scribe);
}

static uint64_t
count_lines(const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;
	uint64_t lines = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		lines++;
		p++;
	}
	return (lines);
}

static uint64_t
lines_waiting(const struct scribe *scribe)
{
	const struct scribe_source *source;
	struct frl_bytes lines;
	uint64_t n = 0;

	DL_FOREACH(scribe->sources, source) {
		lines = spool_lines(source->spool);
		n += count_lines(lines.data, lines.len);
	}
	return (n);
}

static void
say_lost(const struct scribe *scribe, uint64_t lines)
{
	log_say(FRL_ERROR, "the last %" PRIu64 " line%s of the log %s %s "
	    "lost: %s", lines, lines == 1 ? "" : "s", scribe->file.name,
	    lines == 1 ? "is" : "are", scribe->state == SCRIBE_BROKEN ?
	    strerror(scribe->error) : "nobody reads it");
}

void
scribe_free(struct scribe *scribe)
{
	struct scribe_source *source;
	uint64_t lines;

	if (scribe == NULL)
		return;
	lines = lines_waiting(scribe);
	if (lines != 0)
		say_lost(scribe, lines);
	timer_stop(&scribe->retry);
	timer_stop(&scribe->again);
	watch_stop(&scribe->watch);
	while ((source = scribe->sources) != NULL) {
		DL_DELETE(scribe->sources, source);
		free(source);
	}
	outfile_close(&scribe->file);
	free(scribe);
}

const char *
scribe_name(const struct scribe *scribe)
{
	return (scribe->file.name);
}

/* Whoever puts lines into the spools shall know. */
static void
show_trouble(const struct scribe *scribe)
{
	int trouble = scribe->unopened != 0 ? scribe->unopened :
	    scribe->state == SCRIBE_BROKEN ? scribe->error : 0;
	const struct scribe_source *source;

	DL_FOREACH(scribe->sources, source)
		atomic_store(&source->spool->page->trouble,
		    (uint32_t)trouble);
}

struct scribe_source *
scribe_add(struct scribe *scribe, struct spool *spool,
    void (*room)(void *arg), void *arg)
{
	struct scribe_source *source = calloc(1, sizeof(*source));

	if (source == NULL)
		return (NULL);
	source->spool = spool;
	source->room = room;
	source->arg = arg;
	DL_APPEND(scribe->sources, source);
	show_trouble(scribe);
	return (source);
}

void
scribe_remove(struct scribe *scribe, struct scribe_source *source)
{
	struct frl_bytes lines;

	scribe_write(scribe);
	lines = spool_lines(source->spool);
	if (lines.len != 0)
		say_lost(scribe, count_lines(lines.data, lines.len));
	if (scribe->torn == source)
		scribe->torn = NULL;
	DL_DELETE(scribe->sources, source);
	free(source);
}

/* ------------------------------------------------------------------ */
/* Writing								*/

static void
retry_fired(void *arg)
{
	scribe_write(arg);
}

static void	set_state(struct scribe *, enum scribe_state, int);

static void
writable_fired(void *arg, bool readable, bool writable)
{
	struct scribe *scribe = arg;

	/* Neither: it cannot be watched. */
	if (!readable && !writable)
		set_state(scribe, SCRIBE_BROKEN, ENOMEM);
	else
		scribe_write(scribe);
}

/* Change the state; the first time that nothing can be written, say so. */
static void
set_state(struct scribe *scribe, enum scribe_state state, int error)
{
	uint64_t lines;

	if (state == SCRIBE_BLOCKED)
		watch_set(scribe->loop, &scribe->watch, scribe->file.fd, 2,
		    writable_fired, scribe);
	else
		watch_stop(&scribe->watch);
	if (state == SCRIBE_BROKEN)
		timer_start(scribe->loop, &scribe->retry, RETRY_MS,
		    retry_fired, scribe);
	else
		timer_stop(&scribe->retry);
	if (state == SCRIBE_BROKEN && scribe->state != SCRIBE_BROKEN) {
		lines = lines_waiting(scribe);
		log_say(FRL_ERROR, "cannot write events to %s: %s; %" PRIu64
		    " line%s", scribe->file.name, strerror(error), lines,
		    lines == 1 ? " waits" : "s wait");
	}
	if (state == SCRIBE_READY && scribe->state == SCRIBE_BROKEN)
		log_say(FRL_NOTICE, "events are written to %s again",
		    scribe->file.name);
	scribe->state = state;
	scribe->error = error;
	show_trouble(scribe);
}

/* The end of the last whole line among n bytes. */
static size_t
whole_lines(const uint8_t *bytes, size_t n)
{
	const uint8_t *last = memrchr(bytes, '\n', n);

	return (last == NULL ? 0 : (size_t)(last - bytes) + 1);
}

/* n more bytes of what waits there have left; of how many that was the last of
 * a line. */
static size_t
account(struct scribe *scribe, struct scribe_source *source,
    struct frl_bytes lines, size_t n)
{
	struct spool_page *page = source->spool->page;
	size_t written = source->part + n;
	size_t whole = written == lines.len ? written :
	    whole_lines(lines.data, written);

	source->part = written - whole;
	scribe->torn = source->part != 0 ? source : NULL;
	if (whole == 0)
		return (0);
	spool_get(source->spool, whole, count_lines(lines.data, whole));
	if (atomic_load(&page->wants_room) != 0)
		source->room(source->arg);
	return (whole);
}

/* These lines, the first ones of a spool: 1, or 0 where they could not be
 * written. */
static int
write_lines(struct scribe *scribe, struct scribe_source *source,
    struct frl_bytes lines)
{
	size_t whole;
	ssize_t n;

	/* Less than it was, or none of the line's end: the putter is mad. */
	if (source->part >= lines.len)
		source->part = 0;
	while (lines.len != 0) {
		n = outfile_write(&scribe->file, lines.data + source->part,
		    lines.len - source->part);
		if (n > 0) {
			whole = account(scribe, source, lines, (size_t)n);
			lines.data += whole;
			lines.len -= whole;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			set_state(scribe, SCRIBE_BLOCKED, 0);
		else
			set_state(scribe, SCRIBE_BROKEN, n == 0 ? EIO :
			    errno);
		return (0);
	}
	return (1);
}

/* The rest of a line that was begun. */
static int
finish_line(struct scribe *scribe, struct scribe_source *source)
{
	struct frl_bytes lines = spool_lines(source->spool);
	const uint8_t *end = lines.len == 0 ? NULL :
	    memchr(lines.data, '\n', lines.len);

	if (end != NULL)
		lines.len = (size_t)(end - lines.data) + 1;
	return (write_lines(scribe, source, lines));
}

static bool
is_done(const struct scribe *scribe)
{
	const struct scribe_source *source;

	DL_FOREACH(scribe->sources, source)
		if (spool_lines(source->spool).len != 0)
			return (false);
	return (true);
}

/* What is there now of every spool: 1, or 0 where it could not be written. */
static int
write_round(struct scribe *scribe)
{
	struct scribe_source *source, *next;

	/* A line that was begun is finished first. */
	if (scribe->torn != NULL && !finish_line(scribe, scribe->torn))
		return (0);
	DL_FOREACH_SAFE(scribe->sources, source, next) {
		if (write_lines(scribe, source, spool_lines(source->spool)))
			continue;
		/* Who always has lines must not keep the others from a slow
		 * reader. */
		DL_DELETE(scribe->sources, source);
		DL_APPEND(scribe->sources, source);
		return (0);
	}
	return (1);
}

static void
again_fired(void *arg)
{
	scribe_reopen(arg);
}

static void
note_unopened(struct scribe *scribe, int error, const struct err *err)
{
	bool has_old = scribe->file.fd >= 0;

	if (scribe->unopened == 0 && has_old)
		log_say(FRL_ERROR, "%s; the old file stays in use", err->text);
	scribe->unopened = error != 0 ? error : EIO;
	timer_start(scribe->loop, &scribe->again, RETRY_MS, again_fired,
	    scribe);
	if (has_old)
		show_trouble(scribe);
	else
		set_state(scribe, SCRIBE_BROKEN, scribe->unopened);
}

/* A line of which the old file has a part goes whole to another one: it is
 * still in its spool. */
static void
leave_old(struct scribe *scribe)
{
	if (scribe->torn != NULL)
		scribe->torn->part = 0;
	scribe->torn = NULL;
	watch_stop(&scribe->watch);
	outfile_leave(&scribe->file);
}

static bool
is_removed(const struct scribe *scribe)
{
	return (!scribe->nameless && outfile_is_removed(&scribe->file));
}

/* The file that has the name now takes the place of the one in use; where that
 * has none any more, nobody would find what is written to it. */
static void
open_anew(struct scribe *scribe)
{
	struct outfile fresh;
	struct err err;
	int error;

	if (outfile_open(&fresh, scribe->file.name, &err) != 0) {
		error = errno;
		if (is_removed(scribe))
			leave_old(scribe);
		note_unopened(scribe, error, &err);
		return;
	}
	leave_old(scribe);
	timer_stop(&scribe->again);
	outfile_close(&scribe->file);
	scribe->file = fresh;
	scribe->nameless = outfile_is_removed(&scribe->file);
	if (scribe->state == SCRIBE_BLOCKED)
		scribe->state = SCRIBE_READY;
	if (scribe->unopened != 0)
		log_say(FRL_NOTICE, "%s is open again", scribe->file.name);
	scribe->unopened = 0;
	show_trouble(scribe);
}

static void
look_for_name(struct scribe *scribe)
{
	if (scribe->file.fd < 0 || !is_removed(scribe))
		return;
	log_say(FRL_NOTICE, "%s was removed; opening it anew",
	    scribe->file.name);
	open_anew(scribe);
}

void
scribe_write(struct scribe *scribe)
{
	unsigned round = 0;

	look_for_name(scribe);
	if (scribe->file.fd < 0)
		return;
	/* Who got room may have put more; but there is no end of it. */
	do
		if (!write_round(scribe))
			return;
	while (!is_done(scribe) && ++round < ROUNDS_MAX);
	if (scribe->state != SCRIBE_READY)
		set_state(scribe, SCRIBE_READY, 0);
}

int
scribe_flush(struct scribe *scribe, uint64_t ms)
{
	uint64_t end = loop_now_us(scribe->loop) + ms * 1000, now;
	struct pollfd p;

	for (;;) {
		scribe_write(scribe);
		now = loop_now_us(scribe->loop);
		if (scribe->state == SCRIBE_BROKEN || is_done(scribe) ||
		    now >= end)
			break;
		if (scribe->state == SCRIBE_READY)
			continue;
		p = (struct pollfd){ .fd = scribe->file.fd,
		    .events = POLLOUT };
		poll(&p, 1, (int)((end - now) / 1000 + 1));
	}
	return (is_done(scribe) ? 0 : -1);
}

void
scribe_reopen(struct scribe *scribe)
{
	if (!outfile_has_path(&scribe->file))
		return;
	scribe_write(scribe);
	open_anew(scribe);
	scribe_write(scribe);
}
