/* SPDX-License-Identifier: MIT */
/*
 * schema_listen -- the section `listen`: where clients come in, and who may.
 *
 * What always holds: nobody from another host gets in unless the file says
 * so.  An address that other hosts reach has `clients`.
 */
#include <stdlib.h>
#include <string.h>

#include "app/schema.h"
#include "base/options.h"

struct listen_row {
	const char *address, *permissions, *server, *protocol;
	struct frl_strings clients;
	uint32_t mode, proxy_protocol;
};

#define ROW(member) .offset = offsetof(struct listen_row, member)

static const struct frl_option listen_table[] = {
	{ .name = "address",
	    .help = "IP:port to listen on, or unix:/path/of/a/socket",
	    .type = FRL_OPTION_STRING, ROW(address) },
	{ .name = "permissions", .flags = FRL_OPTION_OPTIONAL,
	    .help = "of a UNIX socket's file, octal; 0600 by default",
	    .type = FRL_OPTION_STRING, ROW(permissions) },
	{ .name = "clients", .flags = FRL_OPTION_OPTIONAL,
	    .help = "ranges of addresses that may connect; needed where "
	    "other hosts can", .type = FRL_OPTION_LIST, ROW(clients) },
	{ .name = "proxy_protocol", .def = "none",
	    .choices = "none|required",
	    .help = "does a PROXY header come first, which says who the "
	    "client is?", .type = FRL_OPTION_CHOICE, ROW(proxy_protocol) },
	{ .name = "mode", .def = "connect", .choices = "connect|reverse",
	    .help = "clients say where to (CONNECT), or all go to `server`",
	    .type = FRL_OPTION_CHOICE, ROW(mode) },
	{ .name = "server", .flags = FRL_OPTION_OPTIONAL,
	    .help = "host:port, for mode reverse", .type = FRL_OPTION_STRING,
	    ROW(server) },
	{ .name = "protocol", .flags = FRL_OPTION_OPTIONAL,
	    .help = "inspector of all its tunnels; without it: detect",
	    .type = FRL_OPTION_STRING, ROW(protocol) },
	{ .name = NULL },
};

/* ------------------------------------------------------------------ */
/* UNIX sockets								*/

/* "660", "0660": what chmod(1) takes. */
static void
check_permissions(struct schema *s, struct config_listen *l,
    const struct yaml_node *node, const char *text)
{
	const char *digits = text;

	l->permissions = 0600;
	if (text == NULL)
		return;
	if (l->path == NULL) {
		yaml_complain(s->file, schema_place(node, "permissions"),
		    s->errors, "`permissions` belong to a UNIX socket, such "
		    "as address: unix:/run/fairlead/proxy.sock; who may "
		    "connect to an IP address is said by `clients`");
		return;
	}
	if (strlen(digits) == 4 && digits[0] == '0')
		digits++;
	if (strlen(digits) != 3 || strspn(digits, "01234567") != 3) {
		yaml_complain(s->file, schema_place(node, "permissions"),
		    s->errors, "'%s' are no permissions, such as \"0660\"",
		    text);
		return;
	}
	l->permissions = (unsigned)strtoul(digits, NULL, 8);
}

/* What is wrong with the path of a socket?  NULL: nothing. */
static const char *
path_flaw(const char *path)
{
	const char *c;

	if (path[0] != '/')
		return ("unix: needs an absolute path, such as "
		    "unix:/run/fairlead/proxy.sock");
	if (strlen(path) >= UNIXSOCK_PATH_SIZE)
		return ("the path of a UNIX socket has at most 107 bytes");
	if (path[strlen(path) - 1] == '/')
		return ("unix: needs the path of a file, not of a folder");
	for (c = path; *c != '\0'; c++)
		if (*c < 0x20 || *c == 0x7f || *c == '"' || *c == '\\')
			return ("the path of a UNIX socket has no control "
			    "characters, quotes and backslashes");
	return (NULL);
}

static bool
read_path(struct schema *s, struct config_listen *l,
    const struct yaml_node *node, const char *path)
{
	const char *flaw = path_flaw(path);

	if (flaw != NULL) {
		yaml_complain(s->file, schema_place(node, "address"),
		    s->errors, "%s", flaw);
		return (false);
	}
	l->path = strdup(path);
	if (l->path == NULL) {
		yaml_complain(s->file, node, s->errors, "out of memory");
		return (false);
	}
	strcpy(l->name, "unix:");
	strcat(l->name, path);
	return (true);
}

/* ------------------------------------------------------------------ */
/* Addresses and clients						*/

static bool
is_loopback(const struct addr *a)
{
	static const struct addr_range four = {
		.family = 4, .bits = 8, .bytes = { 127 } };
	static const struct addr_range six = {
		.family = 6, .bits = 128, .bytes = { [15] = 1 } };

	return (addr_range_has_peer(&four, a) || addr_range_has_peer(&six, a));
}

