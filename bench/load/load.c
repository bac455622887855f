/* SPDX-License-Identifier: MIT */
/*
 * load -- the benchmark's clients and their origin, in one process and one
 * thread, so that they need one core however many they are.
 *
 *	load --work NAME --to PORT --origin PORT [option ...]
 *
 * Prints one JSON object.  If anything was not as it should be, it says what,
 * prints no figure and exits 1.
 */
#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

uint64_t
load_random(struct load *load)
{
	/* xorshift64: quick, and the same in every run. */
	load->random ^= load->random << 13;
	load->random ^= load->random >> 7;
	load->random ^= load->random << 17;
	return (load->random);
}

enum letter {
	WORK = 'w', TO = 't', ORIGIN = 'o', CONNECT = 'c', TUNNELS = 'n',
	PAYLOAD = 'b', WARM = 'a', SECONDS = 's', ECHO_MS = 'e',
	TRICKLE = 'k', BUFFER = 'r', PID = 'p'
};

static const struct option long_options[] = {
	{ "work", required_argument, NULL, WORK },
	{ "to", required_argument, NULL, TO },
	{ "origin", required_argument, NULL, ORIGIN },
	{ "connect", no_argument, NULL, CONNECT },
	{ "tunnels", required_argument, NULL, TUNNELS },
	{ "payload", required_argument, NULL, PAYLOAD },
	{ "warm", required_argument, NULL, WARM },
	{ "seconds", required_argument, NULL, SECONDS },
	{ "echo-ms", required_argument, NULL, ECHO_MS },
	{ "trickle", required_argument, NULL, TRICKLE },
	{ "buffer", required_argument, NULL, BUFFER },
	{ "pid", required_argument, NULL, PID },
	{ NULL, 0, NULL, 0 }
};

static _Noreturn void
usage(void)
{
	fputs("Usage: load --work NAME --to PORT --origin PORT [option ...]\n"
	      "  --connect     by CONNECT; otherwise --to leads to the origin\n"
	      "  --tunnels N   at a time; 16\n"
	      "  --payload N   bytes of a message, frame or body; 125\n"
	      "  --warm S      seconds before the measured ones; 0.3\n"
	      "  --seconds S   measured; 1\n"
	      "  --echo-ms N   between echoes of a busy tunnel; 50\n"
	      "  --trickle N   bytes a second of every other slow reader; 0\n"
	      "  --buffer N    bytes a client's socket takes; 0: no bound\n"
	      "  --pid PID     a process to measure; may be repeated\n"
	      "works:",
	    stderr);
	work_list();
	exit(64);
}

/* A number within bounds, or the usage. */
static size_t
number(const char *text, size_t min, size_t max)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' ||
	    n < min || n > max)
		usage();
	return (n);
}

static double
seconds(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end != '\0' || !(s >= 0 && s <= 86400))
		usage();
	return (s);
}

static void
option(struct load *load, int letter, const char *text)
{
	struct options *o = &load->options;

	switch (letter) {
	case WORK:
		load->work = work_find(text);
		break;
	case TO:
		o->to = (uint16_t)number(text, 1, UINT16_MAX);
		break;
	case ORIGIN:
		o->origin = (uint16_t)number(text, 1, UINT16_MAX);
		break;
	case CONNECT:
		o->connect = true;
		break;
	case TUNNELS:
		o->tunnels = number(text, 1, 100000);
		break;
	case PAYLOAD:
		o->payload = number(text, 4, 65536);
		break;
	case WARM:
		o->warm = seconds(text);
		break;
	case SECONDS:
		o->seconds = seconds(text);
		break;
	case ECHO_MS:
		o->echo_ms = seconds(text);
		break;
	case TRICKLE:
		o->trickle = number(text, 0, 65536);
		break;
	case BUFFER:
		o->buffer = (int)number(text, 0, 1 << 24);
		break;
	case PID:
		if (o->pids_len == PIDS_MAX)
			usage();
		o->pids[o->pids_len++] = (pid_t)number(text, 1, INT32_MAX);
		break;
	default:
		usage();
	}
}

int
main(int argc, char **argv)
{
	struct load load = {
		.options = { .tunnels = 16, .payload = 125, .warm = 0.3,
		    .seconds = 1, .echo_ms = 50 },
		.random = UINT64_C(0x9e3779b97f4a7c15),
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		option(&load, letter, optarg);
	if (optind != argc || load.work == NULL || load.options.to == 0 ||
	    load.options.origin == 0)
		usage();
	if (load.options.payload > load.work->payload_max)
		fail("%s: a payload of %zu bytes at most", load.work->name,
		    (size_t)load.work->payload_max);
	signal(SIGPIPE, SIG_IGN);
	/* Timers in microseconds, for the probe. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.buffer = malloc(READ_SIZE);
	load.tunnels = calloc(load.options.tunnels, sizeof(*load.tunnels));
	if (load.epoll == -1 || load.buffer == NULL || load.tunnels == NULL)
		fail("cannot begin: %s", strerror(errno));
	origin_listen(&load);
	load.work->run(&load);
	return (0);
}
