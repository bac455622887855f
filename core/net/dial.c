/* SPDX-License-Identifier: MIT */
/*
 * dial -- from a target to a connected socket (RFC 8305).
 *
 * Knows no policy: it asks allow() and ask().  Which address is next, names
 * says.
 *
 *	           no address at all ------------------------------+
 *	          /                                                v
 *	NAMES ---+-- IPv6 there, or IPv4 and 50 ms ----> TRY ---> done
 *	                                                 | ^
 *	                      ask(): DIAL_WAIT           v | dial_decide()
 *	                                                ASKING
 *
 * NAMES	no address was tried; queries run.
 * TRY		attempts run; the next begins after 250 ms or a failure.
 *		Queries may still run and bring more addresses.
 * ASKING	as TRY, but no attempt begins, and the time for connecting
 *		stands still while nothing is under way.
 *
 * What always holds: handlers run from the loop only; busy is true while
 * allow() or ask() runs, and a dial that is cancelled then is freed once they
 * have returned.  done() comes after the dial is gone.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/dial.h"
#include "net/fault.h"
#include "net/names.h"

#define RESOLUTION_DELAY_MS 50		/* RFC 8305, 3 */
#define ATTEMPT_DELAY_MS 250		/* RFC 8305, 5 */

enum phase { NAMES, TRY, ASKING };

struct attempt {
	struct dial *dial;
	struct watch watch;
	struct addr addr;
	int fd;			/* -1: not under way */
};

struct dial {
	struct dial_options options;
	const struct dial_handlers *handlers;
	void *arg;
	struct target target;
	enum phase phase;
	bool busy, dead, decided;
	bool counted;		/* in options->connects */
	enum dial_verdict verdict;
	struct timer kick;	/* the next step, from the loop */
	struct timer pace;	/* the two delays */
	struct timer limit;	/* resolve_ms, then connect_ms */
	struct names names;
	uint64_t start_us, try_us;
	uint64_t limit_us;	/* when limit expires */
	uint64_t left_us;	/* of it, while it stands still */
	struct addr asked;
	unsigned nattempts, running;
	struct fault fault;
	struct dial_result result;
	struct attempt attempts[NAMES_MAX];	/* the last member */
};

_Static_assert(sizeof(((struct fault *)0)->text) ==
    sizeof(((struct dial_result *)0)->text), "a fault's text is copied");

static void dial_step(void *arg);
static void dial_limit(void *arg);

/* ------------------------------------------------------------------ */
/* Ends									*/

/* Nothing of it runs any more. */
static void
dial_halt(struct dial *dial)
{
	struct attempt *attempt;
	unsigned i;

	timer_stop(&dial->kick);
	timer_stop(&dial->pace);
	timer_stop(&dial->limit);
	if (dial->counted)
		quota_give(dial->options.connects);
	dial->counted = false;
	names_cancel(&dial->names);
	for (i = 0; i < dial->nattempts; i++) {
		attempt = &dial->attempts[i];
		if (attempt->fd == -1)
			continue;
		watch_stop(&attempt->watch);
		close(attempt->fd);
		attempt->fd = -1;
	}
}

static void
dial_done(struct dial *dial)
{
	void (*done)(void *, const struct dial_result *) =
	    dial->handlers->done;
	struct dial_result result = dial->result;
	void *arg = dial->arg;

	dial_halt(dial);
	free(dial);
	done(arg, &result);
}

static void
dial_failed(struct dial *dial)
{
	uint64_t now = loop_now_us(dial->options.loop);

	dial->result.fd = -1;
	dial->result.why = dial->fault.why;
	memcpy(dial->result.text, dial->fault.text,
	    sizeof(dial->result.text));
	if (dial->phase == NAMES)
		dial->result.dns_us = now - dial->start_us;
	else
		dial->result.connect_us = now - dial->try_us;
	dial_done(dial);
}

/* ------------------------------------------------------------------ */
/* The time limit							*/

static void
limit_start(struct dial *dial, uint64_t us)
{

	dial->limit_us = loop_now_us(dial->options.loop) + us;
	timer_start(dial->options.loop, &dial->limit, (us + 999) / 1000,
	    dial_limit, dial);
}

/* The time that a verdict takes is not the server's. */
static void
limit_hold(struct dial *dial)
{
	uint64_t now = loop_now_us(dial->options.loop);

	dial->left_us = dial->limit_us > now ? dial->limit_us - now : 0;
	timer_stop(&dial->limit);
}

