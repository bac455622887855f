/* SPDX-License-Identifier: MIT */
/*
 * link -- opening and closing links, and what a link may ask of its host.
 *
 * Verbs only record (rule 1): nothing here moves a byte or enters a plugin,
 * but link_open and link_close.
 */
#include "base/log.h"
#include "flow/bars.h"
#include "flow/host.h"
#include "flow/link.h"

#include <stdlib.h>
#include <string.h>

/* Behind a link's state, which a plugin may write beyond. */
#define GUARD 8
#define GUARD_BYTE 0xa5

/*
 * What else was overwritten nobody knows, so nothing here can be trusted any
 * more; the crumb says whose doing it was.
 */
static void
check_guard(const struct link *link)
{
	const uint8_t *guard = (const uint8_t *)link->state +
	    link->plugin->desc->state_size;
	size_t i;

	for (i = 0; i < GUARD; i++)
		if (guard[i] != GUARD_BYTE) {
			log_say(FRL_ERROR, "plugin %s wrote beyond its "
			    "state", link->plugin->name);
			(void)link_enter(link, CRUMBS_CLOSE);
			abort();
		}
}

static void
link_free(struct link *link)
{
	struct chain *chain = link->place->chain;

	chain->ops->set_timer(chain->arg, link, FRL_ALL);
	if (chain->ops->closed != NULL)
		chain->ops->closed(chain->arg, link);
	free(link);
}

static bool
is_barred(const struct link_place *place, const struct plugin *plugin)
{
	return (plugin->env != NULL && bars_hold(plugin->env->bars,
	    plugin->number, place->chain->tunnel));
}

/*
 * May the tunnel do without this plugin, which is barred?  An absolute-form
 * request may not: what is for the proxy alone would go to the server.
 */
static enum frl_verdict
without(const struct link_place *place, const struct plugin *plugin)
{
	struct chain *chain = place->chain;
	char text[BARS_TEXT_SIZE];

	if (plugin->fail_open && (!chain->forward ||
	    place != chain_last(chain)))
		return (FRL_OK);
	chain_note(chain, FRL_WHY_CAPACITY, WHY_QUARANTINED, plugin->name,
	    bars_text(text, plugin->name));
	return (FRL_FAIL);
}

struct link *
link_open(struct link_place *place, const struct plugin *plugin,
    const struct frl_context *context)
{
	const struct frl_plugin *desc = plugin->desc;
	struct link *link;
	enum frl_verdict verdict = FRL_OK;
	struct crumb was;

	link = calloc(1, sizeof(*link) + desc->state_size + GUARD);
	if (link == NULL)
		return (NULL);
	memset((char *)link->state + desc->state_size, GUARD_BYTE, GUARD);
	link->pub.host = &plugin->host;
	link->pub.instance = plugin->instance;
	link->pub.state = link->state;
	link->pub.tunnel = place->chain->tunnel;
	link->plugin = plugin;
	link->place = place;
	link->busy = link->opening = true;
	link->who = crumbs_who(plugin->number, place->chain->number);
	link->barred = is_barred(place, plugin);
	if (link->barred)
		verdict = without(place, plugin);
	else if (desc->open != NULL) {
		was = link_enter(link, CRUMBS_OPEN);
		verdict = desc->open(&link->pub, context);
		crumbs_leave(was);
	}
	link->busy = link->opening = false;
	if (verdict == FRL_OK)
		return (link);
	link_free(link);
	return (NULL);
}

void
link_close(struct link *link)
{
	struct chain *chain = link->place->chain;

	struct crumb was;

	if (link->plugin->desc->close != NULL && !link->barred) {
		link->busy = link->opening = true;
		was = link_enter(link, CRUMBS_CLOSE);
		link->plugin->desc->close(&link->pub);
		crumbs_leave(was);
	}
	check_guard(link);
	if (chain->ops->forget != NULL) {
		chain->ops->forget(chain->arg, link, FRL_FROM_CLIENT);
		chain->ops->forget(chain->arg, link, FRL_FROM_SERVER);
	}
	link_free(link);
}

const struct plugin *
link_plugin(const struct link *link)
{
	return (link->plugin);
}

void **
link_slot(struct link *link, int which)
{
	return (&link->slots[which]);
}

struct chain *
chain_of(struct frl_link *link)
{
	return (link_of(link)->place->chain);
}

/* May this link use this verb now?  NULL: no. */
static struct stream *
acts_on(struct frl_link *pub, enum frl_flow flow, bool protocol_only)
{
	struct link *link = link_of(pub);
	struct link_place *place = link->place;

	if (link->opening || place->link != link || (unsigned)flow > 1)
		return (NULL);
	if (protocol_only && place != chain_last(place->chain))
		return (NULL);
	return (&place->streams[flow]);
}

static int
act(struct frl_link *pub, enum frl_flow flow, enum verb verb, uint64_t n,
    const void *bytes)
{
	struct stream *s = acts_on(pub, flow, verb != VERB_PASS);

	if (s == NULL)
		return (-1);
	return (stream_record(s, verb, n, bytes, false));
}

