/* SPDX-License-Identifier: MIT */
/*
 * line_text -- writes an event as a line for people.
 *
 *	18:03:07.151 a4e  -> text      35 B
 *
 * Time (UTC), the tunnel's counter, and what the event's template says; an
 * event without template is its name and its fields.  No byte of a peer
 * reaches the terminal unescaped; free text of a peer stands in quotes, so
 * that it cannot write our words.
 */
#include <string.h>

#include "base/id.h"
#include "flow/line_plan.h"

static void
put_spaces(struct json *j, size_t n)
{
	static const char spaces[] = "                ";

	while (n > 0) {
		size_t step = n < 16 ? n : 16;

		json_raw(j, spaces, step);
		n -= step;
	}
}

static void
put_plain(struct json *j, const void *bytes, size_t len, size_t cap)
{
	if (json_plain(j, bytes, len, cap))
		json_raw(j, "...", 3);
}

/* The same in quotes; those inside are escaped as other bytes are. */
static void
put_quoted(struct json *j, const struct frl_bytes *text, size_t cap)
{
	size_t n = text->len < cap ? text->len : cap, run;
	const uint8_t *p = text->data, *quote;

	json_raw(j, "\"", 1);
	while (n > 0 && (quote = memchr(p, '"', n)) != NULL) {
		run = (size_t)(quote - p);
		(void)json_plain(j, p, run, run);
		json_raw(j, "\\x22", 4);
		n -= run + 1;
		p = quote + 1;
	}
	/* What is cut is told from what it was. */
	put_plain(j, p, text->len - (size_t)(p - text->data), n);
	json_raw(j, "\"", 1);
}

static void
put_value(struct json *j, const struct line_field *f, const void *p,
    size_t cap)
{
	const struct frl_bytes *text;
	const char *name;

	switch ((enum frl_type)f->type) {
	case FRL_U64:
		json_u64(j, *(const uint64_t *)p);
		break;
	case FRL_U32:
		json_u64(j, *(const uint32_t *)p);
		break;
	case FRL_I64:
		json_i64(j, *(const int64_t *)p);
		break;
	case FRL_BOOL:
		if (*(const int8_t *)p != 0)
			json_raw(j, "yes", 3);
		else
			json_raw(j, "no", 2);
		break;
	case FRL_TEXT:
		text = p;
		put_plain(j, text->data, text->len, cap);
		break;
	case FRL_NAME:
		name = *(const char *const *)p;
		put_plain(j, name, strlen(name), cap);
		break;
	}
}

/* Is it there, and not zero? */
static bool
holds(const struct line_field *f, const void *record)
{
	const void *p;

	if (!line_value(f, record, &p))
		return (false);
	switch ((enum frl_type)f->type) {
	case FRL_U64:
	case FRL_I64:
		return (*(const uint64_t *)p != 0);
	case FRL_U32:
		return (*(const uint32_t *)p != 0);
	case FRL_BOOL:
		return (*(const int8_t *)p != 0);
	case FRL_TEXT:
		return (((const struct frl_bytes *)p)->len != 0);
	case FRL_NAME:
		return (**(const char *const *)p != '\0');
	}
	return (false);
}

/* A value in a column; the width counts bytes, which is right for ASCII. */
static void
put_column(struct json *j, const struct line_op *op,
    const struct line_field *f, const void *record, const struct line *line)
{
	int width = op->width;
	size_t want = (size_t)(width < 0 ? -width : width), len;
	char *begin = j->at;
	const void *p;

	if (op->quoted && f->type == FRL_TEXT) {
		if (holds(f, record) && line_value(f, record, &p))
			put_quoted(j, p, line_cap(f, line));
	} else if (line_value(f, record, &p))
		put_value(j, f, p, line_cap(f, line));
	len = (size_t)(j->at - begin);
	if (len >= want)
		return;
	put_spaces(j, want - len);
	if (width < 0 && !j->full) {
		memmove(begin + (want - len), begin, len);
		memset(begin, ' ', want - len);
	}
}

static void
put_arrow(struct json *j, int flow)
{
	if (flow == FRL_FROM_CLIENT)
		json_raw(j, "->", 2);
	else if (flow == FRL_FROM_SERVER)
		json_raw(j, "<-", 2);
}

/* Would its value be no character at all? */
static bool
is_silent(const struct line_field *f, const void *record)
{
	const void *p;

	return (!line_value(f, record, &p) || ((f->type == FRL_TEXT ||
	    f->type == FRL_NAME) && !holds(f, record)));
}

/* The colon of "{client.addr}:{client.port}" or "{reason}: {detail}" where
 * nothing comes behind it. */
