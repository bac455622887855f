/* SPDX-License-Identifier: MIT */
/*
 * Plugins that must be refused (tests/bad), each with its reason; the one
 * that must not; files and folders that others may write.
 *
 * Plugins are copied into a folder of our own first: what the mode of the
 * build folder is depends on whoever built it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "flow/plugin.h"
#include "flow/plugin_file.h"
#include "flow/probe.h"

struct place {
	char folder[64];
	const char *folders[2];
	struct loop *loop;
	struct events *events;
};

static void
copy_file(const char *from, const char *to, const char *word,
    const char *other)
{
	static char bytes[4 * 1024 * 1024];
	FILE *f = fopen(from, "rb");
	size_t n, i;

	assert_non_null(f);
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	assert_in_range(n, 1, sizeof(bytes) - 1);
	for (i = 0; word != NULL && i + strlen(word) <= n; i++) {
		if (memcmp(bytes + i, word, strlen(word)) == 0)
			memcpy(bytes + i, other, strlen(word));
	}
	f = fopen(to, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
	assert_int_equal(chmod(to, 0644), 0);
}

static void
path_of(const struct place *p, const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s.so", p->folder, name);
}

static void
bring(const struct place *p, const char *name)
{
	char from[512], to[256];

	snprintf(from, sizeof(from), "%s/tests/bad/%s.so", FRL_BUILD_DIR,
	    name);
	path_of(p, name, to);
	copy_file(from, to, NULL, NULL);
}

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct events_options options = { .node = "test", .wait_ms = 1000 };

	assert_non_null(p);
	strcpy(p->folder, "/tmp/fairlead-plugin-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	p->folders[0] = p->folder;
	p->loop = loop_create();
	options.loop = p->loop;
	p->events = events_create(&options);
	assert_non_null(p->events);
	*state = p;
	return (0);
}

static int
teardown(void **state)
{
	struct place *p = *state;
	char command[128];

	events_free(p->events);
	loop_free(p->loop);
	snprintf(command, sizeof(command), "rm -rf '%s'", p->folder);
	assert_int_equal(system(command), 0);
	free(p);
	return (0);
}

/* Opening `name` from the folder fails, and the sentence has both parts. */
static void
refused(const struct place *p, const char *name, const char *reason)
{
	char path[256];
	struct err err = { .text = "" };
	struct plugin *plugin = plugin_open(name, NULL, p->folders, &err);

	if (plugin != NULL)
		fail_msg("%s was opened", name);
	path_of(p, name, path);
	if (strncmp(err.text, path, strlen(path)) != 0 ||
	    strstr(err.text, reason) == NULL)
		fail_msg("%s: \"%s\" has no \"%s\"", name, err.text, reason);
}