static void
dial_limit(void *arg)
{
	struct dial *dial = arg;
	unsigned i;

	if (dial->phase == NAMES) {
		names_cancel(&dial->names);
		fault_dns(&dial->fault, FAULT_DNS, WHY_DNS_TIMEOUT,
		    dial->target.host,
		    "the name servers did not answer in time");
		dial_step(dial);
		return;
	}
	for (i = 0; i < dial->nattempts; i++)
		if (dial->attempts[i].fd != -1)
			fault_connect(&dial->fault,
			    &dial->attempts[i].addr, ETIMEDOUT);
	fault_note(&dial->fault, FAULT_CONNECT, WHY_CONNECT_TIMEOUT,
	    "connect: the time is up");
	dial_failed(dial);
}

/* ------------------------------------------------------------------ */
/* Attempts								*/

static void
attempt_won(struct attempt *attempt)
{
	struct dial *dial = attempt->dial;
	struct dial_result *result = &dial->result;

	result->fd = attempt->fd;
	attempt->fd = -1;	/* given away */
	result->addr = attempt->addr;
	result->connect_us = loop_now_us(dial->options.loop) - dial->try_us;
	result->why = WHY_NONE;
	result->text[0] = '\0';
	dial_done(dial);
}

static void
attempt_ready(void *arg, bool readable, bool writable)
{
	struct attempt *attempt = arg;
	struct dial *dial = attempt->dial;
	int error;

	/* This attempt is no longer under way. */
	watch_stop(&attempt->watch);
	dial->running--;
	error = !readable && !writable ? ENOMEM :
	    sock_connect_result(attempt->fd, &attempt->addr);
	if (error == 0) {
		attempt_won(attempt);
		return;
	}
	close(attempt->fd);
	attempt->fd = -1;
	fault_connect(&dial->fault, &attempt->addr, error);
	if (dial->phase == ASKING) {
		if (dial->running == 0 && timer_running(&dial->limit))
			limit_hold(dial);
		return;
	}
	dial_step(dial);
}

/* May it be connected to?  Asked of the bytes that connect(2) is given. */
static enum why
judge(struct dial *dial, const struct addr *addr)
{
	const char *text = "";
	enum why why = WHY_NONE;

	if (dial->handlers->allow != NULL) {
		dial->busy = true;
		why = dial->handlers->allow(dial->arg, addr, &text);
		dial->busy = false;
	}
	if (why != WHY_NONE)
		fault_addr(&dial->fault, FAULT_ALLOW, why, addr, text);
	return (why);
}

/* Somebody else will connect to it. */
static void
attempt_found(void *arg)
{
	struct dial *dial = arg;

	dial->result.addr = dial->asked;
	dial->result.why = WHY_NONE;
	dial->result.text[0] = '\0';
	dial_done(dial);
}

/* True if it is under way. */
static bool
attempt_start(struct dial *dial, const struct addr *addr)
{
	struct attempt *attempt = &dial->attempts[dial->nattempts - 1];
	int fd;

	if (judge(dial, addr) != WHY_NONE || dial->dead)
		return (false);
	if (dial->options.find) {
		timer_start(dial->options.loop, &dial->kick, 0,
		    attempt_found, dial);
		return (true);
	}
	if ((fd = sock_connect(addr)) == -1) {
		fault_connect(&dial->fault, addr, errno);
		return (false);
	}
	attempt->fd = fd;
	attempt->addr = *addr;
	dial->running++;
	watch_set(dial->options.loop, &attempt->watch, fd, 2, attempt_ready,
	    attempt);
	return (true);
}

/* What does ask() say of the address?  A dial that died meanwhile: WAIT. */
static enum dial_verdict
question(struct dial *dial)
{
	struct attempt *attempt = &dial->attempts[dial->nattempts++];
	enum dial_verdict verdict;

	*attempt = (struct attempt){ .dial = dial, .fd = -1 };
	dial->result.attempts = dial->nattempts;
	if (dial->handlers->ask == NULL)
		return (DIAL_OK);
	dial->phase = ASKING;
	dial->busy = true;
	verdict = dial->handlers->ask(dial->arg, &dial->asked,
	    dial->nattempts);
	dial->busy = false;
	if (dial->dead)
		return (DIAL_WAIT);
	if (verdict != DIAL_WAIT) {
		dial->phase = TRY;
		dial->decided = false;
	} else if (dial->running == 0)
		limit_hold(dial);
	return (verdict);
}

