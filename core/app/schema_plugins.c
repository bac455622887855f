/* SPDX-License-Identifier: MIT */
/*
 * schema_plugins -- the sections of the configuration file that are about
 * inspectors: which there are, and which takes over when.
 *
 * A plugin that could not be opened was complained about once; those who
 * name it are not blamed again.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "app/schema.h"

#include "base/options.h"

struct plugin_row {
	const char *name, *path;
	uint32_t on_error;
};

static const struct frl_option plugin_table[] = {
	{ .name = "name", .help = "of the plugin; its file is NAME.so",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct plugin_row, name) },
	{ .name = "path", .flags = FRL_OPTION_OPTIONAL,
	    .help = "absolute path of another file",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct plugin_row, path) },
	{ .name = "on_error", .def = "fail_closed",
	    .choices = "fail_closed|fail_open",
	    .help = "what becomes of a tunnel in which it fails",
	    .type = FRL_OPTION_CHOICE,
	    .offset = offsetof(struct plugin_row, on_error) },
	{ .name = NULL },
};

static const char *const plugin_others[] = { "options", NULL };

static void
read_options(struct schema *s, struct plugin *plugin,
    const struct yaml_node *item)
{
	const struct yaml_node *node = yaml_get(item, "options");
	const struct frl_plugin *desc = plugin->desc;

	if (desc->options_size > 0) {
		plugin->options = schema_alloc(s, 1, desc->options_size);
		if (plugin->options == NULL)
			return;
	}
	if (desc->options != NULL)
		options_read(desc->options, plugin->options, s->file, node,
		    item, NULL, s->errors);
	else if (node != NULL && (node->kind != YAML_MAP || node->count > 0))
		yaml_complain(s->file, node, s->errors,
		    "plugin '%s' has no options", plugin->name);
}

static void
open_plugin(struct schema *s, const struct plugin_row *row,
    const struct yaml_node *item, const char *const *folders)
{
	const struct yaml_node *at = yaml_get(item,
	    row->path != NULL ? "path" : "name");
	struct plugin *plugin;
	struct err err;

	if (config_plugin(s->config, row->name) != NULL) {
		yaml_complain(s->file, yaml_get(item, "name"), s->errors,
		    "plugin '%s' is listed twice", row->name);
		return;
	}
	if (strcmp(row->name, "refuse") == 0) {
		yaml_complain(s->file, yaml_get(item, "name"), s->errors,
		    "a plugin cannot be called `refuse`");
		return;
	}
	plugin = plugin_open(row->name, row->path, folders, &err);
	if (plugin == NULL) {
		yaml_complain(s->file, at, s->errors, "plugin '%s': %s",
		    row->name, err.text);
		return;
	}
	plugin->fail_open = row->on_error == 1;
	s->config->plugins[s->config->plugin_count++] = plugin;
	plugin->number = (unsigned)s->config->plugin_count;
	read_options(s, plugin, item);
}

static void
read_plugin(struct schema *s, const struct yaml_node *item,
    const char *const *folders)
{
	struct plugin_row row;

	memset(&row, 0, sizeof(row));
	if (options_read(plugin_table, &row, s->file, item, s->root,
	    plugin_others, s->errors) == 0)
		open_plugin(s, &row, item, folders);
	options_clear(plugin_table, &row);
}

void
schema_plugins(struct schema *s)
{
	const struct yaml_node *list = schema_list(s, "plugins");
	struct config *c = s->config;
	char **folders;
	size_t i;

	if (list == NULL)
		return;
	c->plugins = schema_alloc(s, list->count, sizeof(struct plugin *));
	folders = plugin_folders();
	if (c->plugins == NULL || folders == NULL)
		goto out;
	for (i = 0; i < list->count; i++)
		read_plugin(s, &list->items[i],
		    (const char *const *)folders);
out:
	for (i = 0; folders != NULL && folders[i] != NULL; i++)
		free(folders[i]);
	free(folders);
}

/* Does the file list that plugin, whatever became of it? */
static bool
listed(const struct schema *s, const char *name)
{
	const struct yaml_node *list = yaml_get(s->root, "plugins"), *node;
	size_t i;

	/* A section of the wrong kind was complained about. */
	if (list != NULL && list->kind != YAML_LIST)
		return (true);
	for (i = 0; list != NULL && i < list->count; i++) {
		node = yaml_get(&list->items[i], "name");
		if (node != NULL && node->kind == YAML_SCALAR &&
		    strcmp(node->text, name) == 0)
			return (true);
	}
	return (false);
}

/* NULL after a complaint, and for a plugin that did not open. */
struct plugin *
schema_protocol(struct schema *s, const struct yaml_node *node,
    const char *name)
{
	struct plugin *plugin = config_plugin(s->config, name);

	if (plugin == NULL) {
		if (!listed(s, name))
			yaml_complain(s->file, node, s->errors,
			    "inspector '%s' is not listed under `plugins`",
			    name);
	} else if ((plugin->desc->flags & FRL_OWNS_PROTOCOL) == 0) {
		yaml_complain(s->file, node, s->errors,
		    "plugin '%s' owns no protocol: it cannot take a tunnel "
		    "over", name);
		plugin = NULL;
	}
	return (plugin);
}

