/* SPDX-License-Identifier: MIT */
#include "net/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or "@" and an abstract name.  0, or -1. */
static int
make_addr(struct sockaddr_un *a, socklen_t *ret_len, const char *name)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2 ||
	    len >= sizeof(a->sun_path))
		return (-1);
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, name, len);
	if (name[0] == '@')
		a->sun_path[0] = '\0';
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return (0);
}

static uint64_t
watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid =
	    getenv("WATCHDOG_PID");
	unsigned long long us;
	char *end;

	if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
		return (0);
	errno = 0;
	us = strtoull(usec, &end, 10);
	return (errno != 0 || *end != '\0' ? 0 : us / 1000);
}

void
notify_open(struct notify *n)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a;
	socklen_t len;

	n->fd = -1;
	n->watchdog_ms = watchdog_ms();
	if (name != NULL && make_addr(&a, &len, name) == 0) {
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC |
		    SOCK_NONBLOCK, 0);
		if (n->fd >= 0 && connect(n->fd, (struct sockaddr *)&a,
		    len) != 0)
			notify_close(n);
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void
notify_close(struct notify *n)
{

	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void
notify_say(const struct notify *n, const char *format, ...)
{
	char text[512];
	va_list ap;
	int len;

	if (n->fd < 0)
		return;
	va_start(ap, format);
	len = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (len > 0 && (size_t)len < sizeof(text))
		(void)send(n->fd, text, (size_t)len, MSG_NOSIGNAL);
}
