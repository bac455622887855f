/* SPDX-License-Identifier: MIT */
/*
 * exec -- one command behind a proxy of its own, which lives as long as the
 * command does.
 */
#ifndef APP_EXEC_H
#define APP_EXEC_H

struct config;

/*
 * Open the doors of config (borrow), run command (borrow; argv, ends with
 * NULL) with proxy variables that lead to the first of them, and serve until
 * it has ended.  Returns its exit status; 128 + N when signal N killed it;
 * 127 there is no such command; 126 it cannot be executed; else what
 * server_run() says.
 */
int exec_run(struct config *config, char *const *command);

#endif
