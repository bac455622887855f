/* SPDX-License-Identifier: MIT */
/*
 * descriptors -- see descriptors.h.
 */
#include "app/descriptors.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/* A tunnel has its client's and its server's. */
#define PER_TUNNEL 2

/* Clients that are only told "no", second attempts to connect, pipes, logs,
 * listeners, name servers. */
#define RESERVE 512

void
descriptors_raise(uint64_t tunnels)
{
	struct rlimit limit;
	uint64_t need = tunnels * PER_TUNNEL + RESERVE;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		log_say(FRL_WARNING, "cannot learn how many files may be "
		    "open: %s", strerror(errno));
		return;
	}
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			(void)getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (tunnels == 0 || limit.rlim_cur >= need)
		return;
	log_say(FRL_WARNING, "limits.tunnels: %llu need %llu open files, but "
	    "only %llu are allowed: raise the hard limit (`ulimit -Hn`, "
	    "LimitNOFILE= of systemd) or set limits.tunnels to %llu",
	    (unsigned long long)tunnels, (unsigned long long)need,
	    (unsigned long long)limit.rlim_cur, limit.rlim_cur > RESERVE ?
	    (unsigned long long)(limit.rlim_cur - RESERVE) / PER_TUNNEL : 1);
}
