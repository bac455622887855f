/* SPDX-License-Identifier: MIT */
/*
 * commands -- what each command of the command line does.  They return the
 * exit code; data goes to stdout, diagnostics to stderr.
 */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

#include "app/cli.h"

/* Serve by a configuration; foreground: in this process alone. */
int command_run(const char *path, bool foreground);

/* Serve one command: its exit status. */
int command_exec(const struct cli *cli);

/* Check a configuration, with everything that `run` would do before it
 * binds. */
int command_check(const char *path);

/* Name, version and purpose of all plugins found. */
int command_plugins_list(void);

/* All that a plugin says of itself; name: or an absolute path. */
int command_plugins_info(const char *name);

/* The reference of all events. */
int command_events(void);

/* The table of all deadlines, the core's and the plugins'. */
int command_timeouts(void);

int command_version(void);

#endif
