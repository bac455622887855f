/* SPDX-License-Identifier: MIT */
/* notify: what a service manager hears, and who does not hear of it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/notify.h"

/* A manager at a path, or at an abstract name ("@..."); its socket. */
static int
manage(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t len = strlen(name);

	assert_true(fd >= 0 && len < sizeof(a.sun_path));
	memcpy(a.sun_path, name, len);
	if (name[0] == '@')
		a.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return (fd);
}

static void
hears(int fd, const char *text)
{
	char got[1024];
	ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);

	assert_int_equal(n, strlen(text));
	assert_memory_equal(got, text, (size_t)n);
}

static void
talk(const char *name)
{
	int fd = manage(name);
	struct notify n;

	notify_open(&n);
	assert_true(n.fd >= 0);
	assert_null(getenv("NOTIFY_SOCKET"));
	notify_say(&n, "READY=1\nSTATUS=%d workers", 2);
	hears(fd, "READY=1\nSTATUS=2 workers");
	/* A manager that is gone does no harm. */
	close(fd);
	notify_say(&n, "STOPPING=1");
	notify_close(&n);
	notify_close(&n);
	notify_say(&n, "STOPPING=1");
}

static void
test_path(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_notify.%d", (int)getpid());
	talk(path);
	unlink(path);
}

static void
test_abstract(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@test_notify.%d", (int)getpid());
	talk(name);
}

static void
test_nobody(void **state)
{
	static const char *const names[] = { "", "/", "@", "relative",
		"/tmp/nobody/is/there" };
	char longest[200];
	struct notify n;
	size_t i;

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	notify_open(&n);
	assert_int_equal(n.fd, -1);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		notify_open(&n);
		assert_int_equal(n.fd, -1);
		notify_say(&n, "READY=1");
	}
	memset(longest, '/', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	notify_open(&n);
	assert_int_equal(n.fd, -1);
}

/* Who does not read is not waited for; a message is whole or nothing. */
static void
test_never_waits(void **state)
{
	char name[64], big[600];
	struct notify n;
	int fd, i;

	(void)state;
	snprintf(name, sizeof(name), "@test_notify_full.%d", (int)getpid());
	fd = manage(name);
	notify_open(&n);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	notify_say(&n, "%s", big);
	for (i = 0; i < 5000; i++)
		notify_say(&n, "WATCHDOG=1");
	hears(fd, "WATCHDOG=1");
	notify_close(&n);
	close(fd);
}

static uint64_t
watchdog(const char *usec, const char *pid)
{
	struct notify n;

	setenv("WATCHDOG_USEC", usec, 1);
	if (pid != NULL)
		setenv("WATCHDOG_PID", pid, 1);
	notify_open(&n);
	assert_null(getenv("WATCHDOG_USEC"));
	assert_null(getenv("WATCHDOG_PID"));
	notify_close(&n);
	return (n.watchdog_ms);
}

static void
test_watchdog(void **state)
{
	char pid[16];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_int_equal(watchdog("200000", NULL), 200);
	assert_int_equal(watchdog("200000", pid), 200);
	assert_int_equal(watchdog("200000", "1"), 0);
	assert_int_equal(watchdog("soon", NULL), 0);
	assert_int_equal(watchdog("1s", NULL), 0);
	assert_int_equal(watchdog("99999999999999999999999", NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_abstract),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_never_waits),
		cmocka_unit_test(test_watchdog),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
