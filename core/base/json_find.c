/* SPDX-License-Identifier: MIT */
#include "base/json_find.h"

#include <string.h>

/* Behind the string whose opening quote is at i. */
static size_t
skip_string(const char *s, size_t i, size_t len)
{
	for (i++; i < len && s[i] != '"'; i++)
		if (s[i] == '\\')
			i++;
	return (i < len ? i + 1 : len);
}

/* Behind the value that begins at i: no recursion, depth is a number. */
static size_t
skip_value(const char *s, size_t i, size_t len)
{
	size_t depth = 0;

	while (i < len) {
		if (s[i] == '"') {
			i = skip_string(s, i, len);
			if (depth == 0)
				return (i);
			continue;
		}
		if (s[i] == '{' || s[i] == '[')
			depth++;
		else if (s[i] == '}' || s[i] == ']') {
			if (depth == 0)
				return (i);
			if (--depth == 0)
				return (i + 1);
		} else if (s[i] == ',' && depth == 0)
			return (i);
		i++;
	}
	return (len);
}

static struct json_text
unquoted(const char *s, size_t from, size_t to)
{
	struct json_text text = { s + from, to - from };

	if (text.len >= 2 && text.at[0] == '"') {
		text.at++;
		text.len -= 2;
	}
	return (text);
}

bool
json_next(struct json_text object, size_t *at, struct json_text *ret_key,
    struct json_text *ret_value)
{
	const char *s = object.at;
	size_t i = *at, from;

	while (i < object.len && s[i] != '"')
		if (s[i++] == '}')
			return (false);
	if (i >= object.len)
		return (false);
	from = i;
	i = skip_string(s, i, object.len);
	*ret_key = unquoted(s, from, i);
	if (i >= object.len || s[i] != ':')
		return (false);
	from = i + 1;
	i = skip_value(s, from, object.len);
	*ret_value = unquoted(s, from, i);
	*at = i;
	return (true);
}

struct json_text
json_find(const char *line, size_t len, const char *path)
{
	struct json_text object = { line, len }, key, value;
	size_t at = 0, n = strcspn(path, ".");

	while (json_next(object, &at, &key, &value)) {
		if (key.len != n || memcmp(key.at, path, n) != 0)
			continue;
		if (path[n] == '\0')
			return (value);
		path += n + 1;
		n = strcspn(path, ".");
		object = value;
		at = 0;
	}
	return ((struct json_text){ "", 0 });
}

uint64_t
json_number(struct json_text text)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < text.len && text.at[i] >= '0' && text.at[i] <= '9';
	    i++)
		n = n * 10 + (uint64_t)(text.at[i] - '0');
	return (n);
}

bool
json_is(struct json_text text, const char *word)
{
	return (text.len == strlen(word) &&
	    memcmp(text.at, word, text.len) == 0);
}
