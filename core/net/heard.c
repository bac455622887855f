/* SPDX-License-Identifier: MIT */
/*
 * heard -- see heard.h.
 */
#include "net/heard.h"

#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>

#define LEVEL 6			/* IPPROTO_TCP; its header has another, older
				 * struct tcp_info */

/* Of probes and retransmissions one may be under way just now. */
#define UNANSWERED 2

static void
lift(int fd, uint64_t ms, bool on)
{
	unsigned user = on ? 0 : ms > INT32_MAX ? INT32_MAX : (unsigned)ms;

	(void)setsockopt(fd, LEVEL, TCP_USER_TIMEOUT, &user, sizeof(user));
}

void
heard_leave(int fd, uint64_t ms)
{
	lift(fd, ms, false);
}

enum heard
heard_look(int fd, uint64_t ms, bool *lifted)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	bool waits;

	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, LEVEL, TCP_INFO, &info, &len) == -1)
		return (HEARD_ALL);	/* no TCP: the kernel knows */
	waits = info.tcpi_notsent_bytes != 0;
	if (waits != *lifted) {
		*lifted = waits;
		lift(fd, ms, waits);
	}
	if (info.tcpi_unacked == 0 && !waits)
		return (HEARD_ALL);
	if (info.tcpi_last_ack_recv >= ms &&
	    (info.tcpi_probes >= UNANSWERED ||
	    info.tcpi_retransmits >= UNANSWERED))
		return (HEARD_NOTHING);
	return (HEARD_WAITING);
}
