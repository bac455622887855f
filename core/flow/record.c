/* SPDX-License-Identifier: MIT */
/*
 * record -- deep copies of records, as their table of fields describes them.
 *
 *	| record | bytes of its texts and names, one behind the other |
 *
 * What no field describes is zero in the copy: a pointer there might not
 * live as long.
 */
#include <stdlib.h>
#include <string.h>

#include "flow/hooks.h"

static const size_t sizes[] = {
	[FRL_U64] = sizeof(uint64_t),
	[FRL_U32] = sizeof(uint32_t),
	[FRL_I64] = sizeof(int64_t),
	[FRL_BOOL] = sizeof(int8_t),
	[FRL_TEXT] = sizeof(struct frl_bytes),
	[FRL_NAME] = sizeof(const char *),
};

/* Bytes that a field needs behind the record. */
static size_t
extra(const struct frl_field *f, const void *record)
{
	const void *p = (const char *)record + f->offset;
	const char *name;

	if (f->type == FRL_TEXT)
		return (((const struct frl_bytes *)p)->len);
	if (f->type != FRL_NAME)
		return (0);
	name = *(const char *const *)p;
	return (name == NULL ? 0 : strlen(name) + 1);
}

/* Copy one field; what it points at goes to `to`, n bytes. */
static void
copy_field(const struct frl_field *f, void *copy, const void *record,
    char *to, size_t n)
{
	void *p = (char *)copy + f->offset;
	struct frl_bytes *text = p;
	const char **name = p;

	memcpy(p, (const char *)record + f->offset, sizes[f->type]);
	if (f->type == FRL_TEXT && text->data != NULL) {
		if (n > 0)
			memcpy(to, text->data, n);
		text->data = (const uint8_t *)to;
	} else if (f->type == FRL_NAME && *name != NULL) {
		memcpy(to, *name, n);
		*name = to;
	}
}

void *
events_copy(const struct event_slot *slot, const void *record)
{
	const struct frl_field *f, *fields = slot->event->fields;
	size_t size = slot->event->record_size, n;
	char *copy, *to;

	for (f = fields; f != NULL && f->name != NULL; f++)
		size += extra(f, record);
	/* One more: an empty text needs an address, too. */
	copy = calloc(1, size + 1);
	if (copy == NULL)
		return (NULL);
	to = copy + slot->event->record_size;
	for (f = fields; f != NULL && f->name != NULL; f++) {
		n = extra(f, record);
		copy_field(f, copy, record, to, n);
		to += n;
	}
	return (copy);
}