/* A name, or `refuse`: NULL. */
static struct plugin *
protocol_or_refuse(struct schema *s, const struct yaml_node *node,
    const char *name)
{
	if (strcmp(name, "refuse") == 0)
		return (NULL);
	return (schema_protocol(s, node, name));
}

void
schema_undetected(struct schema *s, const char *name)
{
	const struct yaml_node *node = yaml_get(s->root, "undetected");

	if (node != NULL) {
		s->config->undetected = protocol_or_refuse(s, node, name);
		return;
	}
	if (!listed(s, name))
		yaml_complain(s->file, s->root, s->errors,
		    "undetected: its default, '%s', is not listed under "
		    "`plugins`", name);
	else
		s->config->undetected = protocol_or_refuse(s, s->root, name);
}

/* Who takes over by "*"? */
static void
read_other(struct schema *s, const struct yaml_node *map)
{
	const struct yaml_node *node = yaml_get(map, "*");

	if (node != NULL && node->kind != YAML_SCALAR)
		return;		/* complained about as a pair */
	if (node != NULL)
		s->config->upgrade_other = protocol_or_refuse(s, node,
		    node->text);
	else if (listed(s, "raw"))
		s->config->upgrade_other = schema_protocol(s,
		    map != NULL ? map : s->root, "raw");
	else
		yaml_complain(s->file, map != NULL ? map : s->root, s->errors,
		    "upgrade: the default for \"*\", 'raw', is not listed "
		    "under `plugins`");
}

/* RFC 9110, 7.8: protocol names are compared without regard to case. */
static char *
lower_token(const char *text)
{
	char *token = strdup(text);
	size_t i;

	for (i = 0; token != NULL && token[i] != '\0'; i++)
		token[i] = (char)tolower((unsigned char)token[i]);
	return (token);
}

/* token: take. */
static void
add_token(struct schema *s, const struct yaml_node *key, char *token,
    const struct yaml_node *value, const char *name)
{
	struct config *c = s->config;
	struct plugin *plugin;
	size_t i;

	for (i = 0; i < c->upgrade_count; i++) {
		if (strcmp(c->upgrades[i].token, token) == 0) {
			yaml_complain(s->file, key, s->errors,
			    "token '%s' is named twice", token);
			free(token);
			return;
		}
	}
	/* Not listed: "*" is for such tokens, too.  A slip of the pen would
	 * look the same, so it is said. */
	if (strcmp(name, "refuse") != 0 && !listed(s, name)) {
		if (key != s->root)
			schema_warn(s, value, "upgrade: no inspector '%s' is "
			    "listed under `plugins`; '%s' goes by \"*\"",
			    name, token);
		free(token);
		return;
	}
	plugin = protocol_or_refuse(s, value, name);
	c->upgrades[c->upgrade_count].token = token;
	c->upgrades[c->upgrade_count++].plugin = plugin;
}

static void
read_token(struct schema *s, const struct yaml_node *key,
    const struct yaml_node *value)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
	    "0123456789!#$%&'*+-.^_`|~/";
	char *token;

	if (value->kind != YAML_SCALAR) {
		yaml_complain(s->file, value, s->errors,
		    "the name of an inspector or `refuse` is expected");
		return;
	}
	if (strcmp(key->text, "*") == 0)
		return;		/* read_other() */
	token = lower_token(key->text);
	if (token == NULL || token[0] == '\0' ||
	    token[strspn(token, allowed)] != '\0') {
		yaml_complain(s->file, key, s->errors,
		    "'%s' is no token of an Upgrade field", key->text);
		free(token);
		return;
	}
	add_token(s, key, token, value, value->text);
}

static bool
names_token(const struct yaml_node *map, const char *token)
{
	size_t i;

	for (i = 0; map != NULL && i < map->count; i++) {
		if (strcasecmp(map->keys[i].text, token) == 0)
			return (true);
	}
	return (false);
}

void
schema_upgrade(struct schema *s)
{
	const struct yaml_node *map = yaml_get(s->root, "upgrade");
	struct config *c = s->config;
	size_t i, count = map == NULL ? 0 : map->count;
	char *token;

	if (map != NULL && map->kind != YAML_MAP) {
		yaml_complain(s->file, map, s->errors,
		    "upgrade: a map of tokens to inspectors is expected");
		return;
	}
	c->upgrades = schema_alloc(s, count + 1, sizeof(*c->upgrades));
	if (c->upgrades == NULL)
		return;
	for (i = 0; i < count; i++)
		read_token(s, &map->keys[i], &map->items[i]);
	if (!names_token(map, "websocket") &&
	    (token = strdup("websocket")) != NULL)
		add_token(s, s->root, token, s->root, "websocket");
	read_other(s, map);
}
