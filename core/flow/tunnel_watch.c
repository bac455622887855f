/* SPDX-License-Identifier: MIT */
#include "flow/tunnel_watch.h"

#include "base/board.h"
#include "flow/tunnel_parts.h"

#include <string.h>
#include <utlist.h>

#define FIELD(name, member, type, flags, help) \
	{ name, help, offsetof(struct tunnel_now, member), type, flags, 0 }

static const struct frl_field now_fields[] = {
	FIELD("state", state, FRL_NAME, 0, "greet, check, dial, relay, drain"),
	FIELD("mode", mode, FRL_NAME, 0, "how the client asked"),
	FIELD("listener", listener, FRL_NAME, 0, "where it came in"),
	FIELD("client.addr", client_addr, FRL_NAME, 0, "its address"),
	FIELD("client.port", client_port, FRL_U32, FRL_ABSENT_ZERO,
	    "its port"),
	FIELD("server.name", server_name, FRL_NAME, 0, "host of the target"),
	FIELD("server.addr", server_addr, FRL_NAME, 0,
	    "address that was reached"),
	FIELD("server.port", server_port, FRL_U32, FRL_ABSENT_ZERO,
	    "port of the target"),
	FIELD("inspector", inspector, FRL_NAME, 0, "whose protocol it is"),
	FIELD("age_us", age_us, FRL_U64, 0, "since the client came"),
	FIELD("silent_us", silent_us, FRL_U64, 0,
	    "since a peer moved a byte, roughly"),
	FIELD("c2s_bytes", c2s_bytes, FRL_U64, 0, "let through so far"),
	FIELD("s2c_bytes", s2c_bytes, FRL_U64, 0, "let through so far"),
	FIELD("waiting_bytes", waiting_bytes, FRL_U64, 0,
	    "that a peer has not taken yet, or an inspector holds"),
	{ NULL, NULL, 0, 0, 0, 0 }
};

const struct frl_event tunnel_event_now = {
	.name = "tunnel.now",
	.help = "What is true of a tunnel now.",
	.fields = now_fields,
	.record_size = sizeof(struct tunnel_now)
};

static const char *const states[] = { [GREET] = "greet", [CHECK] = "check",
	[DIAL] = "dial", [RELAY] = "relay", [DRAIN] = "drain",
	[DEAD] = "dead" };

/* ------------------------------------------------------------------ */
/* Counters								*/

void
tunnels_use_board(struct tunnels *all, struct board *board)
{
	struct board *to = board != NULL ? board : &all->own_board;

	if (to == all->board)
		return;
	board_copy(to, all->board);
	all->board = all->relay_env.board = to;
}

/* ------------------------------------------------------------------ */
/* The list								*/

void
tunnels_walk_begin(struct tunnels *all)
{
	all->round = !all->round;
	all->cursor = all->list;
}

/* What has not been named in this round. */
static struct tunnel *
next_of(struct tunnels *all)
{
	struct tunnel *t = all->cursor;

	while (t != NULL && (t->named == all->round || t->state == DEAD))
		t = t->next;
	all->cursor = t == NULL ? NULL : t->next;
	return (t);
}

static const char *
or_absent(const char *text)
{
	return (text[0] == '\0' ? NULL : text);
}

static uint64_t
age_of(const struct tunnel *t, uint64_t since_us)
{
	uint64_t now = loop_now_us(t->all->options.loop);

	return (since_us == 0 || since_us > now ? 0 : now - since_us);
}

static struct tunnel_now
look(const struct tunnel *t)
{
	const struct frl_tunnel *who = &t->story.tunnel;
	struct story_end end;
	struct tunnel_now now = {
		.state = states[t->state],
		.mode = who->mode,
		.listener = who->listener,
		.client_addr = or_absent(who->client_addr),
		.client_port = who->client_port,
		.server_name = or_absent(who->server_name),
		.server_addr = or_absent(who->server_addr),
		.server_port = who->server_port,
		.age_us = age_of(t, t->story.began_us),
		.silent_us = age_of(t, t->relay.last_us),
		.waiting_bytes = t->relay.weight,
	};

	story_moved(&end, t->relay.chain);
	now.inspector = end.inspector;
	now.c2s_bytes = end.moved[FRL_FROM_CLIENT];
	now.s2c_bytes = end.moved[FRL_FROM_SERVER];
	return (now);
}

size_t
tunnels_walk(struct tunnels *all, char *ret, size_t size)
{
	struct tunnel_now now;
	struct tunnel *t;
	size_t n = 0;

	while (n == 0 && (t = next_of(all)) != NULL) {
		t->named = all->round;
		now = look(t);
		if (t->relay.chain != NULL)
			chain_report(t->relay.chain);
		n = events_write(all->options.events, all->now,
		    &t->story.origin, &now, ret, size);
	}
	return (n);
}

/* ------------------------------------------------------------------ */

bool
tunnels_close(struct tunnels *all, const char *id)
{
	char brief[ID_SHORT_SIZE];
	struct tunnel *t;

	DL_FOREACH(all->list, t) {
		id_shorten(t->story.id, brief);
		if (t->state != DEAD && (strcmp(t->story.id, id) == 0 ||
		    (brief[0] != '\0' && strcmp(brief, id) == 0)))
			break;
	}
	if (t == NULL)
		return (false);
	if (t->state == RELAY) {
		chain_refuse(t->relay.chain, FRL_WHY_REFUSED, WHY_OPERATOR,
		    why_row(WHY_OPERATOR)->text);
		relay_update(&t->relay);
	} else if (t->state == DRAIN)
		tunnel_kill(t, WHY_OPERATOR);
	else
		tunnel_deny(t, WHY_OPERATOR, NULL, NULL);
	return (true);
}
