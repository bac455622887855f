/* SPDX-License-Identifier: MIT */
/* gates: a socket lives as long as its address is wanted. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/gates.h"

struct fixture {
	struct gates *gates;
	struct plan plan;
	struct plan_listen listens[2];
	char folder[64];
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->folder, "/tmp/test_gates.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->gates = gates_create();
	assert_non_null(f->gates);
	f->plan.workers = 2;
	f->plan.listens = f->listens;
	*state = f;
	return (0);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	gates_free(f->gates);
	assert_int_equal(rmdir(f->folder), 0);	/* no socket is left */
	free(f);
	return (0);
}

static void
add_address(struct fixture *f, uint16_t port)
{
	struct plan_listen *l = &f->listens[f->plan.listen_count++];

	memset(l, 0, sizeof(*l));
	l->addr.u.in4.sin_family = AF_INET;
	l->addr.u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr_set_port(&l->addr, port);
	snprintf(l->name, sizeof(l->name), "127.0.0.1:%u", port);
}

static void
add_path(struct fixture *f)
{
	struct plan_listen *l = &f->listens[f->plan.listen_count++];

	memset(l, 0, sizeof(*l));
	snprintf(l->path, sizeof(l->path), "%s/sock", f->folder);
	snprintf(l->name, sizeof(l->name), "unix:%s/sock", f->folder);
	l->permissions = 0600;
}

static void
open_gates(struct fixture *f)
{
	struct err err = { "" };

	if (gates_open(f->gates, &f->plan, &err) != 0)
		fail_msg("%s", err.text);
}

static uint16_t
port_of(int fd)
{
	struct addr a;

	assert_int_equal(sock_local(fd, &a), 0);
	return (addr_port(&a));
}

static int
dial(uint16_t port)
{
	struct addr a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(&a, 0, sizeof(a));
	a.u.in4.sin_family = AF_INET;
	a.u.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr_set_port(&a, port);
	assert_true(fd >= 0);
	if (connect(fd, &a.u.sa, sizeof(a.u.in4)) == 0)
		return (fd);
	close(fd);
	return (-1);
}

/* How many sockets has each of these workers, of the first listener? */
static unsigned
sockets_of(struct fixture *f, unsigned worker)
{
	unsigned n = 0;

	while (gates_socket(f->gates, &f->plan, 0, worker, n) >= 0)
		n++;
	return (n);
}

static void
test_one_for_each_worker(void **state)
{
	struct fixture *f = *state;
	char name[GATES_NAME_SIZE], want[32];
	int a, b;

	add_address(f, 0);
	open_gates(f);
	a = gates_socket(f->gates, &f->plan, 0, 0, 0);
	b = gates_socket(f->gates, &f->plan, 0, 1, 0);
	assert_true(a >= 0 && b >= 0 && a != b);
	assert_int_equal(port_of(a), port_of(b));
	assert_int_equal(sockets_of(f, 0), 1);
	assert_int_equal(sockets_of(f, 1), 1);
	snprintf(want, sizeof(want), "127.0.0.1:%u", port_of(a));
	assert_string_equal(gates_name(f->gates, f->listens, name), want);
}

/* No socket of the group is closed or left without a worker. */
static void
test_number_of_workers_changes(void **state)
{
	static const unsigned counts[] = { 2, 5, 1, 3, 2, 8, 1 };
	const struct plan *plans[1];
	struct fixture *f = *state;
	unsigned i, k, most = 0, sum;

	plans[0] = &f->plan;
	add_address(f, 0);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		f->plan.workers = counts[i];
		most = counts[i] > most ? counts[i] : most;
		open_gates(f);
		gates_keep(f->gates, plans, 1);
		for (sum = 0, k = 0; k < counts[i]; k++) {
			assert_true(sockets_of(f, k) >= 1);
			sum += sockets_of(f, k);
		}
		assert_int_equal(sum, most);
	}
}

/* Who waits in the queue is not reset while the address is wanted. */
static void
test_queue_lives(void **state)
{
	const struct plan *plans[1];
	struct fixture *f = *state;
	int fd, client, flags = MSG_DONTWAIT | MSG_PEEK;
	char c;

	plans[0] = &f->plan;
	add_address(f, 0);
	f->plan.workers = 1;
	open_gates(f);
	fd = gates_socket(f->gates, &f->plan, 0, 0, 0);
	client = dial(port_of(fd));
	assert_true(client >= 0);
	open_gates(f);
	gates_keep(f->gates, plans, 1);
	assert_int_equal(recv(client, &c, 1, flags), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(gates_socket(f->gates, &f->plan, 0, 0, 0), fd);
	gates_keep(f->gates, NULL, 0);
	assert_int_equal(recv(client, &c, 1, MSG_PEEK), -1);
	assert_int_equal(errno, ECONNRESET);
	close(client);
}

static void
test_somebody_else_listens(void **state)
{
	struct fixture *f = *state;
	struct fixture other = { .plan = { .workers = 1 } };
	struct err err = { "" };
	char port[16];

	add_address(f, 0);
	open_gates(f);
	/* Another one of us binds with SO_REUSEPORT as well. */
	other.gates = gates_create();
	other.plan.listens = other.listens;
	add_address(&other, port_of(gates_socket(f->gates, &f->plan, 0, 0,
	    0)));
	assert_int_equal(gates_open(other.gates, &other.plan, &err), -1);
	snprintf(port, sizeof(port), ":%u", addr_port(&other.listens[0].addr));
	assert_non_null(strstr(err.text, port));
	assert_int_equal(gates_socket(other.gates, &other.plan, 0, 0, 0), -1);
	gates_free(other.gates);
}

/* One socket, whoever serves; its file goes with it. */
static void
test_path(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int fd;

	add_path(f);
	open_gates(f);
	assert_int_equal(stat(f->listens[0].path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	fd = gates_socket(f->gates, &f->plan, 0, 0, 0);
	assert_true(fd >= 0);
	assert_int_equal(gates_socket(f->gates, &f->plan, 0, 1, 0), fd);
	assert_int_equal(sockets_of(f, 0), 1);
	open_gates(f);
	assert_int_equal(gates_socket(f->gates, &f->plan, 0, 0, 0), fd);
	gates_keep(f->gates, NULL, 0);
	assert_int_equal(stat(f->listens[0].path, &st), -1);
}

static void
test_unwanted_ones_are_closed(void **state)
{
	const struct plan *plans[1];
	struct fixture *f = *state;
	struct plan first;
	uint16_t port;

	add_address(f, 0);
	add_path(f);
	open_gates(f);
	port = port_of(gates_socket(f->gates, &f->plan, 0, 0, 0));
	first = f->plan;
	first.listen_count = 1;
	plans[0] = &first;
	gates_keep(f->gates, plans, 1);
	assert_int_equal(gates_socket(f->gates, &f->plan, 1, 0, 0), -1);
	close(dial(port));
	gates_keep(f->gates, NULL, 0);
	assert_int_equal(dial(port), -1);
	assert_int_equal(errno, ECONNREFUSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_for_each_worker),
		TEST(test_number_of_workers_changes),
		TEST(test_queue_lives),
		TEST(test_somebody_else_listens),
		TEST(test_path),
		TEST(test_unwanted_ones_are_closed),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
