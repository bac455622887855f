/* SPDX-License-Identifier: MIT */
/*
 * The configuration: defaults, every section, and what is said about files
 * that are wrong.
 *
 * The plugins here are copies of tests/bad/good.so, which owns a protocol
 * and has two options, and of watcher.so, which owns none.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "flow/host.h"

#define BAD FRL_BUILD_DIR "/tests/bad/"

/* What most files begin with: four lines. */
#define HEAD "version: 1\n" \
	"listen: [{address: \"127.0.0.1:0\"}]\n" \
	"plugins: [{name: http}, {name: websocket}, {name: raw},\n" \
	"    {name: watcher}]\n"

struct place {
	char folder[64];
};

static void
bring(const struct place *p, const char *from, const char *name)
{
	static char bytes[4 * 1024 * 1024];
	char path[256];
	FILE *f = fopen(from, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/%s.so", p->folder, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
	assert_int_equal(chmod(path, 0644), 0);
}

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->folder, "/tmp/fairlead-config-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	bring(p, BAD "good.so", "http");
	bring(p, BAD "good.so", "websocket");
	bring(p, BAD "good.so", "raw");
	bring(p, BAD "watcher.so", "watcher");
	bring(p, BAD "wrong_major.so", "old");
	bring(p, BAD "failing_load.so", "failing");
	setenv("FAIRLEAD_PLUGIN_PATH", p->folder, 1);
	*state = p;
	return (0);
}

static int
teardown(void **state)
{
	struct place *p = *state;
	char command[128];

	unsetenv("FAIRLEAD_PLUGIN_PATH");
	snprintf(command, sizeof(command), "rm -rf '%s'", p->folder);
	assert_int_equal(system(command), 0);
	free(p);
	return (0);
}

static struct config *
good(const char *text)
{
	struct yaml_errors errors = { .text = NULL };
	struct config *config = config_parse("c.yaml", text, strlen(text),
	    &errors);

	if (config == NULL)
		fail_msg("%s", errors.text);
	assert_int_equal(errors.count, 0);
	yaml_errors_free(&errors);
	return (config);
}

/* The file is refused with exactly this text, source lines and carets
 * included. */
static void
bad(const char *text, const char *expected)
{
	struct yaml_errors errors = { .text = NULL };

	assert_null(config_parse("c.yaml", text, strlen(text), &errors));
	assert_string_equal(errors.text, expected);
	yaml_errors_free(&errors);
}

/* The file is refused with exactly one error, whose first line is this. */
static void
bad_once(const char *text, const char *expected)
{
	struct yaml_errors errors = { .text = NULL };
	char *line;

	if (config_parse("c.yaml", text, strlen(text), &errors) != NULL)
		fail_msg("accepted: %s", text);
	if (errors.count != 1)
		fail_msg("%zu errors: %s", errors.count, errors.text);
	line = strndup(errors.text, strcspn(errors.text, "\n"));
	assert_non_null(line);
	assert_string_equal(line, expected);
	free(line);
	yaml_errors_free(&errors);
}

