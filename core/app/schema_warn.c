/* SPDX-License-Identifier: MIT */
/*
 * schema_warn -- what is allowed in a configuration and most likely not meant.
 *
 * It refuses nothing.
 */
#include <stdarg.h>
#include <stdio.h>

#include "app/schema.h"

#include "base/log.h"

void
schema_warn(const struct schema *s, const struct yaml_node *node,
    const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	log_say(FRL_WARNING, "%s:%u:%u: %s", yaml_name(s->file), node->line,
	    node->column, text);
}

/* May a tunnel be this inspector's from the start? */
static bool
gets_tunnels(const struct config *c, const struct plugin *plugin)
{
	size_t i;

	if (plugin->desc->detect != NULL || plugin == c->undetected)
		return (true);
	for (i = 0; i < c->listen_count; i++)
		if (c->listens[i].protocol == plugin)
			return (true);
	return (false);
}

/* Who recognizes a protocol, as http does, may hand over to another one. */
static bool
may_hand_over(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->plugin_count; i++)
		if (c->plugins[i]->desc->detect != NULL ||
		    (c->plugins[i]->desc->flags & FRL_FORWARDS) != 0)
			return (true);
	return (false);
}

void
schema_warn_idle(const struct schema *s)
{
	const struct yaml_node *list = yaml_get(s->root, "plugins"), *name;
	const struct config *c = s->config;
	const struct plugin *plugin;
	size_t i;

	/* A list with errors may lack what did not load. */
	if (list == NULL || list->kind != YAML_LIST || s->errors->count > 0 ||
	    may_hand_over(c))
		return;
	for (i = 0; i < list->count; i++) {
		name = yaml_get(&list->items[i], "name");
		plugin = name == NULL || name->kind != YAML_SCALAR ? NULL :
		    config_plugin(c, name->text);
		if (plugin == NULL || gets_tunnels(c, plugin) ||
		    (plugin->desc->flags & FRL_OWNS_PROTOCOL) == 0)
			continue;
		schema_warn(s, name, "no tunnel will ever come to '%s': who "
		    "would hand over to it?  List `- name: http`, too",
		    plugin->name);
	}
}
