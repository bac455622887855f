/* SPDX-License-Identifier: MIT */
/*
 * unixsock: a file that is there as long as somebody listens; what is
 * replaced and what never is.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/loop.h"
#include "net/sock.h"
#include "net/unixsock.h"

struct place {
	char folder[64], path[96];
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->folder, "/tmp/fairlead-unix-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%s/sock", p->folder);
	*state = p;
	return (0);
}

static int
teardown(void **state)
{
	struct place *p = *state;

	(void)unlink(p->path);
	assert_int_equal(rmdir(p->folder), 0);
	free(p);
	return (0);
}

static int
dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return (fd);
	close(fd);
	return (-1);
}

static int
must_listen(const char *path, mode_t mode, struct unixsock_mark *mark)
{
	struct err err;
	int fd = unixsock_listen(path, mode, mark, &err);

	if (fd == -1)
		fail_msg("%s", err.text);
	return (fd);
}

static void
must_fail(const char *path, const char *words)
{
	struct unixsock_mark mark;
	struct err err;

	assert_int_equal(unixsock_listen(path, 0600, &mark, &err), -1);
	if (strstr(err.text, path) == NULL || strstr(err.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static bool
exists(const char *path)
{
	struct stat st;

	return (lstat(path, &st) == 0);
}

static void
test_mode(void **state)
{
	static const mode_t modes[] = { 0600, 0660, 0666, 0777, 0200 };
	const struct place *p = *state;
	const mode_t before = umask(027);
	struct unixsock_mark mark;
	struct stat st;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		fd = must_listen(p->path, modes[i], &mark);
		assert_int_equal(lstat(p->path, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 07777, modes[i]);
		assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		unixsock_remove(p->path, &mark);
		assert_false(exists(p->path));
		close(fd);
	}
	assert_int_equal(umask(before), 027);
}

static void
test_dead_is_replaced(void **state)
{
	const struct place *p = *state;
	struct unixsock_mark mark;
	int i, fd;

	for (i = 0; i < 3; i++) {
		fd = must_listen(p->path, 0600, &mark);
		close(fd);
		assert_true(exists(p->path));
		assert_int_equal(dial(p->path), -1);
	}
	fd = must_listen(p->path, 0600, &mark);
	close(dial(p->path));
	close(fd);
}

static void
test_living_stays(void **state)
{
	const struct place *p = *state;
	struct unixsock_mark mark;
	int fd = must_listen(p->path, 0600, &mark), client;

	must_fail(p->path, "somebody listens there already");
	client = dial(p->path);
	assert_int_not_equal(client, -1);
	close(client);
	close(fd);
}

/* A full queue and another type of socket are signs of life, too. */
static void
test_living_in_other_ways(void **state)
{
	const struct place *p = *state;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, client;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", p->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 0), 0);
	client = dial(p->path);
	must_fail(p->path, "somebody listens there already");
	close(client);
	close(fd);
	assert_int_equal(unlink(p->path), 0);

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	must_fail(p->path, "somebody listens there already");
	close(fd);
}

static void
test_no_socket_stays(void **state)
{
	const struct place *p = *state;
	char target[128];
	struct stat st;
	int fd;

	fd = open(p->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "dear", 4), 4);
	close(fd);
	must_fail(p->path, "left alone");
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_size, 4);
	unlink(p->path);

	assert_int_equal(mkdir(p->path, 0700), 0);
	must_fail(p->path, "left alone");
	assert_int_equal(rmdir(p->path), 0);

	/* A link is not followed, not even to nowhere. */
	snprintf(target, sizeof(target), "%s/elsewhere", p->folder);
	assert_int_equal(symlink(target, p->path), 0);
	must_fail(p->path, "left alone");
	assert_false(exists(target));
	assert_true(exists(p->path));
}

/* Somebody else's socket took the name. */
static void
test_only_ours_is_removed(void **state)
{
	const struct place *p = *state;
	struct unixsock_mark old, new;
	int first = must_listen(p->path, 0600, &old), second;

	assert_int_equal(unlink(p->path), 0);
	second = must_listen(p->path, 0600, &new);
	unixsock_remove(p->path, &old);
	assert_true(exists(p->path));
	unixsock_remove(p->path, &new);
	assert_false(exists(p->path));
	/* Nothing there: nothing to complain about. */
	unixsock_remove(p->path, &new);
	close(first);
	close(second);
}

static void
test_no_folder(void **state)
{
	const struct place *p = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/none/sock", p->folder);
	must_fail(path, "its folder: No such file");
}

/* While somebody else is at it, nothing is touched. */
static void
test_locked_folder(void **state)
{
	const struct place *p = *state;
	struct unixsock_mark mark;
	int fd, lock;

	close(must_listen(p->path, 0600, &mark));
	lock = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	must_fail(p->path, "somebody else has locked it");
	unixsock_remove(p->path, &mark);
	assert_true(exists(p->path));
	close(lock);
	fd = must_listen(p->path, 0600, &mark);
	close(fd);
}

/*
 * Many start at once over a dead socket: one of them listens, and it is the
 * one that is reached.
 */
static void
test_one_of_many(void **state)
{
	const struct place *p = *state;
	int won = 0, status, fd, i, ready[2], go[2];
	struct unixsock_mark mark;
	struct err err;
	char c = '\0';

	close(must_listen(p->path, 0600, &mark));
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	for (i = 0; i < 12; i++) {
		if (fork() != 0)
			continue;
		close(ready[0]);
		close(go[1]);
		fd = unixsock_listen(p->path, 0600, &mark, &err);
		if (write(ready[1], fd == -1 ? "-" : "+", 1) != 1)
			_exit(2);
		/* Stay until all have tried. */
		(void)!read(go[0], &c, 1);
		_exit(fd == -1 ? 1 : 0);
	}
	for (i = 0; i < 12; i++) {
		assert_int_equal(read(ready[0], &c, 1), 1);
		won += c == '+';
	}
	assert_int_equal(won, 1);
	fd = dial(p->path);
	assert_int_not_equal(fd, -1);
	close(fd);
	close(go[1]);
	while (wait(&status) > 0)
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
	close(go[0]);
	close(ready[0]);
	close(ready[1]);
}

static void
peer_is_unix(void *arg, int fd, const struct addr *peer)
{
	char text[ADDR_TEXT_SIZE];

	addr_format(peer, text);
	assert_string_equal(text, "unix");
	assert_int_equal(addr_port(peer), 0);
	close(fd);
	loop_stop(arg);
}

/* Clients whose sockets have a name are nobody else for it. */
static void
test_accept(void **state)
{
	const struct place *p = *state;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct loop *loop = loop_create();
	struct acceptor *acceptor;
	struct unixsock_mark mark;
	int fd = must_listen(p->path, 0600, &mark), client, named;

	assert_non_null(loop);
	acceptor = acceptor_start(loop, fd, peer_is_unix, loop);
	assert_non_null(acceptor);
	client = dial(p->path);
	loop_run(loop);
	close(client);

	named = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/n", p->folder);
	assert_int_equal(bind(named, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(unlink(a.sun_path), 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", p->path);
	assert_int_equal(connect(named, (struct sockaddr *)&a, sizeof(a)), 0);
	loop_run(loop);
	close(named);
	acceptor_stop(acceptor);
	close(fd);
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_mode),
		TEST(test_dead_is_replaced),
		TEST(test_living_stays),
		TEST(test_living_in_other_ways),
		TEST(test_no_socket_stays),
		TEST(test_only_ours_is_removed),
		TEST(test_no_folder),
		TEST(test_locked_folder),
		TEST(test_one_of_many),
		TEST(test_accept),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
