/* SPDX-License-Identifier: MIT */
/*
 * line_plan -- checks a table of fields and makes a plan of it.
 *
 * A table comes from a plugin: everything in it is checked here, once, so
 * that whoever writes lines need not.  It reads no record.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "flow/line_plan.h"

#define NAME_MAX_LEN 120

static const struct {
	uint8_t size, align;
} types[] = {
	[FRL_U64] = { sizeof(uint64_t), _Alignof(uint64_t) },
	[FRL_U32] = { sizeof(uint32_t), _Alignof(uint32_t) },
	[FRL_I64] = { sizeof(int64_t), _Alignof(int64_t) },
	[FRL_BOOL] = { sizeof(int8_t), _Alignof(int8_t) },
	[FRL_TEXT] = { sizeof(struct frl_bytes),
	    _Alignof(struct frl_bytes) },
	[FRL_NAME] = { sizeof(const char *), _Alignof(const char *) },
};

/* Keys that every line has or may have. */
static const char *const common[] = { "v", "ts", "event", "node", "tunnel",
    "seq", "dir", "verdict", "trunc", NULL };

/* [a-z0-9_]+ with single dots in between; returns the dots, or -1. */
static int
check_name(const char *name)
{
	int dots = 0;
	size_t i;

	for (i = 0; name[i] != '\0'; i++) {
		if (i == NAME_MAX_LEN)
			return (-1);
		if (name[i] == '.') {
			if (i == 0 || name[i - 1] == '.')
				return (-1);
			dots++;
		} else if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_",
		    name[i]) == NULL) {
			return (-1);
		}
	}
	return (i == 0 || name[i - 1] == '.' ? -1 : dots);
}

/* Length of the longest beginning of a that ends in a dot and that b has
 * too: the objects they share.  *ret_count says how many. */
static size_t
shared_path(const char *a, const char *b, uint8_t *ret_count)
{
	size_t i, len = 0;
	uint8_t count = 0;

	for (i = 0; a[i] == b[i] && a[i] != '\0'; i++) {
		if (a[i] == '.') {
			len = i + 1;
			count++;
		}
	}
	*ret_count = count;
	return (len);
}

/*
 * A name may not come twice, be an object as well, or go back to an object
 * that was left: each of these would give an object two keys of one name.
 */
static const char *
check_place(const struct frl_field *fields, size_t i)
{
	const char *name = fields[i].name, *other;
	uint8_t count;
	size_t k, len, before;

	before = i == 0 ? 0 : shared_path(name, fields[i - 1].name, &count);
	for (k = 0; k < i; k++) {
		other = fields[k].name;
		if (strcmp(name, other) == 0)
			return ("comes twice");
		len = strlen(other);
		if (strncmp(name, other, len) == 0 && name[len] == '.')
			return ("is inside of what is no object");
		len = strlen(name);
		if (strncmp(other, name, len) == 0 && other[len] == '.')
			return ("is an object, too");
		if (shared_path(name, other, &count) > before)
			return ("stands apart from its object");
	}
	return (NULL);
}

static const char *
check_field(const struct frl_event *event, size_t i)
{
	const struct frl_field *f = &event->fields[i];
	int dots = check_name(f->name);
	size_t k;

	if (i == LINE_FIELDS)
		return ("is one too many");
	if (dots < 0)
		return ("is no field name");
	if (dots > LINE_DEPTH)
		return ("is too deep");
	if (f->type > FRL_NAME)
		return ("has an unknown type");
	if ((size_t)f->offset + types[f->type].size > event->record_size ||
	    f->offset % types[f->type].align != 0)
		return ("does not lie in the record");
	for (k = 0; common[k] != NULL; k++) {
		if (strcmp(f->name, common[k]) == 0)
			return ("is a name that all lines have");
	}
	return (check_place(event->fields, i));
}

/* How many fields, or -1. */
static int
check_event(const struct frl_event *event, struct err *err)
{
	const char *wrong;
	size_t i;

	if (event->name == NULL || check_name(event->name) < 1)
		return (err_set(err, "event %s: not a name with a dot",
		    event->name == NULL ? "(none)" : event->name));
	for (i = 0; event->fields != NULL &&
	    event->fields[i].name != NULL; i++) {
		wrong = check_field(event, i);
		if (wrong != NULL)
			return (err_set(err, "event %s: field %s %s",
			    event->name, event->fields[i].name, wrong));
	}
	return ((int)i);
}

