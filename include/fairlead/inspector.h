/* SPDX-License-Identifier: MIT */
/*
 * inspector.h -- the whole contract between Fairlead and a plugin.
 *
 * A plugin is a shared object that exports one symbol, a const descriptor
 * (FRL_PLUGIN).  It includes this header, at will the headers of protocols
 * whose events it wants to understand (<fairlead/http.h>, ...), and links to
 * nothing of ours: what it may call is the table of functions that load()
 * is given.
 *
 * A plugin can be an *inspector* (it is shown a tunnel's bytes), a set of
 * *hooks* (it is told of typed events and may object), or both.
 *
 * Units: times are milliseconds unless a name ends in _us; sizes are bytes.
 *
 * Ownership is one word at each parameter:
 *	borrow	valid until the callback or function returns; copy what stays
 *	copy	the callee copies; the caller keeps its own
 *	take	the callee owns it from now on
 *	give	the caller owns it from now on (ret_ parameters, written on
 *		success only)
 *
 * Threads: none.  Everything is called on one thread, and a callback must
 * not block: whoever waits returns FRL_WAIT or sets a timer.
 *
 * ABI history
 *	0.1	first version.  Major 0 promises nothing: the loader asks for
 *		an exact match of major and minor.
 *	0.2	frl_host.next, FRL_FORWARDS, the mode "forward",
 *		FRL_WHY_TIMEOUT, frl_host.quiet, frl_host.cut, `via` of
 *		tunnel.h, frl_tunnel.parent
 *	0.3	frl_plugin.report, frl_host.permits may say -1
 */
#ifndef FAIRLEAD_INSPECTOR_H
#define FAIRLEAD_INSPECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FRL_MAGIC 0x64616c46u /* "Flad" in memory on a little-endian machine */
#define FRL_ABI_MAJOR 0
#define FRL_ABI_MINOR 3

/* The rest of the stream, however long: an argument of pass and drop. */
#define FRL_ALL UINT64_MAX

/* The longest reason text that is kept, with its NUL. */
#define FRL_REASON_SIZE 256

/* Some bytes of somebody else's memory.  data may be NULL when len is 0. */
struct frl_bytes {
	const uint8_t *data;
	size_t len;
};

/* One direction of a tunnel; c2s and s2c in the log. */
enum frl_flow {
	FRL_FROM_CLIENT = 0,
	FRL_FROM_SERVER = 1
};

/*
 * What an inspector or a hook decided.
 *
 *	OK	go on
 *	REFUSE	a decision against the tunnel; say why with frl_refuse() or
 *		question.reason.  The first refusal of a tunnel is latched.
 *	FAIL	the plugin broke; its `on_error` (fail_closed, fail_open)
 *		decides what becomes of the tunnel
 *	WAIT	the verdict comes later (see frl_publish and frl_host.resume)
 */
enum frl_verdict {
	FRL_OK = 0,
	FRL_REFUSE = 1,
	FRL_FAIL = 2,
	FRL_WAIT = 3
};

/* Why a tunnel ends against its will, as told to farewell(). */
enum frl_why {
	FRL_WHY_REFUSED = 0,	/* policy said no */
	FRL_WHY_PROTOCOL = 1,	/* a peer broke the protocol */
	FRL_WHY_LIMIT = 2,	/* a configured bound was reached */
	FRL_WHY_DRAIN = 3,	/* the proxy is shutting down */
	FRL_WHY_RELOAD = 4,	/* the configuration changed */
	FRL_WHY_CAPACITY = 5,	/* no memory, no descriptors */
	FRL_WHY_BROKEN = 6,	/* a plugin failed */
	FRL_WHY_TIMEOUT = 7	/* a deadline passed: idle, lifetime, ... */
};

struct frl_host;
struct frl_event;
struct frl_http_head;

/* The connection leads to a parent proxy, which is asked in absolute-form
 * (RFC 9112, 3.2.2), each time with these. */
struct frl_parent {
	const char *authorization;	/* Proxy-Authorization; NULL: none.
					 * Secret: for the parent alone */
	const char *via;		/* this proxy's name in Via */
};

/*
 * What is known about a tunnel.  Strings are NUL-terminated, never NULL and
 * live as long as the tunnel; all are empty (port 0) until known.
 */
