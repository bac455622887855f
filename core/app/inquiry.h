/* SPDX-License-Identifier: MIT */
/*
 * inquiry -- what the admin process asks a worker, and is answered.
 *
 *	admin                                   worker
 *	  |-- LIST serial ----------------------->|
 *	  |<- ROW serial, a line of JSON ..       |   a few per turn of its loop
 *	  |<- LISTED serial ----------------------|
 *	  |-- CLOSE serial, id ------------------>|
 *	  |<- CLOSED serial, found ---------------|
 *
 *	  |-- TAP, a spool (base/spool.h) ------->|   and until UNTAP:
 *	  |<- LINES ------------------------------|   there are some in it
 *	  |-- TOOK ------------------------------>|   there is room again
 *
 * A worker answers one inquiry at a time; one that comes earlier replaces it.
 */
#ifndef APP_INQUIRY_H
#define APP_INQUIRY_H

#include <stddef.h>
#include <stdint.h>

#define INQUIRY_TEXT_SIZE 8192

enum inquiry_kind { INQUIRY_LIST, INQUIRY_ROW, INQUIRY_LISTED, INQUIRY_CLOSE,
	INQUIRY_CLOSED, INQUIRY_TAP, INQUIRY_UNTAP, INQUIRY_LINES,
	INQUIRY_TOOK };

struct inquiry {
	uint32_t kind, serial, found;
	uint32_t len;			/* of text */
	char text[INQUIRY_TEXT_SIZE];
};

/* What of it is sent. */
#define INQUIRY_SIZE(len) (offsetof(struct inquiry, text) + (len))

#endif
