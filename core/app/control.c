/* SPDX-License-Identifier: MIT */
#include "app/control.h"

#include "app/config.h"
#include "app/control_print.h"
#include "base/buf.h"
#include "base/json_find.h"
#include "base/log.h"
#include "net/unixsock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ADMIN_LINE_SIZE 2048
#define LINE_MAX_SIZE ((size_t)1024 * 1024)

/* What a configuration says of it.  False: nothing; that was said. */
static bool
configured(const char *config_path, char path[UNIXSOCK_PATH_SIZE])
{
	struct yaml_errors errors = { .text = NULL };
	bool found = config_read_socket(config_path, path, &errors) == 0;

	if (!found && errors.count != 0) {
		fprintf(stderr, "%s", errors.text != NULL ? errors.text : "");
		log_say(FRL_ERROR, "%s: it does not say where the proxy is "
		    "asked, and nobody was; --socket PATH does", config_path);
	} else if (!found)
		log_say(FRL_ERROR, "%s: it has no `admin: {socket: %s}`",
		    config_path, CONTROL_SOCKET);
	yaml_errors_free(&errors);
	return (found);
}

static bool
socket_path(const struct cli *cli, char path[UNIXSOCK_PATH_SIZE])
{
	const char *given = cli->admin.socket;

	if (given == NULL && cli->config != NULL)
		return (configured(cli->config, path));
	if (given == NULL)
		given = secure_getenv("FAIRLEAD_SOCKET");
	if (given == NULL)
		given = CONTROL_SOCKET;
	if (strlen(given) < UNIXSOCK_PATH_SIZE) {
		memcpy(path, given, strlen(given) + 1);
		return (true);
	}
	log_say(FRL_ERROR, "%s: this is too long for a socket", given);
	return (false);
}

static int
reach(const char *path)
{
	int fd = unixsock_connect(path);

	if (fd < 0 && errno == EACCES)
		log_say(FRL_ERROR, "%s: %s: only root and the user that the "
		    "proxy was started by may ask it", path, strerror(errno));
	else if (fd < 0)
		log_say(FRL_ERROR, "%s: %s: does a proxy run with `admin: "
		    "{socket: %s}`?  Another one is named by -c FILE, "
		    "--socket PATH or FAIRLEAD_SOCKET", path, strerror(errno),
		    path);
	return (fd);
}

#define WORD(name, value) \
	(value) != NULL ? (name) : "", (value) != NULL ? (value) : ""

/* The request is one line; false: it cannot be sent. */
static bool
ask(int fd, const struct cli *cli)
{
	const struct cli_admin *a = &cli->admin;
	char line[ADMIN_LINE_SIZE];
	bool people = cli->command == CLI_TAIL && !a->json;
	size_t done = 0, len;
	ssize_t n;

	len = (size_t)snprintf(line, sizeof(line), "%s%s%s%s%s%s%s%s%s%s\n",
	    a->word, WORD(" ", cli->name), WORD(" event=", a->event),
	    WORD(" host=", a->host), WORD(" tunnel=", a->tunnel),
	    people ? " form=text" : "");
	if (len >= sizeof(line)) {
		log_say(FRL_ERROR, "%s: this is too long", cli->admin.word);
		return (false);
	}
	while (done < len) {
		n = write(fd, line + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			log_say(FRL_ERROR, "the proxy does not listen: %s",
			    strerror(errno));
			return (false);
		}
		done += (size_t)n;
	}
	return (true);
}

struct answer {
	const struct cli *cli;
	struct print print;
	bool ended;			/* its last line has come */
	int code;
};

/* One line of the answer, its newline left out. */
static void
take_line(struct answer *a, const char *line, size_t len)
{
	struct json_text item = json_find(line, len, "item"), error;

	if (a->cli->admin.json)
		printf("%.*s\n", (int)len, line);
	if (!json_is(item, "end")) {
		if (!a->cli->admin.json)
			print_line(&a->print, line, len);
		return;
	}
	a->ended = true;
	if (json_is(json_find(line, len, "ok"), "true"))
		return;
	a->code = EXIT_RUNTIME;
	error = json_find(line, len, "error");
	if (!a->cli->admin.json)
		log_say(FRL_ERROR, "%s: %.*s", a->cli->admin.word,
		    (int)error.len, error.at);
}

/* Whole lines of what is there. */
static void
take_lines(struct answer *a, struct buf *in)
{
	const char *at, *end;

	while (!buf_empty(in)) {
		at = (const char *)buf_data(in);
		end = memchr(at, '\n', buf_len(in));
		if (end == NULL)
			break;
		if (a->cli->command == CLI_METRICS)
			printf("%.*s\n", (int)(end - at), at);
		else
			take_line(a, at, (size_t)(end - at));
		buf_drain(in, (size_t)(end - at) + 1);
	}
	fflush(stdout);
}

static int
listen_to(int fd, struct answer *a)
{
	struct buf in = { NULL };
	char bytes[16384];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || buf_append(&in, bytes, (size_t)n) != 0)
			break;
		take_lines(a, &in);
		if (buf_len(&in) > LINE_MAX_SIZE || ferror(stdout))
			break;
	}
	buf_free(&in);
	if (a->cli->command == CLI_METRICS)
		return (n == 0 ? EXIT_FINE : EXIT_RUNTIME);
	if (a->ended)
		return (a->code);
	log_say(FRL_ERROR, "%s: the proxy broke off its answer: it has ended, "
	    "or moved `admin`", a->cli->admin.word);
	return (EXIT_RUNTIME);
}

int
control_run(const struct cli *cli)
{
	struct answer answer = { .cli = cli, .code = EXIT_FINE };
	char path[UNIXSOCK_PATH_SIZE];
	int fd, code = EXIT_RUNTIME;

	if (!socket_path(cli, path))
		return (EXIT_BAD_CONFIG);
	if ((fd = reach(path)) < 0)
		return (EXIT_CANNOT_BIND);
	if (ask(fd, cli))
		code = listen_to(fd, &answer);
	close(fd);
	if (code == EXIT_FINE && !cli->admin.json)
		print_done(cli->command);
	return (code);
}