struct frl_tunnel {
	const char *id;			/* "7f3a9c21-00000a4e" */
	const char *mode;		/* "connect", "forward", "reverse" */
	const char *listener;		/* "127.0.0.1:3128", "unix:/path" */
	const char *client_addr;	/* "10.0.0.7", "2001:db8::1", "unix" */
	const char *server_name;	/* canonical host of the target */
	const char *server_addr;	/* the address that was connected to */
	uint16_t client_port;
	uint16_t server_port;
	const struct frl_parent *parent; /* NULL: this leads to the server;
					 * else the mode is "forward" */
};

/*
 * A link: one inspector in one tunnel.  The core makes it before open() and
 * frees it after close().
 */
struct frl_link {
	const struct frl_host *host;	/* the table that load() was given */
	void *instance;			/* what load() gave */
	void *state;			/* descriptor.state_size bytes, zeroed */
	const struct frl_tunnel *tunnel;
};

/*
 * What travels with a handoff: read-only, borrowed by open().
 * Requests and responses are defined in <fairlead/http.h>.
 */
struct frl_context {
	uint32_t size;			/* of this struct, as the sender knew it */
	const char *token;		/* lower case: "websocket" */
	struct frl_bytes subprotocol;	/* as the server chose; may be empty */
	struct frl_bytes extensions;	/* as the server chose; may be empty */
	const struct frl_http_head *request;
	const struct frl_http_head *response;
};

/* The argument of farewell(). */
struct frl_farewell {
	enum frl_why why;
	const char *name;		/* the machine's word: "hold_limit" */
	const char *reason;		/* for people; never NULL, may be empty */
};

/* ------------------------------------------------------------------ */
/* Events								*/

/*
 * An event type is a table of fields over a C struct, the *record*.  From
 * this table come the JSON line, the line for people, the hooks' argument
 * and the reference that `fairlead events` prints.
 *
 * Field names are paths: "http.method" becomes {"http":{"method":...}}.
 * Fields of one object must be neighbours.
 */
enum frl_type {
	FRL_U64 = 0,	/* uint64_t */
	FRL_U32 = 1,	/* uint32_t */
	FRL_I64 = 2,	/* int64_t; negative means absent */
	FRL_BOOL = 3,	/* int8_t: 0, 1; negative means absent */
	FRL_TEXT = 4,	/* struct frl_bytes, bytes of a peer; data NULL: absent */
	FRL_NAME = 5	/* const char *, trusted and static; NULL: absent */
};

/* For integers: zero means absent. */
#define FRL_ABSENT_ZERO 1u

struct frl_field {
	const char *name;	/* NULL ends the table */
	const char *help;
	uint16_t offset;	/* in the record */
	uint8_t type;		/* enum frl_type */
	uint8_t flags;
	uint16_t cap;		/* FRL_TEXT: most bytes logged; 0 means 256 */
};

#define FRL_EVENT_FLOW 1u	/* has a direction: lines carry "dir" */
#define FRL_EVENT_ASKS 2u	/* hooks may object: lines carry "verdict" */
#define FRL_EVENT_ALWAYS 4u	/* written whatever the filter says */
#define FRL_EVENT_PART 8u	/* no line of its own: see frl_host.report */

struct frl_event {
	const char *name;	/* "ws.frame" */
	const char *help;	/* one sentence: when it is published */
	/*
	 * The line for people: text with {field} in it.  {field:8} pads to
	 * the right, {field:-8} to the left, {field?word} is the word if the
	 * field is there and not zero, else spaces, or nothing where the
	 * word begins with one of " ,;:"; {>} is an arrow that shows the
	 * direction.  A field that is absent takes the space or
	 * ": " behind it along, and a ":" or ": " between it and the field
	 * before.  {field:"} puts a FRL_TEXT in quotes: words of a peer,
	 * which shall not look like ours.  NULL: name and fields as
	 * key=value.
	 */
	const char *text;
	const struct frl_field *fields;
	uint32_t record_size;
	uint32_t flags;
};

/* ------------------------------------------------------------------ */
/* Options								*/

/*
 * A plugin declares its options in a table; the core reads and checks the
 * configuration, fills defaults and hands load() the finished struct.
 */
