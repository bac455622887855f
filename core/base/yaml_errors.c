/* SPDX-License-Identifier: MIT */
/*
 * yaml_errors -- errors of a file: the place, a sentence, the line, a caret.
 *
 * What always holds: the text has no control character but '\n', whatever
 * stood in the file, and its size is bounded, however wrong the file is.  Of
 * lines that hold a password or token it is not shown.
 */
#include "base/json.h"
#include "base/yaml_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_SIZE 6144		/* 1 KiB of text with every byte escaped */
#define LINE_SHOWN 120		/* bytes of the line that is quoted */

static bool
is_before(const struct yaml_error *a, const struct yaml_error *b)
{
	return (a->line < b->line ||
	    (a->line == b->line && a->column < b->column));
}

/*
 * Put an entry behind those of its place or before.  Without memory, and
 * after the last that is shown, it is only counted: the file is refused
 * anyway.
 */
static void
add_error(struct yaml_errors *errors, const char *text,
    const struct yaml_error *entry)
{
	size_t i = errors->shown, at = errors->len;
	char *bigger;

	errors->count++;
	if (i == YAML_ERRORS_SHOWN)
		return;
	bigger = realloc(errors->text, errors->len + entry->len + 1);
	if (bigger == NULL)
		return;
	errors->text = bigger;
	for (; i > 0 && is_before(entry, &errors->entries[i - 1]); i--) {
		errors->entries[i] = errors->entries[i - 1];
		at -= errors->entries[i].len;
	}
	errors->entries[i] = *entry;
	errors->shown++;
	memmove(bigger + at + entry->len, bigger + at, errors->len - at);
	memcpy(bigger + at, text, entry->len);
	errors->len += entry->len;
	bigger[errors->len] = '\0';
}

/* The bytes of a line, counted from 1; false where there is no such line. */
static bool
find_line(const struct yaml_file *file, unsigned line, const char **ret_text,
    size_t *ret_len)
{
	const char *p = file->text, *end = file->text + file->len, *stop;

	while (p < end && line > 1) {
		stop = memchr(p, '\n', (size_t)(end - p));
		p = stop == NULL ? end : stop + 1;
		line--;
	}
	if (line != 1 || file->len == 0)
		return (false);
	stop = memchr(p, '\n', (size_t)(end - p));
	if (stop == NULL)
		stop = end;
	if (stop > p && stop[-1] == '\r')
		stop--;
	*ret_text = p;
	*ret_len = (size_t)(stop - p);
	return (true);
}

/*
 * The line and the caret under its column.  A long line is shown around the
 * caret.  Control characters become one visible byte each, or the caret
 * would point elsewhere.
 */
static void
put_line(struct json *j, const char *text, size_t len, unsigned column)
{
	unsigned first = column > 100 ? column - 60 : 1, at;
	char shown[LINE_SHOWN + 5];	/* a character over, and a NUL */
	size_t i, n;

	/* Columns count characters. */
	for (at = 1; at < first && len > 0; at++) {
		do {
			text++;
			len--;
		} while (len > 0 && ((unsigned char)*text & 0xc0) == 0x80);
	}
	if (len > sizeof(shown) - 1)
		len = sizeof(shown) - 1;
	shown[len] = '\0';
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\t')
			shown[i] = ' ';
		else if (c < 0x20 || c == 0x7f)
			shown[i] = '?';
		else
			shown[i] = text[i];
	}
	json_raw(j, "    ", 4);
	for (i = 0; i < len && i < LINE_SHOWN; i += n + 1) {
		/* A backslash stays one column wide. */
		n = strcspn(shown + i, "\\");
		if (json_plain(j, shown + i, n, LINE_SHOWN - i) ||
		    i + n == len)
			break;
		json_raw(j, "\\", 1);
	}
	json_raw(j, "\n    ", 5);
	for (at = first; at < column; at++)
		json_raw(j, " ", 1);
	json_raw(j, "^\n", 2);
}

