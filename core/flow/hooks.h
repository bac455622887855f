/* SPDX-License-Identifier: MIT */
/*
 * hooks -- asks the hooks of an event, and waits for those that answer later.
 *
 *	         hooks_ask
 *	            |   OK or REFUSE
 *	            +------------------> the caller's verdict
 *	            | WAIT
 *	            v
 *	  +---> waiting ---- deadline -------> REFUSE --+
 *	  |         | hooks_resume, one loop turn       +--> settled(),
 *	  |         v                                   |    asker->decided()
 *	  +------ the hooks behind -----> verdict ------+
 *	   WAIT
 *
 * It writes no line and opens no sink: the innards that it shares with
 * events.c stand here.  The first refusal ends the asking.
 */
#ifndef FLOW_HOOKS_H
#define FLOW_HOOKS_H

#include "flow/events.h"
#include "flow/line.h"

#define HOOKS_PER_EVENT 250

struct hooks;
struct question;

struct hook {
	char *event;			/* which event; a copy */
	enum frl_verdict (*ask)(void *, struct frl_question *);
	void *instance;
	const char *plugin;
	unsigned number;		/* of the plugin */
	const struct bars *bars;	/* or NULL */
	bool fail_open;
	bool bound;			/* the event is declared */
};

/* A declared event. */
struct event_slot {
	const struct frl_event *event;
	struct line_plan *plan;
	const struct hook **hooks;	/* in the order they are asked */
	size_t hooks_count;
	uint32_t sinks;			/* bit i: sink i wants it */
	bool wanted;			/* somebody does */
};

/* One event on its way; borrowed, or a question's own copy. */
struct publication {
	const struct event_slot *slot;
	struct origin *origin;
	const void *record;
	const struct event_part *parts;
	uint64_t wall_us;
	int flow;
	bool quiet;			/* no line unless refused */
};

struct hooks_options {
	struct loop *loop;
	uint64_t wait_ms;		/* 0: for ever */
	/* A question that waited has its verdict. */
	void (*settled)(void *arg, const struct publication *publication,
	    enum frl_verdict verdict);
	/* A hook failed. */
	void (*failed)(void *arg, const struct publication *publication,
	    const struct hook *hook, const char *reason);
	void *arg;
};

/* NULL without memory. */
struct hooks *hooks_create(const struct hooks_options *options);

/* Who still waits is not told. */
void hooks_free(struct hooks *hooks);

/*
 * Ask all hooks of publication->slot, which has some.  OK, REFUSE, or with an
 * asker WAIT and a token.  decision is written unless the answer is OK.
 */
enum frl_verdict hooks_ask(struct hooks *hooks,
    const struct publication *publication, const struct asker *asker,
    struct decision *decision, uint64_t *ret_token);

/* Tell them; their answers do not count. */
void hooks_tell(struct hooks *hooks, const struct publication *publication);

/* As events_resume and events_forget; forgetting settles as refused. */
void hooks_resume(struct hooks *hooks, uint64_t token,
    enum frl_verdict verdict, const char *reason);
void hooks_forget(struct hooks *hooks, uint64_t token);

#endif