static void
test_defaults(void **state)
{
	struct config *c = good(HEAD);
	int how;

	(void)state;
	assert_int_equal(c->listen_count, 1);
	assert_int_equal(c->listens[0].mode, CONFIG_CONNECT);
	assert_string_equal(c->listens[0].name, "127.0.0.1:0");
	assert_null(c->listens[0].protocol);
	assert_int_equal(c->plugin_count, 4);
	assert_string_equal(c->plugins[3]->name, "watcher");
	assert_false(c->plugins[0]->fail_open);
	assert_false(c->plugins[0]->loaded);

	assert_ptr_equal(config_upgrade(c, "websocket", &how),
	    c->plugins[1]);
	assert_int_equal(how, 1);
	assert_ptr_equal(config_upgrade(c, "foo", &how), c->plugins[2]);
	assert_int_equal(how, 2);
	assert_ptr_equal(c->undetected, c->plugins[2]);
	assert_int_equal(c->allow_count, 0);
	assert_int_equal(c->refused_port_count, 7);
	assert_int_equal(c->refused_ports[0], 22);
	assert_int_equal(c->refused_ports[6], 10250);
	assert_null(c->node);

	assert_int_equal(c->sink_count, 1);
	assert_string_equal(c->sinks[0].file, "-");
	assert_int_equal(c->sinks[0].format, SINK_JSON);
	assert_int_equal(c->sinks[0].on_full, SINK_BLOCK);
	assert_int_equal(c->sinks[0].audit, SINK_OPTIONAL);
	assert_int_equal(c->sinks[0].events.count, 3);
	assert_string_equal(c->sinks[0].events.items[0], "tunnel.*");
	assert_string_equal(c->sinks[0].events.items[2], "ws.*");

	assert_int_equal(c->limits.head, 16384);
	assert_int_equal(c->limits.head_fields, 100);
	assert_int_equal(c->limits.hold, 1048576);
	assert_int_equal(c->timeouts.head, 10000);
	assert_int_equal(c->timeouts.detect, 10000);
	assert_int_equal(c->timeouts.resolve, 5000);
	assert_int_equal(c->timeouts.connect, 10000);
	assert_int_equal(c->timeouts.wait, 5000);
	assert_int_equal(c->timeouts.farewell, 5000);
	assert_int_equal(c->timeouts.idle, 3600000);
	assert_int_equal(c->timeouts.half_closed, 60000);
	assert_int_equal(c->timeouts.lifetime, 0);
	assert_int_equal(c->timeouts.keepalive, 60000);
	assert_int_equal(c->timeouts.unacknowledged, 60000);
	assert_int_equal(c->limits.tunnels, 8192);
	assert_int_equal(c->limits.tunnels_per_client, 4096);
	assert_int_equal(c->limits.resolves, 256);
	assert_int_equal(c->limits.connects, 1024);
	assert_int_equal(c->limits.memory, 256 * 1024 * 1024);
	assert_memory_equal(&c->listens[0].timeouts, &c->timeouts,
	    sizeof(c->timeouts));
	config_free(c);
}

/* The file that the introduction shows, and more of it. */
static void
test_everything(void **state)
{
	static const char text[] =
	    "version: 1\n"
	    "node: here\n"
	    "listen:\n"
	    "  - address: 127.0.0.1:3128\n"
	    "  - address: \"[::1]:3129\"\n"
	    "    mode: reverse\n"
	    "    server: LOCALHOST.:9000\n"
	    "    protocol: http\n"
	    "    timeouts: { idle: 7s, lifetime: 1h }\n"
	    "plugins:\n"
	    "  - name: http\n"
	    "    on_error: fail_open\n"
	    "  - name: websocket\n"
	    "    options:\n"
	    "      word: frame\n"
	    "      size: 2KiB\n"
	    "  - name: raw\n"
	    "upgrade:\n"
	    "  WebSocket: websocket\n"
	    "  h2c: refuse\n"
	    "  spdy: nobody\n"
	    "  \"*\": raw\n"
	    "undetected: refuse\n"
	    "destinations:\n"
	    "  allow: [127.0.0.0/8, \"::1\"]\n"
	    "  refused_ports: []\n"
	    "log:\n"
	    "  - file: \"-\"\n"
	    "    format: text\n"
	    "    audit: required\n"
	    "    events: [\"*\"]\n"
	    "  - file: /tmp/x.log\n"
	    "    on_full: drop\n"
	    "limits: { head: 8KiB, head_fields: 50, hold: 64KiB }\n"
	    "timeouts: { idle: 0, half_closed: 1s }\n"
	    "resolver:\n"
	    "  servers: [10.0.0.53, \"127.0.0.1:5353\", \"::1\"]\n";
	struct config *c = good(text);
	int how;

	(void)state;
	assert_string_equal(c->node, "here");
	assert_int_equal(c->listen_count, 2);
	assert_string_equal(c->listens[1].name, "[::1]:3129");
	assert_int_equal(c->listens[1].mode, CONFIG_REVERSE);
	assert_string_equal(c->listens[1].server.host, "localhost");
	assert_int_equal(c->listens[1].server.port, 9000);
	assert_ptr_equal(c->listens[1].protocol, c->plugins[0]);
	assert_true(c->plugins[0]->fail_open);
	assert_string_equal(*(const char **)c->plugins[1]->options, "frame");
	assert_non_null(config_upgrade(c, "websocket", &how));
	assert_int_equal(how, 1);
	assert_null(config_upgrade(c, "h2c", &how));
	assert_int_equal(how, 0);
	/* Its inspector is not listed: as any other token. */
	assert_ptr_equal(config_upgrade(c, "spdy", &how), c->plugins[2]);
	assert_int_equal(how, 2);
	assert_null(c->undetected);
	assert_int_equal(c->allow_count, 2);
	assert_int_equal(c->allow[1].family, 6);
	assert_int_equal(c->refused_port_count, 0);
	assert_int_equal(c->sink_count, 2);
	assert_int_equal(c->sinks[0].format, SINK_TEXT);
	assert_int_equal(c->sinks[1].on_full, SINK_DROP);
	assert_int_equal(c->sinks[0].audit, SINK_REQUIRED);
	assert_string_equal(c->sinks[1].events.items[1], "http.*");
	assert_int_equal(c->limits.hold, 65536);
	assert_int_equal(c->timeouts.idle, 0);
	assert_int_equal(c->timeouts.half_closed, 1000);
	assert_string_equal(c->name_servers,
	    "10.0.0.53:53,127.0.0.1:5353,[::1]:53");
	assert_int_equal(c->listens[0].timeouts.idle, 0);
	assert_int_equal(c->listens[1].timeouts.idle, 7000);
	assert_int_equal(c->listens[1].timeouts.lifetime, 3600000);
	assert_int_equal(c->listens[1].timeouts.half_closed, 1000);
	config_free(c);
}

