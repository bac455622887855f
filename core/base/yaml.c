/* SPDX-License-Identifier: MIT */
/*
 * yaml -- a strict subset of YAML as a tree of nodes that remember where they
 * stood.
 *
 * It reads libyaml's events and puts them on a stack of YAML_DEPTH frames;
 * a list or map grows in its frame and moves into its parent when it ends.
 * libyaml itself has no bound on depth and would resolve UTF-16: both are
 * taken from it.
 *
 * What always holds: a file that is returned had no error, and its keys and
 * items are arrays of `count` nodes.
 */
#include "base/yaml.h"

#include "base/yaml_file.h"

#include <yaml.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct frame {
	struct yaml_node node;
	struct yaml_node key;		/* maps: waits for its value */
	bool has_key;
	size_t cap;
};

struct builder {
	struct yaml_file *file;
	struct yaml_errors *errors;
	size_t depth;
	unsigned documents;
	struct frame stack[YAML_DEPTH];
};

/* ------------------------------------------------------------------ */
/* The tree								*/

/* Recursion goes down YAML_DEPTH levels at most. */
static void
clear_node(struct yaml_node *node)
{
	size_t i;

	for (i = 0; i < node->count; i++) {
		clear_node(&node->items[i]);
		if (node->keys != NULL)
			clear_node(&node->keys[i]);
	}
	free(node->items);
	free(node->keys);
	free((void *)(uintptr_t)node->text);
}

void
yaml_file_free(struct yaml_file *file)
{
	if (file == NULL)
		return;
	if (file->has_root)
		clear_node(&file->root);
	free(file->name);
	free(file->text);
	free(file);
}

const struct yaml_node *
yaml_root(const struct yaml_file *file)
{
	return (file->has_root ? &file->root : NULL);
}

const struct yaml_node *
yaml_get(const struct yaml_node *node, const char *key)
{
	size_t i;

	if (node == NULL || node->kind != YAML_MAP)
		return (NULL);
	for (i = 0; i < node->count; i++) {
		if (strcmp(node->keys[i].text, key) == 0)
			return (&node->items[i]);
	}
	return (NULL);
}

/* ------------------------------------------------------------------ */
/* From events to the tree						*/

/* Something stands at this event that makes going on pointless. */
static int
stop_at(struct builder *b, const struct yaml_node *node, const char *text)
{
	yaml_complain(b->file, node, b->errors, "%s", text);
	return (-1);
}

static int
grow_frame(struct frame *f)
{
	size_t cap = f->cap == 0 ? 4 : 2 * f->cap;
	struct yaml_node *more;

	more = realloc(f->node.items, cap * sizeof(*more));
	if (more == NULL)
		return (-1);
	f->node.items = more;
	if (f->node.kind == YAML_MAP) {
		more = realloc(f->node.keys, cap * sizeof(*more));
		if (more == NULL)
			return (-1);
		f->node.keys = more;
	}
	f->cap = cap;
	return (0);
}

/* Put a finished node (take) where it belongs: in the top frame, or at the
 * root. */
static int
place(struct builder *b, struct yaml_node *node)
{
	struct frame *f;

	if (b->depth == 0) {
		b->file->root = *node;
		b->file->has_root = true;
		return (0);
	}
	f = &b->stack[b->depth - 1];
	if (f->node.kind == YAML_MAP && !f->has_key) {
		f->key = *node;
		f->has_key = true;
		return (0);
	}
	if (f->node.count == f->cap && grow_frame(f) != 0) {
		clear_node(node);
		return (stop_at(b, NULL, "out of memory"));
	}
	if (f->node.kind == YAML_MAP)
		f->node.keys[f->node.count] = f->key;
	f->node.items[f->node.count++] = *node;
	f->has_key = false;
	return (0);
}

/* By text; equal ones by where they stand. */
static int
compare_keys(const void *va, const void *vb)
{
	const struct yaml_node *a = *(const struct yaml_node *const *)va;
	const struct yaml_node *b = *(const struct yaml_node *const *)vb;
	int order = strcmp(a->text, b->text);

	if (order != 0)
		return (order);
	return (a < b ? -1 : a > b);
}

