/* SPDX-License-Identifier: MIT */
/*
 * The finished program's command line: exit codes, what goes to stdout and
 * what to stderr.  Everything but serving.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM FRL_BUILD_DIR "/fairlead"

/* A folder with plugins whose modes are right whatever the build's are. */
struct place {
	char folder[64];
	char text[256 * 1024];		/* what the last program said */
};

static void
shell(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->folder, "/tmp/fairlead-commands-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	shell("cp %s/tests/bad/good.so %s/tests/bad/watcher.so %s",
	    FRL_BUILD_DIR, FRL_BUILD_DIR, p->folder);
	shell("mkdir %s/bad && cp %s/tests/bad/wrong_size.so "
	    "%s/tests/bad/crashing_load.so %s/bad", p->folder, FRL_BUILD_DIR,
	    FRL_BUILD_DIR, p->folder);
	shell("chmod -R go-w %s", p->folder);
	setenv("FAIRLEAD_PLUGIN_PATH", p->folder, 1);
	unsetenv("FAIRLEAD_CONFIG");
	unsetenv("FAIRLEAD_LOG_LEVEL");
	*state = p;
	return (0);
}

static int
teardown(void **state)
{
	struct place *p = *state;

	shell("rm -rf '%s'", p->folder);
	unsetenv("FAIRLEAD_PLUGIN_PATH");
	free(p);
	return (0);
}

/* Run the program; its exit code.  "2>&1 >/dev/null" in the arguments keeps
 * stderr instead of stdout. */
static int
run(struct place *p, const char *arguments)
{
	char command[1024];
	FILE *f;
	size_t n;
	int status;

	snprintf(command, sizeof(command), "exec %s %s", PROGRAM, arguments);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(p->text, 1, sizeof(p->text) - 1, f);
	p->text[n] = '\0';
	status = pclose(f);
	assert_true(WIFEXITED(status));
	return (WEXITSTATUS(status));
}

static void
has(const struct place *p, const char *word)
{
	if (strstr(p->text, word) == NULL)
		fail_msg("no \"%s\" in: %s", word, p->text);
}

/* Write the configuration file and give its path. */
static const char *
config(const struct place *p, const char *text, char path[128])
{
	FILE *f;

	snprintf(path, 128, "%s/c.yaml", p->folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return (path);
}

static void
test_usage(void **state)
{
	struct place *p = *state;

	assert_int_equal(run(p, "2>&1 >/dev/null"), 64);
	assert_string_equal(p->text, "fairlead: a command is missing\n"
	    "Try 'fairlead --help'.\n");
	assert_int_equal(run(p, "fly 2>/dev/null"), 64);
	assert_string_equal(p->text, "");
	assert_int_equal(run(p, "run 2>/dev/null"), 64);
	assert_int_equal(run(p, "plugins 2>/dev/null"), 64);
}

static void
test_help(void **state)
{
	static const char *const commands[] = { "run", "check",
		"plugins list", "plugins info", "events", "version" };
	struct place *p = *state;
	char line[64];
	size_t i;

	assert_int_equal(run(p, "--help"), 0);
	has(p, "fairlead plugins info NAME");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		snprintf(line, sizeof(line), "%s --help", commands[i]);
		assert_int_equal(run(p, line), 0);
		snprintf(line, sizeof(line), "Usage: fairlead %s",
		    commands[i]);
		has(p, line);
	}
}

static void
test_version(void **state)
{
	struct place *p = *state;

	assert_int_equal(run(p, "version"), 0);
	assert_string_equal(p->text, "fairlead " FRL_VERSION
	    " (plugin ABI 0.3)\n");
}

#define BODY "version: 1\nlisten: [{address: \"127.0.0.1:0\"}]\n" \
	"upgrade: {\"*\": refuse}\nundetected: refuse\n"

static void
test_check(void **state)
{
	struct place *p = *state;
	char path[128], line[512];

	config(p, BODY "plugins: [{name: good}, {name: watcher}]\n", path);
	snprintf(line, sizeof(line), "check -c %s", path);
	assert_int_equal(run(p, line), 0);
	has(p, "c.yaml: valid\n");
	setenv("FAIRLEAD_CONFIG", path, 1);
	assert_int_equal(run(p, "-t"), 0);
	unsetenv("FAIRLEAD_CONFIG");

	config(p, BODY "plugins: [{name: none}]\n", path);
	assert_int_equal(run(p, line), 78);
	assert_string_equal(p->text, "");
	snprintf(line, sizeof(line), "run -c %s 2>&1 >/dev/null", path);
	assert_int_equal(run(p, line), 78);
	has(p, "c.yaml:5:18: plugin 'none': none.so is not in ");
	has(p, "\n                     ^\n");
	has(p, "c.yaml: 1 error\n");
	assert_int_equal(run(p, "check -c /nowhere/x.yaml 2>/dev/null"), 78);
}

