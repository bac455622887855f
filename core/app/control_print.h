/* SPDX-License-Identifier: MIT */
/*
 * control_print -- lines of an answer for people: a table row by row, or names
 * and numbers.
 *
 * It knows what the lines of admin_answer.c say; what it does not know it
 * prints as key=value.
 */
#ifndef APP_CONTROL_PRINT_H
#define APP_CONTROL_PRINT_H

#include "app/cli.h"

#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory: nothing was printed yet. */
struct print {
	const void *table;		/* whose head was printed last */
	size_t rows;
};

void print_line(struct print *print, const char *line, size_t len);

/* What a command without an answer has done. */
void print_done(enum cli_command command);

#endif
