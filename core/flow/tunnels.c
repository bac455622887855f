/* SPDX-License-Identifier: MIT */
/*
 * tunnels -- all tunnels of a process: how they begin, and how they end
 * together.
 */
#include "flow/detect.h"
#include "flow/host.h"
#include "flow/tunnel_parts.h"
#include "flow/tunnel_watch.h"

#include <stdlib.h>
#include <sys/random.h>
#include <utlist.h>

/* May a client that is turned away stay for its answer?  Only who expects one
 * in HTTP, and not too many of them. */
static bool
may_linger(const struct tunnel_listener *listener)
{
	const struct tunnels *all = listener->tunnels;
	const struct limits *limits = all->options.limits;

	return (listener->mode != TUNNEL_REVERSE && all->count <
	    limits->quotas[LIMIT_TUNNELS].used + LIMITS_LINGER);
}

struct tunnel *
tunnel_create(const struct tunnel_listener *listener,
    const struct addr *peer, const struct tunnel *from)
{
	struct tunnels *all = listener->tunnels;
	struct tunnel *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return (NULL);
	t->all = all;
	t->listener = listener;
	t->relay.env = &all->relay_env;
	story_begin(&t->story, &all->stories, listener->name,
	    listener->mode == TUNNEL_REVERSE ? "reverse" : "connect",
	    loop_now_us(all->options.loop));
	if ((peer != NULL ? story_client(&t->story, peer) :
	    story_same_client(&t->story, &from->story)) != 0) {
		free(t);
		return (NULL);
	}
	DL_APPEND(all->list, t);
	all->count++;
	t->named = all->round;
	board_set(&all->board->rows[BOARD_open], all->count);
	board_add(&all->board->rows[BOARD_accepted], 1);
	return (t);
}

void
tunnel_accept(const struct tunnel_listener *listener, int fd,
    const struct addr *peer)
{
	struct tunnels *all = listener->tunnels;
	struct conn *conn = conn_create(all->options.loop, fd);
	struct limit_pass pass = { NULL, false };
	const char *no;
	struct tunnel *t;

	/* Behind a PROXY header is somebody else. */
	no = audit_enter(all->options.audit);
	if (no == NULL)
		no = limits_enter(all->options.limits,
		    listener->proxy_header ? NULL : peer, &pass);
	t = conn == NULL || (no != NULL && !may_linger(listener)) ? NULL :
	    tunnel_create(listener, peer, NULL);
	if (t == NULL) {
		limits_leave(all->options.limits, &pass);
		if (conn != NULL)
			conn_close(conn, no == NULL);
		return;
	}
	t->pass = pass;
	relay_attach(&t->relay, FRL_FROM_CLIENT, conn);
	tunnel_begin(t, peer, no);
}

/* The log has room again: whoever was stalled goes on. */
static void
on_room(void *arg)
{
	struct tunnels *all = arg;
	struct tunnel *t;
	size_t n;

	for (n = all->count; n != 0; n--) {
		if (*events_stalled(all->options.events))
			break;
		/* To the end: after the next stall it is others' turn. */
		t = all->list;
		if (all->cursor == t)
			all->cursor = t->next;
		DL_DELETE(all->list, t);
		DL_APPEND(all->list, t);
		if (t->state == GREET)
			conn_want_read(
			    t->relay.flows[FRL_FROM_CLIENT].source, true);
		if (t->state != RELAY)
			continue;
		(void)loop_event_now_us(all->options.loop);
		chain_resume(t->relay.chain);
		relay_update(&t->relay);
	}
}

/* Who could not go on to be let in is turned away now. */
static void
on_shut(void *arg)
{
	struct tunnels *all = arg;
	struct tunnel *t;

	DL_FOREACH(all->list, t)
		if (t->state == GREET)
			conn_want_read(
			    t->relay.flows[FRL_FROM_CLIENT].source, true);
}

/* Which plugins are links of every tunnel? */
static int
find_fronts(struct tunnels *all)
{
	const struct rules *rules = all->options.rules;
	size_t i;

	all->fronts = calloc(rules->plugin_count + 1, sizeof(*all->fronts));
	if (all->fronts == NULL)
		return (-1);
	for (i = 0; i < rules->plugin_count; i++) {
		const struct frl_plugin *desc = rules->plugins[i]->desc;

		if ((desc->flags & FRL_OWNS_PROTOCOL) == 0 &&
		    (desc->data != NULL || desc->open != NULL))
			all->fronts[all->front_count++] = rules->plugins[i];
	}
	return (0);
}

