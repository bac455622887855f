/* SPDX-License-Identifier: MIT */
/*
 * fault -- of all that went wrong while dialling, what is told in the end.
 *
 * Knows no dial; the text is always a whole, terminated line.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/fault.h"

void
fault_note(struct fault *fault, enum fault_rank rank, enum why why,
    const char *text)
{

	if (rank <= fault->rank)
		return;
	fault->rank = rank;
	fault->why = why;
	(void)snprintf(fault->text, sizeof(fault->text), "%s", text);
}

void
fault_dns(struct fault *fault, enum fault_rank rank, enum why why,
    const char *name, const char *text)
{
	char line[sizeof(fault->text)];
	int room = (int)sizeof(line) - 12 - (int)strnlen(text, sizeof(line));

	/* The reason matters more than the end of a long name. */
	(void)snprintf(line, sizeof(line), "resolve %.*s: %s",
	    room < 8 ? 8 : room, name, text);
	fault_note(fault, rank, why, line);
}

void
fault_addr(struct fault *fault, enum fault_rank rank, enum why why,
    const struct addr *addr, const char *text)
{
	char line[sizeof(fault->text)], where[ADDR_PORT_TEXT_SIZE];

	addr_format_port(addr, where);
	(void)snprintf(line, sizeof(line), "%s%s%s %s",
	    rank == FAULT_CONNECT ? "connect to " : "", where,
	    rank == FAULT_ALLOW ? "" : ":", text);
	fault_note(fault, rank, why, line);
}

void
fault_connect(struct fault *fault, const struct addr *addr, int error)
{
	enum why why = WHY_CONNECT_FAILED;

	if (error == ETIMEDOUT)
		why = WHY_CONNECT_TIMEOUT;
	else if (error == EMFILE || error == ENFILE || error == ENOMEM ||
	    error == ENOBUFS)
		why = WHY_OUT_OF_RESOURCES;
	fault_addr(fault, FAULT_CONNECT, why, addr, strerror(error));
}
