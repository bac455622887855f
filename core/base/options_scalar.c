/* SPDX-License-Identifier: MIT */
/*
 * options_scalar -- what `16KiB`, `5s`, `true` and a choice mean.
 *
 * The only place that knows units.  It knows one text and the row of a table,
 * neither files nor maps.
 */
#include "base/options_scalar.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAR 2			/* edits between a typo and what was meant */
#define WORD_MAX 64		/* longer words are no typos */

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

bool
options_nearer(const char *word, const char *name, size_t len, size_t *best)
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
		if (options_nearer(word, *names, strlen(*names), &best))
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

	bool or_zero = (option->flags & FRL_OPTION_OR_ZERO) != 0;

	if (n < option->min && !(or_zero && n == 0)) {
		format_number(units, option->min, bound, sizeof(bound));
		return (err_set(err, "%.80s is too small: at least %s%s",
		    text, bound, or_zero ? ", or 0" : ""));
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
	if (p == text || *p == '.')
		return (err_set(err, "\"%.80s\" is not a whole number of 0 "
		    "or more", text));
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
		return (err_set(err, "\"%.80s\" is not a whole number of 0 "
		    "or more", text));
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
	uint64_t n = 0;

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
		if (options_nearer(text, p, len, &best)) {
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

void
options_clear_list(struct frl_strings *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		free_const(list->items[i]);
	free_const(list->items);
	*list = (struct frl_strings){ .items = NULL };
}

int
options_add_item(struct frl_strings *list, char *item, struct err *err)
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
		if (len > 0 &&
		    options_add_item(&list, strndup(p, len), err) != 0) {
			options_clear_list(&list);
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
