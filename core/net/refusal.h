/* SPDX-License-Identifier: MIT */
/*
 * refusal -- what a status of c-ares that is no success means, for programs
 * and for people.
 */
#ifndef NET_REFUSAL_H
#define NET_REFUSAL_H

#include "base/why.h"

/* Beside c-ares' own. */
#define REPLY_TOO_LONG 1000

enum why refusal_why(int status);
const char *refusal_text(int status);

#endif