/* "ws":{"type": and where its parts begin. */
static char *
put_path(struct line_field *f, const char *name, char *p)
{
	char *begin = p;

	f->path = p;
	f->depth = 0;
	f->start[0] = 0;
	*p++ = '"';
	for (; *name != '\0'; name++) {
		if (*name != '.') {
			*p++ = *name;
			continue;
		}
		memcpy(p, "\":{", 3);
		p += 3;
		f->start[++f->depth] = (uint16_t)(p - begin);
		*p++ = '"';
	}
	*p++ = '"';
	*p++ = ':';
	f->path_len = (uint16_t)(p - begin);
	return (p);
}

/* The text in front of the value when the field before was written. */
static char *
put_next(struct line_field *f, int closing, char *p)
{
	size_t len = (size_t)f->path_len - f->start[f->shared];

	f->next = p;
	while (closing-- > 0)
		*p++ = '}';
	*p++ = ',';
	memcpy(p, f->path + f->start[f->shared], len);
	p += len;
	f->next_len = (uint16_t)(p - f->next);
	return (p);
}

/* How much a field and those behind it may take. */
static void
fill_rooms(struct line_plan *plan)
{
	struct line_field *f;
	size_t i;

	plan->room = LINE_SLACK + LINE_DEPTH;
	for (i = plan->count; i-- > 0;) {
		f = &plan->fields[i];
		f->rest = (uint16_t)plan->room;
		plan->room += LINE_DEPTH + 1u + f->path_len +
		    (f->type == FRL_NAME ? LINE_NAME_SHORT + 2u : LINE_NUMBER);
	}
	assert(plan->room <= UINT16_MAX);
}

static void
fill_fields(struct line_plan *plan, char *p)
{
	const struct frl_field *table = plan->event->fields;
	struct line_field *f;
	size_t i;
	int open = 0;

	for (i = 0; i < plan->count; i++) {
		f = &plan->fields[i];
		f->offset = table[i].offset;
		f->type = table[i].type;
		f->flags = table[i].flags;
		f->cap = table[i].cap != 0 ? table[i].cap : LINE_CAP;
		if (f->type == FRL_NAME)
			f->cap = LINE_NAME_CAP;
		if (i > 0)
			shared_path(table[i].name, table[i - 1].name,
			    &f->shared);
		p = put_path(f, table[i].name, p);
		p = put_next(f, open - f->shared, p);
		open = f->depth;
	}
	fill_rooms(plan);
}

/* {"v":1,"ts":"0000-00-00T00:00:00.000000Z","event":"ws.frame",
 * "node":"edge-1","tunnel": */
static int
fill_head(struct line_plan *plan, const char *node)
{
	static const char begin[] = LINE_BEGIN
	    "0000-00-00T00:00:00.000000Z\",\"event\":";
	static const char key[] = ",\"node\":";
	size_t size = strlen(plan->event->name) + 6 * LINE_CAP + 128;
	struct json j;

	plan->head = malloc(size);
	if (plan->head == NULL)
		return (-1);
	j = (struct json){ .at = plan->head, .end = plan->head + size };
	json_raw(&j, begin, sizeof(begin) - 1);
	json_string(&j, plan->event->name, strlen(plan->event->name),
	    LINE_CAP);
	json_raw(&j, key, sizeof(key) - 1);
	json_string(&j, node, strlen(node), LINE_CAP);
	json_raw(&j, LINE_TUNNEL, sizeof(LINE_TUNNEL) - 1);
	assert(!j.full);
	plan->head_len = (size_t)(j.at - plan->head);
	return (0);
}

static int
find_field(const struct line_plan *plan, const char *name, size_t len)
{
	const struct frl_field *table = plan->event->fields;
	size_t i;

	for (i = 0; i < plan->count; i++) {
		if (strncmp(table[i].name, name, len) == 0 &&
		    table[i].name[len] == '\0')
			return ((int)i);
	}
	return (-1);
}