/* Act on a verdict.  True if an attempt is under way now. */
static bool
follow(struct dial *dial, enum dial_verdict verdict)
{

	if (verdict == DIAL_OK)
		return (attempt_start(dial, &dial->asked));
	fault_addr(&dial->fault, FAULT_ASK, WHY_REFUSED, &dial->asked,
	    why_row(WHY_REFUSED)->text);
	return (false);
}

/* Take up addresses until one is under way or has to wait. */
static void
dial_try(struct dial *dial)
{
	enum dial_verdict verdict;
	bool started = false;

	if (dial->decided) {
		dial->decided = false;
		dial->phase = TRY;
		if (!timer_running(&dial->limit))
			limit_start(dial, dial->left_us);
		started = follow(dial, dial->verdict);
	}
	while (!started && !dial->dead) {
		if (!names_next(&dial->names, &dial->asked))
			break;
		if (judge(dial, &dial->asked) != WHY_NONE)
			continue;
		if (dial->dead || (verdict = question(dial)) == DIAL_WAIT)
			break;
		started = follow(dial, verdict);
	}
	if (dial->dead) {
		free(dial);
		return;
	}
	if (started)
		timer_start(dial->options.loop, &dial->pace,
		    ATTEMPT_DELAY_MS, dial_step, dial);
	else if (dial->phase == TRY && dial->running == 0 &&
	    !names_pending(&dial->names))
		dial_failed(dial);
}

/* ------------------------------------------------------------------ */
/* Steps								*/

static void
dial_step(void *arg)
{
	struct dial *dial = arg;

	assert(dial->phase != ASKING || dial->decided);
	timer_stop(&dial->pace);
	if (dial->phase == NAMES) {
		if (!names_known(&dial->names)) {
			dial_failed(dial);
			return;
		}
		if (!quota_take(dial->options.connects)) {
			fault_note(&dial->fault, FAULT_CONNECT, WHY_LIMIT,
			    "too many pending connects");
			dial_failed(dial);
			return;
		}
		dial->counted = true;
		dial->phase = TRY;
		dial->try_us = loop_now_us(dial->options.loop);
		dial->result.dns_us = dial->try_us - dial->start_us;
		limit_start(dial, dial->options.connect_ms * 1000);
	}
	dial_try(dial);
}

static void
dial_answered(void *arg, const struct answer *answer)
{
	struct dial *dial = arg;

	if (dial->phase == NAMES) {
		if (names_ready(&dial->names))
			dial_step(dial);
		else if (answer->count != 0)
			timer_start(dial->options.loop, &dial->pace,
			    RESOLUTION_DELAY_MS, dial_step, dial);
		return;
	}
	/* Later than the first attempt: another may be due. */
	if (dial->phase == TRY && !timer_running(&dial->pace))
		dial_step(dial);
}

/* ------------------------------------------------------------------ */
/* What the header promises						*/

struct dial *
dial_start(const struct dial_options *options, const struct target *target,
    const struct dial_handlers *handlers, void *arg)
{
	struct dial *dial;

	/* Attempts are wiped when they begin: few ever do. */
	if ((dial = malloc(sizeof(*dial))) == NULL)
		return (NULL);
	memset(dial, 0, offsetof(struct dial, attempts));
	dial->options = *options;
	dial->handlers = handlers;
	dial->arg = arg;
	dial->target = *target;
	dial->result.fd = -1;
	dial->start_us = loop_now_us(options->loop);
	if (target->kind != TARGET_NAME) {
		names_give(&dial->names, &dial->target);
		timer_start(options->loop, &dial->kick, 0, dial_step, dial);
		return (dial);
	}
	if (names_ask(&dial->names, options->resolver, &dial->target,
	    &dial->fault, dial_answered, dial) == -1) {
		dial_cancel(dial);
		return (NULL);
	}
	limit_start(dial, options->resolve_ms * 1000);
	return (dial);
}

void
dial_decide(struct dial *dial, enum dial_verdict verdict)
{

	if (dial->phase != ASKING || dial->decided || verdict == DIAL_WAIT)
		return;
	dial->verdict = verdict;
	dial->decided = true;
	timer_start(dial->options.loop, &dial->kick, 0, dial_step, dial);
}

void
dial_cancel(struct dial *dial)
{

	if (dial == NULL)
		return;
	dial_halt(dial);
	dial->dead = true;
	if (!dial->busy)
		free(dial);
}
