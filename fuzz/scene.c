/* SPDX-License-Identifier: MIT */
/* scene -- see scene.h. */
#include "scene.h"

#include "flow/hooks.h"

#define LIMIT 8192u
#define LIMIT_SMALL 300u

static void
add(uint8_t **mem, size_t *len, const void *bytes, size_t n)
{
	*mem = realloc(*mem, *len + n + 1);
	MUST(*mem != NULL);
	if (n > 0)
		memcpy(*mem + *len, bytes, n);
	*len += n;
	(*mem)[*len] = '\0';
}

/* Words of a line; the last is NULL. */
static void
note(struct scene *s, const char *const *words)
{
	for (; *words != NULL; words++) {
		s->log = realloc(s->log, s->log_len + strlen(*words) + 3);
		MUST(s->log != NULL);
		s->log_len += (size_t)sprintf(s->log + s->log_len, "%s%s",
		    *words, words[1] == NULL ? "\n" : " ");
	}
}

#define NOTE(s, ...) note(s, (const char *const []){ __VA_ARGS__, NULL })

/* ------------------------------------------------------------------ */
/* What the chain asks for						*/

static void
op_out(void *arg, enum frl_flow flow, const uint8_t *bytes, size_t len)
{
	struct scene *s = arg;

	MUST(!s->fin[flow]);
	add(&s->out[flow], &s->out_len[flow], bytes, len);
}

static void
op_fin(void *arg, enum frl_flow flow)
{
	struct scene *s = arg;

	MUST(!s->fin[flow]);
	s->fin[flow] = true;
}

static void
op_refused(void *arg, const struct chain_refusal *refusal)
{
	struct scene *s = arg;

	MUST(s->refused == NULL);
	s->refused = refusal->plugin != NULL ? refusal->plugin : "core";
	NOTE(s, "refused", s->refused, refusal->text);
}

static void
deny(struct scene *s, struct link *link, enum frl_flow flow,
    const struct frl_event *event, struct decision *decision)
{
	decision->verdict = FRL_REFUSE;
	decision->plugin = link_plugin(link)->name;
	snprintf(decision->reason, sizeof(decision->reason), "because");
	if (s->denied != NULL)
		return;
	s->denied = event;
	s->denied_flow = flow;
	s->denied_at = s->out_len[flow];
}

/* The record as the core keeps it. */
static void
wait_for(struct scene *s, struct link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record)
{
	const struct event_slot slot = { .event = event };

	MUST(s->asked < SCENE_QUESTIONS);
	for (size_t i = 0; i < s->asked; i++)
		MUST(s->questions[i].link != link ||
		    s->questions[i].flow != flow);
	s->questions[s->asked] = (struct scene_question){ link, flow, event,
		events_copy(&slot, record) };
	MUST(s->questions[s->asked++].record != NULL);
}

/* The oldest question is answered, if there is one. */
static bool
answer(struct scene *s, bool yes)
{
	struct decision decision = { .verdict = FRL_OK };
	struct scene_question q = s->questions[0];

	if (s->asked == 0)
		return (false);
	memmove(s->questions, s->questions + 1, --s->asked * sizeof(q));
	NOTE(s, "answered", q.event->name);
	if (!yes && s->options->hooks == SCENE_ASKS)
		deny(s, q.link, q.flow, q.event, &decision);
	chain_decide(q.link, q.flow, q.event, q.record, &decision);
	free(q.record);
	return (true);
}

/* The text fields: what kind of error it is, above all. */
static enum frl_verdict
op_publish(void *arg, struct link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    struct decision *decision)
{
	struct scene *s = arg;

	NOTE(s, flow == FRL_FROM_CLIENT ? "c2s" : "s2c", event->name);
	for (const struct frl_field *f = event->fields; f->name != NULL; f++) {
		const char *name;

		if (f->type != FRL_NAME)
			continue;
		memcpy(&name, (const uint8_t *)record + f->offset,
		    sizeof(name));
		if (name != NULL)
			NOTE(s, f->name, name);
	}
	memset(decision, 0, sizeof(*decision));
	if ((event->flags & FRL_EVENT_ASKS) != 0 && s->objects) {
		s->objects = false;
		deny(s, link, flow, event, decision);
	} else if ((event->flags & FRL_EVENT_ASKS) != 0 && s->defers) {
		s->defers = false;
		wait_for(s, link, flow, event, record);
		decision->verdict = FRL_WAIT;
	}
	return (decision->verdict);
}

