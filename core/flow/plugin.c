/* SPDX-License-Identifier: MIT */
/*
 * plugin -- see plugin.h.
 *
 * Each step that runs a plugin's code is run in a probe first, by the same
 * function: open_library() for constructors and the descriptor, call_load()
 * for load().  What the probe survived is then done here.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crumbs.h"
#include "base/log.h"
#include "base/options.h"
#include "flow/bars.h"
#include "flow/host.h"
#include "flow/plugin.h"
#include "flow/plugin_check.h"
#include "flow/plugin_file.h"
#include "flow/probe.h"

/* Put "WHERE: " before what an error says. */
static int
err_prefix(struct err *err, const char *where)
{
	struct err plain = *err;

	return (err_set(err, "%s: %s", where, plain.text));
}

/* The name under which the dynamic linker knows the copy. */
static void
library_name(const struct plugin *plugin, char *name, size_t size)
{
	snprintf(name, size, "/proc/self/fd/%d", plugin->memfd);
}

/* What dlopen or dlsym said, without the name that only we know. */
static int
err_linker(struct err *err, const char *name)
{
	const char *text = dlerror();
	size_t len = strlen(name);

	if (text == NULL)
		text = "unknown error";
	if (strncmp(text, name, len) == 0 && text[len] == ':')
		text += len + 1 + (text[len + 1] == ' ');
	return (err_set(err, "%s", text));
}

/* Run its constructors, find the descriptor, check it. */
static int
open_library(void *arg, struct err *err)
{
	struct plugin *plugin = arg;
	char name[64];

	library_name(plugin, name, sizeof(name));
	plugin->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (plugin->library == NULL)
		return (err_linker(err, name));
	plugin->desc = dlsym(plugin->library, FRL_SYMBOL);
	if (plugin->desc == NULL)
		return (err_set(err, "has no symbol " FRL_SYMBOL
		    ": no Fairlead plugin"));
	return (plugin_check(plugin->desc, err));
}

static struct plugin *
plugin_create(const char *name)
{
	struct plugin *plugin = calloc(1, sizeof(*plugin));

	if (plugin == NULL)
		return (NULL);
	plugin->memfd = -1;
	plugin->probe_ms = PROBE_MS;
	snprintf(plugin->name, sizeof(plugin->name), "%s", name);
	return (plugin);
}

struct plugin *
plugin_open(const char *name, const char *path, const char *const *folders,
    struct err *err)
{
	struct plugin *plugin;

	if (!plugin_name_valid(name)) {
		err_set(err, "'%s' is no plugin name: a letter, then letters, "
		    "digits, '_' or '-', all lower case, at most %d", name,
		    PLUGIN_NAME_MAX);
		return (NULL);
	}
	plugin = plugin_create(name);
	if (plugin == NULL) {
		err_set(err, "%s: out of memory", name);
		return (NULL);
	}
	if (path == NULL) {
		if (plugin_file_find(name, folders, plugin->path, err) < 0)
			goto fail;
	} else
		snprintf(plugin->path, sizeof(plugin->path), "%s", path);
	plugin->memfd = plugin_file_open(plugin->path, err);
	if (plugin->memfd < 0 ||
	    probe_run(open_library, plugin, PROBE_MS, err) < 0 ||
	    open_library(plugin, err) < 0) {
		err_prefix(err, plugin->path);
		goto fail;
	}
	return (plugin);
fail:
	plugin_free(plugin);
	return (NULL);
}

/* host->say during load(): an error becomes the reason. */
static void
say_reason(const struct frl_host *host, enum frl_level level,
    const char *text)
{
	const struct plugin *plugin = (const struct plugin *)(const void *)
	    ((const char *)host - offsetof(struct plugin, host));

	if (level == FRL_ERROR)
		err_set(plugin->said, "%s", text);
	else
		log_say(level, "%s: %s", plugin->name, text);
}

static int
call_load(void *arg, struct err *err)
{
	struct plugin *plugin = arg;
	struct err said = { .text = "" };
	enum frl_verdict verdict;

	plugin->said = &said;
	verdict = plugin->desc->load(&plugin->host, plugin->options,
	    &plugin->instance);
	plugin->said = NULL;
	if (verdict == FRL_OK)
		return (0);
	if (said.text[0] != '\0')
		return (err_set(err, "load: %s", said.text));
	return (err_set(err, "load refused without a reason (verdict %d)",
	    (int)verdict));
}

