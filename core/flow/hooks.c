/* SPDX-License-Identifier: MIT */
/*
 * hooks -- asks the hooks of an event, and waits for those that answer later.
 *
 * A question has a place in a table and lives there for one publication.  Its
 * token names the place, the place's generation and the hook that was asked:
 *
 *	63        32 31    24 23          0
 *	| generation |  step  | place + 1 |
 *
 * so that an answer which comes too late, twice, or from another hook meets
 * nobody.  An asker's token, to forget by, is the same without the step.
 *
 * What always holds: a question in use is asking (a hook is on the stack) or
 * waiting (its timer runs, or wait_ms is 0 and nobody answered yet).  Policy
 * fails closed: without memory, room or an answer in time it is refused.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/crumbs.h"
#include "flow/bars.h"
#include "flow/hooks.h"

#define PLACES_MAX 0x00fffffeu
#define STEP_SHIFT 24
#define STEP_MASK ((uint64_t)0xff << STEP_SHIFT)

enum question_state { Q_FREE, Q_ASKING, Q_WAITING };

struct question {
	struct hooks *hooks;
	struct question *next;		/* while free */
	uint32_t place, generation;
	size_t step;			/* the hook that was asked */
	enum question_state state;
	struct publication publication;
	void *copy;			/* of the record, once it waits */
	struct asker asker;		/* decided NULL: nobody can wait */
	struct timer timer;		/* deadline, or one turn */
	bool answered;
	enum frl_verdict answer;
	char reason[FRL_REASON_SIZE];
};

struct hooks {
	struct hooks_options options;
	struct question **table;
	size_t count, cap;
	struct question *free;
};

struct hooks *
hooks_create(const struct hooks_options *options)
{
	struct hooks *hooks = calloc(1, sizeof(*hooks));

	if (hooks != NULL)
		hooks->options = *options;
	return (hooks);
}

void
hooks_free(struct hooks *hooks)
{
	size_t i;

	if (hooks == NULL)
		return;
	for (i = 0; i < hooks->count; i++) {
		timer_stop(&hooks->table[i]->timer);
		free(hooks->table[i]->copy);
		free(hooks->table[i]);
	}
	free(hooks->table);
	free(hooks);
}

/* ------------------------------------------------------------------ */
/* Places								*/

static int
add_place(struct hooks *hooks)
{
	size_t cap = hooks->cap == 0 ? 16 : 2 * hooks->cap;
	struct question **table, *q;

	if (hooks->count == PLACES_MAX)
		return (-1);
	if (hooks->count == hooks->cap) {
		table = realloc(hooks->table, cap * sizeof(table[0]));
		if (table == NULL)
			return (-1);
		hooks->table = table;
		hooks->cap = cap;
	}
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return (-1);
	q->hooks = hooks;
	q->place = (uint32_t)hooks->count;
	hooks->table[hooks->count++] = q;
	hooks->free = q;
	return (0);
}

static struct question *
take_place(struct hooks *hooks)
{
	struct question *q;

	if (hooks->free == NULL && add_place(hooks) != 0)
		return (NULL);
	q = hooks->free;
	hooks->free = q->next;
	q->next = NULL;
	q->state = Q_ASKING;
	return (q);
}

/* From here on its tokens are stale. */
static void
give_place(struct question *q)
{
	struct hooks *hooks = q->hooks;

	timer_stop(&q->timer);
	free(q->copy);
	q->copy = NULL;
	q->asker = (struct asker){ 0 };
	q->answered = false;
	q->generation++;
	q->state = Q_FREE;
	q->next = hooks->free;
	hooks->free = q;
}

static uint64_t
token_of(const struct question *q)
{
	return ((uint64_t)q->generation << 32 | (q->place + 1));
}

/* The question of a token, whatever its step; or NULL. */
static struct question *
find(const struct hooks *hooks, uint64_t token)
{
	uint64_t place = token & (((uint64_t)1 << STEP_SHIFT) - 1);
	struct question *q;

	if (place == 0 || place > hooks->count)
		return (NULL);
	q = hooks->table[place - 1];
	if (q->state == Q_FREE || token_of(q) != (token & ~STEP_MASK))
		return (NULL);
	return (q);
}