/* Ids of two runs must not meet in one log. */
static uint64_t
draw_seed(const struct tunnels *all)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = loop_wall_us(all->options.loop);
	return (seed);
}

static void
turns_end(void *arg)
{
	struct tunnels *all = arg;

	relay_turns_end(&all->relay_env);
}

struct tunnels *
tunnels_create(const struct tunnels_options *options, struct err *err)
{
	struct tunnels *all = calloc(1, sizeof(*all));

	if (all == NULL) {
		err_set(err, "out of memory");
		return (NULL);
	}
	all->options = *options;
	all->board = all->relay_env.board = &all->own_board;
	detect_init(&all->detect, options->rules, options->env);
	all->relay_env.loop = options->loop;
	all->relay_env.buffer = malloc(RELAY_BUFFER);
	all->relay_env.pipes = pipe_pool_create();
	all->relay_env.memory = &options->limits->quotas[LIMIT_MEMORY];
	all->dial_options.loop = options->loop;
	all->dial_options.resolver = options->resolver;
	all->dial_options.resolve_ms = options->rules->resolve_ms;
	all->dial_options.connects =
	    &options->limits->quotas[LIMIT_CONNECTS];
	if (all->relay_env.buffer == NULL || all->relay_env.pipes == NULL ||
	    find_fronts(all) != 0) {
		err_set(err, "out of memory");
		tunnels_free(all);
		return (NULL);
	}
	all->now = events_declare(options->events, &tunnel_event_now, err);
	if (all->now == NULL || stories_begin(&all->stories, options->events,
	    draw_seed(all), err) != 0) {
		tunnels_free(all);
		return (NULL);
	}
	events_on_room(options->events, on_room, all);
	audit_on_change(options->audit, on_shut, all);
	loop_at_turns_end(options->loop, turns_end, all);
	return (all);
}

void
tunnels_free(struct tunnels *all)
{
	if (all == NULL)
		return;
	events_on_room(all->options.events, NULL, NULL);
	audit_on_change(all->options.audit, NULL, NULL);
	loop_at_turns_end(all->options.loop, NULL, NULL);
	timer_stop(&all->stirring);
	if (all->relay_env.pipes != NULL)
		pipe_pool_free(all->relay_env.pipes);
	free(all->relay_env.buffer);
	free(all->fronts);
	free(all);
}

size_t
tunnels_count(const struct tunnels *all)
{
	return (all->count);
}

bool
tunnels_came(const struct tunnels *all)
{
	return (all->stories.began);
}

static void
now_empty(void *arg)
{
	struct tunnels *all = arg;

	if (all->count == 0 && all->empty != NULL)
		all->empty(all->empty_arg);
}

void
tunnels_leave(struct tunnels *all, void (*empty)(void *arg), void *arg)
{
	struct tunnel *t, *next;

	limits_tell(all->options.limits);
	audit_tell(all->options.audit);
	all->empty = empty;
	all->empty_arg = arg;
	timer_start(all->options.loop, &all->stirring, 0, now_empty, all);
	DL_FOREACH_SAFE(all->list, t, next)
		if (t->state == GREET && t->story.unasked)
			tunnel_deny(t, WHY_SHUTDOWN, NULL, NULL);
}

void
tunnels_drain(struct tunnels *all, enum frl_why why)
{
	struct tunnel *t, *next;

	all->draining = true;
	DL_FOREACH_SAFE(all->list, t, next) {
		switch (t->state) {
		case GREET:
		case CHECK:
		case DIAL:
			tunnel_deny(t, WHY_SHUTDOWN, NULL, NULL);
			break;
		case RELAY:
			chain_refuse(t->relay.chain, why,
			    WHY_SHUTDOWN, why_row(WHY_SHUTDOWN)->text);
			relay_update(&t->relay);
			break;
		case DRAIN:
			tunnel_limit_farewell(t);
			break;
		case DEAD:
			break;
		}
	}
}

void
tunnels_cut(struct tunnels *all)
{
	struct tunnel *t;

	DL_FOREACH(all->list, t)
		tunnel_kill(t, WHY_SHUTDOWN);
}