/* Without `websocket` its token goes by "*"; without `http` all is raw. */
static void
test_fewer_plugins(void **state)
{
	struct config *c = good("version: 1\n"
	    "listen: [{address: 127.0.0.1:0}]\n"
	    "plugins: [{name: raw}]\n"
	    "upgrade: {websocket: websocket}\n");
	int how;

	(void)state;
	assert_ptr_equal(config_upgrade(c, "websocket", &how),
	    c->plugins[0]);
	assert_int_equal(how, 2);
	config_free(c);

	c = good("version: 1\n"
	    "listen: [{address: 127.0.0.1:0}]\n"
	    "plugins: [{name: http}]\n"
	    "upgrade: {\"*\": refuse}\n"
	    "undetected: refuse\n");
	assert_null(config_upgrade(c, "websocket", &how));
	assert_int_equal(how, 0);
	config_free(c);
}

/* All at once and from top to bottom, each with its line and a caret. */
static void
test_exact(void **state)
{
	(void)state;
	bad("version: 2\n"
	    "lisen: []\n"
	    "listen:\n"
	    "  - address: localhost:3128\n"
	    "  - address: 127.0.0.1:80\n"
	    "    mode: reverse\n"
	    "plugins:\n"
	    "  - name: raw\n"
	    "  - name: raw\n"
	    "timeouts:\n"
	    "  idle: 30\n",
	    "c.yaml:1:10: version 2 is not known here; this program reads 1\n"
	    "    version: 2\n"
	    "             ^\n"
	    "c.yaml:2:1: unknown key \"lisen\"; did you mean \"listen\"?\n"
	    "    lisen: []\n"
	    "    ^\n"
	    "c.yaml:4:14: 'localhost:3128' is no IP:port, such as "
	    "127.0.0.1:3128 or [::1]:3128\n"
	    "      - address: localhost:3128\n"
	    "                 ^\n"
	    "c.yaml:5:5: mode reverse needs a `server`\n"
	    "      - address: 127.0.0.1:80\n"
	    "        ^\n"
	    "c.yaml:9:11: plugin 'raw' is listed twice\n"
	    "      - name: raw\n"
	    "              ^\n"
	    "c.yaml:11:9: idle: 30 has no unit: ms, s, m, h or d\n"
	    "      idle: 30\n"
	    "            ^\n");
}

static void
test_top(void **state)
{
	(void)state;
	bad_once("[1, 2]\n", "c.yaml:1:1: a map with `version`, `listen` and "
	    "`plugins` is expected");
	bad_once("", "c.yaml:1:1: a map with `version`, `listen` and "
	    "`plugins` is expected");
	bad_once("version: 2\nlisten: [{address: \"127.0.0.1:0\"}]\n"
	    "plugins: [{name: raw}]\n",
	    "c.yaml:1:10: version 2 is not known here; this program reads 1");
	bad_once("version: 1\nplugins: [{name: raw}]\n",
	    "c.yaml:1:1: listen: at least one address is needed");
	bad_once("version: 1\nlisten: []\nplugins: [{name: raw}]\n",
	    "c.yaml:2:9: listen: at least one address is needed");
	bad_once("version: 1\nlisten: {a: b}\nplugins: [{name: raw}]\n",
	    "c.yaml:2:9: listen: a list is expected");
	bad_once("version: 1\nlisten: [{address: \"127.0.0.1:0\"}]\n"
	    "plugins: raw\n", "c.yaml:3:10: plugins: a list is expected");
}

