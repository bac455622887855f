/* SPDX-License-Identifier: MIT */
/*
 * err -- one sentence for a person about what went wrong.
 *
 * A function that can fail in ways worth explaining takes a struct err and
 * returns -1.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

struct err {
	char text[1024];
};

/* Write the sentence (cut at the struct's size); always returns -1. */
int err_set(struct err *e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
