/* SPDX-License-Identifier: MIT */
/*
 * via -- see via.h.
 *
 * The list is not parsed.  Who wants a loop would open a comment or a quoted
 * text and not close it: whatever was added behind it, our name as well,
 * would be a part of that.
 */
#include "base/via.h"

#include "base/head.h"

#include <string.h>

/* tchar (RFC 9110, 5.6.2): a pseudonym goes on with it. */
static bool
goes_on(uint8_t c)
{
	return ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL));
}

static bool
has(struct frl_bytes value, const char *name, size_t len)
{
	const uint8_t *p = value.data, *end = p + value.len;

	while (end - p >= (ptrdiff_t)len &&
	    (p = memmem(p, (size_t)(end - p), name, len)) != NULL) {
		if ((p == value.data || !goes_on(p[-1])) &&
		    (p + len == end || !goes_on(p[len])))
			return (true);
		p++;
	}
	return (false);
}

bool
via_names(const struct frl_http_head *head, const char *name)
{
	size_t len = strlen(name);
	uint32_t i;

	for (i = 0; i < head->count; i++)
		if (head_equals(head->fields[i].name, "via") &&
		    has(head->fields[i].value, name, len))
			return (true);
	return (false);
}