/* Sorted, not compared pairwise: a file may have 100,000 keys. */
static int
check_duplicates(struct builder *b, const struct yaml_node *map)
{
	const struct yaml_node **sorted;
	size_t i;

	if (map->count < 2)
		return (0);
	sorted = calloc(map->count, sizeof(const struct yaml_node *));
	if (sorted == NULL)
		return (stop_at(b, map, "out of memory"));
	for (i = 0; i < map->count; i++)
		sorted[i] = &map->keys[i];
	qsort(sorted, map->count, sizeof(sorted[0]), compare_keys);
	for (i = 1; i < map->count; i++) {
		if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
			yaml_complain(b->file, sorted[i], b->errors,
			    "the key \"%.100s\" stands here a second time; "
			    "the first is in line %u", sorted[i]->text,
			    sorted[i - 1]->line);
	}
	free(sorted);
	return (0);
}

static void
refuse_decorations(struct builder *b, const struct yaml_node *node,
    const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		yaml_complain(b->file, node, b->errors,
		    "anchors (&%.100s) are not allowed",
		    (const char *)anchor);
	if (tag != NULL)
		yaml_complain(b->file, node, b->errors,
		    "tags (%.100s) are not allowed", (const char *)tag);
}

static int
on_scalar(struct builder *b, struct yaml_node *node,
    const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	refuse_decorations(b, node, event->data.scalar.anchor,
	    event->data.scalar.tag);
	if (memchr(value, '\0', len) != NULL)
		yaml_complain(b->file, node, b->errors,
		    "a NUL character is not allowed");
	node->kind = YAML_SCALAR;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	/* "---" and nothing behind it is an empty file as well. */
	if (b->depth == 0 && len == 0 && !node->quoted)
		return (0);
	node->text = strndup(value, len);
	if (node->text == NULL)
		return (stop_at(b, node, "out of memory"));
	return (place(b, node));
}

static int
on_start(struct builder *b, struct yaml_node *node, enum yaml_kind kind)
{
	struct frame *top = b->depth == 0 ? NULL : &b->stack[b->depth - 1];

	if (top != NULL && top->node.kind == YAML_MAP && !top->has_key)
		return (stop_at(b, node, "a key must be a scalar"));
	if (b->depth == YAML_DEPTH)
		return (stop_at(b, node, "this is nested too deeply"));
	node->kind = kind;
	b->stack[b->depth++] = (struct frame){ .node = *node };
	return (0);
}

static int
on_end(struct builder *b)
{
	struct yaml_node node = b->stack[--b->depth].node;

	if (node.kind == YAML_MAP && check_duplicates(b, &node) != 0) {
		clear_node(&node);
		return (-1);
	}
	return (place(b, &node));
}

static int
on_event(struct builder *b, const yaml_event_t *event)
{
	struct yaml_node node = {
		.line = (unsigned)event->start_mark.line + 1,
		.column = (unsigned)event->start_mark.column + 1,
	};

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++ > 0)
			return (stop_at(b, &node,
			    "only one document is allowed in a file"));
		return (0);
	case YAML_ALIAS_EVENT:
		yaml_complain(b->file, &node, b->errors,
		    "aliases (*%.100s) are not allowed",
		    (const char *)event->data.alias.anchor);
		node.text = strdup("");
		if (node.text == NULL)
			return (-1);
		return (place(b, &node));
	case YAML_SCALAR_EVENT:
		return (on_scalar(b, &node, event));
	case YAML_SEQUENCE_START_EVENT:
		refuse_decorations(b, &node, event->data.sequence_start.anchor,
		    event->data.sequence_start.tag);
		return (on_start(b, &node, YAML_LIST));
	case YAML_MAPPING_START_EVENT:
		refuse_decorations(b, &node, event->data.mapping_start.anchor,
		    event->data.mapping_start.tag);
		return (on_start(b, &node, YAML_MAP));
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return (on_end(b));
	default:
		return (0);
	}
}

