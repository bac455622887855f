/* SPDX-License-Identifier: MIT */
/*
 * fault -- of all that went wrong while dialling, what is told in the end.
 *
 * A dial may fail in many ways at once: one family has no address, one
 * address is forbidden, another refuses.  The more telling one counts; of two
 * that are alike, the first.
 */
#ifndef NET_FAULT_H
#define NET_FAULT_H

#include "base/why.h"
#include "net/addr.h"

/* From the least telling to the most. */
enum fault_rank { FAULT_NOTHING, FAULT_NO_ADDRESS, FAULT_DNS, FAULT_ALLOW,
	FAULT_ASK, FAULT_CONNECT };

/* Zeroed memory is no fault. */
struct fault {
	enum fault_rank rank;
	enum why why;
	char text[160];
};

/* Note a failure with a sentence of its own. */
void fault_note(struct fault *fault, enum fault_rank rank, enum why why,
    const char *text);

/* "resolve NAME: TEXT" */
void fault_dns(struct fault *fault, enum fault_rank rank, enum why why,
    const char *name, const char *text);

/* "ADDRESS: TEXT"; with FAULT_ALLOW "ADDRESS TEXT" */
void fault_addr(struct fault *fault, enum fault_rank rank, enum why why,
    const struct addr *addr, const char *text);

/* "connect to ADDRESS: ..." for what errno says. */
void fault_connect(struct fault *fault, const struct addr *addr, int error);

#endif
