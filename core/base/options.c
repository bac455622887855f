/* SPDX-License-Identifier: MIT */
/*
 * options -- fills a struct from a map of the configuration, as a table of
 * struct frl_option says.
 *
 * The only place that knows ${VAR}.  It knows neither what a value means
 * (options_scalar) nor what any option is for.
 *
 * What always holds: every pointer in `out` is NULL or ours, so that
 * options_clear() may be called at any time, also twice.
 */
#include "base/options.h"

#include "base/err.h"
#include "base/options_scalar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLE_MAX 64		/* bytes of a name */
#define EXPANDED_MAX 65536	/* bytes of a scalar with its variables */

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
	char copy[VARIABLE_MAX + 1];
	const char *value;

	if (!is_variable(name, len) || len > VARIABLE_MAX) {
		(void)err_set(err, "\"${%.*s}\" names no variable",
		    (int)(len < VARIABLE_MAX ? len : VARIABLE_MAX), name);
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
		if (text != NULL && options_add_item(out, text, &err) == 0)
			continue;
		yaml_complain(r->file, item, r->errors, "%s: %s",
		    option->name, err.text);
		result = -1;
	}
	/* Part of a list would not be what its places say. */
	if (result != 0)
		options_clear_list(out);
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
		if (options_nearer(key->text, table->name,
		    strlen(table->name), &best))
			near = table->name;
	}
	for (; others != NULL && *others != NULL; others++) {
		if (strcmp(*others, key->text) == 0)
			return (0);
		if (options_nearer(key->text, *others, strlen(*others), &best))
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
	return (result);
}

void
options_clear(const struct frl_option *table, void *out)
{
	const struct frl_option *option;

	for (option = table; option->name != NULL; option++) {
		void *p = member(option, out);

		if (option->type == FRL_OPTION_LIST) {
			options_clear_list(p);
		} else if (option->type == FRL_OPTION_STRING) {
			const char **text = p;

			free((void *)(uintptr_t)*text);
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
