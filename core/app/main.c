/* SPDX-License-Identifier: MIT */
/*
 * main -- from a command line to a command.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/commands.h"
#include "app/control.h"
#include "base/log.h"

static int
run_command(const struct cli *cli)
{
	switch (cli->command) {
	case CLI_RUN:
		return (command_run(cli->config, cli->foreground));
	case CLI_EXEC:
		return (command_exec(cli));
	case CLI_CHECK:
		return (command_check(cli->config));
	case CLI_PLUGINS_LIST:
		return (command_plugins_list());
	case CLI_PLUGINS_INFO:
		return (command_plugins_info(cli->name));
	case CLI_EVENTS:
		return (command_events());
	case CLI_TIMEOUTS:
		return (command_timeouts());
	case CLI_STATUS:
	case CLI_STATS:
	case CLI_METRICS:
	case CLI_TUNNELS:
	case CLI_CLOSE:
	case CLI_RELOAD:
	case CLI_DRAIN:
	case CLI_TAIL:
		return (control_run(cli));
	case CLI_VERSION:
		return (command_version());
	case CLI_NONE:
	case CLI_PLUGINS:
	case CLI_HELP:
		break;
	}
	return (EXIT_BAD_USAGE);
}

/*
 * Who closed one of the first three must not find a plugin or a socket there.
 * What is opened in their place fails as they did: nothing can be read from 0
 * or written to 1 and 2.
 */
static int
fill_standard(void)
{
	int fd;

	for (fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null",
		    fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return (-1);
	}
	return (0);
}

static void
check_environment(void)
{
	const char *level = getenv("FAIRLEAD_LOG_LEVEL");

	if (level != NULL && level[0] != '\0' && log_level(level) < 0)
		log_say(FRL_WARNING, "FAIRLEAD_LOG_LEVEL is '%s': error, "
		    "warning, notice or debug is expected", level);
}

int
main(int argc, char **argv)
{
	struct cli cli;
	struct err err;
	int code;

	if (fill_standard() < 0)
		return (EXIT_RUNTIME);
	if (cli_parse(&cli, argc, argv, &err) < 0) {
		cli_complain(cli.command, err.text);
		return (EXIT_BAD_USAGE);
	}
	check_environment();
	if (cli.help) {
		cli_help(cli.command);
		code = EXIT_FINE;
	} else
		code = run_command(&cli);
	/* A full disk or a closed pipe loses data: say so. */
	if (fflush(stdout) != 0 && code == EXIT_FINE)
		code = EXIT_RUNTIME;
	return (code);
}