enum frl_option_type {
	FRL_OPTION_BOOL = 0,	/* bool: true, false */
	FRL_OPTION_COUNT = 1,	/* uint64_t: digits */
	FRL_OPTION_SIZE = 2,	/* uint64_t bytes: 16KiB, 1MiB, 0 */
	FRL_OPTION_DURATION = 3,/* uint64_t ms: 100ms, 5s, 10m, 1h, 0 */
	FRL_OPTION_STRING = 4,	/* const char *; NULL when absent */
	FRL_OPTION_CHOICE = 5,	/* uint32_t: index into `choices` */
	FRL_OPTION_LIST = 6	/* struct frl_strings */
};

struct frl_strings {
	const char *const *items;
	size_t count;
};

struct frl_option {
	const char *name;	/* NULL ends the table */
	const char *help;
	const char *def;	/* as it would be written; NULL: required,
				 * or absent with FRL_OPTION_OPTIONAL */
	const char *choices;	/* FRL_OPTION_CHOICE: "frame|message|summary" */
	uint64_t min, max;	/* of numbers; max 0 means no upper bound */
	uint32_t offset;	/* in the options struct */
	uint16_t type;		/* enum frl_option_type */
	uint16_t flags;
};

#define FRL_OPTION_OPTIONAL 1u	/* STRING and LIST may be missing */
#define FRL_OPTION_OR_ZERO 2u	/* a number may be 0, too, below its min */

/* ------------------------------------------------------------------ */
/* Hooks								*/

/*
 * A question to a hook: may this happen?  Everything is borrowed for the
 * call.  record is what event->fields describe; a hook that knows the
 * struct checks event->record_size before it casts.
 */
struct frl_question {
	const struct frl_event *event;
	const void *record;
	const struct frl_tunnel *tunnel;
	int flow;		/* enum frl_flow, or -1 */
	uint64_t token;		/* for frl_host.resume, after FRL_WAIT */
	const char *reason;	/* out: why not; copied after the call */
};

/* One hook: the event it wants and the function that is asked. */
struct frl_hook {
	const char *event;	/* "http.request"; NULL ends the table */
	enum frl_verdict (*ask)(void *instance, struct frl_question *question);
};

/* ------------------------------------------------------------------ */
/* The host								*/

enum frl_level {
	FRL_ERROR = 0,
	FRL_WARNING = 1,
	FRL_NOTICE = 2,
	FRL_DEBUG = 3
};

/*
 * What a plugin may call.  Later functions are appended: frl_has() tells
 * whether one is there.
 *
 * The four verbs act on a flow in stream order, from any callback of a link
 * except open and close, on either flow of its tunnel.  They only record;
 * the core carries them out after the callback has returned.  A link that
 * does not own a protocol may only pass, hold and refuse.
 *
 * They return 0, or -1 where the verb was not recorded: the queue of what
 * runs ahead is full (8 entries; neighbours of one verb merge), an insert
 * would reach the hold limit, memory is out, or the link may not do this.
 */
struct frl_host {
	uint32_t size;	/* of this table */

	/* The next n bytes go on unchanged; n may run ahead of arrival. */
	int (*pass)(struct frl_link *link, enum frl_flow flow, uint64_t n);

	/* The next n bytes go nowhere; may run ahead too. */
	int (*drop)(struct frl_link *link, enum frl_flow flow, uint64_t n);

	/* These bytes (copy) go out behind all that was passed before. */
	int (*insert)(struct frl_link *link, enum frl_flow flow,
	    const void *bytes, size_t n);

	/* The stream finishes here; what arrives later is dropped. */
	int (*end)(struct frl_link *link, enum frl_flow flow);

	/*
	 * Call data() next when at least n bytes are held (counting those
	 * held now).  Holds for one call.  Above the hold limit the tunnel
	 * fails at once.
	 */
	void (*need)(struct frl_link *link, enum frl_flow flow, size_t n);

	/* Do not call data() or end() for this flow until again(). */
	void (*pause)(struct frl_link *link, enum frl_flow flow);

	/*
	 * Lift the pause, cancel need, show what is held even if nothing
	 * arrived.  In data() of the same flow it only lifts the pause.
	 */
	void (*again)(struct frl_link *link, enum frl_flow flow);

	/*
	 * Bytes this place in the chain has really let through; goes on over
	 * a handoff.
	 */
	uint64_t (*moved)(const struct frl_link *link, enum frl_flow flow);

	/*
	 * Hand the protocol to the inspector that the configuration's
	 * `upgrade` names for this token.  The new link is opened at once;
	 * the switch happens when what this callback let go has been carried
	 * out.  -1: no such inspector, or it did not open: nothing changed.
	 * context: borrow.
	 */
	int (*handoff)(struct frl_link *link, const char *token,
	    const struct frl_context *context);

