/* SPDX-License-Identifier: MIT */
/*
 * schema_admin -- the section `admin`: where to ask what is going on.
 *
 * What always holds: a finished config has a socket, or no admin at all; who
 * asks over HTTP is on this host and knows a token.
 */
#include <stdlib.h>
#include <string.h>

#include "app/schema.h"
#include "base/options.h"

#define TOKEN_MIN 16		/* characters: nobody guesses so many */

struct admin_row {
	const char *socket, *http, *token;
};

static const struct frl_option admin_table[] = {
	{ .name = "socket", .def = "/run/fairlead/admin.sock",
	    .help = "UNIX socket of `fairlead status` and the like",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct admin_row, socket) },
	{ .name = "http", .flags = FRL_OPTION_OPTIONAL,
	    .help = "loopback address for metrics and health over HTTP",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct admin_row, http) },
	{ .name = "token", .flags = FRL_OPTION_OPTIONAL,
	    .help = "what who asks for metrics over HTTP must know",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct admin_row, token) },
	{ .name = NULL },
};

static void
read_socket(struct schema *s, const struct yaml_node *node, const char *path)
{
	struct config_admin *admin = &s->config->admin;

	if (path[0] != '/' || strlen(path) >= sizeof(admin->socket))
		yaml_complain(s->file, node, s->errors, "socket: an absolute "
		    "path of at most %zu bytes is expected",
		    sizeof(admin->socket) - 1);
	else
		memcpy(admin->socket, path, strlen(path) + 1);
}

static bool
is_loopback(const struct addr *a)
{
	struct addr_range four, six;

	return (addr_range_parse(&four, "127.0.0.0/8") == 0 &&
	    addr_range_parse(&six, "::1") == 0 &&
	    (addr_range_has_peer(&four, a) || addr_range_has_peer(&six, a)));
}

static void
read_http(struct schema *s, const struct yaml_node *node, const char *text)
{
	struct config_admin *admin = &s->config->admin;

	if (addr_parse(&admin->http, text) != 0 || !is_loopback(&admin->http) ||
	    addr_port(&admin->http) == 0)
		yaml_complain(s->file, node, s->errors, "http: a loopback "
		    "address with a port is expected, such as "
		    "127.0.0.1:9090");
	else
		admin->has_http = true;
}

static void
read_token(struct schema *s, const struct yaml_node *node, const char *text)
{
	struct config_admin *admin = &s->config->admin;
	size_t n = strlen(text), i;

	for (i = 0; i < n && text[i] > ' ' && text[i] < 0x7f; i++)
		;
	if (i != n || n < TOKEN_MIN || n >= sizeof(admin->token))
		yaml_complain(s->file, node, s->errors, "token: %d to %zu "
		    "letters, digits and signs are expected, such as `openssl "
		    "rand -hex 16` prints", TOKEN_MIN,
		    sizeof(admin->token) - 1);
	else
		memcpy(admin->token, text, n + 1);
}

void
schema_admin(struct schema *s)
{
	const struct yaml_node *node = yaml_get(s->root, "admin");
	struct admin_row row;

	if (node == NULL)
		return;
	memset(&row, 0, sizeof(row));
	if (options_read(admin_table, &row, s->file, node, s->root, NULL,
	    s->errors) == 0) {
		read_socket(s, schema_place(node, "socket"), row.socket);
		if (row.http != NULL)
			read_http(s, schema_place(node, "http"), row.http);
		if (row.token != NULL)
			read_token(s, schema_place(node, "token"), row.token);
		if ((row.http == NULL) != (row.token == NULL))
			yaml_complain(s->file, node, s->errors, "admin: `http` "
			    "and `token` go together");
	}
	options_clear(admin_table, &row);
}
