/* SPDX-License-Identifier: MIT */
/*
 * id -- how a tunnel is called, in a line for programs and in one for people.
 *
 *	7f3a9c02-00000a4e	2-a4e
 *	|     |  +- counts the tunnels of a worker
 *	|     +---- counts the workers of a proxy; 0: there is but one
 *	+---------- drawn when the proxy was started
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdint.h>

#define ID_SIZE 18
#define ID_SHORT_SIZE 12

void id_format(char text[ID_SIZE], uint32_t prefix, uint32_t number);

/* The last worker byte and the number, without zeros in front.  What is no
 * id of ours gives its end. */
void id_shorten(const char *id, char ret[ID_SHORT_SIZE]);

#endif
