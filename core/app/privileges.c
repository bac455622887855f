/* SPDX-License-Identifier: MIT */
#include "app/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MASK(capability) (UINT64_C(1) << (capability))

/*
 * What the supervisor does as root: bind low ports; read the configuration
 * and open logs wherever they are; start children as somebody else, without
 * a bounding set, and signal them.
 */
#define SUPERVISOR (MASK(CAP_NET_BIND_SERVICE) | MASK(CAP_DAC_OVERRIDE) | \
	MASK(CAP_SETUID) | MASK(CAP_SETGID) | MASK(CAP_SETPCAP) | \
	MASK(CAP_KILL))

/* Those that the kernel knows may be more than those of this header. */
#define CAPABILITIES_MAX 64

/* ------------------------------------------------------------------ */
/* Names								*/

/* -1: no number. */
static int64_t
number_of(const char *text)
{
	size_t n = strlen(text);

	/* The highest is (uid_t)-1, which is none. */
	return (n == 0 || n > 9 || n != strspn(text, "0123456789") ? -1 :
	    strtoll(text, NULL, 10));
}

static int
find_user(struct privileges *as, const char *user, bool has_group,
    struct err *err)
{
	int64_t number = number_of(user);
	const struct passwd *found;

	found = number < 0 ? getpwnam(user) : getpwuid((uid_t)number);
	if (found == NULL && number < 0)
		return (err_set(err, "there is no user '%s' on this host",
		    user));
	if (found == NULL && !has_group)
		return (err_set(err, "user %s has no group of its own: set "
		    "`group`, too", user));
	as->uid = found != NULL ? found->pw_uid : (uint32_t)number;
	as->gid = found != NULL ? found->pw_gid : 0;
	return (0);
}

int
privileges_find(struct privileges *as, const char *user, const char *group,
    struct err *err)
{
	const struct group *found;
	int64_t number;

	memset(as, 0, sizeof(*as));
	if (strlen(user) >= sizeof(as->name))
		return (err_set(err, "'%s' is too long for a name", user));
	if (find_user(as, user, group != NULL, err) != 0)
		return (-1);
	if (group != NULL) {
		number = number_of(group);
		found = number < 0 ? getgrnam(group) : NULL;
		if (found == NULL && number < 0)
			return (err_set(err, "there is no group '%s' on this "
			    "host", group));
		as->gid = found != NULL ? found->gr_gid : (uint32_t)number;
	}
	(void)snprintf(as->name, sizeof(as->name), "%s", user);
	as->change = true;
	return (0);
}

bool
privileges_equal(const struct privileges *a, const struct privileges *b)
{
	return (a->change == b->change && a->uid == b->uid &&
	    a->gid == b->gid);
}

/* ------------------------------------------------------------------ */
/* Capabilities								*/

struct capabilities {
	uint64_t effective, permitted, inheritable;
};

/* libcap would be a library for two system calls. */
static int
capabilities_get(struct capabilities *c)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &header, d) != 0)
		return (-1);
	c->effective = d[0].effective | (uint64_t)d[1].effective << 32;
	c->permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	c->inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	return (0);
}

/* Effective and permitted: those of `keep` that we have.  Nothing is asked for
 * where nothing changes: who locks us in (systemd) may refuse the call. */
static int
capabilities_keep(uint64_t keep)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
	struct capabilities now;

	if (capabilities_get(&now) != 0)
		return (-1);
	keep &= now.permitted;
	if (now.permitted == keep && now.effective == keep &&
	    now.inheritable == 0)
		return (0);
	d[0].permitted = d[0].effective = (uint32_t)keep;
	d[1].permitted = d[1].effective = (uint32_t)(keep >> 32);
	return (syscall(SYS_capset, &header, d) == 0 ? 0 : -1);
}

/* EPERM: who may not narrow the set gains nothing from it either, for
 * no_new_privs comes next. */
static int
bounding_keep(uint64_t keep)
{
	unsigned i;

	for (i = 0; i < CAPABILITIES_MAX; i++)
		if ((keep & MASK(i)) == 0 &&
		    prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1 &&
		    prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0 &&
		    errno != EPERM)
			return (-1);
	return (0);
}

/* -1: a kernel without them (before 4.3) has none. */
static int
ambient_clear(void)
{
	return (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) !=
	    0 && errno != EINVAL ? -1 : 0);
}

int
privileges_reduce(struct err *err)
{
	/* The bounding set first: it takes CAP_SETPCAP. */
	if ((geteuid() == 0 && (bounding_keep(SUPERVISOR) != 0 ||
	    capabilities_keep(SUPERVISOR) != 0)) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return (err_set(err, "cannot give up capabilities: %s",
		    strerror(errno)));
	return (0);
}

/* ------------------------------------------------------------------ */
/* Dropping								*/

static int
become(const struct privileges *as, struct err *err)
{
	if (getuid() == as->uid && geteuid() == as->uid &&
	    getgid() == as->gid && getegid() == as->gid && as->uid != 0)
		return (0);		/* started as that user */
	if (geteuid() != 0)
		return (err_set(err, "security.user is %s, but only root can "
		    "become somebody else: start as root, or as that user "
		    "and group (now %u:%u)", as->name, (unsigned)geteuid(),
		    (unsigned)getegid()));
	/* Groups while we may; the user last. */
	if (setgroups(0, NULL) != 0 || getgroups(0, NULL) != 0 ||
	    setresgid(as->gid, as->gid, as->gid) != 0 ||
	    setresuid(as->uid, as->uid, as->uid) != 0)
		return (err_set(err, "cannot become user %s: %s (it takes "
		    "CAP_SETUID and CAP_SETGID)", as->name,
		    strerror(errno)));
	return (0);
}

int
privileges_drop(const struct privileges *as, struct err *err)
{
	if (bounding_keep(0) != 0)
		return (err_set(err, "cannot empty the bounding set: %s",
		    strerror(errno)));
	if (as->change && become(as, err) != 0)
		return (-1);
	if (ambient_clear() != 0 || capabilities_keep(0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return (err_set(err, "cannot give up privileges: %s",
		    strerror(errno)));
	return (privileges_verify(as, err));
}

static bool
is_user(const struct privileges *as)
{
	uid_t uid[3];
	gid_t gid[3];
	size_t i;

	if (getresuid(&uid[0], &uid[1], &uid[2]) != 0 ||
	    getresgid(&gid[0], &gid[1], &gid[2]) != 0)
		return (false);
	for (i = 0; i < 3; i++)
		if (uid[i] != as->uid || gid[i] != as->gid)
			return (false);
	return (true);
}

int
privileges_verify(const struct privileges *as, struct err *err)
{
	struct capabilities now;

	if (as->change && !is_user(as))
		return (err_set(err, "this process is not user %s (%u:%u): it "
		    "will not serve", as->name, as->uid, as->gid));
	if (capabilities_get(&now) != 0 ||
	    (now.effective | now.permitted | now.inheritable) != 0)
		return (err_set(err, "this process still has capabilities: "
		    "it will not serve"));
	/* Nobody gets root back, were there a way to ask. */
	if (as->change && as->uid != 0 && setresuid(0, 0, 0) == 0)
		return (err_set(err, "this process can become root again: it "
		    "will not serve"));
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 ||
	    prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return (err_set(err, "this process may gain privileges or be "
		    "traced: it will not serve"));
	return (0);
}
