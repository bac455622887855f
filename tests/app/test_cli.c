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
	wrong("fairlead plugins info", "plugins info: a name is missing");
	wrong("fairlead plugins info a b", "'b' is one word too many");
	wrong("fairlead plugins list a", "'a' is one word too many");
	wrong("fairlead events -t", "-t belongs to `run`");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_wrong),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
