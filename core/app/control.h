/* SPDX-License-Identifier: MIT */
/*
 * control -- asks a running proxy over its admin socket, for `fairlead status`
 * and the like, and prints what it answers: JSON as it came, or for people.
 */
#ifndef APP_CONTROL_H
#define APP_CONTROL_H

#include "app/cli.h"

#define CONTROL_SOCKET "/run/fairlead/admin.sock"

/* The program's exit code: 0, 1 it said no, 69 nobody is there. */
int control_run(const struct cli *cli);

#endif
