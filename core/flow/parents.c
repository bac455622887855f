/* SPDX-License-Identifier: MIT */
/* parents -- see parents.h. */
#include "flow/parents.h"

#include "base/via.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define USER_MAX 1024		/* bytes of user and password together */

/* ------------------------------------------------------------------ */
/* Where it is, and who we are there					*/

/* RFC 4648, 4.  out: 4 bytes for each 3 begun, and a NUL. */
static void
put_base64(char *out, const char *text, size_t len)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i, left;
	uint32_t n;

	for (i = 0; i < len; i += 3, out += 4) {
		left = len - i;
		n = (uint32_t)(uint8_t)text[i] << 16;
		if (left > 1)
			n |= (uint32_t)(uint8_t)text[i + 1] << 8;
		if (left > 2)
			n |= (uint8_t)text[i + 2];
		out[0] = letters[n >> 18];
		out[1] = letters[n >> 12 & 63];
		out[2] = left > 1 ? letters[n >> 6 & 63] : '=';
		out[3] = left > 2 ? letters[n & 63] : '=';
	}
	*out = '\0';
}

/* RFC 7617, 2: neither has control characters, and no user a ':'. */
static const char *
user_fault(const char *user, const char *password)
{
	const char *p;

	if (user[0] == '\0')
		return ("the user is empty");
	if (strchr(user, ':') != NULL)
		return ("the user has a ':', which no user can have");
	if (strlen(user) + strlen(password) > USER_MAX)
		return ("user and password are too long");
	for (p = user; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return ("the user has a control character");
	for (p = password; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return ("the password has a control character");
	return (NULL);
}

int
parents_set_user(struct parent *parent, const char *user,
    const char *password, struct err *err)
{
	static const char scheme[] = "Basic ";
	const char *fault = user_fault(user, password);
	char both[USER_MAX + 2];
	int n;

	if (fault != NULL)
		return (err_set(err, "%s", fault));
	n = snprintf(both, sizeof(both), "%s:%s", user, password);
	free(parent->authorization);
	parent->authorization = malloc(sizeof(scheme) +
	    ((size_t)n + 2) / 3 * 4);
	if (parent->authorization != NULL) {
		memcpy(parent->authorization, scheme, sizeof(scheme) - 1);
		put_base64(parent->authorization + sizeof(scheme) - 1, both,
		    (size_t)n);
	}
	explicit_bzero(both, sizeof(both));
	return (parent->authorization != NULL ? 0 :
	    err_set(err, "out of memory"));
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	c = (char)(c | 0x20);
	return (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1);
}

/* RFC 3986, 2.1, in place.  0, or -1: a '%' without two digits, or %00. */
static int
decode(char *text)
{
	char *out = text;

	for (; *text != '\0'; text++) {
		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		if (hex_value(text[1]) < 0 || hex_value(text[2]) < 0 ||
		    (text[1] == '0' && text[2] == '0'))
			return (-1);
		*out++ = (char)(hex_value(text[1]) << 4 |
		    hex_value(text[2]));
		text += 2;
	}
	*out = '\0';
	return (0);
}

/* "user[:password]", len bytes, percent-encoded. */
static int
read_userinfo(struct parent *parent, const char *text, size_t len,
    struct err *err)
{
	char user[3 * USER_MAX], *password;
	int result;

	if (len >= sizeof(user))
		return (err_set(err, "user and password are too long"));
	memcpy(user, text, len);
	user[len] = '\0';
	password = user + strcspn(user, ":");
	if (*password != '\0')
		*password++ = '\0';
	if (decode(user) != 0 || decode(password) != 0)
		result = err_set(err, "a '%%' in the user or password is "
		    "written %%25");
	else
		result = parents_set_user(parent, user, password, err);
	explicit_bzero(user, sizeof(user));
	return (result);
}

int
parents_read_url(struct parent *parent, const char *text, struct err *err)
{
	const char *host, *at, *why = NULL;
	size_t len;

	if (strcmp(text, "direct") == 0) {
		parent->direct = true;
		return (0);
	}
	if (strncasecmp(text, "https://", 8) == 0)
		return (err_set(err, "TLS to a parent is not supported: name "
		    "it as http://host:port (what https:// clients send "
		    "through it stays encrypted)"));
	if (strncasecmp(text, "socks", 5) == 0)
		return (err_set(err, "a parent speaks HTTP, not SOCKS"));
	if (strncasecmp(text, "http://", 7) != 0)
		return (err_set(err, "a parent is written http://host:port, "
		    "or `direct`"));
	host = text + 7;
	len = strlen(host);
	if (len > 0 && host[len - 1] == '/')
		len--;
	at = memrchr(host, '@', len);
	if (at != NULL) {
		if (read_userinfo(parent, host, (size_t)(at - host), err) != 0)
			return (-1);
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	if (target_parse(&parent->target, host, len, &why) != 0)
		return (err_set(err, "%s: a parent is written "
		    "http://host:port", why));
	target_format(&parent->target, parent->name, sizeof(parent->name));
	return (0);
}

/* ------------------------------------------------------------------ */
/* For whom								*/

/* Cut ":port" off the end where there is one.  0 or -1. */
static int
cut_port(char *text, uint16_t *ret_port)
{
	char *end = text[0] == '[' ? strchr(text, ']') : text;
	char *colon = end == NULL ? NULL : strchr(end, ':');
	struct target t;
	const char *why;
	char whole[16];

	*ret_port = 0;
	if (text[0] == '[' && end == NULL)
		return (-1);
	/* "fd00::/8" without brackets has no port. */
	if (colon == NULL || (text[0] != '[' && strchr(colon + 1, ':')))
		return (0);
	if (strlen(colon) > 6)
		return (-1);
	(void)snprintf(whole, sizeof(whole), "x%s", colon);
	if (target_parse(&t, whole, strlen(whole), &why) != 0)
		return (-1);
	*ret_port = t.port;
	*colon = '\0';
	return (0);
}

/* The one form that targets have. */
static int
read_name(struct parents_pattern *pattern, const char *text)
{
	char whole[TARGET_TEXT_SIZE + 8];
	struct target t;
	const char *why;
	int n;

	pattern->kind = PARENTS_NAME;
	if (text[0] == '*' && text[1] == '.') {
		pattern->kind = PARENTS_SUFFIX;
		text += 2;
	}
	n = snprintf(whole, sizeof(whole), "%s:1", text);
	if (n >= (int)sizeof(whole) ||
	    target_parse(&t, whole, (size_t)n, &why) != 0 ||
	    t.kind != TARGET_NAME)
		return (-1);
	(void)snprintf(pattern->name, sizeof(pattern->name), "%s%s",
	    pattern->kind == PARENTS_SUFFIX ? "." : "", t.host);
	return (0);
}

int
parents_read_pattern(struct parents_pattern *pattern, const char *text)
{
	char copy[TARGET_TEXT_SIZE + 16], *begin = copy;
	size_t len = strlen(text);

	memset(pattern, 0, sizeof(*pattern));
	if (len == 0 || len >= sizeof(copy))
		return (-1);
	memcpy(copy, text, len + 1);
	if (cut_port(copy, &pattern->port) != 0)
		return (-1);
	if (copy[0] == '[') {
		begin++;
		len = strlen(begin);
		if (begin[len - 1] != ']')
			return (-1);
		begin[len - 1] = '\0';
	}
	if (strcmp(copy, "*") == 0)
		return (0);
	if (addr_range_parse(&pattern->range, begin) == 0) {
		pattern->kind = PARENTS_RANGE;
		return (0);
	}
	return (begin != copy ? -1 : read_name(pattern, begin));
}

static bool
fits(const struct parents_pattern *pattern, const struct target *target)
{
	size_t host = strlen(target->host), len;
	struct addr addr;

	if (pattern->port != 0 && pattern->port != target->port)
		return (false);
	switch (pattern->kind) {
	case PARENTS_ANY:
		return (true);
	case PARENTS_NAME:
		return (strcmp(pattern->name, target->host) == 0);
	case PARENTS_SUFFIX:
		len = strlen(pattern->name);
		return (target->kind == TARGET_NAME && host > len &&
		    strcmp(target->host + host - len, pattern->name) == 0);
	case PARENTS_RANGE:
		break;
	}
	if (target->kind == TARGET_NAME)
		return (false);
	addr_from_bytes(&addr, target->address,
	    target->kind == TARGET_IPV4 ? 4 : 16, target->port);
	return (addr_range_has(&pattern->range, &addr));
}

static bool
one_fits(const struct parents_pattern *patterns, size_t count,
    const struct target *target)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (fits(&patterns[i], target))
			return (true);
	return (false);
}

const struct parent *
parents_find(const struct parents *parents, const struct target *target)
{
	const struct parent *p;
	size_t i;

	for (i = 0; i < parents->count; i++) {
		p = &parents->list[i];
		if (one_fits(p->wanted, p->wanted_count, target) &&
		    !one_fits(p->excepted, p->excepted_count, target))
			return (p->direct ? NULL : p);
	}
	return (NULL);
}

/* ------------------------------------------------------------------ */
/* Loops								*/

int
parents_finish(struct parents *parents)
{
	uint64_t seed;
	size_t i;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return (-1);
	(void)snprintf(parents->token, sizeof(parents->token),
	    "fairlead-%016llx", (unsigned long long)seed);
	for (i = 0; i < parents->count; i++) {
		parents->list[i].hop.authorization =
		    parents->list[i].authorization;
		parents->list[i].hop.via = parents->token;
	}
	return (0);
}

/* Nobody else's Via has 64 bits that were drawn here. */
bool
parents_sent(const struct parents *parents, const struct frl_http_head *head)
{
	return (via_names(head, parents->token));
}

void
parents_clear(struct parents *parents)
{
	size_t i;

	for (i = 0; i < parents->count; i++) {
		struct parent *p = &parents->list[i];

		if (p->authorization != NULL)
			explicit_bzero(p->authorization,
			    strlen(p->authorization));
		free(p->authorization);
		free(p->wanted);
		free(p->excepted);
	}
	free(parents->list);
	memset(parents, 0, sizeof(*parents));
}