/* Valid, but nobody would ever see a WebSocket. */
static void
test_check_warns(void **state)
{
	struct place *p = *state;
	char path[128], line[512];

	snprintf(line, sizeof(line), "check -c %s/c.yaml 2>&1", p->folder);
	config(p, BODY "plugins: [{name: watcher}, {name: good}]\n", path);
	assert_int_equal(run(p, line), 0);
	has(p, "c.yaml:5:35: no tunnel will ever come to 'good': ");
	has(p, "c.yaml: valid\n");
	config(p, "version: 1\nlisten: [{address: \"127.0.0.1:0\", "
	    "protocol: good}]\nupgrade: {\"*\": refuse, a: goood}\n"
	    "undetected: refuse\nplugins: [{name: good}]\n", path);
	assert_int_equal(run(p, line), 0);
	assert_null(strstr(p->text, "no tunnel"));
	has(p, "c.yaml:3:27: upgrade: no inspector 'goood' is listed");
	config(p, BODY "plugins: [{name: godo}]\n", path);
	assert_int_equal(run(p, line), 78);
	has(p, "; did you mean \"good\"?\n");
}

/* A broken plugin stops the start, and never crashes it. */
static void
test_broken_plugin(void **state)
{
	struct place *p = *state;
	char path[128], line[512], text[512];

	snprintf(text, sizeof(text), BODY "plugins: [{name: x, path: "
	    "%s/bad/crashing_load.so}]\n", p->folder);
	config(p, text, path);
	snprintf(line, sizeof(line), "check -c %s 2>&1 >/dev/null", path);
	assert_int_equal(run(p, line), 78);
	has(p, "crashing_load.so: load crashed (Segmentation fault)\n");
	snprintf(line, sizeof(line), "run -c %s 2>&1 >/dev/null", path);
	assert_int_equal(run(p, line), 78);
	has(p, "crashing_load.so: load crashed (Segmentation fault)\n");
}

static void
test_plugins_list(void **state)
{
	struct place *p = *state;
	char path[160];

	assert_int_equal(run(p, "plugins list 2>/dev/null"), 0);
	has(p, "good             1.2        does nothing, well\n");
	has(p, "watcher          1          watches every tunnel\n");

	/* A broken one hides no other; the first folder wins. */
	shell("cp %s/watcher.so %s/bad/good.so", p->folder, p->folder);
	snprintf(path, sizeof(path), "%s:%s/bad", p->folder, p->folder);
	setenv("FAIRLEAD_PLUGIN_PATH", path, 1);
	assert_int_equal(run(p, "plugins list 2>&1"), 1);
	setenv("FAIRLEAD_PLUGIN_PATH", p->folder, 1);
	has(p, "wrong_size.so: its descriptor has 40 bytes");
	has(p, "crashing_load ");
	has(p, "good             1.2        does nothing, well\n");
	assert_null(strstr(p->text, "good             1          "));
}

static void
test_plugins_info(void **state)
{
	struct place *p = *state;
	char line[256];

	assert_int_equal(run(p, "plugins info good"), 0);
	has(p, "good 1.2\n");
	has(p, "licence    MIT\n");
	has(p, "state      16 bytes per tunnel\n");
	has(p, "protocol   owns one\n");
	has(p, "4KiB");
	has(p, "good.event\n    Never published.\n");
	snprintf(line, sizeof(line), "plugins info %s/watcher.so", p->folder);
	assert_int_equal(run(p, line), 0);
	has(p, "watcher 1\n");
	assert_int_equal(run(p, "plugins info none 2>/dev/null"), 1);
}

static void
test_events(void **state)
{
	struct place *p = *state;

	run(p, "events 2>/dev/null");
	has(p, "tunnel.open  (hooks may object)\n");
	has(p, "    client.port                    integer  ");
	has(p, "good.event\n    Never published.\n    good.n  ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_warns),
		cmocka_unit_test(test_broken_plugin),
		cmocka_unit_test(test_plugins_list),
		cmocka_unit_test(test_plugins_info),
		cmocka_unit_test(test_events),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
