/* SPDX-License-Identifier: MIT */
/*
 * fault -- an inspector that ends or stops its process: in one callback, in
 * one way.
 *
 * In data() and close() it does so in tunnels whose client has sent "\0boom",
 * in open() and hook() in all; in load() once the file `flag` is there, so that
 * the start goes well.
 *
 * Options:
 *	how	null, overflow, double_free, divide, abort, exit, illegal,
 *		heap, stray (damage that shows later), beyond (its state),
 *		thread (one that crashes later), fork, verdict, loop,
 *		deadlock, sleep, burn (the processor)
 *	where	load, open, data, close, hook
 *	ms	how long it sleeps or burns
 *	flag	a file
 */
#include <fairlead/inspector.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct options {
	uint64_t ms;
	const char *flag;
	uint32_t how, where;
};

enum how { NULL_WRITE, OVERFLOW, DOUBLE_FREE, DIVIDE, ABORT, EXIT, ILLEGAL,
	HEAP, STRAY, BEYOND, THREAD, FORK, VERDICT, LOOP, DEADLOCK, SLEEP,
	BURN };
enum where { LOAD, OPEN, DATA, CLOSE, HOOK };

struct state {
	bool armed;
};

static const struct frl_option options_table[] = {
	{ .name = "how", .help = "what it does", .def = "null",
	  .choices = "null|overflow|double_free|divide|abort|exit|illegal|"
	      "heap|stray|beyond|thread|fork|verdict|loop|deadlock|sleep|burn",
	  .type = FRL_OPTION_CHOICE,
	  .offset = offsetof(struct options, how) },
	{ .name = "where", .help = "in which callback", .def = "data",
	  .choices = "load|open|data|close|hook", .type = FRL_OPTION_CHOICE,
	  .offset = offsetof(struct options, where) },
	{ .name = "ms", .help = "of sleep or burn", .def = "300ms",
	  .type = FRL_OPTION_DURATION,
	  .offset = offsetof(struct options, ms) },
	{ .name = "flag", .help = "a file", .flags = FRL_OPTION_OPTIONAL,
	  .type = FRL_OPTION_STRING,
	  .offset = offsetof(struct options, flag) },
	{ .name = NULL }
};

/* A sanitizer would see these coming. */
#define AS_IT_IS __attribute__((noinline, no_sanitize("undefined"), \
	no_sanitize("address")))

/* Nothing that the compiler knows. */
static volatile int zero;

AS_IT_IS static void
write_null(void)
{
	volatile int *volatile nowhere = NULL;

	*nowhere = 1;
}

AS_IT_IS static int
overflow(int depth)
{
	volatile char room[4096];

	room[0] = (char)depth;
	if (zero != 0)
		return (0);
	return (overflow(depth + 1) + room[0]);
}

static void
free_twice(void)
{
	void *volatile bytes = malloc(64);

	free(bytes);
	free(bytes);
}

AS_IT_IS static void
divide(void)
{
	volatile int one = 1;

	one = one / zero;
}

/* Beyond its end, and that of all that was ever allocated. */
static void
run_over_heap(void)
{
	volatile char *bytes = malloc(24);
	size_t n;

	for (n = 0; bytes != NULL && n < (size_t)1 << 30; n++)
		bytes[n] = 1;
}

/* The core finds its own pointer destroyed when the next bytes come. */
AS_IT_IS static void
stray(struct frl_link *link)
{
	*(void *volatile *)(void *)(link + 1) = (void *)(uintptr_t)8;
}

static void
nap(uint64_t ms)
{
	struct timespec t = { (time_t)(ms / 1000),
		(long)(ms % 1000) * 1000000 };

	while (nanosleep(&t, &t) != 0)
		;
}

AS_IT_IS static void
write_beyond(void *state)
{
	volatile size_t n = sizeof(struct state);

	((volatile char *)state)[n] = 0;
}

static void *
crash_soon(void *arg)
{
	nap(50);
	write_null();
	return (arg);
}

static void
start_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, crash_soon, NULL) == 0)
		pthread_detach(thread);
}

static void
loop(void)
{
	while (zero == 0)
		;
}

static void
deadlock(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&mutex);
	pthread_mutex_lock(&mutex);
}

static void
burn(uint64_t ms)
{
	struct timespec t;
	uint64_t now, until = 0;

	do {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
		now = (uint64_t)t.tv_sec * 1000 +
		    (uint64_t)t.tv_nsec / 1000000;
		if (until == 0)
			until = now + ms;
	} while (now < until);
}

static void
do_it(const struct options *options, struct frl_link *link)
{
	switch ((enum how)options->how) {
	case NULL_WRITE:
		write_null();
		break;
	case OVERFLOW:
		zero = overflow(0) * 0;
		break;
	case DOUBLE_FREE:
		free_twice();
		break;
	case DIVIDE:
		divide();
		break;
	case ABORT:
		abort();
	case EXIT:
		exit(0);
	case ILLEGAL:
		__builtin_trap();
	case HEAP:
		run_over_heap();
		break;
	case STRAY:
		if (link != NULL)
			stray(link);
		break;
	case BEYOND:
		if (link != NULL)
			write_beyond(link->state);
		break;
	case THREAD:
		start_thread();
		break;
	case FORK:
		(void)!fork();
		break;
	case VERDICT:
		break;
	case LOOP:
		loop();
		break;
	case DEADLOCK:
		deadlock();
		break;
	case SLEEP:
		nap(options->ms);
		break;
	case BURN:
		burn(options->ms);
		break;
	}
}

static enum frl_verdict
fault_load(const struct frl_host *host, const void *opts,
    void **ret_instance)
{
	const struct options *options = opts;

	(void)host;
	*ret_instance = (void *)(uintptr_t)options;
	if (options->where == LOAD && options->flag != NULL &&
	    access(options->flag, F_OK) == 0)
		do_it(options, NULL);
	return (FRL_OK);
}

static enum frl_verdict
fault_open(struct frl_link *link, const struct frl_context *context)
{
	const struct options *options = link->instance;

	(void)context;
	if (options->where == OPEN)
		do_it(options, link);
	return (FRL_OK);
}

static enum frl_verdict
fault_data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	const struct options *options = link->instance;
	struct state *state = link->state;

	(void)seen;
	(void)frl_pass(link, flow, held.len);
	if (flow == FRL_FROM_CLIENT && held.len == 5 &&
	    memcmp(held.data, "\0boom", 5) == 0) {
		state->armed = true;
		if (options->where == DATA)
			do_it(options, link);
		if (options->how == VERDICT)
			return ((enum frl_verdict)77);
	}
	return (FRL_OK);
}

static void
fault_close(struct frl_link *link)
{
	const struct options *options = link->instance;
	const struct state *state = link->state;

	if (options->where == CLOSE && state->armed)
		do_it(options, link);
}

static enum frl_verdict
fault_ask(void *instance, struct frl_question *question)
{
	const struct options *options = instance;

	(void)question;
	if (options->where == HOOK)
		do_it(options, NULL);
	return (FRL_OK);
}

static const struct frl_hook hooks[] = {
	{ "tunnel.open", fault_ask },
	{ NULL, NULL }
};

FRL_PLUGIN = {
	FRL_ABI,
	.name = "fault",
	.version = "1",
	.summary = "ends its process",
	.licence = "MIT",
	.state_size = sizeof(struct state),
	.options_size = sizeof(struct options),
	.options = options_table,
	.hooks = hooks,
	.load = fault_load,
	.open = fault_open,
	.data = fault_data,
	.close = fault_close,
};