	/*
	 * May the configuration hand this token (lower case) on?  1: it is
	 * named in `upgrade`; 2: "*" covers it; 0: neither; -1: it would,
	 * but that inspector is quarantined.  Who needs it refuses now:
	 * whatever reason it gives, this one is told.
	 */
	int (*permits)(const struct frl_link *link, const char *token);

	/* Call timer() once in ms from now; 0 ms: at the loop's next turn.
	 * One timer per link: a second call replaces the first.  FRL_ALL
	 * stops it. */
	void (*set_timer)(struct frl_link *link, uint64_t ms);

	/*
	 * End the tunnel when no byte has moved for so long while this link
	 * owns the protocol.  0: as `timeouts.idle` says.
	 */
	void (*set_idle)(struct frl_link *link, uint64_t ms);

	/* Microseconds of a clock that never jumps; the same all through a
	 * callback, about when it began. */
	uint64_t (*now_us)(const struct frl_host *host);

	/* Is anybody interested in this event?  False: do not build it. */
	bool (*wanted)(const struct frl_link *link,
	    const struct frl_event *event);

	/*
	 * Publish an event of descriptor.events: hooks are asked, the line
	 * is written.  record: borrow.
	 *
	 *	OK	go on
	 *	REFUSE	a hook objected (its reason is kept): let nothing
	 *		more go on this flow and return FRL_REFUSE
	 *	FAIL	no memory, or a verdict for this flow is pending
	 *	WAIT	a hook will answer later.  The flow is not called
	 *		until decided() brings the verdict; return FRL_WAIT.
	 *
	 * Events without FRL_EVENT_ASKS always answer OK.
	 */
	enum frl_verdict (*publish)(struct frl_link *link, enum frl_flow flow,
	    const struct frl_event *event, const void *record);

	/*
	 * Add these fields to the tunnel's last line, `tunnel.close`.  The
	 * event has FRL_EVENT_PART.  Usable in close() too; a later report of
	 * the same event replaces the earlier one.  record: copy.
	 */
	void (*report)(struct frl_link *link, const struct frl_event *event,
	    const void *record);

	/*
	 * Note why this link is about to refuse (text: copy); always returns
	 * FRL_REFUSE, for `return (frl_refuse(...))`.  Without it the reason
	 * is FRL_WHY_REFUSED with no text.
	 */
	enum frl_verdict (*refuse)(struct frl_link *link, enum frl_why why,
	    const char *text);

	/*
	 * Answer a question that was answered FRL_WAIT.  Takes effect at the
	 * loop's next turn; inert when the tunnel is gone or the deadline
	 * has passed.  reason: copy, may be NULL.
	 */
	void (*resume)(const struct frl_host *host, uint64_t token,
	    enum frl_verdict verdict, const char *reason);

	/*
	 * Call fn(arg) once in ms.  For hooks, which have no link.  0 on
	 * success.  What has not run is forgotten before unload().
	 */
	int (*later)(const struct frl_host *host, uint64_t ms,
	    void (*fn)(void *arg), void *arg);

	/*
	 * Tell the operator (stderr).  In load(), an FRL_ERROR text becomes
	 * the reason for which the start is refused.  text: copy.
	 */
	void (*say)(const struct frl_host *host, enum frl_level level,
	    const char *text);

	/*
	 * As publish, for what an inspector does not want to log: hooks are
	 * asked all the same, and a line is written only when one objects.
	 */
	enum frl_verdict (*ask)(struct frl_link *link, enum frl_flow flow,
	    const struct frl_event *event, const void *record);

	/*
	 * In a tunnel of mode "forward": this tunnel is over, the client's
	 * connection is not.  When what was let go has left, the server's
	 * connection is closed, and what the client sent and this link
	 * neither passed nor dropped begins a new tunnel.  From here on this
	 * link is only closed.  -1: not this mode, or not the protocol's
	 * link.
	 */
	int (*next)(struct frl_link *link);

	/*
	 * What this callback was shown, and what it inserts, is no sign of
	 * life of the peers: `timeouts.idle` goes on as if it had not been.
	 */
	void (*quiet)(struct frl_link *link);

