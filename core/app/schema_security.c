/* SPDX-License-Identifier: MIT */
/*
 * schema_security -- the section `security`: what processes give up.
 *
 * What always holds: names of users, groups and system calls are known on
 * this host, so that nobody finds out later.
 */
#include <string.h>

#include "app/schema.h"
#include "base/options.h"
#include "net/filter.h"

/* Choices are written as uint32_t. */
_Static_assert(sizeof(enum guard_wish) == sizeof(uint32_t), "choice");

static const struct frl_option security_table[] = {
	{ .name = "user", .flags = FRL_OPTION_OPTIONAL,
	    .help = "whom to become when started as root",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct guard_options, user) },
	{ .name = "group", .flags = FRL_OPTION_OPTIONAL,
	    .help = "its group; the user's own by default",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct guard_options, group) },
	{ .name = "seccomp", .def = "on", .choices = "off|on|required",
	    .help = "workers make no system calls but those they need",
	    .type = FRL_OPTION_CHOICE,
	    .offset = offsetof(struct guard_options, seccomp) },
	{ .name = "landlock", .def = "on", .choices = "off|on|required",
	    .help = "workers open no files but those they need",
	    .type = FRL_OPTION_CHOICE,
	    .offset = offsetof(struct guard_options, landlock) },
	{ .name = "system_calls", .flags = FRL_OPTION_OPTIONAL,
	    .help = "more of them, for plugins", .type = FRL_OPTION_LIST,
	    .offset = offsetof(struct guard_options, system_calls) },
	{ .name = "read", .flags = FRL_OPTION_OPTIONAL,
	    .help = "more files and folders to read, for plugins",
	    .type = FRL_OPTION_LIST,
	    .offset = offsetof(struct guard_options, read) },
	{ .name = NULL },
};

/* The item of a list at `node`, or the whole. */
static const struct yaml_node *
item_place(const struct yaml_node *node, const char *key, size_t i)
{
	const struct yaml_node *list = schema_place(node, key);

	return (list->kind == YAML_LIST && i < list->count ? &list->items[i] :
	    list);
}

static void
check(struct schema *s, struct guard_options *o, const struct yaml_node *node)
{
	struct err err;
	size_t i;

	if (o->user == NULL && o->group != NULL)
		yaml_complain(s->file, schema_place(node, "group"), s->errors,
		    "group: set `user`, too");
	if (o->user != NULL &&
	    privileges_find(&o->as, o->user, o->group, &err) != 0)
		yaml_complain(s->file, schema_place(node, "user"), s->errors,
		    "%s", err.text);
	for (i = 0; i < o->system_calls.count; i++)
		if (!filter_knows(o->system_calls.items[i]))
			yaml_complain(s->file, item_place(node,
			    "system_calls", i), s->errors, "'%s' is no system "
			    "call, such as clone3", o->system_calls.items[i]);
	for (i = 0; i < o->read.count; i++)
		if (o->read.items[i][0] != '/')
			yaml_complain(s->file, item_place(node, "read", i),
			    s->errors, "'%s' is no absolute path",
			    o->read.items[i]);
}

void
schema_security(struct schema *s)
{
	const struct yaml_node *node = yaml_get(s->root, "security");
	struct guard_options *o = &s->config->security;

	if (options_read(security_table, o, s->file, node, s->root, NULL,
	    s->errors) == 0 && node != NULL)
		check(s, o, node);
}

void
schema_security_clear(struct config *config)
{
	options_clear(security_table, &config->security);
}
