/* SPDX-License-Identifier: MIT */
#include "app/guard.h"

#include "app/landlock.h"
#include "net/filter.h"

#include <errno.h>
#include <string.h>

/* -1 where nobody may go on without it. */
static int
do_without(enum guard_wish wish, const char *guard, const char *why,
    void (*missing)(void *, const char *, const char *), void *arg,
    struct err *err)
{
	if (wish == GUARD_REQUIRED)
		return (err_set(err, "security.%s is required, but is not to "
		    "be had here: %s", guard, why));
	missing(arg, guard, why);
	return (0);
}

static int
enter_landlock(const struct guard_options *o,
    void (*missing)(void *, const char *, const char *), void *arg,
    struct err *err)
{
	int abi = landlock_abi();

	if (abi > 0)
		return (landlock_enter(abi, &o->read, err));
	return (do_without(o->landlock, "landlock", errno == EOPNOTSUPP ?
	    "this kernel has it, but it was not switched on at boot (lsm=)" :
	    strerror(errno), missing, arg, err));
}

int
guard_enter(const struct guard_options *o,
    void (*missing)(void *, const char *, const char *), void *arg,
    struct err *err)
{
	struct err why;

	if (privileges_verify(&o->as, err) != 0)
		return (-1);
	if (o->landlock != GUARD_OFF &&
	    enter_landlock(o, missing, arg, err) != 0)
		return (-1);
	if (o->seccomp != GUARD_OFF &&
	    filter_enter(&o->system_calls, &why) != 0)
		return (do_without(o->seccomp, "seccomp", why.text, missing,
		    arg, err));
	return (0);
}
