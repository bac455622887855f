/* SPDX-License-Identifier: MIT */
/*
 * strict_json -- reads one line as the grammar of RFC 8259 says, and nothing
 * else: an object, a newline, no space, no empty object, no key twice in one
 * object, UTF-8 without control characters.
 *
 * The leaves come out as "path=value" with a newline each, values raw.
 */
#ifndef TESTS_STRICT_JSON_H
#define TESTS_STRICT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct strict {
	const unsigned char *p, *end;
	char path[512];
	char keys[16384];	/* every full path, with '\n' around */
	char leaves[65536];
};

static inline bool
strict_utf8(struct strict *s)
{
	uint32_t value, low;
	int n;

	if (*s->p < 0xc2 || *s->p > 0xf4)
		return (false);
	n = *s->p < 0xe0 ? 1 : *s->p < 0xf0 ? 2 : 3;
	low = n == 1 ? 0x80 : n == 2 ? 0x800 : 0x10000;
	value = *s->p++ & (0x3fu >> n);
	while (n-- > 0) {
		if (s->p == s->end || (*s->p & 0xc0) != 0x80)
			return (false);
		value = value << 6 | (*s->p++ & 0x3f);
	}
	return (value >= low && value <= 0x10ffff &&
	    (value < 0xd800 || value > 0xdfff));
}

static inline bool
strict_string(struct strict *s)
{
	int i;

	if (s->p == s->end || *s->p++ != '"')
		return (false);
	while (s->p < s->end && *s->p != '"') {
		if (*s->p < 0x20 || *s->p == 0x7f)
			return (false);
		if (*s->p >= 0x80) {
			if (!strict_utf8(s))
				return (false);
			continue;
		}
		if (*s->p++ != '\\')
			continue;
		if (s->p == s->end || strchr("\"\\/bfnrtu", *s->p) == NULL)
			return (false);
		if (*s->p++ != 'u')
			continue;
		for (i = 0; i < 4; i++) {
			if (s->p == s->end || *s->p == '\0' ||
			    strchr("0123456789abcdef", *s->p++) == NULL)
				return (false);
		}
	}
	return (s->p < s->end && *s->p++ == '"');
}

static inline bool
strict_scalar(struct strict *s)
{
	const unsigned char *begin = s->p;

	if (*s->p == '"')
		return (strict_string(s));
	if (s->end - s->p >= 4 && memcmp(s->p, "true", 4) == 0) {
		s->p += 4;
		return (true);
	}
	if (s->end - s->p >= 5 && memcmp(s->p, "false", 5) == 0) {
		s->p += 5;
		return (true);
	}
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (s->p > begin && (*begin != '0' || s->p == begin + 1));
}

static inline bool strict_object(struct strict *s);

static inline bool
strict_pair(struct strict *s)
{
	size_t len = strlen(s->path);
	const unsigned char *begin = s->p;
	char key[600];

	if (!strict_string(s))
		return (false);
	if (len + (size_t)(s->p - begin) + 1 > sizeof(s->path))
		return (false);
	snprintf(s->path + len, sizeof(s->path) - len, "%s%.*s",
	    len == 0 ? "" : ".", (int)(s->p - begin) - 2,
	    (const char *)begin + 1);
	snprintf(key, sizeof(key), "\n%s\n", s->path);
	if (strstr(s->keys, key) != NULL)
		return (false);
	strncat(s->keys, key + (s->keys[0] != '\0'),
	    sizeof(s->keys) - strlen(s->keys) - 1);
	if (s->p == s->end || *s->p++ != ':' || s->p == s->end)
		return (false);
	begin = s->p;
	if (*s->p == '{') {
		if (!strict_object(s))
			return (false);
	} else {
		if (!strict_scalar(s))
			return (false);
		snprintf(s->leaves + strlen(s->leaves),
		    sizeof(s->leaves) - strlen(s->leaves), "%s=%.*s\n",
		    s->path, (int)(s->p - begin), (const char *)begin);
	}
	s->path[len] = '\0';
	return (true);
}

static inline bool
strict_object(struct strict *s)
{
	if (s->p == s->end || *s->p++ != '{')
		return (false);
	do {
		if (!strict_pair(s))
			return (false);
	} while (s->p < s->end && *s->p == ',' && s->p++);
	return (s->p < s->end && *s->p++ == '}');
}

/* Is it one line with one object? */
static inline bool
strict_line(struct strict *s, const char *text, size_t len)
{
	s->p = (const unsigned char *)text;
	s->end = s->p + len;
	s->path[0] = s->keys[0] = s->leaves[0] = '\0';
	return (strict_object(s) && s->p + 1 == s->end && *s->p == '\n');
}

#endif
