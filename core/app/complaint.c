/* SPDX-License-Identifier: MIT */
#include "app/complaint.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 4096
#define PIPE_PIECES 16		/* what a pipe holds */

static const char OURS[] = "fairlead: ", ERROR[] = "fairlead: error: ";
static const char MORE[] = "\n... (the rest is on stderr of the proxy)\n";

/* ------------------------------------------------------------------ */
/* What is kept								*/

/* A line is whole.  That it is an error of ours is known to who asks; what
 * else we say (base/log) is no error. */
static void
end_line(struct complaint *c)
{
	char *line = c->text + c->line;
	size_t n = sizeof(ERROR) - 1;

	c->text[c->len] = '\0';
	if (strncmp(line, ERROR, n) == 0) {
		c->len -= n;
		memmove(line, line + n, c->len - c->line);
	} else if (strncmp(line, OURS, sizeof(OURS) - 1) == 0)
		c->len = c->line;
	c->line = c->len;
}

static void
keep(struct complaint *c, const char *bytes, size_t n)
{
	size_t i;

	for (i = 0; c->text != NULL && i < n && !c->full; i++) {
		/* The end of a text is the end of what came. */
		c->text[c->len++] = bytes[i] == '\0' ? '?' : bytes[i];
		if (bytes[i] == '\n')
			end_line(c);
		c->full = c->len >= COMPLAINT_SIZE - sizeof(MORE);
		memcpy(c->text + c->len, c->full ? MORE : "",
		    c->full ? sizeof(MORE) : 1);
	}
}

/* ------------------------------------------------------------------ */

static void
pass_on(const char *bytes, size_t n)
{
	ssize_t wrote;

	while (n > 0) {
		wrote = write(STDERR_FILENO, bytes, n);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return;		/* nobody to tell it to */
		bytes += wrote;
		n -= (size_t)wrote;
	}
}

/* True: there may be more. */
static bool
take(struct complaint *c)
{
	char bytes[PIECE];
	ssize_t n = c->fd < 0 ? 0 : read(c->fd, bytes, sizeof(bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return (false);
	if (n <= 0) {
		watch_stop(&c->watch);
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
		return (false);
	}
	pass_on(bytes, (size_t)n);
	keep(c, bytes, (size_t)n);
	return (true);
}

/* A piece a turn: who writes without an end shall not have us for itself. */
static void
readable(void *arg, bool can_read, bool can_write)
{
	(void)can_read;
	(void)can_write;
	(void)take(arg);
}

int
complaint_open(struct complaint *c, struct loop *loop, int *ret_fd)
{
	int ends[2];

	c->fd = -1;
	c->text = calloc(1, COMPLAINT_SIZE);
	c->len = c->line = 0;
	c->full = false;
	if (c->text == NULL || pipe2(ends, O_CLOEXEC) != 0)
		return (-1);
	c->fd = ends[0];
	*ret_fd = ends[1];
	/* Ours alone: they wait for us, as they would for a terminal. */
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0) {
		close(ends[1]);
		return (-1);
	}
	watch_set(loop, &c->watch, c->fd, 1, readable, c);
	return (0);
}

void
complaint_hear(struct complaint *c)
{
	int i;

	for (i = 0; i < PIPE_PIECES && take(c); i++)
		;
}

void
complaint_say(struct complaint *c, const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	complaint_hear(c);		/* it was first */
	log_say(FRL_ERROR, "%s", text);
	keep(c, text, strlen(text));
	keep(c, "\n", 1);
}

const char *
complaint_text(const struct complaint *c)
{
	return (c->text == NULL ? "" : c->text);
}

void
complaint_forget(struct complaint *c)
{
	free(c->text);
	c->text = NULL;
}

void
complaint_close(struct complaint *c)
{
	watch_stop(&c->watch);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	complaint_forget(c);
}
