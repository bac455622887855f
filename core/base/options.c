/* SPDX-License-Identifier: MIT */
/*
 * options -- fills a struct from a map of the configuration, as a table of
 * struct frl_option says.
 *
 * The only place that knows units and ${VAR}.  It does not know what any
 * option is for.
 *
 * What always holds: every pointer in `out` is NULL or ours, so that
 * options_clear() may be called at any time, also twice.
 */
#include "base/options.h"

#include "base/err.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAR 2			/* edits between a typo and what was meant */
#define WORD_MAX 64		/* longer words are no typos */
#define EXPANDED_MAX 65536	/* bytes of a scalar with its variables */

struct unit {
	const char *name;
	uint64_t factor;
};

/* From large to small, for printing. */
static const struct unit sizes[] = {
	{ "GiB", 1024 * 1024 * 1024 },
	{ "MiB", 1024 * 1024 },
	{ "KiB", 1024 },
	{ "B", 1 },
	{ NULL, 0 },
};

static const struct unit durations[] = {
	{ "d", 24 * 60 * 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ "m", 60 * 1000 },
	{ "s", 1000 },
	{ "ms", 1 },
	{ NULL, 0 },
};

static const char *const type_names[] = {
	[FRL_OPTION_BOOL] = "true|false",
	[FRL_OPTION_COUNT] = "number",
	[FRL_OPTION_SIZE] = "size",
	[FRL_OPTION_DURATION] = "duration",
	[FRL_OPTION_STRING] = "text",
	[FRL_OPTION_CHOICE] = "choice",
	[FRL_OPTION_LIST] = "list",
};

/* What a read is about; saves every function five parameters. */
struct reading {
	const struct yaml_file *file;
	struct yaml_errors *errors;
};

/* ------------------------------------------------------------------ */
/* The nearest name							*/

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return (ab < c ? ab : c);
}

/* Levenshtein's distance, one row at a time. */
static size_t
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[WORD_MAX + 1], i, k, diagonal, above;

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return (SIZE_MAX);
	for (k = 0; k <= b_len; k++)
		row[k] = k;
	for (i = 1; i <= a_len; i++) {
		diagonal = row[0];
		row[0] = i;
		for (k = 1; k <= b_len; k++) {
			above = row[k];
			row[k] = least(above + 1, row[k - 1] + 1,
			    diagonal + (a[i - 1] != b[k - 1]));
			diagonal = above;
		}
	}
	return (row[b_len]);
}

/* Is this name nearer than *best, and near enough to be worth a word? */
static bool
nearer(const char *word, const char *name, size_t len, size_t *best)
{
	size_t d = distance(word, strlen(word), name, len);

	/* Two edits turn any word of two letters into any other. */
	if (d > NEAR || d >= len || d >= *best)
		return (false);
	*best = d;
	return (true);
}

const char *
options_nearest(const char *word, const char *const *names)
{
	const char *found = NULL;
	size_t best = SIZE_MAX;

	for (; *names != NULL; names++) {
		if (nearer(word, *names, strlen(*names), &best))
			found = *names;
	}
	return (found);
}

/* ------------------------------------------------------------------ */
/* Scalars								*/

static const struct unit *
units_of(const struct frl_option *option)
{
	switch (option->type) {
	case FRL_OPTION_SIZE:
		return (sizes);
	case FRL_OPTION_DURATION:
		return (durations);
	default:
		return (NULL);
	}
}

static const char *
unit_list(const struct unit *units)
{
	return (units == sizes ? "B, KiB, MiB or GiB" : "ms, s, m, h or d");
}

/* A number as one would write it: with the largest unit that divides it. */
static void
format_number(const struct unit *units, uint64_t n, char *text, size_t size)
{
	if (units == NULL || n == 0) {
		(void)snprintf(text, size, "%llu", (unsigned long long)n);
		return;
	}
	while (n % units->factor != 0)
		units++;
	(void)snprintf(text, size, "%llu%s",
	    (unsigned long long)(n / units->factor), units->name);
}

