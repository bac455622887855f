/* SPDX-License-Identifier: MIT */
/* logger: a worker that has gone mad neither ends it nor makes it wait. */
#include "app/logger.h"

#include "app/message.h"
#include "app/spools.h"
#include "base/spool.h"
#include "net/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE "a line\n"
#define LINE_LEN (sizeof(LINE) - 1)
#define ROUNDS 1000

struct fixture {
	struct loop *loop;
	pid_t pid;
	int channel;
	struct outbox outbox;
	char folder[64], path[96];
};

/* What a worker has. */
struct mad {
	struct spools_kept kept;
	struct spool spool;
	int bell, room;
	_Atomic bool stop;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct message m = { .kind = MESSAGE_OPEN_LOG };
	int fds[CHANNEL_FDS_MAX];
	size_t count;

	assert_non_null(f);
	signal(SIGPIPE, SIG_IGN);
	strcpy(f->folder, "/tmp/test_logger.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/out", f->folder);
	f->pid = logger_start(&f->channel);
	assert_true(f->pid > 0);
	assert_non_null(f->loop = loop_create());
	outbox_open(&f->outbox, f->loop, f->channel);
	m.u.open.generation = 1;
	strcpy(m.u.open.u.log.file, f->path);
	assert_int_equal(message_send(f->channel, &m, NULL, 0), 0);
	assert_true(channel_receive(f->channel, &m, sizeof(m), 1, fds,
	    &count) > 0);
	assert_int_equal(m.kind, MESSAGE_OPENED);
	assert_string_equal(m.u.open.u.why.text, "");
	*state = f;
	return (0);
}

/* It ends well when its supervisor and its workers are gone. */
static int
tear_down(void **state)
{
	struct fixture *f = *state;
	int status;

	outbox_close(&f->outbox);
	close(f->channel);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	assert_int_equal(status, 0);
	loop_free(f->loop);
	unlink(f->path);
	rmdir(f->folder);
	free(f);
	return (0);
}

/* A worker that the logger knows of. */
static void
appear(struct fixture *f, struct mad *w)
{
	memset(w, 0, sizeof(*w));
	w->bell = spools_make(&w->kept, 1);
	assert_true(w->bell >= 0);
	w->room = w->kept.room;
	w->kept.room = -1;
	assert_int_equal(spool_map(&w->spool, w->kept.fds[SPOOLS_MEMORY]), 0);
	assert_int_equal(spools_tell(&w->kept, 1, &f->outbox), 0);
}

static void
vanish(struct mad *w)
{
	if (w->bell >= 0)
		close(w->bell);
	close(w->room);
	spools_forget(&w->kept);
	spool_unmap(&w->spool);
}

static void
put(struct mad *w)
{
	spool_begin(&w->spool);
	memcpy(spool_end(&w->spool), LINE, LINE_LEN);
	spool_put(&w->spool, LINE_LEN, 1);
}

/* The logger takes what a good worker has. */
static void
assert_serves(struct fixture *f)
{
	struct mad good;

	appear(f, &good);
	put(&good);
	assert_int_equal(write(good.bell, "", 1), 1);
	while (spool_waiting(&good.spool) != 0) {
		assert_int_equal(waitpid(f->pid, NULL, WNOHANG), 0);
		usleep(1000);
	}
	vanish(&good);
}

/* Lines come and go, and room is always wanted. */
static void *
flicker(void *arg)
{
	struct mad *w = arg;
	struct spool_page *page = w->spool.page;

	while (!atomic_load(&w->stop)) {
		atomic_store(&page->wants_room, 1);
		atomic_store(&page->put, atomic_load(&page->got) + LINE_LEN);
		atomic_store(&page->put, atomic_load(&page->got));
		atomic_store(&page->put, atomic_load(&page->got) +
		    2 * SPOOL_SIZE);
	}
	return (NULL);
}

/* It only pretends to be gone: what it puts while it is forgotten must not
 * have the logger look at it later. */
static void
test_flickers(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	struct mad w;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		appear(f, &w);
		memcpy(w.spool.bytes, LINE, LINE_LEN);
		assert_int_equal(pthread_create(&thread, NULL, flicker, &w),
		    0);
		close(w.bell);
		w.bell = -1;
		assert_serves(f);
		atomic_store(&w.stop, true);
		pthread_join(thread, NULL);
		/* Whatever the logger still has of it is nothing now. */
		atomic_store(&w.spool.page->put,
		    atomic_load(&w.spool.page->got));
		vanish(&w);
	}
}

/* It fills what tells of room, and has it wait for a reader. */
static void
test_room_is_full(void **state)
{
	struct fixture *f = *state;
	static const char many[65536];
	struct mad w;

	appear(f, &w);
	(void)fcntl(w.room, F_SETFL, 0);
	while (write(w.kept.fds[SPOOLS_ROOM], many, sizeof(many)) > 0)
		;
	spool_want_room(&w.spool);
	put(&w);
	assert_int_equal(write(w.bell, "", 1), 1);
	assert_serves(f);
	vanish(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_flickers, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_room_is_full, set_up,
		    tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
