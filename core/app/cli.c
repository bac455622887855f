/* SPDX-License-Identifier: MIT */
/*
 * cli -- see cli.h.  Options may stand before and behind the command; `exec`
 * has its own, which end where the words of another program begin.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cli.h"
#include "base/options.h"

struct command {
	const char *word, *sub;		/* as typed */
	enum cli_command command;
	bool takes_name;
	bool takes_config;
	const char *usage, *text;
};

static const struct command commands[] = {
	{ "run", NULL, CLI_RUN, false, true,
	    "fairlead run [-t] [--foreground-worker] [-c FILE]",
	    "Run the proxy: a supervisor and its workers.\n\n"
	    "SIGHUP reads the configuration anew: new tunnels go by it, "
	    "those that are\nthere by the one they began with.  SIGTERM "
	    "accepts nobody any more, gives\ntunnels `timeouts.drain` to "
	    "end, and exits; SIGINT or a second SIGTERM has them\nsay their "
	    "last words at once.  SIGUSR1 opens the log files anew.\n" },
	{ "exec", NULL, CLI_EXEC, false, false,
	    "fairlead exec [-c FILE] [-o FILE] [OPTION...] [--] COMMAND "
	    "[ARG...]",
	    "Run COMMAND behind a proxy of its own and print on stderr what "
	    "passes: tunnels,\nrequests, WebSocket frames.\n\n"
	    "The proxy listens on a free port of 127.0.0.1.  http_proxy, "
	    "https_proxy,\nall_proxy, ws_proxy and wss_proxy lead to it, in "
	    "small letters and capitals;\nsocks_proxy is cleared, and no_proxy "
	    "excepts a name that no host has.  A\nclient that asks none of "
	    "them is not seen; Go's do not ask when they go to\nlocalhost."
	    "\n\n"
	    "  -c, --config FILE  the plugins, destinations, logs and limits "
	    "of this\n                     configuration; its listeners are "
	    "not opened\n"
	    "  -o, --log FILE     JSON lines into FILE, too\n"
	    "      --allow RANGE  COMMAND may reach this address or range, "
	    "too: 10.1.0.0/16;\n                     may be repeated.  "
	    "Private addresses are refused\n"
	    "                     otherwise; loopback (127.0.0.0/8, ::1) is not, "
	    "but with -c\n"
	    "      --via URL      by this proxy, http://[user:password@]host:"
	    "port, to all but\n                     loopback; as `env`: the "
	    "one that http_proxy names\n"
	    "  -q, --quiet        nothing on stderr but warnings and "
	    "errors\n\n"
	    "Exit status: COMMAND's; 128+N when signal N killed it; 126 it "
	    "cannot be\nexecuted, 127 it was not found.  SIGTERM and SIGHUP "
	    "are passed on to it; ^C\nreaches it from the terminal.  "
	    "Tunnels that it leaves open are cut after\n"
	    "timeouts.farewell, 1s without -c.\n" },
	{ "check", NULL, CLI_CHECK, false, true,
	    "fairlead check [-c FILE]",
	    "Check a configuration and load its plugins, as `run` would, "
	    "but serve nobody.\n" },
	{ "plugins", NULL, CLI_PLUGINS, false, false,
	    "fairlead plugins list | info NAME",
	    "Look at the plugins that are found by name: in the folders of\n"
	    "FAIRLEAD_PLUGIN_PATH, in plugins/ beside the program, and in "
	    "the\ninstalled folder.\n" },
	{ "plugins", "list", CLI_PLUGINS_LIST, false, false,
	    "fairlead plugins list",
	    "Print name, version and purpose of every plugin found.\n" },
	{ "plugins", "info", CLI_PLUGINS_INFO, true, false,
	    "fairlead plugins info NAME",
	    "Print what a plugin says of itself, its options and events.\n"
	    "NAME may be a path, too: ./budget.so\n" },
	{ "events", NULL, CLI_EVENTS, false, false,
	    "fairlead events",
	    "Print every event of the core and of the plugins found, with "
	    "its fields.\n" },
	{ "timeouts", NULL, CLI_TIMEOUTS, false, false,
	    "fairlead timeouts",
	    "Print every deadline of the core and of the plugins found, as "
	    "the table\nof docs/TIMEOUTS.md.\n" },
	{ "status", NULL, CLI_STATUS, false, false,
	    "fairlead status [--json] [-c FILE | --socket PATH]",
	    "Print how a running proxy is, and its workers.\n" },
	{ "stats", NULL, CLI_STATS, false, false,
	    "fairlead stats [--json] [-c FILE | --socket PATH]",
	    "Print the counters of a running proxy.\n" },
	{ "metrics", NULL, CLI_METRICS, false, false,
	    "fairlead metrics [-c FILE | --socket PATH]",
	    "Print the counters as Prometheus reads them.\n" },
	{ "tunnels", NULL, CLI_TUNNELS, false, false,
	    "fairlead tunnels [--json] [-c FILE | --socket PATH]",
	    "Print every tunnel of a running proxy: its age, how long it has "
	    "been silent,\nwhat went through it in each direction, its "
	    "protocol, and of a WebSocket how\nlong its latest ping took.  "
	    "--json knows more.\n" },
	{ "close", NULL, CLI_CLOSE, true, false,
	    "fairlead close ID [--json] [-c FILE | --socket PATH]",
	    "Let the tunnel of that ID (see `fairlead tunnels`) say its last "
	    "words and end.\nIts short form, 2-a4e, as in logs for people, "
	    "will do.\n" },
	{ "reload", NULL, CLI_RELOAD, false, false,
	    "fairlead reload [--json] [-c FILE | --socket PATH]",
	    "Have a running proxy read its configuration anew, as SIGHUP "
	    "does, and wait until\nit serves.  Exit status 1: it was not "
	    "taken over.\n" },
	{ "drain", NULL, CLI_DRAIN, false, false,
	    "fairlead drain [--json] [-c FILE | --socket PATH]",
	    "Have a running proxy accept nobody any more and leave when its "
	    "tunnels have\nended, as SIGTERM does.\n" },
	{ "tail", NULL, CLI_TAIL, false, false,
	    "fairlead tail [--event PATTERN] [--host HOST] [--tunnel ID] "
	    "[--json]\n                     [-c FILE | --socket PATH]",
	    "Print the events of a running proxy's workers as they happen, "
	    "whatever its\nlogs are.  What the supervisor says, such as "
	    "proxy.worker, is in the logs alone.\n\n"
	    "      --event PATTERN  only these: ws.frame, http.*\n"
	    "      --host HOST      only of tunnels to this host\n"
	    "      --tunnel ID      only of this tunnel\n" },
	{ "version", NULL, CLI_VERSION, false, false,
	    "fairlead version",
	    "Print the versions of the program and of its plugin ABI.\n" },
	{ "help", NULL, CLI_HELP, false, false,
	    "fairlead help [COMMAND]", "Print help.\n" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *
command_find(const char *word, const char *sub)
{
	const struct command *found = NULL;
	size_t i;

	for (i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].word, word) != 0)
			continue;
		if (commands[i].sub == NULL && found == NULL)
			found = &commands[i];
		else if (commands[i].sub != NULL && sub != NULL &&
		    strcmp(commands[i].sub, sub) == 0)
			found = &commands[i];
	}
	return (found);
}

