/* SPDX-License-Identifier: MIT */
/*
 * schema_resolver -- the section `resolver`: whom to ask for names.
 *
 * What always holds: the name servers of a finished config are literal
 * addresses with ports, so nobody resolves a name to resolve names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/schema.h"
#include "base/options.h"

#define SERVERS_MAX 8

struct resolver_row {
	struct frl_strings servers;
};

static const struct frl_option resolver_table[] = {
	{ .name = "servers", .flags = FRL_OPTION_OPTIONAL,
	    .help = "name servers, IP or IP:port; the system's by default",
	    .type = FRL_OPTION_LIST,
	    .offset = offsetof(struct resolver_row, servers) },
	{ .name = NULL },
};

/* "10.0.0.53", "[::1]:5353", "::1" */
static int
parse_server(struct addr *a, const char *text)
{
	char whole[ADDR_PORT_TEXT_SIZE];
	int n;

	if (addr_parse(a, text) == 0)
		return (0);
	n = snprintf(whole, sizeof(whole), strchr(text, ':') == NULL ?
	    "%s:53" : "[%s]:53", text);
	return (n < (int)sizeof(whole) ? addr_parse(a, whole) : -1);
}

/* The servers as "ADDRESS:PORT,...".  give: free. */
static char *
join(struct schema *s, const struct frl_strings *texts,
    const struct yaml_node *node)
{
	const size_t size = SERVERS_MAX * (ADDR_PORT_TEXT_SIZE + 1);
	char *list = schema_alloc(s, size, 1);
	char one[ADDR_PORT_TEXT_SIZE];
	struct addr a;
	size_t i, at = 0;

	if (list == NULL)
		return (NULL);
	for (i = 0; i < texts->count; i++) {
		if (parse_server(&a, texts->items[i]) != 0) {
			yaml_complain(s->file, node->kind == YAML_LIST &&
			    i < node->count ? &node->items[i] : node,
			    s->errors, "'%s' is no name server, such as "
			    "10.0.0.53 or \"127.0.0.1:5353\"",
			    texts->items[i]);
			continue;
		}
		addr_format_port(&a, one);
		at += (size_t)snprintf(list + at, size - at, "%s%s",
		    at == 0 ? "" : ",", one);
	}
	return (list);
}

void
schema_resolver(struct schema *s)
{
	const struct yaml_node *node = yaml_get(s->root, "resolver");
	struct resolver_row row;

	memset(&row, 0, sizeof(row));
	if (options_read(resolver_table, &row, s->file, node, s->root, NULL,
	    s->errors) == 0 && node != NULL &&
	    yaml_get(node, "servers") != NULL) {
		node = schema_place(node, "servers");
		if (row.servers.count == 0 || row.servers.count > SERVERS_MAX)
			yaml_complain(s->file, node, s->errors, "servers: one "
			    "to %d name servers are expected", SERVERS_MAX);
		else
			s->config->name_servers = join(s, &row.servers, node);
	}
	options_clear(resolver_table, &row);
}
