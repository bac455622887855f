/* SPDX-License-Identifier: MIT */
/*
 * head_fields -- what the fields of a message head say: their names in any
 * case, and the elements of lists.
 *
 * It needs libc only, and does not know where the head came from: one that was
 * scanned, or one that we made.  Nothing is refused here.
 */
#include "base/head.h"

#include "base/head_syntax.h"

#include <string.h>

static int
equals(struct frl_bytes bytes, const char *text, size_t len)
{
	size_t i;

	if (bytes.len != len)
		return (0);		/* nearly always */
	for (i = 0; i < len; i++) {
		if (head_lower(bytes.data[i]) != head_lower((uint8_t)text[i]))
			return (0);
	}
	return (1);
}

int
head_equals(struct frl_bytes bytes, const char *text)
{
	return (equals(bytes, text, strlen(text)));
}

const struct frl_http_field *
head_field(const struct frl_http_head *message, const char *name,
    size_t *ret_count)
{
	const struct frl_http_field *first = NULL;
	size_t count = 0, len = strlen(name);
	uint32_t i;

	for (i = 0; i < message->count; i++) {
		if (!equals(message->fields[i].name, name, len))
			continue;
		if (first == NULL)
			first = &message->fields[i];
		count++;
	}
	if (ret_count != NULL)
		*ret_count = count;
	return (first);
}

/*
 * Cut the next element off a list, up to a ',' that is not in quotes (RFC
 * 9110, 5.6.1), without its parameters.
 */
static struct frl_bytes
next_element(struct frl_bytes *list)
{
	struct frl_bytes element = { .data = list->data };
	size_t i, cut = SIZE_MAX;
	int quoted = 0;

	for (i = 0; i < list->len; i++) {
		uint8_t c = list->data[i];

		if (quoted && c == '\\' && i + 1 < list->len)
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == ';' && cut == SIZE_MAX)
			cut = i;
		else if (!quoted && c == ',')
			break;
	}
	element.len = cut < i ? cut : i;
	if (i < list->len)
		i++;			/* the ',' */
	list->data += i;
	list->len -= i;
	return (head_trim(element));
}

int
head_lists(const struct frl_http_head *message, const char *name,
    const char *element)
{
	size_t len = strlen(name);
	uint32_t i;

	for (i = 0; i < message->count; i++) {
		struct frl_bytes list = message->fields[i].value;

		if (!equals(message->fields[i].name, name, len))
			continue;
		while (list.len > 0) {
			if (head_equals(next_element(&list), element))
				return (1);
		}
	}
	return (0);
}