static void
test_listen(void **state)
{
	(void)state;
#define L "plugins: [{name: raw}, {name: watcher}]\nversion: 1\nlisten:\n"
	bad_once(L "- address: 127.0.0.1:80\n- address: 127.0.0.1:80\n",
	    "c.yaml:5:12: 127.0.0.1:80 is listened on twice");
	bad_once(L "- address: 127.0.0.1:80\n  server: a:1\n",
	    "c.yaml:5:11: `server` belongs to mode reverse");
	bad_once(L "- address: 127.0.0.1:80\n  protocol: smtp\n",
	    "c.yaml:5:13: inspector 'smtp' is not listed under `plugins`");
	bad_once(L "- address: 127.0.0.1:80\n  protocol: watcher\n",
	    "c.yaml:5:13: plugin 'watcher' owns no protocol: it cannot take "
	    "a tunnel over");
	bad_once(L "- address: 127.0.0.1:80\n  mode: revers\n",
	    "c.yaml:5:9: mode: \"revers\" is none of connect|reverse; did "
	    "you mean \"reverse\"?");
	bad_once(L "- 127.0.0.1:80\n", "c.yaml:4:3: this must be a map");
#undef L
}

#define L "version: 1\nplugins: [{name: raw}]\nlisten:\n"

static void
test_listen_unix(void **state)
{
	char path[128], text[256];
	struct config *c;

	(void)state;
	c = good(L "- address: unix:/run/fairlead/proxy.sock\n"
	    "- {address: \"unix:/a\", permissions: \"0660\", mode: reverse,\n"
	    "    server: \"a:1\", proxy_protocol: required}\n"
	    "- {address: \"unix:/b\", permissions: 666}\n");
	assert_string_equal(c->listens[0].path, "/run/fairlead/proxy.sock");
	assert_string_equal(c->listens[0].name,
	    "unix:/run/fairlead/proxy.sock");
	assert_int_equal(c->listens[0].permissions, 0600);
	assert_int_equal(c->listens[0].client_count, 0);
	assert_false(c->listens[0].proxy_header);
	assert_int_equal(c->listens[1].permissions, 0660);
	assert_int_equal(c->listens[1].mode, CONFIG_REVERSE);
	assert_true(c->listens[1].proxy_header);
	assert_int_equal(c->listens[2].permissions, 0666);
	config_free(c);

	/* 107 bytes and 108. */
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[107] = '\0';
	snprintf(text, sizeof(text), L "- address: unix:%s\n", path);
	config_free(good(text));
	snprintf(text, sizeof(text), L "- address: unix:%sy\n", path);
	bad_once(text, "c.yaml:4:12: the path of a UNIX socket has at most "
	    "107 bytes");

	bad_once(L "- address: unix:proxy.sock\n", "c.yaml:4:12: unix: "
	    "needs an absolute path, such as unix:/run/fairlead/proxy.sock");
	bad_once(L "- address: \"unix:\"\n", "c.yaml:4:12: unix: "
	    "needs an absolute path, such as unix:/run/fairlead/proxy.sock");
	bad_once(L "- address: unix:/run/\n", "c.yaml:4:12: unix: needs "
	    "the path of a file, not of a folder");
	bad_once(L "- address: \"unix:/a\\n\"\n", "c.yaml:4:12: the path of "
	    "a UNIX socket has no control characters, quotes and "
	    "backslashes");
	bad_once(L "- address: unix:/a\n- address: unix:/b\n"
	    "- address: unix:/a\n",
	    "c.yaml:6:12: unix:/a is listened on twice");
	bad_once(L "- {address: \"unix:/a\", clients: [10.0.0.0/8]}\n",
	    "c.yaml:4:33: `clients` are addresses, and a UNIX socket's have "
	    "none: its `permissions` say who may connect");
	bad_once(L "- {address: \"127.0.0.1:1\", permissions: \"0660\"}\n",
	    "c.yaml:4:41: `permissions` belong to a UNIX socket, such as "
	    "address: unix:/run/fairlead/proxy.sock; who may connect to an "
	    "IP address is said by `clients`");
#define BAD_MODE(mode) bad_once(L "- {address: \"unix:/a\", permissions: \"" \
	    mode "\"}\n", "c.yaml:4:37: '" mode "' are no permissions, such " \
	    "as \"0660\"")
	BAD_MODE("66");
	BAD_MODE("0668");
	BAD_MODE("1777");
	BAD_MODE("00660");
	BAD_MODE("rw-rw----");
	BAD_MODE("0x1b0");
