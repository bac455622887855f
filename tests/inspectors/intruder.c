/* SPDX-License-Identifier: MIT */
/*
 * intruder -- what somebody would try who runs code in a worker.
 *
 * A client sends one word and its argument; the answer goes back to it:
 * "fine", or the number of the error.  Answers go no further than the client.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fairlead/inspector.h>

/* Of a call: 0, or its error. */
static int
error_of(long result)
{
	return (result < 0 ? errno : 0);
}

static int
closed(int fd)
{
	int error = error_of(fd);

	if (fd >= 0)
		close(fd);
	return (error);
}

static int
try_open(const char *path)
{
	return (closed(open(path, O_RDONLY | O_CLOEXEC)));
}

static int
try_make(const char *path)
{
	return (closed(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
}

static int
try_exec(const char *path)
{
	return (error_of(execl(path, path, (char *)NULL)));
}

static int
try_trace(const char *pid)
{
	return (error_of(ptrace(PTRACE_ATTACH, atoi(pid), NULL, NULL)));
}

static int
try_kill(const char *pid)
{
	return (error_of(kill(atoi(pid), SIGKILL)));
}

static int
try_fork(const char *none)
{
	pid_t pid = fork();

	(void)none;
	if (pid == 0)
		_exit(0);
	return (error_of(pid));
}

static int
try_root(const char *none)
{
	(void)none;
	return (error_of(setresuid(0, 0, 0)));
}

static int
try_code(const char *none)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)none;
	if (page == MAP_FAILED)
		return (errno);
	munmap(page, 4096);
	return (0);
}

static int
try_socket(const char *family)
{
	return (closed(socket(atoi(family), SOCK_STREAM, 0)));
}

static int
try_listen(const char *none)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	(void)none;
	if (fd < 0)
		return (errno);
	error = error_of(bind(fd, (struct sockaddr *)&any, sizeof(any)));
	if (error == 0)
		error = error_of(listen(fd, 1));
	close(fd);
	return (error);
}

/* The bare name of an abstract socket. */
static int
try_abstract(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return (errno);
	(void)snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "%s", name);
	error = error_of(connect(fd, (struct sockaddr *)&a, (socklen_t)
	    (offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))));
	close(fd);
	return (error);
}

/* Say each kind of message (core/app/message.h) with that number, as if one
 * had just begun who is somebody else, and without an end: a hang, for which
 * that one would be killed. */
static int
try_pretend(const char *pid)
{
	struct {
		uint32_t kind;
		_Alignas(8) int32_t pid;
	} m = { 0, atoi(pid) };
	int fd;

	for (;; m.kind = (m.kind + 1) % 32)
		for (fd = 3; fd < 64; fd++)
			(void)send(fd, &m, sizeof(m), MSG_NOSIGNAL);
	return (0);
}

/* Nonsense all over what is shared with other processes, for a second; then it
 * is said that we are dead. */
static int
try_scribble(const char *seed)
{
	struct { uint64_t *at; size_t n; } maps[64];
	unsigned state = (unsigned)atoi(seed);
	FILE *f = fopen("/proc/self/maps", "re");
	size_t count = 0, i, k;
	time_t end = time(NULL) + 2;
	char line[512];

	if (f == NULL)
		return (errno);
	while (count < 64 && fgets(line, sizeof(line), f) != NULL) {
		unsigned long from, to;

		if (strstr(line, "/memfd:") == NULL || sscanf(line,
		    "%lx-%lx rw-s", &from, &to) != 2)
			continue;
		maps[count].at = (uint64_t *)from;
		/* Of the census the first two rows. */
		maps[count++].n = (to - from > 8 << 20 ? 600000 :
		    to - from) / 8;
	}
	fclose(f);
	while (time(NULL) < end)
		for (i = 0; i < count; i++)
			for (k = 0; k < maps[i].n; k += 1 +
			    (size_t)rand_r(&state) % (k < 512 ? 4 : 999))
				maps[i].at[k] = (rand_r(&state) % 3 == 0 ?
				    UINT64_MAX : (uint64_t)
				    rand_r(&state)) >> rand_r(&state) % 64;
	abort();
}

static const struct {
	const char *word;
	int (*try)(const char *argument);
} words[] = {
	{ "open", try_open },
	{ "make", try_make },
	{ "exec", try_exec },
	{ "trace", try_trace },
	{ "kill", try_kill },
	{ "fork", try_fork },
	{ "root", try_root },
	{ "code", try_code },
	{ "socket", try_socket },
	{ "listen", try_listen },
	{ "abstract", try_abstract },
	{ "pretend", try_pretend },
	{ "scribble", try_scribble },
};

static void
answer(struct frl_link *link, const char *word, const char *argument)
{
	char text[32] = "what?\n";
	size_t i;
	int error;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].word, word) != 0)
			continue;
		error = words[i].try(argument);
		(void)snprintf(text, sizeof(text), error == 0 ? "fine\n" :
		    "%d\n", error);
	}
	(void)frl_insert(link, FRL_FROM_SERVER, text, strlen(text));
}

/* Ours, whatever it is. */
static enum frl_detection
intruder_detect(void *instance, struct frl_bytes client,
    struct frl_bytes server, bool ended)
{
	(void)instance;
	(void)client;
	(void)server;
	(void)ended;
	return (FRL_YES);
}

static enum frl_verdict
intruder_data(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	char line[256], *space;

	(void)seen;
	if (flow == FRL_FROM_SERVER) {
		(void)frl_pass(link, flow, held.len);
		return (FRL_OK);
	}
	if (held.len == 0 || held.len >= sizeof(line))
		return (FRL_OK);
	memcpy(line, held.data, held.len);
	line[held.len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	(void)frl_drop(link, flow, held.len);
	space = strchr(line, ' ');
	if (space != NULL)
		*space = '\0';
	answer(link, line, space == NULL ? "" : space + 1);
	return (FRL_OK);
}

FRL_PLUGIN = {
	FRL_ABI,
	.name = "intruder",
	.version = "1",
	.summary = "tries what a worker may not (for tests)",
	.licence = "MIT",
	.flags = FRL_OWNS_PROTOCOL,
	.detect = intruder_detect,
	.data = intruder_data,
};
