/* SPDX-License-Identifier: MIT */
/*
 * target -- the one canonical destination of a tunnel.
 *
 * It refuses to guess: whatever another parser might read as a different host
 * (a short or hexadecimal IPv4 address, a percent escape, a zone) is no
 * target at all.  It never resolves and has no opinion on addresses.
 */
#include "base/target.h"

#include <arpa/inet.h>

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int
no(const char **ret_why, const char *why)
{
	*ret_why = why;
	return (-1);
}

/* ctype(3) depends on the locale; these do not. */
static bool
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

static bool
is_hex(char c)
{
	return (is_digit(c) || (c >= 'a' && c <= 'f') ||
	    (c >= 'A' && c <= 'F'));
}

static bool
is_name(char c)
{
	return (is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' ||
	    c == '_');
}

static char
lower(char c)
{
	return (c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
}

/* RFC 9110, 4.2.1: CONNECT has no default port, so there must be one. */
static int
parse_port(struct target *t, const char *text, size_t len,
    const char **ret_why)
{
	unsigned port = 0;
	size_t i;

	if (len == 0)
		return (no(ret_why, "the port is missing"));
	for (i = 0; i < len; i++) {
		if (!is_digit(text[i]))
			return (no(ret_why, "the port is not a number"));
		if (i == 5)
			return (no(ret_why, "the port is above 65535"));
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	if (text[0] == '0')
		return (no(ret_why, "the port is 0 or begins with 0"));
	if (port > UINT16_MAX)
		return (no(ret_why, "the port is above 65535"));
	t->port = (uint16_t)port;
	return (0);
}

/* text is what stood between the brackets. */
static int
parse_ipv6(struct target *t, const char *text, size_t len,
    const char **ret_why)
{
	char copy[INET6_ADDRSTRLEN];
	size_t i;

	if (len >= sizeof(copy))
		return (no(ret_why, "the IPv6 address is not valid"));
	for (i = 0; i < len; i++) {
		if (!is_hex(text[i]) && text[i] != ':' && text[i] != '.')
			return (no(ret_why, "the IPv6 address is not valid"));
		copy[i] = text[i];
	}
	copy[len] = '\0';
	if (inet_pton(AF_INET6, copy, t->address) != 1 ||
	    inet_ntop(AF_INET6, t->address, t->host, sizeof(t->host)) == NULL)
		return (no(ret_why, "the IPv6 address is not valid"));
	t->kind = TARGET_IPV6;
	return (0);
}

/* Would somebody's inet_aton(3) take a name that ends in this for an
 * address? */
static bool
is_numeric(const char *label, size_t len)
{
	size_t i = 0;
	bool hex = len >= 2 && label[0] == '0' && label[1] == 'x';

	for (i = hex ? 2 : 0; i < len; i++) {
		if (hex ? !is_hex(label[i]) : !is_digit(label[i]))
			return (false);
	}
	return (true);
}

static int
check_label(const char *label, size_t len, const char **ret_why)
{
	size_t i;

	if (len == 0)
		return (no(ret_why, "the host has an empty label"));
	if (len > 63)
		return (no(ret_why, "the host has a label over 63 bytes"));
	for (i = 0; i < len; i++) {
		if (!is_name(label[i]))
			return (no(ret_why,
			    "the host has a character no host name has"));
	}
	if (label[0] == '-' || label[len - 1] == '-')
		return (no(ret_why, "a label of the host begins or ends "
		    "with '-'"));
	return (0);
}

/* t->host is lowered and has no trailing dot. */
static int
check_host(struct target *t, const char **ret_why)
{
	const char *label = t->host;
	size_t len;

	for (;;) {
		len = strcspn(label, ".");
		if (check_label(label, len, ret_why) != 0)
			return (-1);
		if (label[len] == '\0')
			break;
		label += len + 1;
	}
	if (!is_numeric(label, len))
		return (0);
	/* inet_pton takes strict dotted quads only, without leading zeros. */
	if (inet_pton(AF_INET, t->host, t->address) != 1 ||
	    inet_ntop(AF_INET, t->address, t->host, sizeof(t->host)) == NULL)
		return (no(ret_why, "the host looks like an IPv4 address but "
		    "is not a dotted quad"));
	t->kind = TARGET_IPV4;
	return (0);
}

static int
parse_host(struct target *t, const char *text, size_t len,
    const char **ret_why)
{
	size_t i;

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0)
		return (no(ret_why, "the host is empty"));
	if (len > TARGET_HOST_MAX)
		return (no(ret_why, "the host is over 253 bytes"));
	for (i = 0; i < len; i++) {
		/* Would end the string early and hide what follows. */
		if (text[i] == '\0')
			return (no(ret_why,
			    "the host has a character no host name has"));
		t->host[i] = lower(text[i]);
	}
	t->host[len] = '\0';
	t->kind = TARGET_NAME;
	return (check_host(t, ret_why));
}

int
target_parse(struct target *t, const char *text, size_t len,
    const char **ret_why)
{
	const char *colon, *end;
	size_t host_len;

	*t = (struct target){ .port = 0 };
	if (len > 0 && text[0] == '[') {
		end = memchr(text, ']', len);
		if (end == NULL)
			return (no(ret_why, "']' is missing"));
		host_len = (size_t)(end - text) - 1;
		if (parse_ipv6(t, text + 1, host_len, ret_why) != 0)
			return (-1);
		if (end + 1 == text + len || end[1] != ':')
			return (no(ret_why, "the port is missing"));
		colon = end + 1;
	} else {
		colon = len == 0 ? NULL : memchr(text, ':', len);
		if (colon == NULL)
			return (no(ret_why, "the port is missing"));
		host_len = (size_t)(colon - text);
		if (parse_host(t, text, host_len, ret_why) != 0)
			return (-1);
	}
	end = text + len;
	return (parse_port(t, colon + 1, (size_t)(end - colon) - 1, ret_why));
}

void
target_format(const struct target *t, char *text, size_t size)
{
	assert(size >= TARGET_TEXT_SIZE);
	if (t->kind == TARGET_IPV6)
		(void)snprintf(text, size, "[%s]:%u", t->host,
		    (unsigned)t->port);
	else
		(void)snprintf(text, size, "%s:%u", t->host,
		    (unsigned)t->port);
}
