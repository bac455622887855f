/* SPDX-License-Identifier: MIT */
#include "flow/story.h"

#include "base/crumbs.h"
#include "flow/line.h"
#include "flow/tunnel_events.h"

#include <stdlib.h>
#include <string.h>

int
stories_begin(struct stories *all, struct events *events, uint64_t seed,
    struct err *err)
{
	const struct {
		const struct event_slot **slot;
		const struct frl_event *event;
	} table[] = {
		{ &all->open, &tunnel_event_open },
		{ &all->dial, &tunnel_event_dial },
		{ &all->connect, &tunnel_event_connect },
		{ &all->handoff, &tunnel_event_handoff },
		{ &all->uninspected, &tunnel_event_uninspected },
		{ &all->refused, &tunnel_event_refused },
		{ &all->failed, &tunnel_event_failed },
		{ &all->close, &tunnel_event_close },
		{ &all->plugin_error, &plugin_event_error },
	};
	size_t i;

	all->events = events;
	/* A supervisor has drawn one; who has none is alone: worker 0. */
	if (crumbs_page->prefix == 0)
		crumbs_page->prefix = (uint32_t)seed & ~(uint32_t)0xff;
	all->prefix = crumbs_page->prefix;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		*table[i].slot = events_declare(events, table[i].event, err);
		if (*table[i].slot == NULL)
			return (-1);
	}
	return (0);
}

static struct frl_bytes
bytes_of(const char *text)
{
	struct frl_bytes bytes = { NULL, 0 };

	if (text != NULL && text[0] != '\0') {
		bytes.data = (const uint8_t *)text;
		bytes.len = strlen(text);
	}
	return (bytes);
}

/* Give back a text of the story; the empty one is nobody's. */
static void
let_go(const char **text)
{
	if (*text != NULL && (*text)[0] != '\0')
		free((void *)(uintptr_t)*text);
	*text = "";
}

void
story_begin(struct story *story, struct stories *all, const char *listener,
    const char *mode, uint64_t now_us)
{
	struct frl_tunnel *tunnel = &story->tunnel;

	story->all = all;
	story->began_us = now_us;
	story->closed_by = -1;
	all->began = true;
	tunnel->id = story->id;
	story->origin.usual_id = true;
	tunnel->mode = mode;
	tunnel->listener = listener;
	tunnel->client_addr = "";
	tunnel->server_name = tunnel->server_addr = "";
	story->origin.tunnel = tunnel;
}

static int
set_client(struct story *story, const char *addr, uint16_t port)
{
	char *copy = strdup(addr);

	if (copy == NULL)
		return (-1);
	let_go(&story->tunnel.client_addr);
	story->tunnel.client_addr = copy;
	story->tunnel.client_port = port;
	return (0);
}

int
story_client(struct story *story, const struct addr *client)
{
	char text[ADDR_TEXT_SIZE];

	addr_format(client, text);
	return (set_client(story, text, addr_port(client)));
}

int
story_same_client(struct story *story, const struct story *other)
{
	return (set_client(story, other->tunnel.client_addr,
	    other->tunnel.client_port));
}

int
story_target(struct story *story, const struct target *target)
{
	struct frl_tunnel *tunnel = &story->tunnel;
	char *name = strdup(target->host);

	if (name == NULL)
		return (-1);
	let_go(&tunnel->server_name);
	tunnel->server_name = name;
	tunnel->server_port = target->port;
	return (0);
}

/* Before the first line: who never has one has no number either. */
static void
number(struct story *story)
{
	if (story->id[0] != '\0')
		return;
	id_format(story->id, story->all->prefix, story->all->count++);
	story->origin.number = story->all->count;
}

/* Publish what nobody can object to. */
static void
tell(struct story *story, const struct event_slot *slot, const void *record)
{
	struct decision decision;
	uint64_t token;

	if (!events_wanted(slot))
		return;
	number(story);
	events_publish(story->all->events, slot, &story->origin, -1, record,
	    NULL, &decision, &token);
}

enum frl_verdict
story_open(struct story *story, const struct asker *asker,
    struct decision *decision, uint64_t *ret_token)
{
	const struct frl_tunnel *tunnel = &story->tunnel;
	struct frl_tunnel_open record;