static int
check_range(const struct frl_option *option, const char *text, uint64_t n,
    struct err *err)
{
	const struct unit *units = units_of(option);
	char bound[32];

	if (n < option->min) {
		format_number(units, option->min, bound, sizeof(bound));
		return (err_set(err, "%.80s is too small: at least %s", text,
		    bound));
	}
	if (option->max != 0 && n > option->max) {
		format_number(units, option->max, bound, sizeof(bound));
		return (err_set(err, "%.80s is too large: at most %s", text,
		    bound));
	}
	return (0);
}

/* The digits at the front; *ret_rest is what follows them. */
static int
parse_digits(const char *text, uint64_t *ret_n, const char **ret_rest,
    struct err *err)
{
	const char *p = text;
	uint64_t n = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (n > (UINT64_MAX - digit) / 10)
			return (err_set(err, "%.80s is too large", text));
		n = n * 10 + digit;
	}
	if (p == text)
		return (err_set(err, "\"%.80s\" is not a number", text));
	/* Others read 010 as eight. */
	if (text[0] == '0' && p - text > 1)
		return (err_set(err,
		    "%.80s: a number does not begin with 0", text));
	*ret_n = n;
	*ret_rest = p;
	return (0);
}

static int
parse_count(const char *text, uint64_t *ret_n, struct err *err)
{
	const char *rest;

	if (parse_digits(text, ret_n, &rest, err) != 0)
		return (-1);
	if (*rest != '\0')
		return (err_set(err, "\"%.80s\" is not a number", text));
	return (0);
}

/* Digits and a unit; 0 needs none. */
static int
parse_units(const struct unit *units, const char *text, uint64_t *ret_n,
    struct err *err)
{
	const struct unit *u;
	const char *rest;
	uint64_t n;

	if (parse_digits(text, &n, &rest, err) != 0)
		return (-1);
	if (*rest == '\0' && n != 0)
		return (err_set(err, "%.80s has no unit: %s", text,
		    unit_list(units)));
	for (u = units; u->name != NULL; u++) {
		if (strcmp(rest, u->name) == 0)
			break;
	}
	if (u->name == NULL && *rest != '\0')
		return (err_set(err, "%.80s: \"%.40s\" is no unit: %s", text,
		    rest, unit_list(units)));
	if (u->name != NULL && n > UINT64_MAX / u->factor)
		return (err_set(err, "%.80s is too large", text));
	*ret_n = u->name == NULL ? 0 : n * u->factor;
	return (0);
}

static int
parse_number(const struct frl_option *option, const char *text, void *out,
    struct err *err)
{
	const struct unit *units = units_of(option);
	uint64_t n;

	if (units == NULL ? parse_count(text, &n, err) != 0 :
	    parse_units(units, text, &n, err) != 0)
		return (-1);
	if (check_range(option, text, n, err) != 0)
		return (-1);
	memcpy(out, &n, sizeof(n));
	return (0);
}

static int
parse_bool(const char *text, bool *out, struct err *err)
{
	if (strcmp(text, "true") == 0)
		*out = true;
	else if (strcmp(text, "false") == 0)
		*out = false;
	else
		return (err_set(err, "\"%.80s\" is neither true nor false",
		    text));
	return (0);
}

static int
parse_choice(const struct frl_option *option, const char *text,
    uint32_t *out, struct err *err)
{
	const char *p = option->choices, *near = NULL;
	size_t len, near_len = 0, best = SIZE_MAX;
	uint32_t i;

	for (i = 0;; i++, p += len + 1) {
		len = strcspn(p, "|");
		if (strlen(text) == len && memcmp(text, p, len) == 0) {
			*out = i;
			return (0);
		}
		if (nearer(text, p, len, &best)) {
			near = p;
			near_len = len;
		}
		if (p[len] == '\0')
			break;
	}
	if (near != NULL)
		return (err_set(err,
		    "\"%.80s\" is none of %s; did you mean \"%.*s\"?", text,
		    option->choices, (int)near_len, near));
	return (err_set(err, "\"%.80s\" is none of %s", text,
	    option->choices));
}

