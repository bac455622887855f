/* SPDX-License-Identifier: MIT */
/*
 * server -- the running proxy: everything wired together, one process in the
 * foreground.
 */
#ifndef APP_SERVER_H
#define APP_SERVER_H

struct config;

/*
 * Bind, load the plugins, say that we listen, serve until SIGTERM or SIGINT,
 * drain.  config: borrow; the caller frees it afterwards.  Returns the
 * program's exit code: 0, 1 runtime, 69 cannot bind, 78 a plugin refused to
 * load.  What went wrong has been said on stderr.
 */
int server_run(struct config *config);

#endif
