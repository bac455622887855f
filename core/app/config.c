/* SPDX-License-Identifier: MIT */
/*
 * config -- see config.h.  What a file may say is in schema.c and
 * schema_plugins.c; here is how a config comes to life and how it ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "app/schema.h"
#include "base/log.h"

/* file: take. */
static struct config *
config_build(struct yaml_file *file, struct yaml_errors *errors)
{
	/* What an empty file's errors point at. */
	static const struct yaml_node start = { .kind = YAML_SCALAR,
		.line = 1, .column = 1, .text = "" };
	struct schema s = { .file = file, .errors = errors };
	size_t before = errors->count;

	if (file == NULL)
		return (NULL);
	s.root = yaml_root(file);
	if (s.root == NULL)
		s.root = &start;
	s.config = calloc(1, sizeof(*s.config));
	if (s.config != NULL)
		schema_read(&s);
	else
		yaml_complain(file, s.root, errors, "out of memory");
	yaml_free(file);
	if (errors->count == before)
		return (s.config);
	config_free(s.config);
	return (NULL);
}

struct config *
config_read(const char *path, struct yaml_errors *errors)
{
	return (config_build(yaml_read(path, errors), errors));
}

struct config *
config_parse(const char *name, const char *text, size_t len,
    struct yaml_errors *errors)
{
	return (config_build(yaml_parse(name, text, len, errors), errors));
}

int
config_read_socket(const char *path, char socket[UNIXSOCK_PATH_SIZE],
    struct yaml_errors *errors)
{
	struct yaml_file *file = yaml_read(path, errors);
	struct config *config = calloc(1, sizeof(*config));
	struct schema s = { .config = config, .file = file,
	    .errors = errors };

	socket[0] = '\0';
	if (file != NULL && config != NULL) {
		s.root = yaml_root(file);
		schema_admin(&s);
		memcpy(socket, config->admin.socket, UNIXSOCK_PATH_SIZE);
	}
	free(config);
	yaml_free(file);
	return (socket[0] != '\0' ? 0 : -1);
}

struct config *
config_read_or_say(const char *path, const char *text)
{
	struct yaml_errors errors;
	struct config *config;

	memset(&errors, 0, sizeof(errors));
	config = text == NULL ? config_read(path, &errors) :
	    config_parse(path, text, strlen(text), &errors);
	if (config == NULL) {
		/* Already lines of their own, with the source and a caret. */
		if (errors.text != NULL)
			fprintf(stderr, "%s%s", errors.text, errors.len > 0 &&
			    errors.text[errors.len - 1] == '\n' ? "" : "\n");
		log_say(FRL_ERROR, "%s: %zu error%s", path, errors.count,
		    errors.count == 1 ? "" : "s");
	}
	yaml_errors_free(&errors);
	return (config);
}

int
config_load_plugins(struct config *config, struct events *events,
    const struct frl_host *host, struct host_env *env, struct err *err)
{
	struct err why;
	size_t i;

	for (i = 0; i < config->plugin_count; i++) {
		config->plugins[i]->host = *host;
		config->plugins[i]->env = env;
		if (plugin_load(config->plugins[i], events, &why) < 0)
			return (err_set(err, "plugin '%s': %s",
			    config->plugins[i]->name, why.text));
	}
	return (0);
}

struct plugin *
config_upgrade(const struct config *config, const char *token, int *ret_how)
{
	struct plugin *plugin = config->upgrade_other;
	int how = plugin != NULL ? 2 : 0;
	size_t i;

	for (i = 0; i < config->upgrade_count; i++) {
		if (strcmp(config->upgrades[i].token, token) == 0) {
			plugin = config->upgrades[i].plugin;
			how = plugin != NULL ? 1 : 0;
			break;
		}
	}
	if (ret_how != NULL)
		*ret_how = how;
	return (plugin);
}

struct plugin *
config_plugin(const struct config *config, const char *name)
{
	size_t i;

	for (i = 0; i < config->plugin_count; i++) {
		if (strcmp(config->plugins[i]->name, name) == 0)
			return (config->plugins[i]);
	}
	return (NULL);
}

void
config_plugin_text(const struct config *config, char *ret_text, size_t size)
{
	const struct plugin *p;
	size_t i, at = 0;

	ret_text[0] = '\0';
	for (i = 0; i < config->plugin_count && at < size; i++) {
		p = config->plugins[i];
		at += (size_t)snprintf(ret_text + at, size - at, "%s%s %s",
		    i == 0 ? "" : ", ", p->name, p->desc->version);
	}
}

void
config_unload_plugins(struct config *config)
{
	size_t i;

	for (i = config->plugin_count; i-- > 0;)
		plugin_unload(config->plugins[i]);
}

void
config_clear_listens(struct config *config)
{
	size_t i;

	for (i = 0; i < config->listen_count; i++) {
		free(config->listens[i].path);
		free(config->listens[i].clients);
	}
	free(config->listens);
	config->listens = NULL;
	config->listen_count = 0;
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	while (config->plugin_count > 0)
		plugin_free(config->plugins[--config->plugin_count]);
	free(config->plugins);
	schema_clear(config);
	free(config);
}