/* The link has gone, or listens no more: so late that nobody is told. */
static void
op_forget(void *arg, struct link *link, enum frl_flow flow)
{
	struct scene *s = arg;

	for (size_t i = s->asked; i-- > 0;) {
		struct scene_question *q = &s->questions[i];

		if (q->link != link || q->flow != flow)
			continue;
		free(q->record);
		*q = s->questions[--s->asked];
	}
}

static const struct plugin *
op_lookup(void *arg, const char *token, int *ret_how)
{
	return (((struct scene *)arg)->options->lookup(token, ret_how));
}

static void
op_switched(void *arg, const struct chain_switch *change)
{
	struct scene *s = arg;

	NOTE(s, "switched", change->from->name, change->to->name);
}

static void
op_closed(void *arg, struct link *link)
{
	struct scene *s = arg;

	for (size_t i = 0; i < SCENE_TIMERS; i++)
		if (s->timers[i] == link)
			s->timers[i] = NULL;
}

static void
op_set_timer(void *arg, struct link *link, uint64_t ms)
{
	struct scene *s = arg;
	size_t i;

	op_closed(arg, link);
	for (i = 0; ms != FRL_ALL && i < SCENE_TIMERS; i++)
		if (s->timers[i] == NULL)
			break;
	MUST(ms == FRL_ALL || i < SCENE_TIMERS);
	if (ms != FRL_ALL)
		s->timers[i] = link;
}

static const struct chain_ops ops = {
	.out = op_out, .fin = op_fin, .refused = op_refused,
	.publish = op_publish, .ask = op_publish, .forget = op_forget,
	.lookup = op_lookup, .switched = op_switched, .set_timer = op_set_timer,
	.closed = op_closed
};

/* ------------------------------------------------------------------ */
/* Acts									*/

/* What nobody will look at goes by another way, as in a kernel's pipe. */
static bool
skip(struct scene *s, enum frl_flow flow)
{
	struct buf *waits = &s->waits[flow];
	uint64_t n = chain_runway(s->chain, flow);

	if (s->options->k % 4 != 3 || n == 0 || buf_empty(waits))
		return (false);
	n = n < buf_len(waits) ? n : buf_len(waits);
	add(&s->out[flow], &s->out_len[flow], buf_data(waits), (size_t)n);
	buf_drain(waits, (size_t)n);
	chain_skip(s->chain, flow, n);
	return (true);
}

/* Give the chain what waits, as far as there is room. */
static bool
pump(struct scene *s, enum frl_flow flow)
{
	struct buf *waits = &s->waits[flow];
	size_t n = buf_len(waits), room;
	uint8_t *copy;
	bool over;

	if (s->told[flow] || chain_done(s->chain) || chain_left(s->chain))
		return (false);
	if (skip(s, flow))
		return (true);
	room = chain_room(s->chain, flow);
	n = n < room ? n : room;
	over = s->over[flow] && n == buf_len(waits);
	if (n == 0 && !over)
		return (false);
	copy = fuzz_copy(buf_data(waits), n);
	buf_drain(waits, n);
	s->told[flow] = over;
	chain_feed(s->chain, flow, copy, n, over);
	free(copy);
	MUST(chain_memory(s->chain) <= 4 * LIMIT * s->options->count);
	return (true);
}

static void
pump_both(struct scene *s)
{
	while (pump(s, FRL_FROM_CLIENT) || pump(s, FRL_FROM_SERVER))
		continue;
}

static void
say(struct scene *s, enum frl_flow flow, const struct act *act,
    struct dice *dice)
{
	size_t at = 0, n, whole;

	if (s->over[flow])
		return;
	add(&s->said[flow], &s->said_len[flow], act->bytes.data,
	    act->bytes.len);
	while (at < act->bytes.len) {
		whole = acts_whole(chain_protocol(s->chain)->desc, act);
		n = at >= whole ? act->bytes.len - at :
		    acts_cut(dice, s->options->k, whole - at);
		MUST(buf_append(&s->waits[flow], act->bytes.data + at,
		    n) == 0);
		at += n;
		pump_both(s);
	}
	s->over[flow] = act->what == 'C' || act->what == 'S';
	pump_both(s);
}