#undef BAD_MODE
}

static void
test_listen_clients(void **state)
{
	static const char *const open[] = { "0.0.0.0:3128", "[::]:3128",
		"10.0.0.1:3128", "192.0.2.1:3128", "[fe80::1]:3128",
		"[2001:db8::1]:3128" };
	static const char *const closed[] = { "127.0.0.1:3128",
		"127.9.9.9:3128", "[::1]:3128", "[::ffff:127.0.0.1]:3128" };
	char text[256], expected[256];
	struct config *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		snprintf(text, sizeof(text), L "- address: \"%s\"\n",
		    open[i]);
		snprintf(expected, sizeof(expected), "c.yaml:4:12: other "
		    "hosts can reach %s, and a proxy that serves anybody is "
		    "misused: say who may connect, such as clients: "
		    "[10.0.0.0/8], or listen on 127.0.0.1", open[i]);
		bad_once(text, expected);
	}
	for (i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		snprintf(text, sizeof(text), L "- address: \"%s\"\n",
		    closed[i]);
		config_free(good(text));
	}
	c = good(L "- address: 0.0.0.0:3128\n"
	    "  clients: [10.0.0.0/8, \"::1\"]\n");
	assert_int_equal(c->listens[0].client_count, 2);
	assert_int_equal(c->listens[0].clients[0].bits, 8);
	assert_int_equal(c->listens[0].clients[1].family, 6);
	config_free(c);
	bad_once(L "- {address: \"0.0.0.0:1\", clients: [10.0.0.0/8, "
	    "10.0.0.1/8]}\n",
	    "c.yaml:4:48: '10.0.0.1/8' is no range of addresses; one is "
	    "written as 10.0.0.0/8, where all behind the first 8 bits is 0, "
	    "or as one address, ::1");
	bad_once(L "- {address: \"127.0.0.1:1\", clients: []}\n",
	    "c.yaml:4:37: clients: nobody could connect; name at least one "
	    "range, such as 10.0.0.0/8");
	bad_once(L "- {address: \"127.0.0.1:1\", proxy_protocol: guess}\n",
	    "c.yaml:4:44: proxy_protocol: \"guess\" is none of "
	    "none|required");
}
#undef L

static void
test_plugins(void **state)
{
	const struct place *p = *state;
	char expected[512];

#define P "version: 1\nlisten: [{address: \"127.0.0.1:0\"}]\nplugins:\n" \
	"- name: raw\n"
	snprintf(expected, sizeof(expected), "c.yaml:5:9: plugin 'old': "
	    "%s/old.so: built for ABI 9.3, this is 0.3: build it anew",
	    p->folder);
	bad_once(P "- name: old\n", expected);
	/* Who names it is not blamed again. */
	bad_once(P "- name: old\nundetected: old\nupgrade: {\"*\": old}\n",
	    expected);
	bad_once(P "- name: x\n  path: /nowhere/x.so\n",
	    "c.yaml:6:9: plugin 'x': /nowhere/x.so: No such file or "
	    "directory");
	bad_once(P "- name: x\n  path: x.so\n",
	    "c.yaml:6:9: plugin 'x': x.so: not an absolute path");
	bad_once(P "- name: X\n", "c.yaml:5:9: plugin 'X': 'X' is no plugin "
	    "name: a letter, then letters, digits, '_' or '-', all lower "
	    "case, at most 32");
	bad_once(P "- name: refuse\n",
	    "c.yaml:5:9: a plugin cannot be called `refuse`");
	bad_once(P "- name: http\n  options: {size: 1MiB}\n",
	    "c.yaml:6:19: size: 1MiB is too large: at most 64KiB");
	bad_once(P "- name: http\n  options: {sise: 4KiB}\n",
	    "c.yaml:6:13: unknown key \"sise\"; did you mean \"size\"?");
	bad_once(P "- name: watcher\n  options: {a: b}\n",
	    "c.yaml:6:12: plugin 'watcher' has no options");
	bad_once(P "- name: http\n  on_error: ignore\n",
	    "c.yaml:6:13: on_error: \"ignore\" is none of "
	    "fail_closed|fail_open");
	config_free(good(P "- name: watcher\n  options: {}\n"));
#undef P
}

