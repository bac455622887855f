/* SPDX-License-Identifier: MIT */
/* lists -- see lists.h. */
#include "lists.h"

#include <string.h>

static bool
is_blank(uint8_t byte)
{
	return (byte == ' ' || byte == '\t');
}

static struct frl_bytes
trim(struct frl_bytes b)
{
	while (b.len > 0 && is_blank(b.data[0])) {
		b.data++;
		b.len--;
	}
	while (b.len > 0 && is_blank(b.data[b.len - 1]))
		b.len--;
	return (b);
}

struct frl_bytes
list_cut(struct frl_bytes *rest, uint8_t separator)
{
	struct frl_bytes part = *rest;
	bool quoted = false;
	size_t i;

	for (i = 0; i < rest->len; i++) {
		if (rest->data[i] == '\\' && quoted)
			i++;
		else if (rest->data[i] == '"')
			quoted = !quoted;
		else if (rest->data[i] == separator && !quoted)
			break;
	}
	if (i >= rest->len) {
		*rest = (struct frl_bytes){ NULL, 0 };
		return (trim(part));
	}
	part.len = i;
	rest->data += i + 1;
	rest->len -= i + 1;
	return (trim(part));
}

bool
list_next(struct list *list, struct frl_bytes *ret)
{
	const struct frl_http_head *head = list->head;
	size_t len = strlen(list->name);
	uint32_t i = list->next;

	for (;; i++) {
		while (list->rest.len > 0) {
			*ret = list_cut(&list->rest, ',');
			list->next = i;
			if (ret->len > 0)
				return (true);
		}
		/* Most names differ in length already. */
		while (i < head->count && (head->fields[i].name.len != len ||
		    !head_equals(head->fields[i].name, list->name)))
			i++;
		if (i >= head->count)
			return (false);
		list->rest = head->fields[i].value;
	}
}

unsigned
list_connection(const struct head *h)
{
	static const struct {
		const char *name;
		unsigned says;
	} rows[] = {
		{ "close", CONNECTION_CLOSE },
		{ "keep-alive", CONNECTION_KEEP_ALIVE },
		{ "host", CONNECTION_FRAMING },
		{ "content-length", CONNECTION_FRAMING },
		{ "transfer-encoding", CONNECTION_FRAMING },
	};
	struct list w = { .head = &h->message, .name = "connection" };
	struct frl_bytes element;
	unsigned says = 0;

	if (head_first(h, HEAD_CONNECTION) == NULL)
		return (0);		/* nearly always */
	while (list_next(&w, &element))
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (head_equals(element, rows[i].name))
				says |= rows[i].says;
	return (says);
}