static void
test_refused_when_opened(void **state)
{
	static const struct {
		const char *name, *reason;
	} cases[] = {
		{ "no_symbol", ": has no symbol frl_plugin: " },
		{ "wrong_magic", ": wrong magic 0x12345678: " },
		{ "wrong_major", ": built for ABI 9.3, this is 0.3: " },
		{ "wrong_minor", ": built for ABI 0.77, this is 0.3: " },
		{ "wrong_size", ": its descriptor has 40 bytes, not " },
		{ "no_summary", ": its descriptor lacks version, summary" },
		{ "huge_state", ": asks for 1073741824 bytes of state" },
		{ "wild_option", ": option 'wild' lies outside its struct" },
		{ "wild_field", ": field 'wild.n' of event 'wild.field' lies "
		    "outside its record" },
		{ "wild_pointer", ": crashed (Segmentation fault)" },
		{ "hook_without_function", ": its hook for 'tunnel.open' has "
		    "no function" },
		{ "crashing_constructor", ": crashed (Segmentation fault)" },
		{ "exiting_constructor", ": ended the program (exit status "
		    "3)" },
		{ "hanging_constructor", ": did not finish within 5000 ms" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bring(*state, cases[i].name);
		refused(*state, cases[i].name, cases[i].reason);
	}
}

/* The linker's own words, without the name under which it knows the copy. */
static void
test_unresolved(void **state)
{
	const struct place *p = *state;
	char path[256], reason[512];

	path_of(p, "unresolved", path);
	copy_file(FRL_BUILD_DIR "/tests/bad/unresolved.so", path, "strfry",
	    "strfrz");
	snprintf(reason, sizeof(reason), "%s: undefined symbol: strfrz",
	    path);
	refused(p, "unresolved", reason);
}

static void
test_no_library(void **state)
{
	const struct place *p = *state;
	char path[256];
	FILE *f;

	path_of(p, "text", path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("This is no library at all, however long one reads it.\n", f);
	fclose(f);
	refused(p, "text", ": file too short");
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	refused(p, "text", "");
}

static struct plugin *
open_good(const struct place *p, const char *name)
{
	struct err err = { .text = "" };
	struct plugin *plugin = plugin_open(name, NULL, p->folders, &err);

	if (plugin == NULL)
		fail_msg("%s", err.text);
	return (plugin);
}

static void
refused_load(struct place *p, const char *name, const char *reason,
    uint32_t ms)
{
	struct err err = { .text = "" };
	struct plugin *plugin;
	char expected[512];

	bring(p, name);
	plugin = open_good(p, name);
	if (ms != 0)
		plugin->probe_ms = ms;
	assert_int_equal(plugin_load(plugin, p->events, &err), -1);
	snprintf(expected, sizeof(expected), "%s/%s.so: %s", p->folder, name,
	    reason);
	assert_string_equal(err.text, expected);
	assert_false(plugin->loaded);
	plugin_free(plugin);
}

static void
test_refused_when_loaded(void **state)
{
	refused_load(*state, "failing_load", "load: the moon is not full", 0);
	refused_load(*state, "silent_load",
	    "load refused without a reason (verdict 1)", 0);
	refused_load(*state, "crashing_load",
	    "load crashed (Segmentation fault)", 0);
	refused_load(*state, "exiting_load",
	    "load ended the program (exit status 0)", 0);
	refused_load(*state, "hanging_load",
	    "load did not finish within 50 ms", 50);
}

static void
test_good(void **state)
{
	struct place *p = *state;
	struct yaml_errors errors = { .text = NULL };
	struct plugin *plugin;
	struct err err = { .text = "" };
	struct stat st;

	bring(p, "good");
	plugin = open_good(p, "good");
	assert_string_equal(plugin->desc->version, "1.2");
	assert_string_equal(plugin->name, "good");
	/* The copy is sealed. */
	assert_int_equal(fstat(plugin->memfd, &st), 0);
	assert_int_equal(ftruncate(plugin->memfd, 0), -1);
	assert_int_equal(fcntl(plugin->memfd, F_GETFD) & FD_CLOEXEC,
	    FD_CLOEXEC);

	plugin->options = calloc(1, plugin->desc->options_size);
	assert_non_null(plugin->options);
	assert_int_equal(options_read(plugin->desc->options, plugin->options,
	    NULL, NULL, NULL, NULL, &errors), 0);
	assert_int_equal(plugin_load(plugin, p->events, &err), 0);
	assert_true(plugin->loaded);
	assert_non_null(plugin->instance);
	assert_non_null(plugin_slot(plugin, plugin->desc->events[0]));
	assert_null(plugin_slot(plugin, (const struct frl_event *)p));

	/* unload() ran, and its options were still there. */
	assert_int_equal(setenv("GOOD_UNLOADED", "......", 1), 0);
	plugin_free(plugin);
	assert_string_equal(getenv("GOOD_UNLOADED"), "hello");
}

/* What was checked is what runs: a file overwritten in place is no danger. */
static void
test_overwritten(void **state)
{
	struct place *p = *state;
	struct plugin *plugin;
	char path[256];
	FILE *f;

	bring(p, "good");
	plugin = open_good(p, "good");
	path_of(p, "good", path);
	f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(ftruncate(fileno(f), 0), 0);
	fclose(f);
	assert_string_equal(plugin->desc->summary, "does nothing, well");
	plugin_free(plugin);
}

/* Descriptors are used again; libraries must not be mistaken for it. */
static void
test_one_after_another(void **state)
{
	struct place *p = *state;
	struct plugin *plugin, *other;
	int memfd;

	bring(p, "good");
	bring(p, "watcher");
	plugin = open_good(p, "good");
	other = open_good(p, "watcher");
	assert_int_not_equal(plugin->memfd, other->memfd);
	assert_string_equal(other->desc->name, "watcher");
	plugin_free(other);
	memfd = plugin->memfd;
	plugin_free(plugin);
	plugin = open_good(p, "watcher");
	if (plugin->memfd != memfd)
		print_message("the number was not used again\n");
	assert_string_equal(plugin->desc->name, "watcher");
	plugin_free(plugin);
}

static void
test_writable(void **state)
{
	struct place *p = *state;
	char path[256], other[256];

	bring(p, "good");
	path_of(p, "good", path);
	assert_int_equal(chmod(path, 0664), 0);
	refused(p, "good", ": the file is writable by others (mode 0664)");
	assert_int_equal(chmod(path, 0646), 0);
	refused(p, "good", ": the file is writable by others (mode 0646)");
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chmod(p->folder, 0775), 0);
	refused(p, "good", "is writable by others (mode 0775)");
	assert_int_equal(chmod(p->folder, 0777), 0);
	refused(p, "good", "is writable by others (mode 0777)");
	/* Sticky: only the owner of the file may put another in its place. */
	assert_int_equal(chmod(p->folder, 01777), 0);
	plugin_free(open_good(p, "good"));
	assert_int_equal(chmod(p->folder, 0755), 0);

	path_of(p, "link", other);
	assert_int_equal(symlink(path, other), 0);
	refused(p, "link", ": is a symbolic link");
	path_of(p, "folder", other);
	assert_int_equal(mkdir(other, 0755), 0);
	refused(p, "folder", ": not a plain file");
	path_of(p, "fifo", other);
	assert_int_equal(mkfifo(other, 0644), 0);
	refused(p, "fifo", ": not a plain file");
}

/* Only root can make somebody else the owner. */
static void
test_owner(void **state)
{
	struct place *p = *state;
	char path[256];

	if (geteuid() != 0)
		skip();
	bring(p, "good");
	path_of(p, "good", path);
	assert_int_equal(chown(path, 65534, 65534), 0);
	refused(p, "good", ": the file belongs to user 65534, neither root "
	    "nor us");
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(chown(p->folder, 65534, 65534), 0);
	refused(p, "good", "belongs to user 65534, neither root nor us");
	assert_int_equal(chown(p->folder, 0, 0), 0);
}

static void
test_not_found(void **state)
{
	struct place *p = *state;
	const char *two[] = { p->folder, "/nowhere", NULL };
	const char *none[] = { NULL };
	char expected[256];
	struct err err;

	assert_null(plugin_open("http", NULL, two, &err));
	snprintf(expected, sizeof(expected), "http.so is not in %s, /nowhere",
	    p->folder);
	assert_string_equal(err.text, expected);
	assert_null(plugin_open("http", NULL, none, &err));
	assert_string_equal(err.text,
	    "http.so is not in any folder: none is known");
	assert_null(plugin_open("http", "/nowhere/x.so", none, &err));
	assert_string_equal(err.text,
	    "/nowhere/x.so: No such file or directory");
	assert_null(plugin_open("http", "x.so", none, &err));
	assert_string_equal(err.text, "x.so: not an absolute path");
}

static void
test_names(void **state)
{
	(void)state;
	assert_true(plugin_name_valid("a"));
	assert_true(plugin_name_valid("http-2_x"));
	assert_true(plugin_name_valid("a2345678901234567890123456789012"));
	assert_false(plugin_name_valid("a23456789012345678901234567890123"));
	assert_false(plugin_name_valid(""));
	assert_false(plugin_name_valid("2a"));
	assert_false(plugin_name_valid("Http"));
	assert_false(plugin_name_valid("../etc"));
	assert_false(plugin_name_valid("a/b"));
	assert_false(plugin_name_valid("a\n"));
}

static void
test_folders(void **state)
{
	char **folders;
	size_t i;

	(void)state;
	setenv("FAIRLEAD_PLUGIN_PATH", "/one:relative::/two", 1);
	folders = plugin_folders();
	unsetenv("FAIRLEAD_PLUGIN_PATH");
	assert_non_null(folders);
	assert_string_equal(folders[0], "/one");
	assert_string_equal(folders[1], "/two");
	assert_string_equal(folders[2] + strlen(folders[2]) - 8, "/plugins");
	assert_non_null(folders[3]);
	assert_null(folders[4]);
	for (i = 0; folders[i] != NULL; i++)
		free(folders[i]);
	free(folders);
}

static int
probe_says(void *arg, struct err *err)
{
	return (arg == NULL ? 0 : err_set(err, "%s", (const char *)arg));
}

static int
probe_sleeps(void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	for (;;)
		pause();
	return (0);
}

static int
probe_aborts(void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	abort();
}

static void
test_probe(void **state)
{
	struct err err = { .text = "untouched" };

	(void)state;
	assert_int_equal(probe_run(probe_says, NULL, PROBE_MS, &err), 0);
	assert_string_equal(err.text, "untouched");
	assert_int_equal(probe_run(probe_says, "no", PROBE_MS, &err), -1);
	assert_string_equal(err.text, "no");
	assert_int_equal(probe_run(probe_sleeps, NULL, 20, &err), -1);
	assert_string_equal(err.text, "did not finish within 20 ms");
	assert_int_equal(probe_run(probe_aborts, NULL, PROBE_MS, &err), -1);
	assert_string_equal(err.text, "crashed (Aborted)");
}

int
main(void)
{
#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_PLACE(test_refused_when_opened),
		WITH_PLACE(test_unresolved),
		WITH_PLACE(test_no_library),
		WITH_PLACE(test_refused_when_loaded),
		WITH_PLACE(test_good),
		WITH_PLACE(test_overwritten),
		WITH_PLACE(test_one_after_another),
		WITH_PLACE(test_writable),
		WITH_PLACE(test_owner),
		WITH_PLACE(test_not_found),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_probe),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