	story->opened = true;
	number(story);
	record.mode = tunnel->mode;
	record.listener = tunnel->listener;
	record.client_addr = tunnel->client_addr;
	record.client_port = tunnel->client_port;
	record.server_name = tunnel->server_name;
	record.server_port = tunnel->server_port;
	return (events_publish(story->all->events, story->all->open,
	    &story->origin, -1, &record, asker, decision, ret_token));
}

enum frl_verdict
story_dial(struct story *story, const struct addr *addr, unsigned attempt,
    const struct asker *asker, struct decision *decision,
    uint64_t *ret_token)
{
	struct frl_tunnel_dial record;
	char text[ADDR_TEXT_SIZE];

	if (addr != NULL)
		addr_format(addr, text);
	record.server_name = story->tunnel.server_name;
	record.server_addr = addr != NULL ? text : NULL;
	record.server_port = addr != NULL ? addr_port(addr) :
	    story->tunnel.server_port;
	record.attempt = attempt;
	record.via = story->via;
	return (events_publish(story->all->events, story->all->dial,
	    &story->origin, -1, &record, asker, decision, ret_token));
}

void
story_note(struct story *story, const struct decision *decision)
{
	if (story->noted == NULL)
		story->noted = malloc(sizeof(*story->noted));
	if (story->noted != NULL)
		*story->noted = *decision;
}

int
story_found(struct story *story, const struct addr *addr)
{
	struct frl_tunnel *tunnel = &story->tunnel;
	char text[ADDR_TEXT_SIZE];

	addr_format(addr, text);
	if (strcmp(text, tunnel->server_name) == 0)
		tunnel->server_addr = tunnel->server_name;
	else
		tunnel->server_addr = strdup(text);
	if (tunnel->server_addr != NULL)
		return (0);
	tunnel->server_addr = "";
	return (-1);
}

int
story_connect(struct story *story, const struct dial_result *result)
{
	const struct frl_tunnel *tunnel = &story->tunnel;
	struct frl_tunnel_connect record;
	char text[ADDR_TEXT_SIZE];

	if (story->via == NULL && story_found(story, &result->addr) != 0)
		return (-1);
	record.server_name = tunnel->server_name;
	record.server_addr = tunnel->server_addr[0] != '\0' ?
	    tunnel->server_addr : NULL;
	record.server_port = tunnel->server_port;
	record.dns_us = result->dns_us;
	record.connect_us = result->connect_us;
	record.attempts = result->attempts;
	record.via = story->via;
	record.via_addr = NULL;
	if (story->via != NULL) {
		addr_format(&result->addr, text);
		record.via_addr = text;
	}
	tell(story, story->all->connect, &record);
	return (0);
}

void
story_handoff(struct story *story, const struct chain_switch *change)
{
	struct frl_tunnel_handoff record;

	record.from = change->from->name;
	record.to = change->to->name;
	record.reason = "upgrade";
	record.pending_c2s_bytes = change->pending[FRL_FROM_CLIENT];
	record.pending_s2c_bytes = change->pending[FRL_FROM_SERVER];
	record.subprotocol = change->context->subprotocol;
	record.extensions = change->context->extensions;
	if (record.subprotocol.len == 0)
		record.subprotocol.data = NULL;
	if (record.extensions.len == 0)
		record.extensions.data = NULL;
	tell(story, story->all->handoff, &record);
}

void
story_uninspected(struct story *story, const char *reason,
    const struct plugin *plugin, uint64_t from_bytes)
{
	struct frl_tunnel_uninspected record = { reason, plugin->name,
		from_bytes };

	tell(story, story->all->uninspected, &record);
}

/* Clients of a reverse listener do not speak HTTP to us: no answer. */
static uint32_t
answered(const struct story *story, const struct why_row *row)
{
	return (strcmp(story->tunnel.mode, "reverse") == 0 ? 0 :
	    (uint32_t)row->status);
}

static void
tell_refused(struct story *story, const struct why_row *row,
    const char *reason, uint32_t status, const char *plugin)
{
	const struct frl_tunnel *tunnel = &story->tunnel;
	struct frl_tunnel_refused record;

	record.kind = row->name;
	record.reason = bytes_of(reason[0] != '\0' ? reason : row->text);
	record.status = status;
	record.plugin = plugin;
	record.listener = story->opened ? NULL : tunnel->listener;
	record.client_addr = story->opened ? NULL : tunnel->client_addr;
	record.client_port = story->opened ? 0 : tunnel->client_port;
	tell(story, story->all->refused, &record);
}