static int
parse_string(const char *text, const char **out, struct err *err)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return (err_set(err, "out of memory"));
	*out = copy;
	return (0);
}

/* ------------------------------------------------------------------ */
/* Lists								*/

/* const in the struct is for the plugin; the memory is ours. */
static void
free_const(const void *p)
{
	free((void *)(uintptr_t)p);
}

static void
clear_list(struct frl_strings *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		free_const(list->items[i]);
	free_const(list->items);
	*list = (struct frl_strings){ .items = NULL };
}

/* Add a string (take, also on failure; NULL: there was no memory). */
static int
add_item(struct frl_strings *list, char *item, struct err *err)
{
	const char **items = NULL;

	if (item != NULL)
		items = realloc((void *)(uintptr_t)list->items,
		    (list->count + 1) * sizeof(items[0]));
	if (items == NULL) {
		free(item);
		return (err_set(err, "out of memory"));
	}
	items[list->count++] = item;
	list->items = items;
	return (0);
}

/* "[a, b]" or "a, b", without quotes: what defaults need. */
static int
parse_list(const char *text, struct frl_strings *out, struct err *err)
{
	struct frl_strings list = { .items = NULL };
	const char *p = text, *end = text + strlen(text);
	size_t len;

	if (*p == '[' && end[-1] == ']') {
		p++;
		end--;
	}
	while (p < end) {
		p += strspn(p, " ,");
		len = 0;
		while (p + len < end && p[len] != ',')
			len++;
		while (len > 0 && p[len - 1] == ' ')
			len--;
		if (len > 0 && add_item(&list, strndup(p, len), err) != 0) {
			clear_list(&list);
			return (-1);
		}
		p += len + strspn(p + len, " ");
	}
	*out = list;
	return (0);
}

int
options_scalar(const struct frl_option *option, const char *text, void *out,
    struct err *err)
{
	switch (option->type) {
	case FRL_OPTION_BOOL:
		return (parse_bool(text, out, err));
	case FRL_OPTION_COUNT:
	case FRL_OPTION_SIZE:
	case FRL_OPTION_DURATION:
		return (parse_number(option, text, out, err));
	case FRL_OPTION_STRING:
		return (parse_string(text, out, err));
	case FRL_OPTION_CHOICE:
		return (parse_choice(option, text, out, err));
	case FRL_OPTION_LIST:
		return (parse_list(text, out, err));
	default:
		return (err_set(err, "the option has no known type"));
	}
}

/* ------------------------------------------------------------------ */
/* Variables								*/

static bool
is_variable(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		char c = name[i];

		if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z') &&
		    c != '_' && (i == 0 || c < '0' || c > '9'))
			return (false);
	}
	return (len > 0);
}

/* The value of the variable named between ${ and }. */
static const char *
variable(const char *name, size_t len, struct err *err)
{
	char copy[WORD_MAX + 1];
	const char *value;

	if (!is_variable(name, len) || len > WORD_MAX) {
		(void)err_set(err, "\"${%.*s}\" names no variable",
		    (int)(len < WORD_MAX ? len : WORD_MAX), name);
		return (NULL);
	}
	memcpy(copy, name, len);
	copy[len] = '\0';
	value = getenv(copy);
	if (value == NULL)
		(void)err_set(err, "the variable ${%s} is not set", copy);
	return (value);
}

/*
 * A copy (give) with every ${VAR} replaced; $${ stands for ${ itself.  What
 * a variable holds is not looked at again.  NULL with a sentence.
 */