/* Stars, one for each character from here on; the line's new length. */
static size_t
mask(char *line, size_t len, size_t from, size_t to)
{
	size_t i, at = from;

	for (i = from; i < to; i++)
		if (((unsigned char)line[i] & 0xc0) != 0x80)
			line[at++] = '*';
	memmove(line + at, line + to, len - to);
	return (len - (to - at));
}

/* Where the value of a secret begins in a line; NULL: there is none. */
static const char *
find_secret(const char *line, size_t len)
{
	static const char *const words[] = { "password", "token" };
	const char *first = NULL, *word, *colon;
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		word = memmem(line, len, words[i], strlen(words[i]));
		colon = word == NULL ? NULL : memchr(word, ':',
		    len - (size_t)(word - line));
		if (colon != NULL && (first == NULL || colon < first - 1))
			first = colon + 1;
	}
	return (first);
}

/*
 * What people send to others who help them must not hold a password: neither
 * that of a URI (RFC 3986, 3.2.1) nor what stands behind such a word.
 */
static size_t
mask_secrets(char *line, size_t len)
{
	const char *begin = memmem(line, len, "://", 3), *end;

	if (begin != NULL) {
		begin += 3;
		end = memrchr(begin, '@', len - (size_t)(begin - line));
		if (end != NULL)
			len = mask(line, len, (size_t)(begin - line),
			    (size_t)(end - line));
	}
	begin = find_secret(line, len);
	if (begin != NULL)
		len = mask(line, len, (size_t)(begin - line), len);
	return (len);
}

/* Does a line end where a secret's value should stand, so that it stands in
 * the next one? */
static bool
goes_on(const char *line, size_t len)
{
	const char *value = find_secret(line, len), *end = line + len;

	while (value != NULL && value < end &&
	    strchr(" \t|>+-", *value) != NULL)
		value++;
	return (value != NULL && value == end);
}

/* Without memory for a copy the line is not shown. */
static void
put_source(struct json *j, const struct yaml_file *file, unsigned number,
    unsigned column)
{
	const char *text, *before;
	size_t len, n;
	char *line;

	if (!find_line(file, number, &text, &len) ||
	    (line = malloc(len + 1)) == NULL)
		return;
	memcpy(line, text, len);
	if (number > 1 && find_line(file, number - 1, &before, &n) &&
	    goes_on(before, n))
		len = mask(line, len, 0, len);
	else
		len = mask_secrets(line, len);
	put_line(j, line, len, column);
	free(line);
}

static void
complain_at(const struct yaml_file *file, unsigned line, unsigned column,
    struct yaml_errors *errors, const char *text)
{
	struct yaml_error entry = { .line = line, .column = column };
	char shown[ERROR_SIZE], place[32];
	struct json j = { .at = shown, .end = shown + sizeof(shown) };
	int n;

	if (file != NULL) {
		(void)json_plain(&j, file->name, strlen(file->name), 256);
		json_raw(&j, ":", 1);
		if (line > 0) {
			n = snprintf(place, sizeof(place), "%u:%u:", line,
			    column);
			json_raw(&j, place, (size_t)n);
		}
		json_raw(&j, " ", 1);
	}
	(void)json_plain(&j, text, strlen(text), 1024);
	json_raw(&j, "\n", 1);
	if (file != NULL && line > 0)
		put_source(&j, file, line, column);
	entry.len = (size_t)(j.at - shown);
	add_error(errors, shown, &entry);
}

const char *
yaml_name(const struct yaml_file *file)
{
	return (file->name);
}

void
yaml_complain(const struct yaml_file *file, const struct yaml_node *node,
    struct yaml_errors *errors, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	complain_at(file, node == NULL ? 0 : node->line,
	    node == NULL ? 0 : node->column, errors, text);
}

void
yaml_errors_free(struct yaml_errors *errors)
{
	free(errors->text);
	*errors = (struct yaml_errors){ .text = NULL };
}