static int
host_pass(struct frl_link *pub, enum frl_flow flow, uint64_t n)
{
	return (act(pub, flow, VERB_PASS, n, NULL));
}

static int
host_drop(struct frl_link *pub, enum frl_flow flow, uint64_t n)
{
	return (act(pub, flow, VERB_DROP, n, NULL));
}

static int
host_insert(struct frl_link *pub, enum frl_flow flow, const void *bytes,
    size_t n)
{
	return (act(pub, flow, VERB_INSERT, n, bytes));
}

static int
host_end(struct frl_link *pub, enum frl_flow flow)
{
	return (act(pub, flow, VERB_END, 0, NULL));
}

static void
host_need(struct frl_link *pub, enum frl_flow flow, size_t n)
{
	struct stream *s = acts_on(pub, flow, false);

	if (s == NULL)
		return;
	s->wanted = n;
	if (n > s->place->chain->limit) {	/* rule 4: fails at once */
		s->refused = true;
		chain_latch(s->place->chain, FRL_WHY_LIMIT, WHY_HOLD_LIMIT,
		    link_of(pub)->plugin->name,
		    "an inspector needs more bytes than it may hold");
	}
}

static void
host_pause(struct frl_link *pub, enum frl_flow flow)
{
	struct stream *s = acts_on(pub, flow, false);

	if (s != NULL)
		s->paused = true;
}

static void
host_again(struct frl_link *pub, enum frl_flow flow)
{
	struct stream *s = acts_on(pub, flow, false);

	if (s == NULL)
		return;
	s->paused = false;
	s->wanted = 1;
	s->due = true;
}

static uint64_t
host_moved(const struct frl_link *pub, enum frl_flow flow)
{
	return (link_of(pub)->place->streams[flow & 1].moved);
}

/* A copy that lives until the switch: token, subprotocol, extensions. */
static struct frl_context *
copy_context(const char *token, const struct frl_context *context)
{
	size_t token_size = strlen(token) + 1;
	size_t sub = context->subprotocol.len, ext = context->extensions.len;
	struct frl_context *copy;
	uint8_t *at;

	copy = calloc(1, sizeof(*copy) + token_size + sub + ext);
	if (copy == NULL)
		return (NULL);
	at = (uint8_t *)(copy + 1);
	copy->size = sizeof(*copy);
	copy->token = memcpy(at, token, token_size);
	at += token_size;
	if (sub != 0)
		copy->subprotocol.data = memcpy(at, context->subprotocol.data,
		    sub);
	copy->subprotocol.len = sub;
	at += sub;
	if (ext != 0)
		copy->extensions.data = memcpy(at, context->extensions.data,
		    ext);
	copy->extensions.len = ext;
	return (copy);
}

/* May this link be replaced now? */
static bool
can_hand(const struct link *link)
{
	const struct link_place *place = link->place;

	return (!link->opening && place->link == link && place->heir == NULL &&
	    !place->blind && place == chain_last(place->chain));
}

static int
host_handoff(struct frl_link *pub, const char *token,
    const struct frl_context *context)
{
	struct link *link = link_of(pub);
	struct link_place *place = link->place;
	struct chain *chain = place->chain;
	const struct plugin *plugin;
	struct frl_context *copy;
	int how = 0;

	if (!can_hand(link))
		return (-1);
	plugin = chain->ops->lookup(chain->arg, token, &how);
	if (plugin == NULL || (copy = copy_context(token, context)) == NULL)
		return (-1);
	place->heir = link_open(place, plugin, context);
	if (place->heir == NULL) {
		free(copy);
		return (-1);
	}
	place->handed = copy;
	return (0);
}

int
chain_hand_to(struct frl_link *pub, const struct plugin *plugin)
{
	struct link *link = link_of(pub);

	if (!can_hand(link))
		return (-1);
	link->place->heir = link_open(link->place, plugin, NULL);
	return (link->place->heir == NULL ? -1 : 0);
}

static int
host_permits(const struct frl_link *pub, const char *token)
{
	const struct link_place *place = link_of(pub)->place;
	const struct plugin *plugin;
	int how = 0;

	plugin = place->chain->ops->lookup(place->chain->arg, token, &how);
	if (plugin == NULL)
		return (0);
	/* The note is for the refusal, and is gone if there is none. */
	if (is_barred(place, plugin) && without(place, plugin) != FRL_OK)
		return (-1);
	return (how);
}

static int
host_next(struct frl_link *pub)
{
	struct link *link = link_of(pub);

	if (!can_hand(link) || !link->place->chain->forward ||
	    link->place->chain->latched)
		return (-1);
	link->place->chain->leaving = link->place->chain->ending = true;
	return (0);
}

static void
host_set_timer(struct frl_link *pub, uint64_t ms)
{
	struct link *link = link_of(pub);
	struct chain *chain = link->place->chain;

	chain->ops->set_timer(chain->arg, link, ms);
}