/* "8", "-8" */
static int
parse_width(const char *p, size_t len)
{
	int sign = 1, width = 0;
	size_t i = 0;

	if (len > 0 && p[0] == '-') {
		sign = -1;
		i++;
	}
	if (len - i < 1 || len - i > 2)
		return (0);
	for (; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return (0);
		width = width * 10 + (p[i] - '0');
	}
	return (sign * width);
}

/* What stands between braces: >, field, field:8, field:", field?word. */
static int
parse_op(const struct line_plan *plan, const char *p, size_t len,
    struct line_op *op)
{
	size_t n = 0;
	int field;

	if (len == 1 && p[0] == '>') {
		op->kind = LINE_ARROW;
		return (0);
	}
	while (n < len && p[n] != ':' && p[n] != '?')
		n++;
	field = find_field(plan, p, n);
	if (field < 0)
		return (-1);
	op->kind = LINE_FIELD;
	op->field = (uint16_t)field;
	if (n == len)
		return (0);
	if (p[n] == ':' && len - n == 2 && p[n + 1] == '"') {
		op->quoted = true;
		return (0);
	}
	if (p[n] == ':') {
		op->width = parse_width(p + n + 1, len - n - 1);
		return (op->width == 0 ? -1 : 0);
	}
	op->kind = LINE_WORD;
	op->text = p + n + 1;
	op->len = (uint16_t)(len - n - 1);
	return (0);
}

static int
fill_ops(struct line_plan *plan, struct err *err)
{
	const char *p = plan->event->text;
	struct line_op *op = plan->ops;
	size_t len;

	while (p != NULL && *p != '\0') {
		*op = (struct line_op){ .kind = LINE_LITERAL, .text = p };
		if (*p != '{') {
			op->len = (uint16_t)strcspn(p, "{");
			p += op++->len;
			continue;
		}
		len = strcspn(p, "}");
		if (p[len] == '\0' || parse_op(plan, p + 1, len - 1, op) != 0)
			return (err_set(err, "event %s: text: cannot "
			    "understand %.*s", plan->event->name, (int)len,
			    p));
		p += len + 1;
		op++;
	}
	plan->ops_count = (size_t)(op - plan->ops);
	return (0);
}

struct line_plan *
line_compile(const struct frl_event *event, const char *node,
    struct err *err)
{
	struct line_plan *plan;
	size_t size, text = 0, i, ops;
	int count;

	count = check_event(event, err);
	if (count < 0)
		return (NULL);
	/* A dot becomes four bytes; path and next; quotes, braces, comma. */
	for (i = 0; i < (size_t)count; i++)
		text += 2 * (4 * strlen(event->fields[i].name) + 16);
	ops = event->text == NULL ? 0 : strlen(event->text);
	if (ops > UINT16_MAX) {
		err_set(err, "event %s: text is too long", event->name);
		return (NULL);
	}
	size = sizeof(*plan) + (size_t)count * sizeof(plan->fields[0]);
	plan = calloc(1, size + text + LINE_SLACK);
	if (plan == NULL)
		goto err0;
	plan->event = event;
	plan->count = (size_t)count;
	fill_fields(plan, (char *)plan + size);
	plan->ops = calloc(ops + 1, sizeof(plan->ops[0]));
	if (plan->ops == NULL || fill_head(plan, node) != 0)
		goto err0;
	if (fill_ops(plan, err) != 0) {
		line_plan_free(plan);
		return (NULL);
	}
	return (plan);
err0:
	line_plan_free(plan);
	err_set(err, "event %s: out of memory", event->name);
	return (NULL);
}

void
line_plan_free(struct line_plan *plan)
{
	if (plan == NULL)
		return;
	free(plan->head);
	free(plan->ops);
	free(plan);
}

const char *
line_plan_clash(const struct line_plan *a, const struct line_plan *b)
{
	const char *x, *y;
	size_t i, k, n;

	for (i = 0; i < a->count; i++) {
		x = a->event->fields[i].name;
		n = strcspn(x, ".");
		for (k = 0; k < b->count; k++) {
			y = b->event->fields[k].name;
			if (strcspn(y, ".") == n && strncmp(x, y, n) == 0)
				return (x);
		}
	}
	return (NULL);
}