/* ------------------------------------------------------------------ */
/* Asking								*/

static void
copy_reason(char *to, const char *from)
{
	size_t len = from == NULL ? 0 : strnlen(from, FRL_REASON_SIZE - 1);

	if (len > 0)
		memcpy(to, from, len);
	to[len] = '\0';
}

static enum frl_verdict
refuse(struct decision *decision, const char *plugin, const char *reason)
{
	decision->verdict = FRL_REFUSE;
	decision->plugin = plugin;
	copy_reason(decision->reason, reason);
	return (FRL_REFUSE);
}

/*
 * What a hook's answer means: OK or REFUSE.  A failed hook is not its
 * publisher's failure: its own on_error says what becomes of the tunnel.
 */
static enum frl_verdict
judge(struct hooks *hooks, const struct publication *publication,
    const struct hook *hook, struct decision *decision)
{
	const struct hooks_options *o = &hooks->options;

	if (decision->verdict == FRL_OK)
		return (FRL_OK);
	decision->plugin = hook->plugin;
	if (decision->verdict == FRL_REFUSE)
		return (FRL_REFUSE);
	o->failed(o->arg, publication, hook, decision->reason);
	if (hook->fail_open)
		return (FRL_OK);
	if (decision->reason[0] == '\0')
		copy_reason(decision->reason, "the hook failed");
	decision->verdict = FRL_REFUSE;
	return (FRL_REFUSE);
}

static void
call(const struct publication *p, const struct hook *hook, uint64_t token,
    struct decision *decision)
{
	struct frl_question question = {
		.event = p->slot->event,
		.record = p->record,
		.tunnel = p->origin == NULL ? NULL : p->origin->tunnel,
		.flow = p->flow,
		.token = token
	};
	const struct origin *o = p->origin;
	char text[BARS_TEXT_SIZE];
	struct crumb was;

	if (bars_hold(hook->bars, hook->number, question.tunnel)) {
		decision->verdict = hook->fail_open ? FRL_OK : FRL_REFUSE;
		decision->barred = !hook->fail_open;
		copy_reason(decision->reason, bars_text(text, hook->plugin));
		return;
	}
	was = crumbs_enter(crumbs_who(hook->number, o == NULL ?
	    crumbs_tunnel() : o->number), CRUMBS_HOOK, question.tunnel);
	decision->verdict = hook->ask(hook->instance, &question);
	crumbs_leave(was);
	if (decision->verdict != FRL_OK)
		copy_reason(decision->reason, question.reason);
}

/* Ask from hook `step` on: OK, REFUSE, or WAIT for the hook at q->step. */
static enum frl_verdict
ask_from(struct question *q, size_t step, struct decision *decision)
{
	const struct event_slot *slot = q->publication.slot;

	q->state = Q_ASKING;
	for (; step < slot->hooks_count; step++) {
		q->step = step;
		q->answered = false;
		call(&q->publication, slot->hooks[step],
		    token_of(q) | (uint64_t)step << STEP_SHIFT, decision);
		if (decision->verdict == FRL_WAIT && q->asker.decided != NULL)
			return (FRL_WAIT);
		if (decision->verdict == FRL_WAIT)
			return (refuse(decision, slot->hooks[step]->plugin,
			    "the hook would have to wait"));
		if (judge(q->hooks, &q->publication, slot->hooks[step],
		    decision) != FRL_OK)
			return (FRL_REFUSE);
	}
	return (FRL_OK);
}

/* ------------------------------------------------------------------ */
/* Waiting								*/

