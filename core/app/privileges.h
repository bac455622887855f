/* SPDX-License-Identifier: MIT */
/*
 * privileges -- who a process is, and what the kernel lets it do beyond that.
 *
 *	reduce	the supervisor: only what it takes to start the others
 *	drop	whoever meets bytes of peers or code of plugins: nothing
 *
 * What always holds: a drop was read back before it is said to have worked,
 * and there is no way up again (no_new_privs, empty bounding set).  It knows
 * nothing of configurations.
 */
#ifndef APP_PRIVILEGES_H
#define APP_PRIVILEGES_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define PRIVILEGES_NAME_SIZE 64

/* Who to become. */
struct privileges {
	bool change;			/* else: stay who we are */
	uint32_t uid, gid;
	char name[PRIVILEGES_NAME_SIZE];	/* as configured */
};

/* A user, and a group or NULL for the user's own; names or numbers.  -1 and a
 * sentence. */
int privileges_find(struct privileges *as, const char *user,
    const char *group, struct err *err);

bool privileges_equal(const struct privileges *a, const struct privileges *b);

/*
 * Keep what it takes to open ports, files and logs for others, and to become
 * somebody else in a child; for good.  Who is not root loses nothing but the
 * way to become it.  -1 and a sentence.
 */
int privileges_reduce(struct err *err);

/*
 * Become that user, without any other group, and give up every capability
 * for good; nobody may trace us or read our memory.  Read it all back.  -1
 * and a sentence: the process must not go on.
 */
int privileges_drop(const struct privileges *as, struct err *err);

/* Is it all as privileges_drop() leaves it? */
int privileges_verify(const struct privileges *as, struct err *err);

#endif
