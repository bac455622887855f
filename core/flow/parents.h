/* SPDX-License-Identifier: MIT */
/*
 * parents -- which targets are reached by another proxy, and by which.
 *
 * A list in the order of the configuration; the first entry that a target
 * fits decides.  It judges targets as they are named and resolves nothing;
 * nor does it ever show a password: `name` is all that may be printed.
 */
#ifndef FLOW_PARENTS_H
#define FLOW_PARENTS_H

#include "base/err.h"
#include "base/target.h"
#include "net/addr.h"

#include <fairlead/http.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARENTS_TOKEN_SIZE 26	/* "fairlead-", 16 hex digits, NUL */

enum parents_kind { PARENTS_ANY, PARENTS_NAME, PARENTS_SUFFIX,
	PARENTS_RANGE };

/* "*", "host", "*.suffix", "10.0.0.0/8", each maybe with ":port". */
struct parents_pattern {
	enum parents_kind kind;
	char name[TARGET_HOST_MAX + 2];	/* of a suffix with its '.' */
	struct addr_range range;
	uint16_t port;			/* 0: any */
};

struct parent {
	bool direct;			/* no parent at all */
	struct target target;
	char name[TARGET_TEXT_SIZE];	/* "proxy.example:3128" */
	char *authorization;		/* "Basic ..."; NULL: none */
	struct frl_parent hop;		/* the same, for inspectors */
	bool resolves;			/* names are its business */
	struct parents_pattern *wanted, *excepted;
	size_t wanted_count, excepted_count;
};

struct parents {
	struct parent *list;
	size_t count;
	char token[PARENTS_TOKEN_SIZE];	/* this proxy's name in Via */
};

/*
 * "http://[user[:password]@]host:port" or "direct".  0, or -1 and a sentence
 * without what was written.
 */
int parents_read_url(struct parent *parent, const char *text,
    struct err *err);

/* Its user and password (RFC 7617); as above. */
int parents_set_user(struct parent *parent, const char *user,
    const char *password, struct err *err);

/* 0, or -1: it is no pattern. */
int parents_read_pattern(struct parents_pattern *pattern, const char *text);

/* The parent of a target; NULL: none, the server itself is dialled. */
const struct parent *parents_find(const struct parents *parents,
    const struct target *target);

/* The list is whole: draw the token, before anything is forked that shares
 * it.  It stays where it is now.  0 or -1. */
int parents_finish(struct parents *parents);

/* Has a request with this head been sent to a parent from here before? */
bool parents_sent(const struct parents *parents,
    const struct frl_http_head *head);

/* Free what is in it. */
void parents_clear(struct parents *parents);

#endif