static char *
expand(const char *text, struct err *err)
{
	const char *p = text, *add, *close;
	char *out = NULL, *more;
	size_t len = 0, n;

	do {
		if (strncmp(p, "$${", 3) == 0) {
			add = p + 1;
			n = 2;
			p += 3;
		} else if (strncmp(p, "${", 2) == 0) {
			close = strchr(p, '}');
			if (close == NULL) {
				(void)err_set(err, "\"${\" without \"}\"");
				goto err;
			}
			add = variable(p + 2, (size_t)(close - p) - 2, err);
			if (add == NULL)
				goto err;
			n = strlen(add);
			p = close + 1;
		} else {
			add = p;
			n = *p == '\0' ? 0 : 1 + strcspn(p + 1, "$");
			p += n;
		}
		more = n > EXPANDED_MAX - len ? NULL :
		    realloc(out, len + n + 1);
		if (more == NULL) {
			(void)err_set(err, "the value is too long");
			goto err;
		}
		out = more;
		memcpy(out + len, add, n);
		len += n;
		out[len] = '\0';
	} while (*p != '\0');
	return (out);
err:
	free(out);
	return (NULL);
}

/* ------------------------------------------------------------------ */
/* Maps									*/

static void *
member(const struct frl_option *option, void *out)
{
	return ((char *)out + option->offset);
}

static int
read_list(const struct reading *r, const struct frl_option *option,
    const struct yaml_node *node, struct frl_strings *out)
{
	const struct yaml_node *item;
	int result = 0;
	struct err err;
	char *text;
	size_t i;

	for (i = 0; i < node->count; i++) {
		item = &node->items[i];
		text = NULL;
		if (item->kind != YAML_SCALAR ||
		    (item->text[0] == '\0' && !item->quoted))
			(void)err_set(&err, "an item must be a text");
		else
			text = expand(item->text, &err);
		if (text != NULL && add_item(out, text, &err) == 0)
			continue;
		yaml_complain(r->file, item, r->errors, "%s: %s",
		    option->name, err.text);
		result = -1;
	}
	return (result);
}

/* Is this kind of node right for the option at all? */
static int
check_kind(const struct frl_option *option, const struct yaml_node *node,
    struct err *err)
{
	if (option->type == FRL_OPTION_LIST)
		return (node->kind == YAML_LIST ? 0 :
		    err_set(err, "this must be a list: [a, b]"));
	if (node->kind != YAML_SCALAR)
		return (err_set(err, "this must be one value, not a %s",
		    node->kind == YAML_LIST ? "list" : "map"));
	if (node->text[0] == '\0' && !node->quoted)
		return (err_set(err, "the value is missing"));
	if (node->quoted && option->type <= FRL_OPTION_DURATION)
		return (err_set(err, "\"%.80s\" is a text because of its "
		    "quotes; leave them out", node->text));
	return (0);
}

static int
read_value(const struct reading *r, const struct frl_option *option,
    const struct yaml_node *node, void *out)
{
	char *text = NULL;
	struct err err;
	int result;

	result = check_kind(option, node, &err);
	if (result == 0 && option->type == FRL_OPTION_LIST)
		return (read_list(r, option, node, out));
	if (result == 0) {
		text = expand(node->text, &err);
		result = text == NULL ? -1 :
		    options_scalar(option, text, out, &err);
		free(text);
	}
	if (result != 0)
		yaml_complain(r->file, node, r->errors, "%s: %s",
		    option->name, err.text);
	return (result);
}

static int
read_default(const struct reading *r, const struct frl_option *option,
    const struct yaml_node *where, void *out)
{
	struct err err;

	if (option->def != NULL) {
		if (options_scalar(option, option->def, out, &err) == 0)
			return (0);
		yaml_complain(r->file, where, r->errors,
		    "the default of %s: %s", option->name, err.text);
		return (-1);
	}
	if ((option->flags & FRL_OPTION_OPTIONAL) != 0)
		return (0);
	yaml_complain(r->file, where, r->errors, "%s is missing: %s",
	    option->name, option->help == NULL ? "" : option->help);
	return (-1);
}