	/*
	 * More should have come on this flow, and who reads it could not
	 * tell: where it ends, its reader sees a reset and no end; unless
	 * who writes it, and has not done so, ends it first.  Nothing else
	 * changes.  For the protocol's link.
	 */
	void (*cut)(struct frl_link *link, enum frl_flow flow);
};

/* Is `member` in the host's table? */
#define frl_has(host, member) \
	((host)->size >= offsetof(struct frl_host, member) + \
	    sizeof((host)->member) && (host)->member != NULL)

/* ------------------------------------------------------------------ */
/* The descriptor							*/

#define FRL_OWNS_PROTOCOL 1u	/* a protocol link: drops, inserts, ends,
				 * hands off */
#define FRL_CHANGES 2u		/* may change messages, not only watch */
#define FRL_FORWARDS 4u		/* takes tunnels of mode "forward": it is shown
				 * absolute-form requests (RFC 9112, 3.2.2),
				 * sends them on in origin-form, and calls
				 * next() at one for another server */

enum frl_detection {
	FRL_NO = 0,
	FRL_YES = 1,
	FRL_MORE = 2
};

/*
 * The order of calls:
 *
 *	load --+--------------------------------------------------- unload
 *	       |   (hooks at any time in between)
 *	       |
 *	       +-- open --+-- data ----+--> close     per link
 *	            |     |-- timer ---|
 *	            |     |-- decided -|
 *	            |     |-- end -----|   at most once per flow
 *	            |     +-- farewell +   at most once
 *	            |
 *	            +-- failed: no close
 *
 * Every callback may be NULL; a link without data() passes everything.
 * data(), timer(), decided() and end() of one link never nest.
 */
struct frl_plugin {
	uint32_t magic;			/* these four: FRL_ABI */
	uint16_t abi_major, abi_minor;
	uint32_t size;

	uint32_t flags;			/* FRL_OWNS_PROTOCOL, FRL_CHANGES */
	const char *name;		/* [a-z][a-z0-9_-]*, 32 at most */
	const char *version;
	const char *summary;		/* one line */
	const char *licence;		/* SPDX */
	uint32_t state_size;		/* of a link's state; 0 is fine */
	uint32_t options_size;
	const struct frl_option *options;	/* or NULL */
	const struct frl_event *const *events;	/* NULL-terminated, or NULL */
	const struct frl_hook *hooks;		/* or NULL */

	/*
	 * Once.  host: lives until unload returns.  options: options_size
	 * bytes that the table filled, living until unload returns.
	 * Anything but FRL_OK refuses the start; use host->say for why.
	 */
	enum frl_verdict (*load)(const struct frl_host *host,
	    const void *options, void **ret_instance);
	void (*unload)(void *instance);

	/*
	 * Whose protocol is this?  Asked with what both peers sent so far
	 * (borrow); ended: the client will send no more.  In the order of the
	 * configuration the first that does not say FRL_NO decides; FRL_MORE
	 * holds the bytes.
	 */
	enum frl_detection (*detect)(void *instance, struct frl_bytes client,
	    struct frl_bytes server, bool ended);

	/*
	 * A tunnel takes this inspector in.  No verbs here.  context: borrow;
	 * NULL unless another inspector handed off.  Not FRL_OK: the link is
	 * not opened.
	 */
	enum frl_verdict (*open)(struct frl_link *link,
	    const struct frl_context *context);

	/*
	 * All bytes of a flow that are neither passed nor dropped, from the
	 * first one (borrow); `seen` of them were shown before.  Called again
	 * at once when it passed or dropped and bytes are left; else when
	 * bytes arrived, after again(), a verdict, or a handoff.
	 */
	enum frl_verdict (*data)(struct frl_link *link, enum frl_flow flow,
	    struct frl_bytes held, size_t seen);

	/*
	 * No byte will follow (the peer finished, or a link before did).
	 * Verbs still count; then what is still held is dropped.  unmet: bytes
	 * of pass or drop credit that never came; if not 0, later verbs on
	 * this flow have no effect.
	 */
	enum frl_verdict (*end)(struct frl_link *link, enum frl_flow flow,
	    struct frl_bytes held, uint64_t unmet);

	enum frl_verdict (*timer)(struct frl_link *link);

	/*
	 * The verdict on a published event that had to wait (record: borrow,
	 * a deep copy).  FRL_OK or FRL_REFUSE; after a refusal verbs on this
	 * flow are pointless, return.
	 */
	enum frl_verdict (*decided)(struct frl_link *link, enum frl_flow flow,
	    const struct frl_event *event, const void *record,
	    enum frl_verdict verdict);