/* What libyaml says, at the place it says, or at the byte it names. */
static void
complain_syntax(struct builder *b, const yaml_parser_t *parser)
{
	struct yaml_node node = {
		.line = (unsigned)parser->problem_mark.line + 1,
		.column = (unsigned)parser->problem_mark.column + 1,
	};
	size_t i;

	if (parser->error == YAML_READER_ERROR) {
		node.line = node.column = 1;
		for (i = 0; i < parser->problem_offset && i < b->file->len;
		    i++) {
			unsigned char c = (unsigned char)b->file->text[i];

			if (c == '\n') {
				node.line++;
				node.column = 1;
			} else if ((c & 0xc0) != 0x80) {
				node.column++;
			}
		}
	}
	yaml_complain(b->file, &node, b->errors, "%s%s%s%s",
	    parser->context == NULL ? "" : parser->context,
	    parser->context == NULL ? "" : ": ",
	    parser->problem == NULL ? "not readable" : parser->problem,
	    /* What becomes of "file: -". */
	    parser->problem != NULL && strncmp(parser->problem,
	    "block sequence entries", 22) == 0 ? "; a - that is a value is "
	    "written as \"-\"" : "");
}

static void
run(struct builder *b, yaml_parser_t *parser)
{
	yaml_event_t event;
	bool end = false;

	while (!end) {
		if (!yaml_parser_parse(parser, &event)) {
			complain_syntax(b, parser);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT ||
		    on_event(b, &event) != 0;
		yaml_event_delete(&event);
	}
	/* After an error some frames are still open. */
	while (b->depth > 0) {
		struct frame *f = &b->stack[--b->depth];

		if (f->has_key)
			clear_node(&f->key);
		clear_node(&f->node);
	}
}

static struct yaml_file *
new_file(const char *name, const char *text, size_t len)
{
	struct yaml_file *file = calloc(1, sizeof(*file));

	if (file == NULL)
		return (NULL);
	file->name = strdup(name);
	file->text = malloc(len + 1);
	if (file->name == NULL || file->text == NULL) {
		yaml_file_free(file);
		return (NULL);
	}
	if (len > 0)
		memcpy(file->text, text, len);
	file->text[len] = '\0';
	file->len = len;
	return (file);
}

struct yaml_file *
yaml_parse(const char *name, const char *text, size_t len,
    struct yaml_errors *errors)
{
	struct builder b = { .errors = errors };
	size_t before = errors->count;
	yaml_parser_t parser;

	b.file = new_file(name, len > YAML_SIZE ? "" : text,
	    len > YAML_SIZE ? 0 : len);
	if (b.file == NULL || !yaml_parser_initialize(&parser)) {
		yaml_complain(b.file, NULL, errors, "out of memory");
		yaml_file_free(b.file);
		return (NULL);
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser,
	    (const unsigned char *)b.file->text, b.file->len);
	if (len > YAML_SIZE)
		yaml_complain(b.file, NULL, errors,
		    "the file is larger than %d bytes", YAML_SIZE);
	else
		run(&b, &parser);
	yaml_parser_delete(&parser);
	if (errors->count == before)
		return (b.file);
	yaml_file_free(b.file);
	return (NULL);
}

/* Everything up to one byte over the bound; -1 with errno. */
static ssize_t
slurp(const char *path, char *text)
{
	int fd = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return (-1);
	while (len <= YAML_SIZE) {
		n = read(fd, text + len, YAML_SIZE + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (n < 0) {
		int saved_errno = errno;

		(void)close(fd);
		errno = saved_errno;
		return (-1);
	}
	(void)close(fd);
	return ((ssize_t)len);
}

struct yaml_file *
yaml_read(const char *path, struct yaml_errors *errors)
{
	struct yaml_file *file = NULL, nameless = { .len = 0 };
	char *text = malloc(YAML_SIZE + 1);
	ssize_t len;

	nameless.name = strdup(path);
	if (text == NULL || nameless.name == NULL) {
		yaml_complain(NULL, NULL, errors, "out of memory");
	} else {
		len = slurp(path, text);
		if (len < 0)
			yaml_complain(&nameless, NULL, errors,
			    "cannot read it: %s", strerror(errno));
		else
			file = yaml_parse(path, text, (size_t)len, errors);
	}
	free(nameless.name);
	free(text);
	return (file);
}