/* Is the key in the table or somebody else's?  If not, complain. */
static int
check_key(const struct reading *r, const struct frl_option *table,
    const struct yaml_node *key, const char *const *others)
{
	const char *near = NULL;
	size_t best = SIZE_MAX;

	for (; table->name != NULL; table++) {
		if (strcmp(table->name, key->text) == 0)
			return (0);
		if (nearer(key->text, table->name, strlen(table->name), &best))
			near = table->name;
	}
	for (; others != NULL && *others != NULL; others++) {
		if (strcmp(*others, key->text) == 0)
			return (0);
		if (nearer(key->text, *others, strlen(*others), &best))
			near = *others;
	}
	if (near != NULL)
		yaml_complain(r->file, key, r->errors, "unknown key "
		    "\"%.100s\"; did you mean \"%s\"?", key->text, near);
	else
		yaml_complain(r->file, key, r->errors,
		    "unknown key \"%.100s\"", key->text);
	return (-1);
}

int
options_read(const struct frl_option *table, void *out,
    const struct yaml_file *file, const struct yaml_node *node,
    const struct yaml_node *where, const char *const *others,
    struct yaml_errors *errors)
{
	struct reading r = { .file = file, .errors = errors };
	const struct frl_option *option;
	const struct yaml_node *value;
	int result = 0;
	size_t i;

	/* "section:" with nothing below it is an empty map. */
	if (node != NULL && node->kind != YAML_MAP &&
	    (node->kind != YAML_SCALAR || node->text[0] != '\0' ||
	    node->quoted)) {
		yaml_complain(file, node, errors, "this must be a map");
		return (-1);
	}
	for (i = 0; node != NULL && i < node->count; i++)
		result |= check_key(&r, table, &node->keys[i], others);
	for (option = table; option->name != NULL; option++) {
		value = yaml_get(node, option->name);
		result |= value != NULL ?
		    read_value(&r, option, value, member(option, out)) :
		    read_default(&r, option, node != NULL ? node : where,
			member(option, out));
	}
	if (result != 0)
		options_clear(table, out);
	return (result);
}

void
options_clear(const struct frl_option *table, void *out)
{
	const struct frl_option *option;

	for (option = table; option->name != NULL; option++) {
		void *p = member(option, out);

		if (option->type == FRL_OPTION_LIST) {
			clear_list(p);
		} else if (option->type == FRL_OPTION_STRING) {
			const char **text = p;

			free_const(*text);
			*text = NULL;
		}
	}
}

/* ------------------------------------------------------------------ */
/* For people								*/

static const char *
type_text(const struct frl_option *option)
{
	if (option->type == FRL_OPTION_CHOICE)
		return (option->choices);
	return (option->type <= FRL_OPTION_LIST ? type_names[option->type] :
	    "?");
}

static const char *
default_text(const struct frl_option *option)
{
	if (option->def != NULL)
		return (option->def[0] == '\0' ? "\"\"" : option->def);
	return ((option->flags & FRL_OPTION_OPTIONAL) != 0 ? "-" :
	    "required");
}

static int
wider(int width, const char *text)
{
	size_t len = strlen(text);

	return (len > (size_t)width ? (int)(len > 32 ? 32 : len) : width);
}

void
options_print(const struct frl_option *table, const char *indent)
{
	const struct frl_option *option;
	int name = 0, type = 0, def = 0;

	for (option = table; option->name != NULL; option++) {
		name = wider(name, option->name);
		type = wider(type, type_text(option));
		def = wider(def, default_text(option));
	}
	for (option = table; option->name != NULL; option++)
		(void)printf("%s%-*s  %-*s  %-*s  %s\n", indent, name,
		    option->name, type, type_text(option), def,
		    default_text(option),
		    option->help == NULL ? "" : option->help);
}