static void
test_upgrade(void **state)
{
	(void)state;
	bad_once(HEAD "upgrade: {\"*\": smtp}\n",
	    "c.yaml:5:16: inspector 'smtp' is not listed under `plugins`");
	bad_once(HEAD "undetected: smtp\n",
	    "c.yaml:5:13: inspector 'smtp' is not listed under `plugins`");
	bad_once(HEAD "undetected: watcher\n",
	    "c.yaml:5:13: plugin 'watcher' owns no protocol: it cannot take "
	    "a tunnel over");
	bad_once(HEAD "upgrade: {websocket: watcher}\n",
	    "c.yaml:5:22: plugin 'watcher' owns no protocol: it cannot take "
	    "a tunnel over");
	bad_once(HEAD "upgrade: {a b: raw}\n",
	    "c.yaml:5:11: 'a b' is no token of an Upgrade field");
	bad_once(HEAD "upgrade: {h2c: raw, H2C: raw}\n",
	    "c.yaml:5:21: token 'h2c' is named twice");
	bad_once(HEAD "upgrade: {h2c: [raw]}\n",
	    "c.yaml:5:16: the name of an inspector or `refuse` is expected");
	bad_once(HEAD "upgrade: [raw]\n",
	    "c.yaml:5:10: upgrade: a map of tokens to inspectors is "
	    "expected");
	/* Neither default is there. */
	bad("version: 1\nlisten: [{address: \"127.0.0.1:0\"}]\n"
	    "plugins: [{name: http}]\n",
	    "c.yaml:1:1: undetected: its default, 'raw', is not listed under "
	    "`plugins`\n"
	    "    version: 1\n"
	    "    ^\n"
	    "c.yaml:1:1: upgrade: the default for \"*\", 'raw', is not "
	    "listed under `plugins`\n"
	    "    version: 1\n"
	    "    ^\n");
}

