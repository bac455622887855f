/* SPDX-License-Identifier: MIT */
/*
 * line_plan -- what line_compile() makes of a table.  For line*.c only.
 *
 * The path of a field, with where each of its parts begins:
 *
 *	"ws":{"c2s":{"text":
 *	^     ^      ^
 *	0     1      2 = depth: so many objects are open when it is written
 *
 * `next` is the text in front of the value when the field before in the table
 * was written too, which is nearly always: braces that close, comma, rest of
 * the path.
 */
#ifndef FLOW_LINE_PLAN_H
#define FLOW_LINE_PLAN_H

#include "flow/line.h"

#define LINE_DEPTH 4		/* objects inside each other */
#define LINE_FIELDS 64
#define LINE_CAP 256		/* of a text whose table says 0 */
#define LINE_NAME_CAP 1024	/* of a FRL_NAME */
#define LINE_SLACK 32		/* bytes behind a plan's text */
#define LINE_NAME_SHORT 48	/* of a name that is quickly copied */
#define LINE_NUMBER 20		/* digits, or "false" */
#define LINE_COMMON (LINE_SLACK + 64)	/* room for "seq" and "dir" */
#define LINE_BEGIN "{\"v\":1,\"ts\":\""
#define LINE_TUNNEL ",\"tunnel\":"

struct line_field {
	const char *next, *path;
	uint16_t next_len, path_len;
	uint16_t start[LINE_DEPTH + 1];
	uint16_t offset, cap;
	uint16_t rest;		/* room for the fields behind it, if none is
				 * a text */
	uint8_t type, flags;
	uint8_t depth;		/* objects around it */
	uint8_t shared;		/* of these, with the field before */
};

enum line_op_kind { LINE_LITERAL, LINE_FIELD, LINE_WORD, LINE_ARROW };

/* A piece of the template for people. */
struct line_op {
	enum line_op_kind kind;
	int width;		/* negative: padding in front */
	bool quoted;		/* LINE_FIELD: a peer's own words */
	const char *text;	/* LINE_LITERAL, LINE_WORD: borrow */
	uint16_t len;
	uint16_t field;
};

struct line_plan {
	const struct frl_event *event;
	char *head;		/* from LINE_BEGIN to LINE_TUNNEL */
	size_t head_len;
	size_t room;		/* as `rest`, for all */
	size_t count, ops_count;
	struct line_op *ops;
	struct line_field fields[];
};

/* Is a value there?  *ret is its address. */
static inline bool
line_value(const struct line_field *f, const void *record, const void **ret)
{
	const void *p = (const char *)record + f->offset;

	*ret = p;
	switch ((enum frl_type)f->type) {
	case FRL_U64:
		return (!(f->flags & FRL_ABSENT_ZERO) ||
		    *(const uint64_t *)p != 0);
	case FRL_U32:
		return (!(f->flags & FRL_ABSENT_ZERO) ||
		    *(const uint32_t *)p != 0);
	case FRL_I64:
		return (*(const int64_t *)p > 0 ||
		    (*(const int64_t *)p == 0 &&
		    !(f->flags & FRL_ABSENT_ZERO)));
	case FRL_BOOL:
		return (*(const int8_t *)p >= 0);
	case FRL_TEXT:
		return (((const struct frl_bytes *)p)->data != NULL);
	case FRL_NAME:
		return (*(const char *const *)p != NULL);
	}
	return (false);
}

/* Bytes of a name; longer ones are cut. */
static inline size_t
line_cap(const struct line_field *f, const struct line *line)
{
	return (line->cap != 0 && line->cap < f->cap ? line->cap : f->cap);
}

#endif
