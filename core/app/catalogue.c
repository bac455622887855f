/* SPDX-License-Identifier: MIT */
/*
 * catalogue -- the commands that look at plugins: plugins list, plugins info,
 * events, timeouts.  Plugins are opened here and never loaded.
 */
#include <dirent.h>
#include <fnmatch.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/cli.h"
#include "app/commands.h"
#include "app/schema.h"
#include "base/log.h"
#include "base/options.h"
#include "flow/plugin.h"
#include "flow/tunnel_events.h"

static void
folders_free(char **folders)
{
	size_t i;

	for (i = 0; folders != NULL && folders[i] != NULL; i++)
		free(folders[i]);
	free(folders);
}

static int
is_plugin_file(const struct dirent *entry)
{
	return (fnmatch("[a-z]*.so", entry->d_name, 0) == 0);
}

/* Is a file of that name in an earlier folder, which comes first? */
static bool
shadowed(char **folders, size_t at, const char *file)
{
	char path[4096];
	size_t i;

	for (i = 0; i < at; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", folders[i], file) <
		    (int)sizeof(path) && access(path, F_OK) == 0)
			return (true);
	}
	return (false);
}

/* Open one file by its name without ".so". */
static struct plugin *
open_file(const char *folder, const char *file)
{
	char path[4096], name[256];
	struct plugin *plugin;
	struct err err;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	snprintf(name, sizeof(name), "%.*s", (int)(strlen(file) - 3), file);
	plugin = plugin_open(name, path, NULL, &err);
	if (plugin == NULL)
		log_say(FRL_ERROR, "%s", err.text);
	return (plugin);
}

/* Call fn for each plugin of a folder; the number of broken ones. */
static int
each_in(char **folders, size_t at, void (*fn)(const struct plugin *plugin))
{
	struct dirent **entries;
	struct plugin *plugin;
	int i, n, broken = 0;

	n = scandir(folders[at], &entries, is_plugin_file, alphasort);
	if (n < 0)
		return (0);	/* most of the folders need not exist */
	for (i = 0; i < n; i++) {
		if (!shadowed(folders, at, entries[i]->d_name)) {
			plugin = open_file(folders[at], entries[i]->d_name);
			if (plugin != NULL)
				fn(plugin);
			else
				broken++;
			plugin_free(plugin);
		}
		free(entries[i]);
	}
	free(entries);
	return (broken);
}

static int
each_plugin(void (*fn)(const struct plugin *plugin))
{
	char **folders = plugin_folders();
	int broken = 0;
	size_t i;

	for (i = 0; folders != NULL && folders[i] != NULL; i++)
		broken += each_in(folders, i, fn);
	folders_free(folders);
	return (broken == 0 ? EXIT_FINE : EXIT_RUNTIME);
}

static void
print_row(const struct plugin *plugin)
{
	printf("%-16s %-10s %s\n", plugin->name, plugin->desc->version,
	    plugin->desc->summary);
}

int
command_plugins_list(void)
{
	return (each_plugin(print_row));
}

static const char *
type_name(unsigned type)
{
	static const char *const names[] = {
		[FRL_U64] = "integer", [FRL_U32] = "integer",
		[FRL_I64] = "integer", [FRL_BOOL] = "boolean",
		[FRL_TEXT] = "text", [FRL_NAME] = "name",
	};

	return (type < sizeof(names) / sizeof(names[0]) ? names[type] : "?");
}

static void
print_event(const struct frl_event *event)
{
	const struct frl_field *f;

	printf("%s%s%s\n    %s\n", event->name,
	    event->flags & FRL_EVENT_ASKS ? "  (hooks may object)" : "",
	    event->flags & FRL_EVENT_PART ? "  (part of tunnel.close)" : "",
	    event->help);
	for (f = event->fields; f->name != NULL; f++)
		printf("    %-30s %-8s %s\n", f->name, type_name(f->type),
		    f->help != NULL ? f->help : "");
	printf("\n");
}

static void
print_events(const struct plugin *plugin)
{
	const struct frl_event *const *list = plugin->desc->events;

	for (; list != NULL && *list != NULL; list++)
		print_event(*list);
}

int
command_events(void)
{
	size_t i;

	for (i = 0; tunnel_events[i] != NULL; i++)
		print_event(tunnel_events[i]);
	return (each_plugin(print_events));
}

static void
print_timeouts(const struct plugin *plugin)
{
	schema_print_plugin_timeouts(plugin->name, plugin->desc->options);
}

int
command_timeouts(void)
{
	schema_print_timeouts();
	return (each_plugin(print_timeouts));
}

static void
print_info(const struct plugin *plugin)
{
	const struct frl_plugin *desc = plugin->desc;
	const struct frl_hook *hook;

	printf("%s %s\n    %s\n\n", desc->name, desc->version, desc->summary);
	printf("file       %s\n", plugin->path);
	printf("licence    %s\n", desc->licence);
	printf("ABI        %u.%u\n", (unsigned)desc->abi_major,
	    (unsigned)desc->abi_minor);
	printf("state      %u bytes per tunnel\n", desc->state_size);
	printf("protocol   %s\n", desc->flags & FRL_OWNS_PROTOCOL ?
	    "owns one" : "none: a link of every tunnel");
	printf("messages   %s\n", desc->flags & FRL_CHANGES ?
	    "may be changed" : "are only watched");
	for (hook = desc->hooks; hook != NULL && hook->event != NULL; hook++)
		printf("hook       %s\n", hook->event);
	if (desc->options != NULL && desc->options[0].name != NULL) {
		printf("\noptions\n");
		options_print(desc->options, "    ");
	}
	if (desc->events != NULL && desc->events[0] != NULL)
		printf("\nevents\n\n");
	print_events(plugin);
}

int
command_plugins_info(const char *name)
{
	char **folders = plugin_folders();
	char *path = strchr(name, '/') != NULL ? realpath(name, NULL) : NULL;
	struct plugin *plugin;
	struct err err;

	if (path == NULL && strchr(name, '/') != NULL) {
		log_say(FRL_ERROR, "%s: %s", name, strerror(errno));
		folders_free(folders);
		return (EXIT_RUNTIME);
	}
	/* By a path, the configured name does not matter. */
	plugin = plugin_open(path != NULL ? "plugin" : name, path,
	    (const char *const *)folders, &err);
	folders_free(folders);
	free(path);
	if (plugin == NULL) {
		log_say(FRL_ERROR, "%s", err.text);
		return (EXIT_RUNTIME);
	}
	print_info(plugin);
	plugin_free(plugin);
	return (EXIT_FINE);
}
