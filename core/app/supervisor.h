/* SPDX-License-Identifier: MIT */
/*
 * supervisor -- the process that owns the listening sockets and starts the
 * others: it hears signals and who asks (desk.h), and tells a service manager
 * how it goes.  It parses nothing that a peer sent, and loads no plugin; which
 * generation serves when is the succession's business.
 *
 *	SIGHUP		read the configuration anew; if it is good, a new
 *			generation of workers serves by it, and the old one
 *			lives until its tunnels end
 *	SIGUSR1		open the logs anew
 *	SIGTERM		accept nobody, drain, leave; twice: last words at once;
 *			a third time: cut
 *	SIGINT		as a second SIGTERM
 */
#ifndef APP_SUPERVISOR_H
#define APP_SUPERVISOR_H

/* Serve by the configuration at path (borrow).  The program's exit code. */
int supervisor_run(const char *path);

#endif
