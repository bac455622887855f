/* SPDX-License-Identifier: MIT */
/*
 * fake_host -- a host for one link, for the tests of a protocol plugin.
 *
 * It follows the chain's rules 1-9 for a chain that has only the protocol
 * link: verbs are recorded and carried out after the callback; what is held
 * is shown again from its first byte; credit runs ahead; ends, farewell and
 * handoff come in their order.  It is no chain: no other links, no time.
 * What a peer sends above the hold limit waits outside, as in a socket.
 *
 * It also watches the plugin: verbs in open or close, callbacks for flows
 * that cannot be called, and endless loops abort the test.  Bytes are shown
 * in memory that is freed after the call, so that the sanitizer finds a
 * plugin that keeps a borrowed pointer.
 *
 *	struct fake *f = fake_create(&(struct fake_options){
 *	    .plugin = &frl_plugin, .options = &options,
 *	    .tokens = (const char *const[]){ "websocket", NULL } });
 *	fake_text(f, FRL_FROM_CLIENT, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
 *	assert_non_null(fake_event(f, "http.request", 0));
 *	fake_free(f);
 */
#ifndef TESTS_PLUGINS_FAKE_HOST_H
#define TESTS_PLUGINS_FAKE_HOST_H

#include <fairlead/inspector.h>

struct fake;

struct fake_options {
	const struct frl_plugin *plugin;
	const void *options;		/* for load(); borrow for life */
	size_t limit;			/* held bytes per flow; 0: 64 KiB */
	const char *const *tokens;	/* named in `upgrade`; NULL ends */
	bool star;			/* `upgrade` has "*" */
	bool handoff_fails;		/* permitted, but does not open */
	int barred;			/* so many permits() are answered
					 * before all are with -1; 0: never */
	const struct frl_context *context;	/* for open(), or NULL */
	uint64_t moved[2];		/* where moved() begins */
	bool forward;			/* mode forward, to example.com:80 */
	const struct frl_parent *parent;	/* that is asked, or NULL */
	bool quiet;			/* what load() says is not shown */
};

/*
 * Load the plugin and open its link.  NULL: load() or open() did not answer
 * FRL_OK (what it said is on stderr).
 */
struct fake *fake_create(const struct fake_options *options);

/* Close the link if it is still open, unload, free.  NULL is fine. */
void fake_free(struct fake *f);

/* -- what the peers and the core do ---------------------------------- */

/* A peer sends these bytes (copy), and with `over` its end behind them. */
void fake_feed(struct fake *f, enum frl_flow flow, const void *bytes,
    size_t len, bool over);

/* The same for text, without an end; and an end alone. */
void fake_text(struct fake *f, enum frl_flow flow, const char *text);
void fake_over(struct fake *f, enum frl_flow flow);

/* The core ends the tunnel: drain, reload, ... */
void fake_refuse(struct fake *f, enum frl_why why, const char *name,
    const char *reason);

/* The timer fires, if it is set (false: it is not).  The delay that was
 * asked for last; FRL_ALL: none. */
bool fake_timer(struct fake *f);
uint64_t fake_timer_ms(const struct fake *f);

/* The clock only goes on by this. */
void fake_advance(struct fake *f, uint64_t us);

/*
 * The hooks' answers, one per publication of that event, in the order of
 * the calls (16 at most, all events together); then FRL_OK.  FRL_WAIT:
 * fake_decide() brings the verdict.  Only events that ASK take part.
 */
void fake_answer(struct fake *f, const char *event,
    enum frl_verdict verdict);

/* The verdict for a flow that waits; false: nothing waits there. */
bool fake_decide(struct fake *f, enum frl_flow flow,
    enum frl_verdict verdict);

/* From now on wanted() answers this; true at first. */
void fake_want(struct fake *f, bool wanted);

/* -- what came of it -------------------------------------------------- */

/* Everything that left the link on this flow (borrow until the next
 * call; NUL-terminated behind its length). */
struct frl_bytes fake_output(const struct fake *f, enum frl_flow flow);
bool fake_output_is(const struct fake *f, enum frl_flow flow,
    const char *text);

/* Has the flow ended (FIN)?  Is the link closed, and by itself? */
bool fake_ended(const struct fake *f, enum frl_flow flow);
bool fake_closed(const struct fake *f);

/* What is held; after a handoff: what the new link is shown, with all that
 * came later. */
struct frl_bytes fake_held(const struct fake *f, enum frl_flow flow);

/* Credit at the front of the queue that waits for bytes: of a pass or of a
 * drop (FRL_ALL: the rest). */
uint64_t fake_credit(const struct fake *f, enum frl_flow flow);

bool fake_paused(const struct fake *f, enum frl_flow flow);
uint64_t fake_moved(const struct fake *f, enum frl_flow flow);
uint64_t fake_idle(const struct fake *f);

/* Was cut() called? */
bool fake_cut(const struct fake *f, enum frl_flow flow);

/* How often quiet() was called. */
unsigned int fake_quiets(const struct fake *f);

/* How often data() was called on this flow. */
unsigned int fake_calls(const struct fake *f, enum frl_flow flow);

/*
 * Events in order, each as one line: "c2s http.request http.txn=1
 * http.method=GET ..."; bytes outside of printable ASCII, and '\', are
 * \xNN; absent fields are left out; without FRL_EVENT_FLOW no direction.
 * fake_event: the nth line of that event (from 0), or NULL.
 * fake_events: all lines, each with its '\n'.
 */
const char *fake_event(const struct fake *f, const char *event, size_t n);
size_t fake_count(const struct fake *f, const char *event);
const char *fake_events(const struct fake *f);

/* Is there an event whose line contains both words? */
bool fake_saw(const struct fake *f, const char *event, const char *part);

/* The last report of that event as such a line, or NULL. */
const char *fake_report(const struct fake *f, const char *event);

/* NULL without handoff, else "token=websocket method=GET target=/ host=..
 * status=101 subprotocol=.. extensions=.."; empty values are left out. */
const char *fake_handoff(const struct fake *f);

/* Has the link left by next()?  Then what it held of the client is in
 * fake_held(). */
bool fake_left(const struct fake *f);

/* NULL while nobody refused, else "refused: text" (or protocol, limit,
 * drain, reload, capacity, broken, timeout). */
const char *fake_refused(const struct fake *f);

#endif