/* What getopt_long() answered instead of an option. */
static int
option_error(int c, char **argv, struct err *err)
{
	if (c == ':')
		return (err_set(err, "option '%s' needs a value",
		    argv[optind - 1]));
	return (optopt != 0 ? err_set(err, "unknown option '-%c'", optopt) :
	    err_set(err, "unknown option '%s'", argv[optind - 1]));
}

/* Options into the struct; *ret_test: -t was there. */
static int
parse_options(struct cli *cli, int argc, char **argv, bool *ret_test,
    struct err *err)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "test", no_argument, NULL, 't' },
		{ "foreground-worker", no_argument, NULL, 'F' },
		{ "socket", required_argument, NULL, 'S' },
		{ "json", no_argument, NULL, 'J' },
		{ "event", required_argument, NULL, 'E' },
		{ "host", required_argument, NULL, 'H' },
		{ "tunnel", required_argument, NULL, 'T' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	optind = 0;	/* glibc: start anew, also in tests */
	while ((c = getopt_long(argc, argv, ":c:thV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			cli->config = optarg;
			break;
		case 't':
			*ret_test = true;
			break;
		case 'E':
			cli->admin.event = optarg;
			break;
		case 'H':
			cli->admin.host = optarg;
			break;
		case 'T':
			cli->admin.tunnel = optarg;
			break;
		case 'S':
			cli->admin.socket = optarg;
			break;
		case 'J':
			cli->admin.json = true;
			break;
		case 'F':
			cli->foreground = true;
			break;
		case 'h':
			cli->help = true;
			break;
		case 'V':
			cli->command = CLI_VERSION;
			break;
		default:
			return (option_error(c, argv, err));
		}
	}
	return (0);
}

static bool
asks_proxy(enum cli_command command)
{
	return (command >= CLI_STATUS && command <= CLI_TAIL);
}

/* The command's own words, behind its name. */
static int
parse_rest(struct cli *cli, const struct command *found, int count,
    char **words, struct err *err)
{
	int used = found->sub != NULL ? 2 : 1;

	if (asks_proxy(found->command))
		cli->admin.word = found->word;

	if (cli->help)
		return (0);
	if (found->command == CLI_EXEC)
		return (err_set(err, "options of exec stand behind the word: "
		    "`fairlead exec -c FILE -- COMMAND`"));
	if (cli->config != NULL && !found->takes_config &&
	    !asks_proxy(found->command))
		return (err_set(err, "`%s` has no -c", found->word));
	if (found->command == CLI_PLUGINS)
		return (count > 1 ? err_set(err, "unknown command 'plugins "
		    "%s'", words[1]) : err_set(err, "plugins: `list` or "
		    "`info NAME` is missing"));
	if (found->takes_name) {
		if (count == used)
			return (found->command == CLI_CLOSE ? err_set(err,
			    "close: an ID is missing; `fairlead tunnels` "
			    "names them") : err_set(err, "plugins info: a "
			    "name is missing; `fairlead plugins list` has "
			    "them"));
		cli->name = words[used++];
	}
	if (count > used)
		return (err_set(err, "'%s' is one word too many",
		    words[used]));
	return (0);
}

static int
unknown(const char *word, struct err *err)
{
	const char *names[COMMANDS + 1], *near;
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		names[i] = commands[i].word;
	names[i] = NULL;
	near = options_nearest(word, names);
	return (near == NULL ? err_set(err, "unknown command '%s'", word) :
	    err_set(err, "unknown command '%s'; did you mean '%s'?", word,
	    near));
}

static int
parse_words(struct cli *cli, int count, char **words, struct err *err)
{
	const struct command *found;

	if (count > 0 && strcmp(words[0], "help") == 0) {
		cli->help = true;
		words++;
		count--;
	}
	if (count == 0)
		return (0);
	found = command_find(words[0], count > 1 ? words[1] : NULL);
	if (found == NULL)
		return (unknown(words[0], err));
	cli->command = found->command;
	return (parse_rest(cli, found, count, words, err));
}

/* `exec` has one --allow more. */
static int
add_allow(struct cli_exec *exec, const char *range, struct err *err)
{
	if (exec->allow_count == CLI_ALLOW_MAX)
		return (err_set(err, "--allow: %d ranges are the most; name "
		    "them in a configuration", CLI_ALLOW_MAX));
	exec->allow[exec->allow_count++] = range;
	return (0);
}

static int
parse_exec_option(struct cli *cli, int c, char **argv, struct err *err)
{
	switch (c) {
	case 'c':
		cli->config = optarg;
		return (0);
	case 'o':
		cli->exec.log = optarg;
		return (0);
	case 'a':
		return (add_allow(&cli->exec, optarg, err));
	case 'v':
		cli->exec.via = optarg;
		return (0);
	case 'q':
		cli->exec.quiet = true;
		return (0);
	case 'h':
		cli->help = true;
		return (0);
	default:
		return (option_error(c, argv, err));
	}
}

/* argv[0] is the word itself. */
static int
parse_exec(struct cli *cli, int argc, char **argv, struct err *err)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "log", required_argument, NULL, 'o' },
		{ "allow", required_argument, NULL, 'a' },
		{ "via", required_argument, NULL, 'v' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	cli->command = CLI_EXEC;
	opterr = 0;
	optind = 0;
	/* '+': behind its first word all belongs to the other program. */
	while ((c = getopt_long(argc, argv, "+:c:o:qh", longs, NULL)) != -1) {
		if (parse_exec_option(cli, c, argv, err) != 0)
			return (-1);
	}
	cli->exec.command = argv + optind;
	if (optind == argc && !cli->help)
		return (err_set(err, "exec: a COMMAND is missing: `fairlead "
		    "exec -- curl ...`"));
	return (0);
}

