/* SPDX-License-Identifier: MIT */
/*
 * err -- one sentence for a person about what went wrong.
 *
 * It always ends in a NUL and is cut where it does not fit.  Whoever shows it
 * cleans it: a sentence may quote what a peer sent.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

int
err_set(struct err *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vsnprintf(e->text, sizeof(e->text), format, args) < 0)
		e->text[0] = '\0';
	va_end(args);
	return (-1);
}
