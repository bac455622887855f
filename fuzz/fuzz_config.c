/* SPDX-License-Identifier: MIT */
/*
 * fuzz_config -- configuration files, through the real reader: YAML, tables
 * of options, the schema.
 *
 * Only the opening of a plugin's file is replaced: its probes fork.  The
 * plugins are the real ones, `http`, `websocket`, `raw`; others are not found.
 *
 * What must hold: a file gives a config or errors, never both or none; an
 * error names the file, and no error has a control character; what was read
 * is within its bounds; reading twice gives the same errors.
 */
#include <dlfcn.h>

#include "app/config.h"
#include "fuzz.h"

static struct {
	const char *name;
	const struct frl_plugin *desc;
} known[] = { { "http", NULL }, { "websocket", NULL }, { "raw", NULL } };

#define KNOWN (sizeof(known) / sizeof(known[0]))

/* --wrap=plugin_open */
struct plugin *__wrap_plugin_open(const char *name, const char *path,
    const char *const *folders, struct err *err);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[512];

	(void)argc, (void)argv;
	setenv("FAIRLEAD_LOG_LEVEL", "error", 1);
	for (size_t i = 0; i < KNOWN; i++) {
		void *library;

		snprintf(path, sizeof(path), FRL_BUILD_DIR "/plugins/%s.so",
		    known[i].name);
		library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		MUST(library != NULL);
		known[i].desc = dlsym(library, FRL_SYMBOL);
		MUST(known[i].desc != NULL);
	}
	return (0);
}

struct plugin *
__wrap_plugin_open(const char *name, const char *path,
    const char *const *folders, struct err *err)
{
	struct plugin *plugin;

	(void)folders;
	for (size_t i = 0; i < KNOWN && path == NULL; i++) {
		if (strcmp(known[i].name, name) != 0)
			continue;
		plugin = calloc(1, sizeof(*plugin));
		MUST(plugin != NULL);
		plugin->desc = known[i].desc;
		plugin->memfd = -1;
		snprintf(plugin->name, sizeof(plugin->name), "%s", name);
		return (plugin);
	}
	err_set(err, "%s: not found", path != NULL ? path : name);
	return (NULL);
}

static void
check_errors(const struct yaml_errors *errors)
{
	MUST(errors->shown > 0 && errors->shown <= YAML_ERRORS_SHOWN);
	MUST(errors->count >= errors->shown);
	MUST(strlen(errors->text) == errors->len);
	MUST(strncmp(errors->text, "f.yaml:", 7) == 0);
	MUST(fuzz_is_plain(errors->text, errors->len, '\n'));
	MUST(errors->text[errors->len - 1] == '\n');
}

static void
check_range(const struct addr_range *r)
{
	MUST(r->family == 4 || r->family == 6);
	MUST(r->bits <= (r->family == 4 ? 32 : 128));
}

static void
check_config(const struct config *c)
{
	size_t i, k;
	int how;

	MUST(c->listen_count > 0 && c->plugin_count > 0);
	MUST(c->sink_count > 0 && c->sink_count <= EVENTS_SINKS_MAX);
	for (i = 0; i < c->listen_count; i++) {
		const struct config_listen *l = &c->listens[i];

		MUST(l->name[0] != '\0' && l->permissions <= 0777);
		MUST(l->mode == CONFIG_CONNECT || l->server.port != 0);
		for (k = 0; k < l->client_count; k++)
			check_range(&l->clients[k]);
	}
	for (i = 0; i < c->allow_count; i++)
		check_range(&c->allow[i]);
	for (i = 0; i < c->upgrade_count; i++)
		(void)config_upgrade(c, c->upgrades[i].token, &how);
	MUST(c->limits.head > 0 && c->limits.hold > 0);
	MUST(config_upgrade(c, "no such token", &how) == c->upgrade_other);
}

static struct config *
parse(const uint8_t *bytes, size_t len, struct yaml_errors *errors)
{
	char *copy = fuzz_copy(bytes, len);
	struct config *config;

	*errors = (struct yaml_errors){ .text = NULL };
	config = config_parse("f.yaml", copy, len, errors);
	free(copy);
	MUST((config == NULL) == (errors->count > 0));
	return (config);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct yaml_errors errors, again;
	struct config *config = parse(bytes, len, &errors);

	if (config != NULL) {
		check_config(config);
		config_free(config);
		return (0);
	}
	check_errors(&errors);
	MUST(parse(bytes, len, &again) == NULL);
	MUST(strcmp(errors.text, again.text) == 0);
	yaml_errors_free(&errors);
	yaml_errors_free(&again);
	return (0);
}