int
cli_parse(struct cli *cli, int argc, char **argv, struct err *err)
{
	bool test = false;

	memset(cli, 0, sizeof(*cli));
	if (argc > 1 && strcmp(argv[1], "exec") == 0)
		return (parse_exec(cli, argc - 1, argv + 1, err));
	if (parse_options(cli, argc, argv, &test, err) < 0 ||
	    parse_words(cli, argc - optind, argv + optind, err) < 0)
		return (-1);
	if (test && cli->command != CLI_NONE && cli->command != CLI_RUN &&
	    cli->command != CLI_CHECK)
		return (err_set(err, "-t belongs to `run`"));
	if (cli->foreground && cli->command != CLI_NONE &&
	    cli->command != CLI_RUN)
		return (err_set(err, "--foreground-worker belongs to `run`"));
	if ((cli->admin.socket != NULL || cli->admin.json) &&
	    cli->command != CLI_NONE && cli->admin.word == NULL)
		return (err_set(err, "--socket and --json belong to commands "
		    "that ask a running proxy"));
	if ((cli->admin.event != NULL || cli->admin.host != NULL ||
	    cli->admin.tunnel != NULL) && cli->command != CLI_NONE &&
	    cli->command != CLI_TAIL)
		return (err_set(err, "--event, --host and --tunnel belong to "
		    "`tail`"));
	if (test)
		cli->command = CLI_CHECK;
	if (cli->help)
		return (0);
	if (cli->command == CLI_NONE)
		return (err_set(err, "a command is missing"));
	if (cli->command != CLI_RUN && cli->command != CLI_CHECK)
		return (0);
	if (cli->config == NULL)
		cli->config = secure_getenv("FAIRLEAD_CONFIG");
	if (cli->config == NULL)
		return (err_set(err, "no configuration: give -c FILE or set "
		    "FAIRLEAD_CONFIG"));
	return (0);
}

