/* SPDX-License-Identifier: MIT */
/*
 * shim -- stands before the C library (LD_PRELOAD) and lets calls fail.
 *
 * It knows nothing of the program: it counts the calls that may fail, in the
 * order in which they come, and lets the one fail that the control memory
 * names, in the way that fits it.  What libraries do inside of themselves is
 * seen as far as they go through their PLT: every allocation is, but a
 * read(2) inside of stdio is not.
 *
 * With a program under AddressSanitizer it stands before that as well, and
 * hands on to it, so that leaks and overflows are found as ever.
 *
 * What always holds: a call that is not to fail is the real one, with the
 * same arguments; what is returned for one that fails, and what becomes of
 * errno, is what the manual of the real one says.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#include "shim.h"

#define ERRORS_MAX 12

#define LAST_ALLOCATION C_mmap

static const struct row {
	char name[16];
	int errors[ERRORS_MAX];		/* ends with 0 */
} rows[] = {
#define ROW(name, ...) { #name, { __VA_ARGS__, 0 } },
	CALLS(ROW)
#undef ROW
};

_Static_assert(CALLS_COUNT <= FAULT_CALLS_MAX, "FAULT_CALLS_MAX");

static struct fault_control off;
struct fault_control *control = &off;
int busy;
const char *resolv_conf;
unsigned dns_port;

/* ------------------------------------------------------------------ */
/* What is to fail							*/

static _Unwind_Reason_Code
note_frame(struct _Unwind_Context *context, void *arg)
{
	size_t *at = arg, room = sizeof(control->trace) - *at;
	_Unwind_Ptr ip = _Unwind_GetIP(context);
	Dl_info info;

	if (room < 200)
		return (_URC_END_OF_STACK);
	if (ip == 0 || dladdr((void *)ip, &info) == 0)
		return (_URC_NO_REASON);
	*at += (size_t)snprintf(control->trace + *at, room,
	    "%.120s+0x%zx\n", info.dli_fname,
	    (size_t)(ip - (_Unwind_Ptr)info.dli_fbase) - 1);
	return (_URC_NO_REASON);
}

/* Not backtrace(3), which loads a library at its first use and leaks. */
static void
note_trace(void)
{
	size_t at = 0;

	control->trace[0] = '\0';
	(void)_Unwind_Backtrace(note_frame, &at);
}

static int
inject(enum call call, int error)
{
	int plain = error <= AFTER ? AFTER - error : error;
	const char *name = error == SHORT ? "SHORT" : strerrorname_np(plain);

	control->injected++;
	control->failed[call]++;
	(void)snprintf(control->what, sizeof(control->what), "%s %s",
	    rows[call].name, name != NULL ? name : "?");
	if (control->mode != FAULT_RANDOM)
		note_trace();
	return (error);
}

static uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return (x ^ (x >> 31));
}

/* Does this way of failing fit this very call?  fd: -1 where there is none.
 * Bits of `unfit` rule out. */

static bool
fits(int error, int unfit)
{
	return (!((error == EAGAIN && (unfit & NO_EAGAIN)) ||
	    (error == SHORT && (unfit & NO_SHORT))));
}

static int
choose(enum call call, int unfit)
{
	const int *e = rows[call].errors;
	uint64_t dice, count = 0;
	int error = 0;

	control->calls++;
	if (control->mode == FAULT_BURST) {
		if (call > LAST_ALLOCATION)
			return (0);
		count = ++control->points;
		return (count >= control->n &&
		    count < control->n + control->span ?
		    inject(call, ENOMEM) : 0);
	}
	if (control->mode == FAULT_RANDOM) {
		dice = mix(control->seed + ++control->points);
		if ((dice & 0xffff) >= control->rate)
			return (0);
		while (e[count] != 0)
			count++;
		error = e[(dice >> 32) % count];
		return (fits(error, unfit) ? inject(call, error) : 0);
	}
	for (; *e != 0; e++)
		if (fits(*e, unfit) && ++control->points == control->n)
			error = *e;
	return (error != 0 ? inject(call, error) : 0);
}

/* 0: do it; else what is to happen instead. */
int
fault(enum call call, int unfit)
{
	int error, saved = errno;

	if (control->mode == FAULT_OFF || busy != 0 || control->skip[call])
		return (0);
	busy++;
	error = choose(call, unfit);
	busy--;
	errno = saved;
	return (error);
}

/*
 * A connection that is said to be broken is: for both peers, and for every
 * later call.
 */
void
sever(int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (syscall(SYS_connect, fd, &none, sizeof(none)) != 0)
		(void)syscall(SYS_shutdown, fd, SHUT_RDWR);
}

bool
severs(int error)
{
	return (error == ECONNRESET || error == EPIPE || error == ETIMEDOUT ||
	    error == ENOTCONN);
}

/* Of a call that reads or writes size bytes of fd. */
int
fault_io(enum call call, int fd, size_t size, int flags)
{
	int type = SOCK_STREAM, unfit = 0, mode, error;
	socklen_t len = sizeof(type);
	struct stat st;

	if (control->mode == FAULT_OFF || busy != 0)
		return (0);
	busy++;
	mode = fcntl(fd, F_GETFL);
	(void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	st.st_mode = 0;
	(void)fstat(fd, &st);
	busy--;
	if (S_ISREG(st.st_mode) || ((mode & O_NONBLOCK) == 0 &&
	    (flags & MSG_DONTWAIT) == 0))
		unfit |= NO_EAGAIN;
	/* What is smaller than PIPE_BUF goes through a pipe in one piece. */
	if (size < 2 || type == SOCK_DGRAM ||
	    (S_ISFIFO(st.st_mode) && size <= PIPE_BUF))
		unfit |= NO_SHORT;
	error = fault(call, unfit);
	if (severs(error))
		sever(fd);
	return (error);
}

/* ------------------------------------------------------------------ */

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("FRL_FAULTS"), *port;
	char exe[256];
	ssize_t n;
	int fd;

	if (path == NULL || (n = readlink("/proc/self/exe", exe,
	    sizeof(exe) - 1)) < 9)
		return;
	exe[n] = '\0';
	/* Not what is started on the way there. */
	if (strcmp(exe + n - 9, "/fairlead") != 0)
		return;
	resolv_conf = getenv("FRL_FAULTS_RESOLV");
	port = getenv("FRL_FAULTS_DNS");
	dns_port = port == NULL ? 0 : (unsigned)atoi(port);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	void *m = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	close(fd);
	if (m == MAP_FAILED)
		return;
	/* What the program starts runs without all this. */
	(void)unsetenv("LD_PRELOAD");
	busy++;
	control = m;
	control->ncalls = CALLS_COUNT;
	for (n = 0; n < CALLS_COUNT; n++)
		memcpy(control->names[n], rows[n].name, 16);
	busy--;
}