static void
test_sections(void **state)
{
	(void)state;
	bad_once(HEAD "destinations: {allow: [10.0.0.1/8]}\n",
	    "c.yaml:5:24: '10.0.0.1/8' is no range of addresses; one is "
	    "written as 10.0.0.0/8, where all behind the first 8 bits is 0, "
	    "or as one address, ::1");
	bad_once(HEAD "destinations: {refused_ports: [22, 65558]}\n",
	    "c.yaml:5:36: '65558' is no port, 1 to 65535");
	bad(HEAD "destinations: {refused_ports: [70000, abc],\n"
	    "    allow: 10.0.0.0/8}\n",
	    "c.yaml:5:32: '70000' is no port, 1 to 65535\n"
	    "    destinations: {refused_ports: [70000, abc],\n"
	    "                                   ^\n"
	    "c.yaml:5:39: 'abc' is no port, 1 to 65535\n"
	    "    destinations: {refused_ports: [70000, abc],\n"
	    "                                          ^\n"
	    "c.yaml:6:12: allow: this must be a list: [a, b]\n"
	    "        allow: 10.0.0.0/8}\n"
	    "               ^\n");
	bad_once(HEAD "log:\n  - file: -\n",
	    "c.yaml:6:11: block sequence entries are not allowed in this "
	    "context; a - that is a value is written as \"-\"");
	bad_once(HEAD "destinations: {deny: []}\n",
	    "c.yaml:5:16: unknown key \"deny\"");
	bad_once(HEAD "log: []\n",
	    "c.yaml:5:6: log: one to 4 entries are expected");
	bad_once(HEAD "log: [{file: a}, {file: b}, {file: c}, {file: d}, "
	    "{file: e}]\n", "c.yaml:5:6: log: one to 4 entries are expected");
	bad_once(HEAD "log: [{file: a}, {file: a}]\n", "c.yaml:5:25: two "
	    "logs into one file would tear each other's lines");
	bad_once(HEAD "log: [{events: [\"ws.fr*me\"]}]\n",
	    "c.yaml:5:17: 'ws.fr*me' names no events, such as ws.frame or "
	    "ws.*");
	bad_once(HEAD "log: [{events: []}]\n",
	    "c.yaml:5:16: events: at least one pattern is expected, such as "
	    "tunnel.* or *");
	bad_once(HEAD "log: [{audit: required, on_full: drop}]\n",
	    "c.yaml:5:34: on_full: drop loses lines, and audit: required "
	    "forbids that; `block`, or `audit: off`, is expected");
	bad_once(HEAD "log: [{format: xml}]\n",
	    "c.yaml:5:16: format: \"xml\" is none of json|text");
	bad_once(HEAD "limits: {head: 100B}\n",
	    "c.yaml:5:16: head: 100B is too small: at least 1KiB");
	bad_once(HEAD "resolver: {servers: [dns.test]}\n",
	    "c.yaml:5:22: 'dns.test' is no name server, such as 10.0.0.53 or "
	    "\"127.0.0.1:5353\"");
	bad_once(HEAD "resolver: {servers: []}\n",
	    "c.yaml:5:21: servers: one to 8 name servers are expected");
	bad_once(HEAD "admin: {socket: admin.sock}\n",
	    "c.yaml:5:17: socket: an absolute path of at most 107 bytes is "
	    "expected");
	bad_once(HEAD "admin: {http: \"0.0.0.0:9090\", "
	    "token: 0123456789abcdef}\n",
	    "c.yaml:5:15: http: a loopback address with a port is expected, "
	    "such as 127.0.0.1:9090");
	bad_once(HEAD "admin: {http: \"127.0.0.1:9090\"}\n",
	    "c.yaml:5:8: admin: `http` and `token` go together");
	bad_once(HEAD "admin: {http: \"[::1]:9090\", token: short}\n",
	    "c.yaml:5:36: token: 16 to 128 letters, digits and signs are "
	    "expected, such as `openssl rand -hex 16` prints");
	bad_once(HEAD "timeouts: {half_closed: 0}\n",
	    "c.yaml:5:25: half_closed: 0 is too small: at least 1ms");
	bad_once("version: 1\nplugins: [{name: raw}]\nlisten:\n"
	    "  - address: \"127.0.0.1:0\"\n    timeouts: {resolve: 1s}\n",
	    "c.yaml:5:16: unknown key \"resolve\"");
	bad_once("version: 1\nplugins: [{name: raw}]\nlisten:\n"
	    "  - address: \"127.0.0.1:0\"\n    timeouts: {head: 0}\n",
	    "c.yaml:5:22: head: 0 is too small: at least 1ms");
}

static void
test_security(void **state)
{
	struct config *c = good(HEAD);

	(void)state;
	assert_false(c->security.as.change);
	assert_int_equal(c->security.seccomp, GUARD_ON);
	assert_int_equal(c->security.landlock, GUARD_ON);
	config_free(c);
	/* Numbers need no entry in a table. */
	c = good(HEAD "security: {user: \"54321\", group: \"12345\",\n"
	    "    seccomp: required, landlock: off,\n"
	    "    system_calls: [clone3], read: [/etc/ssl]}\n");
	assert_true(c->security.as.change);
	assert_int_equal(c->security.as.uid, 54321);
	assert_int_equal(c->security.as.gid, 12345);
	assert_string_equal(c->security.as.name, "54321");
	assert_int_equal(c->security.seccomp, GUARD_REQUIRED);
	assert_int_equal(c->security.landlock, GUARD_OFF);
	assert_string_equal(c->security.system_calls.items[0], "clone3");
	assert_string_equal(c->security.read.items[0], "/etc/ssl");
	config_free(c);
	c = good(HEAD "security: {user: root}\n");
	assert_true(c->security.as.change);
	assert_int_equal(c->security.as.uid, 0);
	config_free(c);
	bad_once(HEAD "security: {user: \"54321\"}\n", "c.yaml:5:18: "
	    "user 54321 has no group of its own: set `group`, too");
	/* (uid_t)-1 is none: setresuid(2) would change nothing. */
	bad_once(HEAD "security: {user: \"4294967295\", group: \"1\"}\n",
	    "c.yaml:5:18: there is no user '4294967295' on this host");
	bad_once(HEAD "security: {system_calls: [read, opne]}\n",
	    "c.yaml:5:33: 'opne' is no system call, such as clone3");
	bad_once(HEAD "security: {read: [etc]}\n",
	    "c.yaml:5:19: 'etc' is no absolute path");
}