static void
check_clients(struct schema *s, struct config_listen *l,
    const struct yaml_node *node, const struct frl_strings *clients)
{
	const struct yaml_node *value = yaml_get(node, "clients");

	if (value != NULL && l->path != NULL)
		yaml_complain(s->file, value, s->errors, "`clients` are "
		    "addresses, and a UNIX socket's have none: its "
		    "`permissions` say who may connect");
	else if (value != NULL && clients->count == 0)
		yaml_complain(s->file, value, s->errors, "clients: nobody "
		    "could connect; name at least one range, such as "
		    "10.0.0.0/8");
	else if (value != NULL) {
		l->clients = schema_ranges(s, clients, value);
		l->client_count = l->clients == NULL ? 0 : clients->count;
	} else if (l->path == NULL && !is_loopback(&l->addr))
		yaml_complain(s->file, schema_place(node, "address"),
		    s->errors, "other hosts can reach %s, and a proxy that "
		    "serves anybody is misused: say who may connect, such as "
		    "clients: [10.0.0.0/8], or listen on 127.0.0.1", l->name);
}

/* Two listeners on one address or path? */
static void
check_twice(struct schema *s, const struct config_listen *l,
    const struct yaml_node *node)
{
	const struct config_listen *other = s->config->listens;
	bool same;

	/* Port 0 is another one each time. */
	if (l->path == NULL && addr_port(&l->addr) == 0)
		return;
	for (; other != l; other++) {
		if (l->path != NULL)
			same = other->path != NULL &&
			    strcmp(other->path, l->path) == 0;
		else
			same = other->path == NULL &&
			    addr_equal(&other->addr, &l->addr);
		if (same)
			yaml_complain(s->file, schema_place(node, "address"),
			    s->errors, "%s is listened on twice", l->name);
	}
}

static bool
has_large_port(const char *text)
{
	const char *colon = strrchr(text, ':');

	return (colon != NULL && colon[1] != '\0' &&
	    colon[1 + strspn(colon + 1, "0123456789")] == '\0' &&
	    strtoul(colon + 1, NULL, 10) > UINT16_MAX);
}

static bool
check_address(struct schema *s, struct config_listen *l,
    const struct yaml_node *node, const char *text)
{
	if (strncmp(text, "unix:", 5) == 0) {
		if (!read_path(s, l, node, text + 5))
			return (false);
	} else if (addr_parse(&l->addr, text) == 0) {
		addr_format_port(&l->addr, l->name);
	} else {
		yaml_complain(s->file, schema_place(node, "address"),
		    s->errors, "'%s' is no IP:port, such as 127.0.0.1:3128 "
		    "or [::1]:3128%s", text, has_large_port(text) ?
		    ": a port is at most 65535" : "");
		return (false);
	}
	check_twice(s, l, node);
	return (true);
}

/* ------------------------------------------------------------------ */
/* The section								*/

static void
check_server(struct schema *s, struct config_listen *l,
    const struct yaml_node *node, const char *text)
{
	const char *why;

	if (l->mode == CONFIG_REVERSE && text == NULL)
		yaml_complain(s->file, node, s->errors,
		    "mode reverse needs a `server`");
	else if (l->mode != CONFIG_REVERSE && text != NULL)
		yaml_complain(s->file, schema_place(node, "server"),
		    s->errors, "`server` belongs to mode reverse");
	else if (text != NULL &&
	    target_parse(&l->server, text, strlen(text), &why) < 0)
		yaml_complain(s->file, schema_place(node, "server"),
		    s->errors, "'%s' is no host:port: %s", text, why);
}

static void
read_listen(struct schema *s, struct config_listen *l,
    const struct yaml_node *node)
{
	static const char *const others[] = { "timeouts", NULL };
	struct listen_row row;

	memset(&row, 0, sizeof(row));
	if (options_read(listen_table, &row, s->file, node, s->root, others,
	    s->errors) == 0) {
		l->mode = row.mode == 1 ? CONFIG_REVERSE : CONFIG_CONNECT;
		l->proxy_header = row.proxy_protocol == 1;
		if (check_address(s, l, node, row.address)) {
			check_permissions(s, l, node, row.permissions);
			check_clients(s, l, node, &row.clients);
		}
		check_server(s, l, node, row.server);
		if (row.protocol != NULL)
			l->protocol = schema_protocol(s,
			    schema_place(node, "protocol"), row.protocol);
	}
	options_clear(listen_table, &row);
}

void
schema_listen(struct schema *s)
{
	const struct yaml_node *list = schema_list(s, "listen");
	struct config *c = s->config;

	if (list == NULL || list->count == 0) {
		if (list != NULL || yaml_get(s->root, "listen") == NULL)
			yaml_complain(s->file, schema_place(s->root, "listen"),
			    s->errors, "listen: at least one address is "
			    "needed");
		return;
	}
	c->listens = schema_alloc(s, list->count, sizeof(*c->listens));
	if (c->listens == NULL)
		return;
	for (; c->listen_count < list->count; c->listen_count++)
		read_listen(s, &c->listens[c->listen_count],
		    &list->items[c->listen_count]);
}