	/*
	 * The tunnel is about to end.  Only the protocol link is told; it may
	 * insert its last words.  Pauses are lifted.  Both flows end behind
	 * what runs ahead.
	 */
	void (*farewell)(struct frl_link *link,
	    const struct frl_farewell *farewell);

	/* Exactly once after an open that succeeded.  No verbs. */
	void (*close)(struct frl_link *link);

	/*
	 * Somebody looks at the tunnel: frl_report() what could be told of it
	 * now.  At any time between open and close, but not inside another
	 * callback.  No verbs.
	 */
	void (*report)(struct frl_link *link);
};

/* The first four members of a descriptor. */
#define FRL_ABI \
	.magic = FRL_MAGIC, .abi_major = FRL_ABI_MAJOR, \
	.abi_minor = FRL_ABI_MINOR, .size = sizeof(struct frl_plugin)

/* The name of the one symbol, for dlsym. */
#define FRL_SYMBOL "frl_plugin"

/* FRL_PLUGIN = { FRL_ABI, .name = "...", ... }; */
#define FRL_PLUGIN \
	extern const struct frl_plugin frl_plugin; \
	__attribute__((visibility("default"))) const struct frl_plugin \
	    frl_plugin

/* ------------------------------------------------------------------ */
/* The same functions, spelled shorter					*/

static inline int
frl_pass(struct frl_link *link, enum frl_flow flow, uint64_t n)
{
	return (link->host->pass(link, flow, n));
}

static inline int
frl_drop(struct frl_link *link, enum frl_flow flow, uint64_t n)
{
	return (link->host->drop(link, flow, n));
}

static inline int
frl_insert(struct frl_link *link, enum frl_flow flow, const void *bytes,
    size_t n)
{
	return (link->host->insert(link, flow, bytes, n));
}

static inline int
frl_end(struct frl_link *link, enum frl_flow flow)
{
	return (link->host->end(link, flow));
}

static inline void
frl_need(struct frl_link *link, enum frl_flow flow, size_t n)
{
	link->host->need(link, flow, n);
}

static inline void
frl_pause(struct frl_link *link, enum frl_flow flow)
{
	link->host->pause(link, flow);
}

static inline void
frl_again(struct frl_link *link, enum frl_flow flow)
{
	link->host->again(link, flow);
}

static inline uint64_t
frl_moved(const struct frl_link *link, enum frl_flow flow)
{
	return (link->host->moved(link, flow));
}

static inline int
frl_handoff(struct frl_link *link, const char *token,
    const struct frl_context *context)
{
	return (link->host->handoff(link, token, context));
}

static inline int
frl_permits(const struct frl_link *link, const char *token)
{
	return (link->host->permits(link, token));
}

static inline void
frl_set_timer(struct frl_link *link, uint64_t ms)
{
	link->host->set_timer(link, ms);
}

static inline void
frl_set_idle(struct frl_link *link, uint64_t ms)
{
	link->host->set_idle(link, ms);
}

static inline uint64_t
frl_now_us(const struct frl_link *link)
{
	return (link->host->now_us(link->host));
}

static inline bool
frl_wanted(const struct frl_link *link, const struct frl_event *event)
{
	return (link->host->wanted(link, event));
}

static inline enum frl_verdict
frl_publish(struct frl_link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record)
{
	return (link->host->publish(link, flow, event, record));
}

static inline enum frl_verdict
frl_ask(struct frl_link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record)
{
	return (link->host->ask(link, flow, event, record));
}

static inline int
frl_next(struct frl_link *link)
{
	return (link->host->next(link));
}

static inline void
frl_quiet(struct frl_link *link)
{
	link->host->quiet(link);
}

static inline void
frl_cut(struct frl_link *link, enum frl_flow flow)
{
	link->host->cut(link, flow);
}

static inline void
frl_report(struct frl_link *link, const struct frl_event *event,
    const void *record)
{
	link->host->report(link, event, record);
}

static inline enum frl_verdict
frl_refuse(struct frl_link *link, enum frl_why why, const char *text)
{
	return (link->host->refuse(link, why, text));
}

#ifdef __cplusplus
}
#endif

#endif /* FAIRLEAD_INSPECTOR_H */