static const struct command *
command_of(enum cli_command command)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++) {
		if (commands[i].command == command)
			return (&commands[i]);
	}
	return (NULL);
}

void
cli_complain(enum cli_command command, const char *why)
{
	const struct command *c = command_of(command);

	fprintf(stderr, "fairlead: %s\nTry 'fairlead %s%s%s%s--help'.\n", why,
	    c != NULL ? c->word : "", c != NULL ? " " : "",
	    c != NULL && c->sub != NULL ? c->sub : "",
	    c != NULL && c->sub != NULL ? " " : "");
}

static void
help_all(void)
{
	size_t i;

	printf("Fairlead, an egress proxy that understands what flows through "
	    "it.\n\nUsage:\n");
	for (i = 0; i < COMMANDS; i++) {
		if (commands[i].command != CLI_PLUGINS)
			printf("  %s\n", commands[i].usage);
	}
	printf("\nEach command has a --help of its own.\n\n"
	    "Environment:\n"
	    "  FAIRLEAD_CONFIG       the configuration of `run` and "
	    "`check` without -c\n"
	    "  FAIRLEAD_PLUGIN_PATH  folders with plugins, separated by ':'\n"
	    "  FAIRLEAD_SOCKET       where to ask a running proxy\n"
	    "  FAIRLEAD_LOG_LEVEL    error, warning, notice or debug\n\n"
	    "Exit codes: 0 fine, 1 runtime, 64 usage, 69 cannot bind, "
	    "78 configuration\n");
}

void
cli_help(enum cli_command command)
{
	const struct command *c = command_of(command);

	if (c == NULL) {
		help_all();
		return;
	}
	printf("Usage: %s\n\n%s", c->usage, c->text);
	if (c->takes_config)
		printf("\n  -c, --config FILE  the configuration; "
		    "FAIRLEAD_CONFIG by default\n");
	if (asks_proxy(command))
		printf("\n  -c, --config FILE  its configuration, which says "
		    "where it is asked\n"
		    "      --socket PATH  or the socket itself; "
		    "FAIRLEAD_SOCKET, or\n"
		    "                     /run/fairlead/admin.sock, by "
		    "default\n"
		    "%s", command == CLI_METRICS ? "" :
		    "      --json         lines of JSON\n");
	if (command == CLI_RUN)
		printf("  -t, --test         only check it, as `check` "
		    "does\n"
		    "      --foreground-worker\n"
		    "                     one process that does it all, for "
		    "debuggers; no reload\n");
}