void
story_denied(struct story *story, enum why why, const char *detail,
    const char *plugin)
{
	const struct why_row *row = why_row(why);
	const struct frl_tunnel *tunnel = &story->tunnel;
	struct frl_tunnel_failed record;

	if (story->told_why || story->unasked)
		return;
	story->told_why = true;
	if (why == WHY_SHUTDOWN && story->opened)
		return;			/* tunnel.close says it */
	if ((why == WHY_LIMIT && plugin == NULL) || why == WHY_UNLOGGED)
		return;			/* proxy.limit does, for many; or
					 * log.mended */
	if (row->kind == WHY_DECISION) {
		tell_refused(story, row, detail != NULL ? detail : "",
		    answered(story, row), plugin);
		return;
	}
	record.listener = tunnel->listener;
	record.client_addr = tunnel->client_addr;
	record.client_port = tunnel->client_port;
	record.reason = row->name;
	record.detail = bytes_of(detail);
	record.status = answered(story, row);
	record.via = story->via;
	record.via_status = story->via_status;
	tell(story, story->all->failed, &record);
}

void
story_refused(struct story *story, const struct chain_refusal *refusal)
{
	const struct why_row *row = why_row(refusal->end);

	if (row->kind != WHY_DECISION && refusal->plugin == NULL)
		return;			/* tunnel.close says it */
	tell_refused(story, row, refusal->text, 0, refusal->plugin);
}

void
story_failed(struct story *story, const char *plugin, const char *detail)
{
	struct plugin_error record = { 0 };

	record.plugin = plugin;
	record.callback = "inspector";
	record.detail = bytes_of(detail);
	tell(story, story->all->plugin_error, &record);
}

void
story_moved(struct story_end *ret_end, const struct chain *chain)
{
	*ret_end = (struct story_end){ .inspector = NULL };
	if (chain == NULL)
		return;
	ret_end->inspector = chain_protocol(chain)->name;
	ret_end->moved[0] = chain_moved(chain, FRL_FROM_CLIENT);
	ret_end->moved[1] = chain_moved(chain, FRL_FROM_SERVER);
}

/* The `end` of a tunnel knows decisions only as such: which one it was stands
 * in its tunnel.refused. */
static const char *
end_name(enum why why)
{
	switch (why) {
	case WHY_FORBIDDEN_ADDRESS:
	case WHY_FORBIDDEN_PORT:
	case WHY_SELF:
		return (why_row(WHY_REFUSED)->name);
	case WHY_DNS_TIMEOUT:
		return (why_row(WHY_DNS_FAILED)->name);
	default:
		return (why_row(why)->name);
	}
}

static void
tell_close(struct story *story, enum why why, const struct story_end *end,
    uint64_t now_us)
{
	struct frl_tunnel_close record;

	record.inspector = end->inspector;
	record.duration_us = now_us - story->began_us;
	record.c2s_bytes = end->moved[0];
	record.s2c_bytes = end->moved[1];
	record.end = end_name(why);
	switch (why) {
	case WHY_CLIENT_FIN:
	case WHY_CLIENT_RESET:
		record.closed_by = "client";
		break;
	case WHY_SERVER_FIN:
	case WHY_SERVER_RESET:
		record.closed_by = "server";
		break;
	default:
		record.closed_by = "proxy";
		break;
	}
	events_last(story->all->events, story->all->close, &story->origin,
	    &record);
}

void
story_close(struct story *story, enum why why, const struct story_end *end,
    uint64_t now_us)
{
	struct frl_tunnel *tunnel = &story->tunnel;

	/* One that never named a target has one line that tells it all. */
	if (story->opened)
		tell_close(story, why, end, now_us);
	else
		story_denied(story, why, NULL, NULL);
	free(story->noted);
	story->noted = NULL;
	if (tunnel->server_addr == tunnel->server_name)
		tunnel->server_addr = "";
	let_go(&tunnel->server_addr);
	let_go(&tunnel->server_name);
	let_go(&tunnel->client_addr);
}
