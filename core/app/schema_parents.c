/* SPDX-License-Identifier: MIT */
/*
 * schema_parents -- the section `parents`: which destinations are reached by
 * another proxy.
 *
 * It never writes a word of `via`, `user` or `password` into an error.
 */
#include <stdlib.h>
#include <string.h>

#include "app/schema.h"
#include "base/options.h"

#define PARENTS_MAX 64

enum resolve { RESOLVE_HERE = 0, RESOLVE_PARENT = 1 };

struct parent_row {
	const char *via, *user, *password;
	struct frl_strings wanted, excepted;
	uint32_t resolve;
};

static const struct frl_option parent_table[] = {
	{ .name = "via", .help = "the proxy, http://host:port, or direct",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct parent_row, via) },
	{ .name = "for", .def = "[*]",
	    .help = "destinations: host, *.suffix, address or range; :port",
	    .type = FRL_OPTION_LIST,
	    .offset = offsetof(struct parent_row, wanted) },
	{ .name = "except", .flags = FRL_OPTION_OPTIONAL,
	    .help = "destinations of `for` that later entries decide",
	    .type = FRL_OPTION_LIST,
	    .offset = offsetof(struct parent_row, excepted) },
	{ .name = "user", .flags = FRL_OPTION_OPTIONAL,
	    .help = "who we are there (Basic)", .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct parent_row, user) },
	{ .name = "password", .flags = FRL_OPTION_OPTIONAL,
	    .help = "the user's; better as ${VARIABLE}",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct parent_row, password) },
	{ .name = "resolve", .def = "here", .choices = "here|parent",
	    .help = "who resolves names: here they can be judged",
	    .type = FRL_OPTION_CHOICE,
	    .offset = offsetof(struct parent_row, resolve) },
	{ .name = NULL },
};

static struct parents_pattern *
read_patterns(struct schema *s, const struct frl_strings *texts,
    const struct yaml_node *node)
{
	struct parents_pattern *patterns;
	size_t i;

	patterns = schema_alloc(s, texts->count, sizeof(*patterns));
	for (i = 0; patterns != NULL && i < texts->count; i++)
		if (parents_read_pattern(&patterns[i], texts->items[i]) != 0)
			yaml_complain(s->file, node->kind == YAML_LIST &&
			    i < node->count ? &node->items[i] : node,
			    s->errors, "'%s' is no destination, such as "
			    "example.com, *.example.com, 10.0.0.0/8, *:443 "
			    "or *", texts->items[i]);
	return (patterns);
}

static void
read_user(struct schema *s, struct parent *parent,
    const struct parent_row *row, const struct yaml_node *node)
{
	struct err err;

	if (row->user == NULL && row->password == NULL)
		return;
	if (row->user == NULL)
		yaml_complain(s->file, schema_place(node, "password"),
		    s->errors, "password: whose?  `user` is missing");
	else if (parent->direct)
		yaml_complain(s->file, schema_place(node, "user"), s->errors,
		    "user: with `via: direct` there is nobody to tell it");
	else if (parent->authorization != NULL)
		yaml_complain(s->file, schema_place(node, "user"), s->errors,
		    "user: `via` names one, too");
	else if (parents_set_user(parent, row->user, row->password == NULL ?
	    "" : row->password, &err) != 0)
		yaml_complain(s->file, schema_place(node, "user"), s->errors,
		    "%s", err.text);
}

static void
read_parent(struct schema *s, struct parent *parent,
    const struct yaml_node *node)
{
	struct parent_row row;
	struct err err;

	memset(&row, 0, sizeof(row));
	if (options_read(parent_table, &row, s->file, node, s->root, NULL,
	    s->errors) == 0) {
		if (parents_read_url(parent, row.via, &err) != 0)
			yaml_complain(s->file, schema_place(node, "via"),
			    s->errors, "via: %s", err.text);
		else
			read_user(s, parent, &row, node);
		parent->resolves = row.resolve == RESOLVE_PARENT;
		parent->wanted = read_patterns(s, &row.wanted,
		    schema_place(node, "for"));
		parent->wanted_count = row.wanted.count;
		parent->excepted = read_patterns(s, &row.excepted,
		    schema_place(node, "except"));
		parent->excepted_count = row.excepted.count;
	}
	options_clear(parent_table, &row);
}

void
schema_parents(struct schema *s)
{
	const struct yaml_node *list = schema_list(s, "parents");
	struct parents *p = &s->config->parents;

	if (list == NULL || list->count == 0)
		return;
	if (list->count > PARENTS_MAX) {
		yaml_complain(s->file, list, s->errors,
		    "parents: %d entries are the most", PARENTS_MAX);
		return;
	}
	p->list = schema_alloc(s, list->count, sizeof(*p->list));
	if (p->list == NULL)
		return;
	for (; p->count < list->count; p->count++)
		read_parent(s, &p->list[p->count], &list->items[p->count]);
	if (parents_finish(p) != 0)
		yaml_complain(s->file, list, s->errors,
		    "parents: the system gives no random number");
}