static bool
idle_colon(const struct line_plan *plan, size_t at, const void *record)
{
	const struct line_op *op = &plan->ops[at];

	return (op->kind == LINE_LITERAL && op->text[0] == ':' &&
	    (op->len == 1 || (op->len == 2 && op->text[1] == ' ')) &&
	    at + 1 < plan->ops_count && op[1].kind == LINE_FIELD &&
	    is_silent(&plan->fields[op[1].field], record));
}

/* A word that begins as ", with" or " for" does. */
static bool
is_glue(const struct line_op *op)
{
	return (op->len > 0 && memchr(" ,;:", op->text[0], 4) != NULL);
}

/* What is absent before it takes its space, or its colon, along. */
static void
put_literal(struct json *j, const struct line_op *op, bool behind_nothing)
{
	size_t skip = 0;

	if (behind_nothing && op->len > 1 && op->text[0] == ':' &&
	    op->text[1] == ' ')
		skip = !j->full && j->at[-1] == ' ' ? 2 : 1;
	else if (behind_nothing && op->text[0] == ' ')
		skip = j->full || j->at[-1] == ' ';
	json_raw(j, op->text + skip, op->len - skip);
}

static void
put_template(struct json *j, const struct line_plan *plan,
    const void *record, const struct line *line)
{
	const struct line_op *op;
	const char *before = j->at;
	size_t i;

	for (i = 0; i < plan->ops_count; i++) {
		bool nothing = i > 0 && j->at == before;

		if (idle_colon(plan, i, record)) {
			before = NULL;
			i++;
			continue;
		}
		op = &plan->ops[i];
		before = j->at;
		switch (op->kind) {
		case LINE_LITERAL:
			put_literal(j, op, nothing);
			break;
		case LINE_FIELD:
			put_column(j, op, &plan->fields[op->field], record,
			    line);
			break;
		case LINE_WORD:
			/* Columns stay where they are; what joins a value to
			 * the words before it is none. */
			if (holds(&plan->fields[op->field], record))
				json_raw(j, op->text, op->len);
			else if (!is_glue(op))
				put_spaces(j, op->len);
			break;
		case LINE_ARROW:
			put_arrow(j, line->flow);
			break;
		}
	}
}

/* field=value, with the names as they are declared. */
static void
put_pairs(struct json *j, const struct line_plan *plan, const void *record,
    const struct line *line)
{
	const char *name;
	const void *p;
	size_t i;

	for (i = 0; i < plan->count; i++) {
		if (!line_value(&plan->fields[i], record, &p))
			continue;
		name = plan->event->fields[i].name;
		json_raw(j, " ", 1);
		json_raw(j, name, strlen(name));
		json_raw(j, "=", 1);
		if (plan->fields[i].type == FRL_TEXT)
			put_quoted(j, p, line_cap(&plan->fields[i], line));
		else
			put_value(j, &plan->fields[i], p,
			    line_cap(&plan->fields[i], line));
	}
}

/* "7f3a9c00-00000a4e" is "a4e  "; of the second worker it is "2-a4e  ". */
static void
put_tunnel(struct json *j, const struct frl_tunnel *tunnel)
{
	char id[ID_SHORT_SIZE] = "-";
	size_t len;

	if (tunnel != NULL)
		id_shorten(tunnel->id, id);
	len = strlen(id);
	json_plain(j, id, len, len);
	put_spaces(j, len < 3 ? 5 - len : 2);
}

/* Spaces at the end of a line help nobody. */
static void
trim(struct json *j, const char *begin)
{
	while (!j->full && j->at > begin && j->at[-1] == ' ')
		j->at--;
}

void
line_text(struct json *j, const struct line *line)
{
	const struct event_part *part;
	const char *begin = j->at, *name = line->plan->event->name;

	json_raw(j, line->clock->text + 11, 12);
	json_raw(j, " ", 1);
	put_tunnel(j, line->tunnel);
	if (line->plan->event->text != NULL) {
		put_template(j, line->plan, line->record, line);
	} else {
		json_raw(j, name, strlen(name));
		if (line->plan->event->flags & FRL_EVENT_FLOW) {
			json_raw(j, " ", 1);
			put_arrow(j, line->flow);
		}
		put_pairs(j, line->plan, line->record, line);
	}
	for (part = line->parts; part != NULL; part = part->next) {
		if (part->plan->event->text == NULL) {
			put_pairs(j, part->plan, part->record, line);
			continue;
		}
		json_raw(j, "; ", 2);
		put_template(j, part->plan, part->record, line);
	}
	if (line->verdict == LINE_REFUSE)
		json_raw(j, " REFUSED", 8);
	trim(j, begin);
	json_raw(j, "\n", 1);
}
