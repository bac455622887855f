/* SPDX-License-Identifier: MIT */
/* Command lines, good and bad. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/cli.h"

#define WORDS_MAX 8

/* Parse a line of words; getopt may permute them, so they are copies. */
static int
parse(struct cli *cli, const char *line, char *copy, struct err *err)
{
	char *argv[WORDS_MAX + 2], *save = NULL;
	int argc = 0;

	strcpy(copy, line);
	argv[argc] = strtok_r(copy, " ", &save);
	while (argv[argc] != NULL && argc < WORDS_MAX)
		argv[++argc] = strtok_r(NULL, " ", &save);
	return (cli_parse(cli, argc, argv, err));
}

static void
is(const char *line, enum cli_command command, bool help, const char *config,
    const char *name)
{
	char copy[256];
	struct cli cli;
	struct err err;

	if (parse(&cli, line, copy, &err) < 0)
		fail_msg("%s: %s", line, err.text);
	assert_int_equal(cli.command, command);
	assert_int_equal(cli.help, help);
	if (config == NULL)
		assert_null(cli.config);
	else
		assert_string_equal(cli.config, config);
	if (name == NULL)
		assert_null(cli.name);
	else
		assert_string_equal(cli.name, name);
}

static void
wrong(const char *line, const char *why)
{
	char copy[256];
	struct cli cli;
	struct err err;

	assert_int_equal(parse(&cli, line, copy, &err), -1);
	assert_string_equal(err.text, why);
}

static void
test_commands(void **state)
{
	(void)state;
	unsetenv("FAIRLEAD_CONFIG");
	is("fairlead run -c a.yaml", CLI_RUN, false, "a.yaml", NULL);
	is("fairlead -c a.yaml run", CLI_RUN, false, "a.yaml", NULL);
	is("fairlead run --config=a.yaml", CLI_RUN, false, "a.yaml", NULL);
	is("fairlead run --config a.yaml", CLI_RUN, false, "a.yaml", NULL);
	is("fairlead check -ca.yaml", CLI_CHECK, false, "a.yaml", NULL);
	is("fairlead run -t -c a.yaml", CLI_CHECK, false, "a.yaml", NULL);
	is("fairlead -t -c a.yaml", CLI_CHECK, false, "a.yaml", NULL);
	is("fairlead plugins list", CLI_PLUGINS_LIST, false, NULL, NULL);
	is("fairlead plugins info http", CLI_PLUGINS_INFO, false, NULL,
	    "http");
	is("fairlead events", CLI_EVENTS, false, NULL, NULL);
	is("fairlead timeouts", CLI_TIMEOUTS, false, NULL, NULL);
	is("fairlead version", CLI_VERSION, false, NULL, NULL);
	is("fairlead --version", CLI_VERSION, false, NULL, NULL);
	setenv("FAIRLEAD_CONFIG", "e.yaml", 1);
	is("fairlead run", CLI_RUN, false, "e.yaml", NULL);
	is("fairlead run -c a.yaml", CLI_RUN, false, "a.yaml", NULL);
	unsetenv("FAIRLEAD_CONFIG");
}

static void
test_help(void **state)
{
	(void)state;
	is("fairlead --help", CLI_NONE, true, NULL, NULL);
	is("fairlead help", CLI_NONE, true, NULL, NULL);
	is("fairlead run --help", CLI_RUN, true, NULL, NULL);
	is("fairlead help run", CLI_RUN, true, NULL, NULL);
	is("fairlead check -h", CLI_CHECK, true, NULL, NULL);
	is("fairlead plugins --help", CLI_PLUGINS, true, NULL, NULL);
	is("fairlead plugins info --help", CLI_PLUGINS_INFO, true, NULL,
	    NULL);
	is("fairlead help plugins list", CLI_PLUGINS_LIST, true, NULL, NULL);
	is("fairlead events --help", CLI_EVENTS, true, NULL, NULL);
	is("fairlead version --help", CLI_VERSION, true, NULL, NULL);
}

