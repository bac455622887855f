/* SPDX-License-Identifier: MIT */
/*
 * refusal -- see refusal.h.
 */
#include <ares.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/refusal.h"

/* c-ares does not say why it could open no socket: try. */
static bool
no_descriptor(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return (true);
	close(fd);
	return (false);
}

enum why
refusal_why(int status)
{

	if (status == ARES_ECONNREFUSED && no_descriptor())
		return (WHY_OUT_OF_RESOURCES);
	return (status == ARES_ETIMEOUT ? WHY_DNS_TIMEOUT : WHY_DNS_FAILED);
}

const char *
refusal_text(int status)
{

	switch (status) {
	case ARES_ENOTFOUND:
		return ("there is no such name");
	case ARES_ENODATA:
		return ("the name has no address");
	case ARES_ECONNREFUSED:
		/* Also for "server failure" and "refused" of all of them. */
		return (no_descriptor() ?
		    "no descriptor is left for the name server's socket" :
		    "the name servers failed, refused or were not there");
	case ARES_ETIMEOUT:
		return ("the name servers did not answer in time");
	case ARES_EBADNAME:
	case ARES_EBADRESP:
		return ("the name server's answer is malformed");
	case ARES_EFORMERR:
	case ARES_ENOTIMP:
		return ("the name server did not understand the question");
	case REPLY_TOO_LONG:
		return ("the name server's answer is too long");
	default:
		return (ares_strerror(status));
	}
}
