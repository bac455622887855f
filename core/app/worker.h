/* SPDX-License-Identifier: MIT */
/*
 * worker -- a server that is one of several, led by a supervisor.
 */
#ifndef APP_WORKER_H
#define APP_WORKER_H

struct census;
struct config;

/*
 * Say hello, take the listening sockets that come over the channel (take),
 * serve until told to drain, or until the supervisor is gone.  config, census:
 * borrow.  The exit code.
 */
int worker_run(struct config *config, const struct census *census,
    int channel);

#endif