/* The verdict is there: write the line, then tell the asker. */
static void
settle(struct question *q, struct decision *decision)
{
	const struct hooks_options *o = &q->hooks->options;
	const struct publication publication = q->publication;
	const struct asker asker = q->asker;
	void *copy = q->copy;

	q->copy = NULL;
	give_place(q);
	o->settled(o->arg, &publication, decision->verdict);
	asker.decided(asker.arg, publication.slot->event, copy, decision);
	free(copy);
}

static void	waited(void *);

static void
wait_on(struct question *q)
{
	const struct hooks_options *o = &q->hooks->options;

	q->state = Q_WAITING;
	if (q->answered)
		timer_start(o->loop, &q->timer, 0, waited, q);
	else if (o->wait_ms != 0)
		timer_start(o->loop, &q->timer, o->wait_ms, waited, q);
}

/* The answer is there, or will not come. */
static void
waited(void *arg)
{
	struct question *q = arg;
	const struct hook *hook = q->publication.slot->hooks[q->step];
	struct decision decision = { .verdict = q->answer };
	enum frl_verdict verdict;

	if (q->answered) {
		copy_reason(decision.reason, q->reason);
		verdict = judge(q->hooks, &q->publication, hook, &decision);
	} else {
		verdict = refuse(&decision, hook->plugin,
		    "no verdict in time");
	}
	if (verdict == FRL_OK)
		verdict = ask_from(q, q->step + 1, &decision);
	if (verdict == FRL_WAIT) {
		wait_on(q);
		return;
	}
	if (verdict == FRL_OK)
		decision = (struct decision){ .verdict = FRL_OK };
	settle(q, &decision);
}

enum frl_verdict
hooks_ask(struct hooks *hooks, const struct publication *publication,
    const struct asker *asker, struct decision *decision,
    uint64_t *ret_token)
{
	struct question *q = take_place(hooks);
	enum frl_verdict verdict;

	decision->plugin = NULL;
	decision->barred = false;
	decision->reason[0] = '\0';
	if (q == NULL)
		return (refuse(decision, NULL, "out of memory"));
	q->publication = *publication;
	if (asker != NULL)
		q->asker = *asker;
	verdict = ask_from(q, 0, decision);
	if (verdict == FRL_WAIT) {
		q->copy = events_copy(publication->slot,
		    publication->record);
		if (q->copy != NULL) {
			q->publication.record = q->copy;
			*ret_token = token_of(q);
			wait_on(q);
			return (FRL_WAIT);
		}
		verdict = refuse(decision, NULL, "out of memory");
	}
	give_place(q);
	decision->verdict = verdict;
	return (verdict);
}

void
hooks_tell(struct hooks *hooks, const struct publication *publication)
{
	const struct event_slot *slot = publication->slot;
	struct decision decision;
	size_t i;

	for (i = 0; i < slot->hooks_count; i++) {
		decision.reason[0] = '\0';
		call(publication, slot->hooks[i], 0, &decision);
		if (decision.verdict == FRL_FAIL)
			judge(hooks, publication, slot->hooks[i], &decision);
	}
}

void
hooks_resume(struct hooks *hooks, uint64_t token, enum frl_verdict verdict,
    const char *reason)
{
	struct question *q = find(hooks, token);

	/* Only the hook that was asked last, and only once. */
	if (q == NULL || q->answered ||
	    (token & STEP_MASK) >> STEP_SHIFT != q->step)
		return;
	q->answered = true;
	q->answer = verdict == FRL_OK || verdict == FRL_REFUSE ? verdict :
	    FRL_FAIL;
	copy_reason(q->reason, reason);
	if (q->state == Q_WAITING)
		wait_on(q);
}

void
hooks_forget(struct hooks *hooks, uint64_t token)
{
	const struct hooks_options *o = &hooks->options;
	struct question *q = find(hooks, token);
	struct publication publication;
	void *copy;

	if (q == NULL || q->state != Q_WAITING)
		return;
	publication = q->publication;
	copy = q->copy;
	q->copy = NULL;
	give_place(q);
	/* What was published has its line; nothing of it went on. */
	o->settled(o->arg, &publication, FRL_REFUSE);
	free(copy);
}
