/* SPDX-License-Identifier: MIT */
/*
 * log -- what the program tells its operator: one line each on stderr.
 *
 * One write(2) per line, so that lines of several processes do not mix.  It
 * keeps no state: the level is asked of the environment each time, for
 * nothing here is said often.
 */
#include "base/log.h"

#include "base/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_TEXT 2048

static const char *const names[] = {
	[FRL_ERROR] = "error",
	[FRL_WARNING] = "warning",
	[FRL_NOTICE] = "notice",
	[FRL_DEBUG] = "debug",
};

int
log_level(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return ((int)i);
	}
	return (-1);
}

/* An unknown word is no reason to fall silent: notice. */
static int
threshold(void)
{
	const char *word = getenv("FAIRLEAD_LOG_LEVEL");
	int level = word == NULL ? -1 : log_level(word);

	return (level < 0 ? (int)FRL_NOTICE : level);
}

static void
write_all(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;		/* nobody to tell it to */
		text += n;
		len -= (size_t)n;
	}
}

void
log_say(enum frl_level level, const char *format, ...)
{
	/* A control character becomes four bytes; one byte for the '\n'. */
	char text[LOG_TEXT], line[4 * LOG_TEXT + 64];
	struct json j = { .at = line, .end = line + sizeof(line) - 1 };
	int saved_errno = errno;
	va_list args;

	if ((int)level > threshold() || (int)level < 0)
		return;
	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	json_raw(&j, "fairlead: ", 10);
	json_raw(&j, names[level], strlen(names[level]));
	json_raw(&j, ": ", 2);
	(void)json_plain(&j, text, strlen(text), sizeof(text));
	*j.at++ = '\n';
	write_all(line, (size_t)(j.at - line));
	errno = saved_errno;
}
