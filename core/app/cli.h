/* SPDX-License-Identifier: MIT */
/*
 * cli -- the command line as a struct.
 */
#ifndef APP_CLI_H
#define APP_CLI_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* sysexits(3), by name. */
enum exit_code {
	EXIT_FINE = 0,
	EXIT_RUNTIME = 1,
	EXIT_BAD_USAGE = 64,
	EXIT_CANNOT_BIND = 69,
	EXIT_BAD_CONFIG = 78
};

enum cli_command {
	CLI_NONE,
	CLI_RUN,
	CLI_EXEC,
	CLI_CHECK,
	CLI_PLUGINS,		/* alone: only its help */
	CLI_PLUGINS_LIST,
	CLI_PLUGINS_INFO,
	CLI_EVENTS,
	CLI_TIMEOUTS,
	CLI_STATUS,		/* these ask a running proxy */
	CLI_STATS,
	CLI_METRICS,
	CLI_TUNNELS,
	CLI_CLOSE,
	CLI_RELOAD,
	CLI_DRAIN,
	CLI_TAIL,
	CLI_VERSION,
	CLI_HELP
};

#define CLI_ALLOW_MAX 16

/* Of `exec`. */
struct cli_exec {
	char *const *command;		/* ends with NULL */
	const char *log;		/* -o, or NULL */
	const char *allow[CLI_ALLOW_MAX];
	size_t allow_count;
	bool quiet;
	const char *via;		/* borrow; a parent proxy, or NULL */
};

/* Of those that ask a running proxy. */
struct cli_admin {
	const char *word;		/* the command's; NULL: another one */
	const char *socket;		/* --socket, or NULL */
	const char *event, *host, *tunnel;	/* of `tail`, or NULL */
	bool json;
};

struct cli {
	enum cli_command command;
	bool help;			/* print the command's help instead */
	const char *config;		/* -c; of `run` and `check` also
					 * FAIRLEAD_CONFIG; or NULL */
	bool foreground;		/* `run` in one process */
	const char *name;		/* of `plugins info`, `close` */
	struct cli_admin admin;
	struct cli_exec exec;
};

/*
 * Read a command line (borrow: strings point into it).  -1 and a sentence
 * when it makes no sense.
 */
int cli_parse(struct cli *cli, int argc, char **argv, struct err *err);

/* The help of a command, on stdout. */
/* On stderr: what is wrong with the words, and where help is. */
void cli_complain(enum cli_command command, const char *why);

void cli_help(enum cli_command command);

#endif
