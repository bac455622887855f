/* SPDX-License-Identifier: MIT */
/*
 * events -- typed records on their way to hooks and sinks.
 *
 *	events_publish --> hooks, in order --> a line in each sink that
 *	    |               |                  wants it
 *	    |               +-- WAIT: a deep copy stays; events_resume or the
 *	    |                   deadline goes on with the remaining hooks
 *	    +-- nobody interested: one branch
 *
 * An event type is declared once (struct frl_event) and compiled into a slot:
 * the JSON keys of its fields as finished pieces of text, the sinks that want
 * it, its hooks.  Knows nothing of tunnels but what an origin says.
 */
#ifndef FLOW_EVENTS_H
#define FLOW_EVENTS_H

#include "base/err.h"
#include "net/loop.h"

#include <fairlead/inspector.h>

#define EVENTS_SINKS_MAX 4
#define EVENTS_TAP EVENTS_SINKS_MAX	/* its number among them */

struct events;
struct sink;
struct event_slot;
struct event_part;
struct bars;

/* Who publishes: part of a tunnel.  Zeroed memory with `tunnel` set; NULL
 * for what the proxy itself says. */
struct origin {
	const struct frl_tunnel *tunnel;
	struct event_part *parts;	/* of tunnel.close */
	uint32_t seq[EVENTS_SINKS_MAX + 1]; /* lines of this tunnel per sink */
	bool usual_id;			/* tunnel->id is ID_SIZE - 1 plain
					 * characters */
	uint32_t number;		/* of the tunnel in crumbs, from 1 */
};

/* Whose hook it is; the pointers are borrowed for the events' life. */
struct hook_owner {
	void *instance;
	const char *plugin;		/* the name for refusals */
	unsigned number;		/* in crumbs and bars; 0: none */
	const struct bars *bars;	/* who is not called; or NULL */
	bool fail_open;
};

/* The verdict with who gave it and why. */
struct decision {
	enum frl_verdict verdict;
	const char *plugin;		/* who refused or failed; or NULL */
	bool barred;			/* it was not even asked (bars.h) */
	char reason[FRL_REASON_SIZE];
};

/* Who is told of a verdict that had to wait; copied where it must. */
struct asker {
	void (*decided)(void *arg, const struct frl_event *event,
	    const void *record, const struct decision *decision);
	void *arg;
};

struct events_options {
	struct loop *loop;
	const char *node;		/* NULL: the host's name */
	uint64_t wait_ms;		/* deadline of a WAIT, then refusal */
};

/* NULL without memory. */
struct events *events_create(const struct events_options *options);

/* Flushes what can be written, says what could not. */
void events_free(struct events *events);

enum sink_format {
	SINK_JSON,
	SINK_TEXT,
	SINK_BOTH		/* of a tap: JSON, a tab, the text */
};
enum sink_on_full { SINK_BLOCK, SINK_DROP };
enum sink_audit { SINK_OPTIONAL, SINK_REQUIRED };

struct sink_options {
	const char *file;		/* a path, "-" for stdout, or
					 * "/dev/stderr" */
	enum sink_format format;
	enum sink_on_full on_full;
	enum sink_audit audit;		/* see flow/audit.h */
	struct frl_strings events;	/* "tunnel.*", "ws.frame", "*" */
};

/* Who writes the file in our place. */
struct sink_logger {
	int memory;			/* of the spool (base/spool.h) */
	void (*kick)(void *arg);	/* there are lines in it */
	void *arg;
};

/* Open a sink; logger: or NULL, and we write the file ourselves.  -1 and a
 * sentence that names the file. */
int events_add_sink(struct events *events, const struct sink_options *options,
    const struct sink_logger *logger, struct err *err);

/*
 * Somebody looks on: every event goes into the logger's memory (borrow for the
 * call), too, as SINK_BOTH, and its JSON says where its tunnel leads ("to").
 * Lines for which there is no room are lost, and that is said.  A second tap
 * replaces the first.  0, or -1 without memory.
 */