static void
test_load(void **state)
{
	struct events_options options = { .node = "test", .wait_ms = 1000 };
	struct host_env env = { .loop = loop_create() };
	const struct place *p = *state;
	struct frl_host host = { .size = sizeof(host) };
	struct config *c;
	char expected[512];
	struct err err;

	options.loop = env.loop;
	env.events = events_create(&options);
	assert_non_null(env.events);
	c = good("version: 1\nlisten: [{address: \"127.0.0.1:0\"}]\n"
	    "plugins: [{name: raw}, {name: watcher}, {name: failing}]\n");
	assert_int_equal(config_load_plugins(c, env.events, &host, &env,
	    &err), -1);
	snprintf(expected, sizeof(expected), "plugin 'failing': "
	    "%s/failing.so: load: the moon is not full", p->folder);
	assert_string_equal(err.text, expected);
	assert_true(c->plugins[0]->loaded);
	assert_ptr_equal(c->plugins[0]->env, &env);
	assert_true(c->plugins[1]->loaded);
	assert_false(c->plugins[2]->loaded);
	assert_int_equal(setenv("GOOD_UNLOADED", "......", 1), 0);
	config_free(c);
	assert_string_equal(getenv("GOOD_UNLOADED"), "hello");
	events_free(env.events);
	loop_free(env.loop);
}

static void
test_file(void **state)
{
	struct yaml_errors errors = { .text = NULL };

	(void)state;
	assert_null(config_read("/nowhere/fairlead.yaml", &errors));
	assert_int_equal(errors.count, 1);
	assert_non_null(strstr(errors.text, "/nowhere/fairlead.yaml"));
	yaml_errors_free(&errors);
	config_free(NULL);
}

static void
test_add(void **state)
{
	static const char text[] = HEAD
	    "destinations: {allow: [10.0.0.0/8]}\n"
	    "log: [{file: a}, {file: b}, {file: c}]\n";
	struct yaml_errors errors = { .text = NULL };
	struct config *c;
	struct err err;

	(void)state;
	c = config_parse("f", text, sizeof(text) - 1, &errors);
	assert_non_null(c);
	assert_int_equal(config_listen_only(c, "127.0.0.1", &err), -1);
	assert_int_equal(config_listen_only(c, "[::1]:5", &err), 0);
	assert_int_equal(c->listen_count, 1);
	assert_string_equal(c->listens[0].name, "[::1]:5");
	assert_int_equal(c->listens[0].mode, CONFIG_CONNECT);

	assert_int_equal(config_add_allow(c, "10.0.0.1/8", &err), -1);
	assert_int_equal(c->allow_count, 1);
	assert_int_equal(config_add_allow(c, "::1", &err), 0);
	assert_int_equal(c->allow_count, 2);
	assert_int_equal(c->allow[1].bits, 128);

	assert_int_equal(config_add_sink(c, "b", SINK_TEXT, &err), -1);
	assert_non_null(strstr(err.text, "b: two logs"));
	assert_int_equal(config_add_sink(c, "d", SINK_TEXT, &err), 0);
	assert_int_equal(c->sink_count, 4);
	assert_string_equal(c->sinks[3].file, "d");
	assert_int_equal(c->sinks[3].format, SINK_TEXT);
	assert_int_equal(c->sinks[3].events.count, 1);
	assert_string_equal(c->sinks[3].events.items[0], "*");
	assert_int_equal(config_add_sink(c, "e", SINK_TEXT, &err), -1);
	assert_non_null(strstr(err.text, "4 logs"));
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_fewer_plugins),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_listen_unix),
		cmocka_unit_test(test_listen_clients),
		cmocka_unit_test(test_plugins),
		cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_security),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_add),
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