static int
probe_and_load(struct plugin *plugin, struct err *err)
{
	void (*say)(const struct frl_host *host, enum frl_level level,
	    const char *text) = plugin->host.say;
	struct crumb was;
	struct err why;
	int ret;

	if (plugin->desc->load == NULL)
		return (0);
	plugin->host.say = say_reason;
	was = crumbs_enter(crumbs_who(plugin->number, 0), CRUMBS_LOAD, NULL);
	ret = probe_run(call_load, plugin, plugin->probe_ms, &why);
	if (ret < 0)
		err_set(err, "%s%s", strncmp(why.text, "load", 4) == 0 ? "" :
		    "load ", why.text);
	else
		ret = call_load(plugin, err);
	/* A process that has to end for this ends in load(). */
	if (ret == 0)
		crumbs_leave(was);
	plugin->host.say = say;
	return (ret);
}

static int
declare_events(struct plugin *plugin, struct events *events, struct err *err)
{
	const struct frl_event *const *list = plugin->desc->events;
	size_t i, n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	plugin->slots = calloc(n + 1, sizeof(*plugin->slots));
	if (plugin->slots == NULL)
		return (err_set(err, "out of memory"));
	for (i = 0; i < n; i++) {
		plugin->slots[i] = events_declare(events, list[i], err);
		if (plugin->slots[i] == NULL)
			return (-1);
	}
	return (0);
}

static const struct bars *
bars_of(const struct plugin *plugin)
{
	return (plugin->env == NULL ? NULL : plugin->env->bars);
}

static int
add_hooks(struct plugin *plugin, struct events *events, struct err *err)
{
	const struct frl_hook *hook = plugin->desc->hooks;
	const struct hook_owner owner = { plugin->instance, plugin->name,
		plugin->number, bars_of(plugin), plugin->fail_open };

	for (; hook != NULL && hook->event != NULL; hook++) {
		if (events_hook(events, hook, &owner, err) < 0)
			return (-1);
	}
	return (0);
}

int
plugin_load(struct plugin *plugin, struct events *events, struct err *err)
{
	bool barred = bars_hold(bars_of(plugin), plugin->number, NULL);

	if (declare_events(plugin, events, err) < 0 ||
	    (!barred && probe_and_load(plugin, err) < 0))
		return (err_prefix(err, plugin->path));
	plugin->loaded = !barred;
	if (add_hooks(plugin, events, err) < 0)
		return (err_prefix(err, plugin->path));
	return (0);
}

/*
 * Close library and copy.  A library that refuses to leave (it holds unique
 * symbols, for one) stays known by its name: then the descriptor stays open,
 * too, or the next plugin to get its number would be answered with this one.
 */
static void
close_library(struct plugin *plugin)
{
	char name[64];
	void *left;

	if (plugin->library == NULL) {
		if (plugin->memfd >= 0)
			close(plugin->memfd);
		return;
	}
	library_name(plugin, name, sizeof(name));
	dlclose(plugin->library);
	left = dlopen(name, RTLD_NOW | RTLD_NOLOAD);
	if (left == NULL)
		close(plugin->memfd);
	else
		dlclose(left);
}

void
plugin_unload(struct plugin *plugin)
{
	struct crumb was;

	if (plugin->loaded && plugin->desc->unload != NULL) {
		was = crumbs_enter(crumbs_who(plugin->number, 0),
		    CRUMBS_UNLOAD, NULL);
		plugin->desc->unload(plugin->instance);
		crumbs_leave(was);
	}
	plugin->loaded = false;
}

void
plugin_free(struct plugin *plugin)
{
	if (plugin == NULL)
		return;
	plugin_unload(plugin);
	if (plugin->options != NULL && plugin->desc->options != NULL)
		options_clear(plugin->desc->options, plugin->options);
	free(plugin->options);
	free(plugin->slots);
	close_library(plugin);
	free(plugin);
}

const struct event_slot *
plugin_slot(const struct plugin *plugin, const struct frl_event *event)
{
	const struct frl_event *const *list = plugin->desc->events;
	size_t i;

	for (i = 0; list != NULL && list[i] != NULL; i++) {
		if (list[i] == event)
			return (plugin->slots != NULL ? plugin->slots[i] :
			    NULL);
	}
	return (NULL);
}
