/* SPDX-License-Identifier: MIT */
/* uri -- see uri.h. */
#include "base/uri.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool
is_letter(uint8_t c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
}

/* RFC 3986, 3.1: letters, digits, '+', '-', '.'; 0: there is no scheme. */
static size_t
scheme_length(struct frl_bytes text)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c == ':')
			break;
		if (!is_letter(c) && (i == 0 || ((c < '0' || c > '9') &&
		    c != '+' && c != '-' && c != '.')))
			return (0);
	}
	if (i + 3 > text.len || memcmp(text.data + i, "://", 3) != 0)
		return (0);
	return (i);
}

/*
 * The authority without the ':' of an empty port, which may stand there (RFC
 * 3986, 3.2.3); *ret_port: it names one.  A ':' inside of brackets does not.
 */
static size_t
cut_port(struct frl_bytes authority, bool *ret_port)
{
	const uint8_t *end = memchr(authority.data, ']', authority.len);
	const uint8_t *from = end == NULL ? authority.data : end;
	const uint8_t *colon = memchr(from, ':', authority.len -
	    (size_t)(from - authority.data));

	*ret_port = colon != NULL &&
	    colon + 1 != authority.data + authority.len;
	return (colon == NULL || *ret_port ? authority.len :
	    (size_t)(colon - authority.data));
}

static enum uri_result
parse_authority(struct target *target, struct frl_bytes authority,
    const char **ret_why)
{
	char text[TARGET_TEXT_SIZE];
	size_t n = authority.len;
	bool port = false;

	/* RFC 9110, 4.2.4: a user in an http URI is there to deceive. */
	if (n != 0 && memchr(authority.data, '@', n) != NULL) {
		*ret_why = "a user name does not belong before the host";
		return (URI_BAD);
	}
	/* Without a port it is one for the default (RFC 9110, 4.2.1). */
	if (n != 0)
		n = cut_port(authority, &port);
	if (n == 0 || n > sizeof(text) - 3) {
		*ret_why = n == 0 ? "the host is empty" :
		    "the host is over 253 bytes";
		return (URI_BAD);
	}
	memcpy(text, authority.data, n);
	if (!port) {
		memcpy(text + n, ":80", 3);
		n += 3;
	}
	return (target_parse(target, text, n, ret_why) == 0 ?
	    URI_HTTP : URI_BAD);
}

enum uri_result
uri_parse(struct uri *uri, struct frl_bytes text, const char **ret_why)
{
	size_t scheme = scheme_length(text), i;

	if (scheme == 0)
		return (URI_NONE);
	if (scheme == 5 && strncasecmp((const char *)text.data, "https",
	    5) == 0) {
		*ret_why = "for https ask for a tunnel: CONNECT host:443";
		return (URI_OTHER);
	}
	if (scheme != 4 || strncasecmp((const char *)text.data, "http",
	    4) != 0) {
		*ret_why = "only http:// can be asked for by absolute-form";
		return (URI_OTHER);
	}
	text.data += scheme + 3;
	text.len -= scheme + 3;
	for (i = 0; i < text.len; i++)
		if (text.data[i] == '/' || text.data[i] == '?')
			break;
	uri->path = (struct frl_bytes){ text.data + i, text.len - i };
	text.len = i;
	return (parse_authority(&uri->target, text, ret_why));
}