static void
host_set_idle(struct frl_link *pub, uint64_t ms)
{
	struct link *link = link_of(pub);
	struct chain *chain = link->place->chain;

	link->idle_ms = ms;
	/* An heir's limit counts from the switch on. */
	if (link->place->link == link && link->place == chain_last(chain) &&
	    chain->ops->set_idle != NULL)
		chain->ops->set_idle(chain->arg, ms);
}

static void
host_quiet(struct frl_link *pub)
{
	struct chain *chain = link_of(pub)->place->chain;

	if (chain->ops->quiet != NULL)
		chain->ops->quiet(chain->arg);
}

static void
host_cut(struct frl_link *pub, enum frl_flow flow)
{
	struct chain *chain = link_of(pub)->place->chain;

	if (acts_on(pub, flow, true) != NULL && chain->ops->cut != NULL)
		chain->ops->cut(chain->arg, flow);
}

static bool
host_wanted(const struct frl_link *pub, const struct frl_event *event)
{
	const struct event_slot *slot;

	slot = plugin_slot(link_of(pub)->plugin, event);
	return (slot != NULL && events_wanted(slot));
}

static enum frl_verdict
publish(struct link *link, enum frl_flow flow, const struct frl_event *event,
    const void *record, bool quiet)
{
	struct stream *s = &link->place->streams[flow & 1];
	struct chain *chain = link->place->chain;
	struct decision decision;
	enum frl_verdict verdict;

	/* One verdict at a time per flow, and none before the switch. */
	if ((s->waiting || link->opening) &&
	    (event->flags & FRL_EVENT_ASKS) != 0)
		return (FRL_FAIL);
	verdict = (quiet ? chain->ops->ask : chain->ops->publish)(chain->arg,
	    link, flow, event, record, &decision);
	if (verdict == FRL_WAIT)
		s->waiting = true;
	else if (verdict == FRL_REFUSE)
		chain_note(chain, FRL_WHY_REFUSED, WHY_REFUSED,
		    decision.plugin, decision.reason);
	else if (verdict == FRL_FAIL && decision.plugin == NULL)
		chain_note(chain, FRL_WHY_CAPACITY, WHY_OUT_OF_RESOURCES,
		    NULL, decision.reason);	/* nobody could be asked */
	else if (verdict == FRL_FAIL)
		chain_note(chain, FRL_WHY_BROKEN, WHY_PLUGIN_ERROR,
		    decision.plugin, decision.reason);
	return (verdict);
}

static enum frl_verdict
host_publish(struct frl_link *pub, enum frl_flow flow,
    const struct frl_event *event, const void *record)
{
	return (publish(link_of(pub), flow, event, record, false));
}

static enum frl_verdict
host_ask(struct frl_link *pub, enum frl_flow flow,
    const struct frl_event *event, const void *record)
{
	return (publish(link_of(pub), flow, event, record, true));
}

static void
host_report(struct frl_link *pub, const struct frl_event *event,
    const void *record)
{
	struct link *link = link_of(pub);
	struct chain *chain = link->place->chain;

	if (chain->ops->report != NULL)
		chain->ops->report(chain->arg, link, event, record);
}

static enum frl_verdict
host_refuse(struct frl_link *pub, enum frl_why why, const char *text)
{
	static const uint8_t ends[] = {
		[FRL_WHY_REFUSED] = WHY_REFUSED,
		[FRL_WHY_PROTOCOL] = WHY_PROTOCOL_ERROR,
		[FRL_WHY_LIMIT] = WHY_LIMIT,
		[FRL_WHY_DRAIN] = WHY_DRAIN,
		[FRL_WHY_RELOAD] = WHY_DRAIN,
		[FRL_WHY_CAPACITY] = WHY_OUT_OF_RESOURCES,
		[FRL_WHY_BROKEN] = WHY_PLUGIN_ERROR,
		[FRL_WHY_TIMEOUT] = WHY_TIMEOUT,
	};
	struct link *link = link_of(pub);
	enum why end = WHY_REFUSED;

	if ((unsigned)why < sizeof(ends))
		end = (enum why)ends[why];
	chain_note(link->place->chain, why, end, link->plugin->name, text);
	return (FRL_REFUSE);
}

void
chain_host(struct frl_host *host)
{
	host->pass = host_pass;
	host->drop = host_drop;
	host->insert = host_insert;
	host->end = host_end;
	host->need = host_need;
	host->pause = host_pause;
	host->again = host_again;
	host->moved = host_moved;
	host->handoff = host_handoff;
	host->permits = host_permits;
	host->next = host_next;
	host->set_timer = host_set_timer;
	host->set_idle = host_set_idle;
	host->quiet = host_quiet;
	host->cut = host_cut;
	host->wanted = host_wanted;
	host->publish = host_publish;
	host->ask = host_ask;
	host->report = host_report;
	host->refuse = host_refuse;
}