int events_tap(struct events *events, const struct sink_logger *logger);
void events_untap(struct events *events);

/* The logger took lines, after one of its spools wanted room. */
void events_took(struct events *events);

/*
 * Make an event type known.  event: borrow, for the life of events.
 * Declaring the same pointer twice gives the same slot.  NULL and a sentence:
 * a malformed table, or a name that another table has taken.
 */
const struct event_slot *events_declare(struct events *events,
    const struct frl_event *event, struct err *err);

/* Every declared event in the order of declaration; NULL ends. */
const struct frl_event *events_at(const struct events *events, size_t i);

/*
 * Add a hook for an event that is or will be declared; hooks are asked in the
 * order they were added.
 */
int events_hook(struct events *events, const struct frl_hook *hook,
    const struct hook_owner *owner, struct err *err);

/* Call once all is declared: hooks of unknown events are an error. */
int events_seal(struct events *events, struct err *err);

/* Does a pattern of sink_options.events match anything?  Call once all is
 * declared. */
bool events_known(const struct events *events, const char *pattern);

/* Does any sink or hook want it? */
bool events_wanted(const struct event_slot *slot);

/* Does any hook?  Only then can a verdict differ from FRL_OK. */
bool events_hooked(const struct event_slot *slot);

/*
 * Publish.  flow: enum frl_flow, or -1.  record: borrow.  decision is
 * written in any case where the verdict is not FRL_OK.
 *
 * FRL_WAIT: *ret_token names the question; asker->decided is called exactly
 * once, from the loop, unless events_forget comes first.  With asker NULL
 * nobody can wait: FRL_WAIT of a hook counts as a refusal.
 */
enum frl_verdict events_publish(struct events *events,
    const struct event_slot *slot, struct origin *origin, int flow,
    const void *record, const struct asker *asker,
    struct decision *decision, uint64_t *ret_token);

/* The same for what is not to be logged: hooks are asked, a line is written
 * only when one objects. */
enum frl_verdict events_ask(struct events *events,
    const struct event_slot *slot, struct origin *origin, int flow,
    const void *record, const struct asker *asker,
    struct decision *decision, uint64_t *ret_token);

/* A hook's late answer; inert for tokens nobody waits for. */
void events_resume(struct events *events, uint64_t token,
    enum frl_verdict verdict, const char *reason);

/* The asker is gone. */
void events_forget(struct events *events, uint64_t token);

/* Keep a deep copy of a record whose fields will stand in the origin's
 * tunnel.close line; replaces an earlier one of the same slot. */
void events_report(struct events *events, const struct event_slot *slot,
    struct origin *origin, const void *record);

/* Publish without anyone to ask, with the origin's parts behind the record's
 * fields; then the parts are freed. */
void events_last(struct events *events, const struct event_slot *slot,
    struct origin *origin, const void *record);

/*
 * Write a line with the origin's parts to memory, without a newline, for no
 * sink; hooks are not told.  Its size, or 0: it did not fit.
 */
size_t events_write(struct events *events, const struct event_slot *slot,
    const struct origin *origin, const void *record, char *ret, size_t size);

/* Must readers stop because a sink that may not drop is full?  Where to look:
 * it is asked several times per read. */
const bool *events_stalled(const struct events *events);

/* fn(arg) whenever *events_stalled() has become false again. */
void events_on_room(struct events *events, void (*fn)(void *arg), void *arg);

/* A sink, as they were added (borrow). */
const struct sink *events_sink(const struct events *events, size_t i);

/* Open the files of all sinks anew (log rotation). */
void events_reopen(struct events *events);

/* Write what is pending; waits up to ms for a slow reader.  0 if all is
 * written. */
int events_flush(struct events *events, uint64_t ms);

/* Lines produced, written and dropped so far, over all sinks. */
struct events_counts {
	uint64_t produced, written, dropped;
};
void events_count(const struct events *events, struct events_counts *ret);

/* A deep copy of a record in one allocation (free() it), or NULL. */
void *events_copy(const struct event_slot *slot, const void *record);

#endif