static void
play_timers(struct scene *s)
{
	struct link *due[SCENE_TIMERS];

	memcpy(due, s->timers, sizeof(due));
	for (size_t i = 0; i < SCENE_TIMERS; i++) {
		if (due[i] == NULL || s->timers[i] != due[i])
			continue;
		s->timers[i] = NULL;
		chain_timer(due[i]);
	}
}

static void
play_act(struct scene *s, const struct act *act, struct dice *dice)
{
	switch (act->what) {
	case 'c':
	case 'C':
		say(s, FRL_FROM_CLIENT, act, dice);
		break;
	case 's':
	case 'S':
		say(s, FRL_FROM_SERVER, act, dice);
		break;
	case 't':
		play_timers(s);
		break;
	case 'r':
		s->objects = s->options->hooks == SCENE_ASKS;
		break;
	case 'w':
		s->defers = s->options->hooks != SCENE_SILENT;
		break;
	case 'y':
	case 'n':
		(void)answer(s, act->what == 'y');
		break;
	case 'q':
		chain_refuse(s->chain, FRL_WHY_DRAIN, WHY_DRAIN, "bye");
		break;
	default:
		break;
	}
	pump_both(s);
}

struct scene *
scene_play(const struct scene_options *options)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct dice dice = dice_of(options->k);
	struct frl_bytes k = acts_bytes(options->acts, 'k');
	struct chain_options o = { .ops = &ops, .arg = s, .limit = LIMIT,
	    .forward = options->forward, .detect_ms = 1000 };

	MUST(s != NULL);
	s->options = options;
	s->tunnel = (struct frl_tunnel){ .id = "00000000-00000001",
	    .mode = options->forward ? "forward" : "connect",
	    .listener = "127.0.0.1:3128", .client_addr = "127.0.0.1",
	    .server_name = "example.com", .server_addr = "127.0.0.1",
	    .client_port = 1, .server_port = 80 };
	o.tunnel = &s->tunnel;
	s->small = k.len > 1 && (k.data[1] & 1) != 0;
	if (s->small)
		o.limit = LIMIT_SMALL;
	for (int i = 0; i < 2; i++) {
		add(&s->said[i], &s->said_len[i], "", 0);
		add(&s->out[i], &s->out_len[i], "", 0);
	}
	NOTE(s, "begin");
	s->chain = chain_open(&o, options->plugins, options->count,
	    &s->refusal);
	MUST(s->chain != NULL);
	for (size_t i = 0; i < options->acts->count; i++)
		play_act(s, &options->acts->list[i], &dice);
	/* Others are still asked when the tunnel goes. */
	while (options->hooks == SCENE_ALLOWS && answer(s, true))
		pump_both(s);
	s->left = chain_left(s->chain);
	s->defers = s->objects = false;
	chain_close(s->chain);
	MUST(s->asked == 0);
	return (s);
}

void
scene_free(struct scene *s)
{
	for (int i = 0; i < 2; i++) {
		buf_free(&s->waits[i]);
		free(s->said[i]);
		free(s->out[i]);
	}
	free(s->log);
	free(s);
}

struct frl_bytes
scene_said(const struct scene *s, enum frl_flow flow)
{
	return ((struct frl_bytes){ s->said[flow], s->said_len[flow] });
}

struct frl_bytes
scene_out(const struct scene *s, enum frl_flow flow)
{
	return ((struct frl_bytes){ s->out[flow], s->out_len[flow] });
}

void
scene_compare(const struct scene *a, const struct scene *b)
{
	if (strcmp(a->log, b->log) != 0)
		fprintf(stderr, "<%s>\n<%s>\n", a->log, b->log);
	MUST(strcmp(a->log, b->log) == 0);
	MUST(a->left == b->left);
	for (int i = 0; i < 2; i++) {
		MUST(a->fin[i] == b->fin[i]);
		MUST(a->out_len[i] == b->out_len[i]);
		MUST(memcmp(a->out[i], b->out[i], a->out_len[i]) == 0);
	}
}
