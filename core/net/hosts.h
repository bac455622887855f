/* SPDX-License-Identifier: MIT */
/*
 * hosts -- a file of names and addresses, such as /etc/hosts.
 *
 * It is read when it changed, not at every question: a long one (a list of
 * names to be blocked) would cost each lookup milliseconds.  Without the
 * file, or the memory for it, it names nobody.
 */
#ifndef NET_HOSTS_H
#define NET_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "net/addr.h"

struct hosts;

/* path: copy.  NULL without memory. */
struct hosts *hosts_create(const char *path);
void hosts_free(struct hosts *hosts);

/*
 * A name's addresses of one family (AF_INET, AF_INET6), in the file's order,
 * at most max; ports are 0.  False: the file does not have the name.  One it
 * has in the other family alone has no address in this one: who writes a name
 * there means all of it.
 */
bool hosts_find(struct hosts *hosts, const char *name, int family,
    struct addr *addrs, size_t max, size_t *ret_count);

#endif