static void
test_wrong(void **state)
{
	(void)state;
	wrong("fairlead", "a command is missing");
	wrong("fairlead -c a.yaml", "a command is missing");
	wrong("fairlead fly", "unknown command 'fly'");
	wrong("fairlead help fly", "unknown command 'fly'");
	wrong("fairlead statsu", "unknown command 'statsu'; did you mean "
	    "'stats'?");
	wrong("fairlead run", "no configuration: give -c FILE or set "
	    "FAIRLEAD_CONFIG");
	wrong("fairlead -t", "no configuration: give -c FILE or set "
	    "FAIRLEAD_CONFIG");
	wrong("fairlead run -c", "option '-c' needs a value");
	wrong("fairlead run -x", "unknown option '-x'");
	wrong("fairlead run --fast", "unknown option '--fast'");
	wrong("fairlead run -c a b", "'b' is one word too many");
	wrong("fairlead plugins", "plugins: `list` or `info NAME` is "
	    "missing");
	wrong("fairlead plugins lst", "unknown command 'plugins lst'");
	wrong("fairlead plugins info", "plugins info: a name is missing; "
	    "`fairlead plugins list` has them");
	wrong("fairlead close", "close: an ID is missing; `fairlead tunnels` "
	    "names them");
	wrong("fairlead plugins info a b", "'b' is one word too many");
	wrong("fairlead plugins list a", "'a' is one word too many");
	wrong("fairlead events -t", "-t belongs to `run`");
}

static void
test_exec(void **state)
{
	char *argv[] = { "fairlead", "exec", "-q", "-o", "log", "--allow",
		"10.0.0.0/8", "--allow=::2", "-cfile", "curl", "-c", "jar",
		"--", "--help", NULL };
	char *dashes[] = { "fairlead", "exec", "--", "-q", NULL };
	struct cli cli;
	struct err err;

	(void)state;
	setenv("FAIRLEAD_CONFIG", "e.yaml", 1);
	assert_int_equal(cli_parse(&cli, 14, argv, &err), 0);
	assert_int_equal(cli.command, CLI_EXEC);
	assert_false(cli.help);
	assert_true(cli.exec.quiet);
	assert_string_equal(cli.exec.log, "log");
	assert_int_equal(cli.exec.allow_count, 2);
	assert_string_equal(cli.exec.allow[0], "10.0.0.0/8");
	assert_string_equal(cli.exec.allow[1], "::2");
	assert_string_equal(cli.config, "file");
	/* All of the other program's words, in their order. */
	assert_ptr_equal(cli.exec.command, argv + 9);
	assert_string_equal(argv[13], "--help");

	assert_int_equal(cli_parse(&cli, 4, dashes, &err), 0);
	assert_ptr_equal(cli.exec.command, dashes + 3);
	assert_false(cli.exec.quiet);
	assert_null(cli.config);
	unsetenv("FAIRLEAD_CONFIG");
}

static void
test_exec_wrong(void **state)
{
	char *argv[CLI_ALLOW_MAX + 5] = { "fairlead", "exec" };
	struct cli cli;
	struct err err;
	int i;

	(void)state;
	is("fairlead exec --help", CLI_EXEC, true, NULL, NULL);
	is("fairlead help exec", CLI_EXEC, true, NULL, NULL);
	wrong("fairlead exec", "exec: a COMMAND is missing: `fairlead exec "
	    "-- curl ...`");
	wrong("fairlead exec -q --", "exec: a COMMAND is missing: `fairlead "
	    "exec -- curl ...`");
	wrong("fairlead exec -o", "option '-o' needs a value");
	wrong("fairlead exec --allow", "option '--allow' needs a value");
	wrong("fairlead exec -t true", "unknown option '-t'");
	wrong("fairlead exec --loud true", "unknown option '--loud'");
	wrong("fairlead -c a exec true", "options of exec stand behind the "
	    "word: `fairlead exec -c FILE -- COMMAND`");
	for (i = 0; i <= CLI_ALLOW_MAX; i++)
		argv[2 + i] = "--allow=::1";
	argv[2 + i] = "true";
	assert_int_equal(cli_parse(&cli, 3 + i, argv, &err), -1);
	assert_non_null(strstr(err.text, "16 ranges"));
	argv[1 + i] = "true";
	assert_int_equal(cli_parse(&cli, 2 + i, argv, &err), 0);
	assert_int_equal(cli.exec.allow_count, CLI_ALLOW_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_exec_wrong),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
