/* SPDX-License-Identifier: MIT */
/*
 * fake_host -- see fake_host.h.  The rules cited are those of "The chain" in
 * docs/ARCHITECTURE.md.  A test program: without memory it aborts.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fairlead/http.h>

#include "fake_host.h"

#define QUEUE 8
#define ANSWERS 16
#define REPORTS 8
#define CALLS_MAX 200000u

#define INSIST(x) \
	((x) ? (void)0 : insist(#x, __func__, __LINE__))

struct text {
	char *mem;
	size_t len;
};

enum verb { PASS, DROP, INSERT, END };

struct entry {
	enum verb verb;
	uint64_t n;		/* PASS, DROP */
	struct text bytes;	/* INSERT */
};

struct lane {
	struct text socket;	/* what the peer sent and we have not read */
	bool socket_over;
	struct text held, out;
	struct entry ahead[QUEUE + 2];	/* the core's own END may be above */
	size_t count;
	size_t seen, wanted;
	uint64_t unmet, moved;
	bool due, paused, waiting;
	bool over;		/* nothing will follow `held` */
	bool told, refused, finished;
	unsigned int calls;
	const struct frl_event *pending;
	struct frl_bytes *copies;	/* of the pending record's texts */
	void *record;
};

struct answer {
	const char *event;
	enum frl_verdict verdict;
};

struct line {
	const struct frl_event *event;
	char *text;
};

struct fake {
	struct frl_host host;
	struct frl_link link;
	struct frl_tunnel tunnel;
	const struct frl_plugin *plugin;
	struct fake_options options;
	const char **tokens;
	struct lane lanes[2];
	struct answer answers[ANSWERS];
	size_t answer_count;
	struct line *events, reports[REPORTS];
	size_t event_count, event_room, report_count;
	struct text log;
	char *handoff;
	char *refused;		/* latched */
	enum frl_why why;
	char name[32], reason[FRL_REASON_SIZE];
	enum frl_why said_why;	/* by frl_refuse, for the next verdict */
	char said[FRL_REASON_SIZE];
	uint64_t now_us, timer_ms, idle_ms;
	unsigned int quiets;
	bool cut[2];
	bool wanted, busy, quiet, heir, handed, farewelled, closed;
	bool leaving, left;
};

static void
insist(const char *what, const char *where, int line)
{
	fprintf(stderr, "fake_host: %s (%s:%d)\n", what, where, line);
	abort();
}

/* ------------------------------------------------------------------ */
/* Text									*/

static void
text_add(struct text *t, const void *bytes, size_t n)
{
	t->mem = realloc(t->mem, t->len + n + 1);
	INSIST(t->mem != NULL);
	if (n > 0)
		memcpy(t->mem + t->len, bytes, n);
	t->len += n;
	t->mem[t->len] = '\0';
}

static void
text_cut(struct text *t, size_t n)
{
	INSIST(n <= t->len);
	if (n == 0)
		return;
	memmove(t->mem, t->mem + n, t->len - n + 1);
	t->len -= n;
}

static void
text_free(struct text *t)
{
	free(t->mem);
	*t = (struct text){ 0 };
}

__attribute__((format(printf, 2, 3))) static void
text_print(struct text *t, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	text_add(t, line, strlen(line));
}

static void
text_quote(struct text *t, struct frl_bytes bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		uint8_t c = bytes.data[i];

		if (c < 0x20 || c > 0x7e || c == '\\')
			text_print(t, "\\x%02x", c);
		else
			text_add(t, &c, 1);
	}
}

/* One " name=value"; what is absent is left out. */
static void
text_field(struct text *t, const struct frl_field *field,
    const uint8_t *record)
{
	const uint8_t *at = record + field->offset;
	uint64_t n = 0;
	int64_t i = 0;

	switch (field->type) {
	case FRL_U64:
		n = *(const uint64_t *)(const void *)at;
		break;
	case FRL_U32:
		n = *(const uint32_t *)(const void *)at;
		break;
	case FRL_I64:
		i = *(const int64_t *)(const void *)at;
		if (i >= 0)
			text_print(t, " %s=%lld", field->name, (long long)i);
		return;
	case FRL_BOOL:
		i = *(const int8_t *)at;
		if (i >= 0)
			text_print(t, " %s=%s", field->name,
			    i ? "true" : "false");
		return;
	case FRL_TEXT: {
		struct frl_bytes b =
		    *(const struct frl_bytes *)(const void *)at;

		if (b.data == NULL)
			return;
		text_print(t, " %s=", field->name);
		text_quote(t, b);
		return;
	}
	case FRL_NAME: {
		const char *s = *(const char *const *)(const void *)at;

		if (s != NULL)
			text_print(t, " %s=%s", field->name, s);
		return;
	}
	default:
		insist("a field of a known type", __func__, __LINE__);
	}
	if (n != 0 || !(field->flags & FRL_ABSENT_ZERO))
		text_print(t, " %s=%llu", field->name, (unsigned long long)n);
}

static char *
event_line(const struct frl_event *event, int flow, const void *record)
{
	struct text t = { 0 };

	if (event->flags & FRL_EVENT_FLOW)
		text_print(&t, "%s ", flow == FRL_FROM_CLIENT ? "c2s" : "s2c");
	text_print(&t, "%s", event->name);
	for (const struct frl_field *f = event->fields; f->name != NULL; f++)
		text_field(&t, f, record);
	return (t.mem);
}

/* ------------------------------------------------------------------ */
/* Carrying out verbs							*/

static size_t
lane_inserted(const struct lane *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++)
		n += l->ahead[i].bytes.len;
	return (n);
}

static size_t
lane_room(const struct fake *f, const struct lane *l)
{
	size_t used = l->held.len + lane_inserted(l);

	return (used < f->options.limit ? f->options.limit - used : 0);
}

static void
lane_shift(struct lane *l)
{
	text_free(&l->ahead[0].bytes);
	l->count--;
	memmove(l->ahead, l->ahead + 1, l->count * sizeof(l->ahead[0]));
	l->ahead[l->count] = (struct entry){ 0 };
}

static void
lane_clear(struct lane *l)
{
	while (l->count > 0)
		lane_shift(l);
}

/* Rule 5: neighbours of one verb merge, never into FRL_ALL by counting. */
static bool
lane_merge(struct lane *l, enum verb verb, uint64_t n, const void *bytes)
{
	struct entry *last = l->count > 0 ? &l->ahead[l->count - 1] : NULL;

	if (last == NULL || last->verb != verb || verb == END)
		return (false);
	if (verb == INSERT)
		text_add(&last->bytes, bytes, (size_t)n);
	else if (last->n == FRL_ALL || n == FRL_ALL)
		last->n = FRL_ALL;
	else if (n > FRL_ALL - 1 - last->n)
		last->n = FRL_ALL - 1;
	else
		last->n += n;
	return (true);
}

static int
lane_record(struct fake *f, enum frl_flow flow, enum verb verb, uint64_t n,
    const void *bytes, bool by_core)
{
	struct lane *l = &f->lanes[flow];
	struct entry *e;

	if (l->finished || l->unmet != 0 || (n == 0 && verb != END))
		return (0);
	if (verb == INSERT && lane_inserted(l) + n >= f->options.limit)
		return (-1);
	if (lane_merge(l, verb, n, bytes))
		return (0);
	if (l->count >= QUEUE && !by_core)
		return (-1);
	INSIST(l->count < QUEUE + 2);
	e = &l->ahead[l->count++];
	*e = (struct entry){ .verb = verb, .n = n };
	if (verb == INSERT)
		text_add(&e->bytes, bytes, (size_t)n);
	return (0);
}

static void
lane_finish(struct lane *l)
{
	l->finished = l->told = true;
	l->held.len = 0;
	lane_clear(l);
}

static void
lane_consume(struct lane *l, enum verb verb, size_t n)
{
	if (verb == PASS) {
		text_add(&l->out, l->held.mem, n);
		l->moved += n;
	}
	if (n > 0) {
		text_cut(&l->held, n);
		l->due = true;
	}
	l->seen = l->seen > n ? l->seen - n : 0;
}

/* Do what the oldest verb says, as far as bytes are there (rules 1, 6). */
static bool
lane_carry_out(struct lane *l)
{
	struct entry *e = &l->ahead[0];
	uint64_t n;

	if (l->finished || l->count == 0)
		return (false);
	if (e->verb == END) {
		lane_finish(l);
		return (true);
	}
	if (e->verb == INSERT) {
		text_add(&l->out, e->bytes.mem, e->bytes.len);
		lane_shift(l);
		return (true);
	}
	n = e->n < l->held.len ? e->n : l->held.len;
	lane_consume(l, e->verb, (size_t)n);
	if (n == e->n || (e->n == FRL_ALL && l->over)) {
		lane_shift(l);
	} else if (!l->over) {
		if (e->n != FRL_ALL)
			e->n -= n;
		return (n > 0);
	} else {
		l->unmet = e->n - n;	/* rule 6: void what is behind */
		lane_clear(l);
		if (l->told)
			l->ahead[l->count++] = (struct entry){ .verb = END };
	}
	return (true);
}

/* ------------------------------------------------------------------ */
/* Calling the plugin							*/

static void
latch(struct fake *f, enum frl_why why, const char *name, const char *text)
{
	static const char *const words[] = { "refused", "protocol", "limit",
	    "drain", "reload", "capacity", "broken",
	    "timeout" };
	struct text t = { 0 };

	if (f->refused != NULL)
		return;
	text_print(&t, "%s: %s", words[why], text);
	f->refused = t.mem;
	f->why = why;
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->reason, sizeof(f->reason), "%s", text);
}

/* Rule 9: a refusal is latched, and the flow it came on stops there. */
static void
answered(struct fake *f, int flow, enum frl_verdict verdict)
{
	if (verdict == FRL_WAIT)
		INSIST(flow >= 0 && f->lanes[flow].waiting);
	if (verdict == FRL_REFUSE)
		latch(f, f->said_why, "refused", f->said);
	if (verdict == FRL_FAIL)
		latch(f, FRL_WHY_BROKEN, "broken", "");
	if ((verdict == FRL_REFUSE || verdict == FRL_FAIL) && flow >= 0)
		f->lanes[flow].refused = true;
	f->said_why = FRL_WHY_REFUSED;
	f->said[0] = '\0';
}

static bool
stopped(const struct lane *l)
{
	return (l->paused || l->waiting);
}

/* The held bytes in memory of their own, for the time of a call. */
static struct frl_bytes
borrowed(const struct lane *l, void **ret_mem)
{
	uint8_t *mem = malloc(l->held.len + (l->held.len == 0));

	INSIST(mem != NULL);
	if (l->held.len > 0)
		memcpy(mem, l->held.mem, l->held.len);
	*ret_mem = mem;
	return ((struct frl_bytes){ mem, l->held.len });
}

static bool
show(struct fake *f, enum frl_flow flow)
{
	struct lane *l = &f->lanes[flow];
	enum frl_verdict verdict = FRL_OK;
	size_t seen = l->seen;
	struct frl_bytes held;
	void *mem;

	if (l->held.len == 0 || l->held.len < l->wanted || !l->due ||
	    l->count > 0 || stopped(l) || l->finished || l->refused ||
	    f->heir || f->handed || f->closed || f->leaving)
		return (false);
	INSIST(l->calls < CALLS_MAX);
	l->calls++;
	l->seen = l->held.len;
	l->wanted = 1;
	held = borrowed(l, &mem);
	if (f->plugin->data != NULL)
		verdict = f->plugin->data(&f->link, flow, held, seen);
	else
		lane_record(f, flow, PASS, FRL_ALL, NULL, false);
	free(mem);
	l->due = false;
	answered(f, (int)flow, verdict);
	return (true);
}

static bool
tell_end(struct fake *f, enum frl_flow flow)
{
	struct lane *l = &f->lanes[flow];
	enum frl_verdict verdict = FRL_OK;
	void *mem;

	if (l->count > 0 || f->heir)
		return (false);
	if (l->refused && !l->finished) {
		lane_finish(l);
		return (true);
	}
	if (l->told || stopped(l) || !l->over || f->handed || f->closed ||
	    f->leaving)
		return (false);
	l->told = true;
	if (f->plugin->end != NULL) {
		struct frl_bytes held = borrowed(l, &mem);

		verdict = f->plugin->end(&f->link, flow, held, l->unmet);
		free(mem);
	}
	if (!l->finished && !f->leaving && l->count < QUEUE + 1)
		l->ahead[l->count++] = (struct entry){ .verb = END };
	answered(f, (int)flow, verdict);
	return (true);
}

static void
close_link(struct fake *f)
{
	if (f->closed)
		return;
	f->closed = f->quiet = true;
	if (f->plugin->close != NULL)
		f->plugin->close(&f->link);
}

static bool
switch_link(struct fake *f)
{
	if (!f->heir)
		return (false);
	f->heir = false;
	f->handed = true;
	close_link(f);
	for (int i = 0; i < 2; i++)
		f->lanes[i].paused = f->lanes[i].waiting = false;
	return (true);
}

static bool
say_farewell(struct fake *f)
{
	struct frl_farewell last = { f->why, f->name, f->reason };

	if (f->refused == NULL || f->farewelled || f->handed || f->closed)
		return (false);
	f->farewelled = true;
	f->leaving = false;
	for (int i = 0; i < 2; i++) {
		struct lane *l = &f->lanes[i];

		l->paused = l->waiting = false;
		if (l->count > 0 && l->ahead[0].n == FRL_ALL &&
		    f->why != FRL_WHY_DRAIN && f->why != FRL_WHY_RELOAD)
			l->over = true;
	}
	if (f->plugin->farewell != NULL)
		f->plugin->farewell(&f->link, &last);
	for (int i = 0; i < 2; i++)
		lane_record(f, (enum frl_flow)i, END, 0, NULL, true);
	return (true);
}

/* Rule 11: once all that was let go has left. */
static bool
leave(struct fake *f)
{
	if (!f->leaving || f->left || f->lanes[0].count > 0 ||
	    f->lanes[1].count > 0)
		return (false);
	f->left = true;
	close_link(f);
	return (true);
}

/* Rule 4: at the limit, with nobody to wait for, the flow fails. */
static bool
over_limit(struct fake *f, struct lane *l)
{
	if (lane_room(f, l) > 0 || l->held.len == 0 || l->refused ||
	    stopped(l) || f->handed || f->closed)
		return (false);
	l->refused = true;
	latch(f, FRL_WHY_LIMIT, "hold_limit", "");
	return (true);
}

/* Read from the socket as far as there is room. */
static bool
read_more(struct fake *f, struct lane *l)
{
	size_t n = lane_room(f, l);

	if (l->over || l->finished || (l->socket.len == 0 && !l->socket_over))
		return (false);
	n = n < l->socket.len ? n : l->socket.len;
	if (n == 0 && l->socket.len > 0)
		return (false);
	text_add(&l->held, l->socket.mem, n);
	text_cut(&l->socket, n);
	l->due = l->due || n > 0;
	l->over = l->socket_over && l->socket.len == 0;
	return (true);
}

static bool
step(struct fake *f)
{
	struct lane *c = &f->lanes[FRL_FROM_CLIENT];
	struct lane *s = &f->lanes[FRL_FROM_SERVER];

	return (lane_carry_out(c) || show(f, FRL_FROM_CLIENT) ||
	    lane_carry_out(s) || show(f, FRL_FROM_SERVER) ||
	    switch_link(f) || say_farewell(f) || leave(f) ||
	    tell_end(f, FRL_FROM_CLIENT) || tell_end(f, FRL_FROM_SERVER) ||
	    over_limit(f, c) || over_limit(f, s) || read_more(f, c) ||
	    read_more(f, s));
}

static void
settle(struct fake *f)
{
	INSIST(!f->busy);
	f->busy = true;
	while (step(f))
		continue;
	f->busy = false;
	if (f->lanes[0].finished && f->lanes[1].finished)
		close_link(f);
}

/* ------------------------------------------------------------------ */
/* The host's table							*/

static struct fake *
fake_of(const struct frl_link *link)
{
	return ((struct fake *)(void *)((char *)(uintptr_t)link -
	    offsetof(struct fake, link)));
}

static int
act(struct frl_link *link, enum frl_flow flow, enum verb verb, uint64_t n,
    const void *bytes)
{
	struct fake *f = fake_of(link);

	INSIST(!f->quiet);	/* no verbs in open and close */
	INSIST(f->busy);
	/* Who does not own the protocol may only pass. */
	if (verb != PASS && (f->plugin->flags & FRL_OWNS_PROTOCOL) == 0)
		return (-1);
	return (lane_record(f, flow, verb, n, bytes, false));
}

static int
host_pass(struct frl_link *link, enum frl_flow flow, uint64_t n)
{
	return (act(link, flow, PASS, n, NULL));
}

static int
host_drop(struct frl_link *link, enum frl_flow flow, uint64_t n)
{
	return (act(link, flow, DROP, n, NULL));
}

static int
host_insert(struct frl_link *link, enum frl_flow flow, const void *bytes,
    size_t n)
{
	return (act(link, flow, INSERT, n, bytes));
}

static int
host_end(struct frl_link *link, enum frl_flow flow)
{
	return (act(link, flow, END, 0, NULL));
}

static void
host_need(struct frl_link *link, enum frl_flow flow, size_t n)
{
	struct fake *f = fake_of(link);

	f->lanes[flow].wanted = n;
	if (n > f->options.limit) {
		f->lanes[flow].refused = true;
		latch(f, FRL_WHY_LIMIT, "hold_limit", "");
	}
}

static void
host_pause(struct frl_link *link, enum frl_flow flow)
{
	fake_of(link)->lanes[flow].paused = true;
}

static void
host_again(struct frl_link *link, enum frl_flow flow)
{
	struct lane *l = &fake_of(link)->lanes[flow];

	l->paused = false;
	l->wanted = 1;
	l->due = true;
}

static uint64_t
host_moved(const struct frl_link *link, enum frl_flow flow)
{
	return (fake_of(link)->lanes[flow].moved);
}

static int
host_permits(const struct frl_link *link, const char *token)
{
	struct fake *f = fake_of(link);

	if (f->options.barred != 0 && --f->options.barred <= 0) {
		f->options.barred = 1;
		return (-1);
	}
	for (size_t i = 0; f->tokens != NULL && f->tokens[i] != NULL; i++)
		if (strcmp(f->tokens[i], token) == 0)
			return (1);
	return (f->options.star ? 2 : 0);
}

static void
add_value(struct text *t, const char *name, struct frl_bytes value)
{
	if (value.len == 0)
		return;
	text_print(t, " %s=", name);
	text_quote(t, value);
}

static int
host_handoff(struct frl_link *link, const char *token,
    const struct frl_context *context)
{
	struct fake *f = fake_of(link);
	struct text t = { 0 };

	INSIST(!f->quiet && f->busy);
	if (f->heir || f->options.handoff_fails ||
	    host_permits(link, token) <= 0)
		return (-1);
	f->heir = true;
	text_print(&t, "token=%s", token);
	if (context != NULL && context->request != NULL) {
		const struct frl_http_head *h = context->request;

		add_value(&t, "method", h->method);
		add_value(&t, "target", h->target);
		for (uint32_t i = 0; i < h->count; i++)
			if (h->fields[i].name.len == 4 && strncasecmp(
			    (const char *)h->fields[i].name.data, "host",
			    4) == 0)
				add_value(&t, "host", h->fields[i].value);
	}
	if (context != NULL && context->response != NULL)
		text_print(&t, " status=%u", context->response->status);
	if (context != NULL) {
		add_value(&t, "subprotocol", context->subprotocol);
		add_value(&t, "extensions", context->extensions);
	}
	free(f->handoff);
	f->handoff = t.mem;
	return (0);
}

static void
host_set_timer(struct frl_link *link, uint64_t ms)
{
	fake_of(link)->timer_ms = ms;
}

static void
host_set_idle(struct frl_link *link, uint64_t ms)
{
	fake_of(link)->idle_ms = ms;
}

static void
host_quiet(struct frl_link *link)
{
	fake_of(link)->quiets++;
}

static void
host_cut(struct frl_link *link, enum frl_flow flow)
{
	struct fake *f = fake_of(link);

	INSIST(!f->quiet && f->busy);
	f->cut[flow] = true;
}

static uint64_t
host_now_us(const struct frl_host *host)
{
	return (((const struct fake *)(const void *)host)->now_us);
}

static bool
host_wanted(const struct frl_link *link, const struct frl_event *event)
{
	(void)event;
	return (fake_of(link)->wanted);
}

/* The plugin may only publish what its descriptor names. */
static bool
declared(const struct fake *f, const struct frl_event *event)
{
	for (size_t i = 0; f->plugin->events != NULL &&
	    f->plugin->events[i] != NULL; i++)
		if (f->plugin->events[i] == event)
			return (true);
	return (false);
}

/* A deep copy by the table: what no field describes stays zero. */
static void
keep_record(struct lane *l, const struct frl_event *event,
    const void *record)
{
	static const size_t sizes[] = { 8, 4, 8, 1,
	    sizeof(struct frl_bytes), sizeof(const char *) };
	uint8_t *copy = calloc(1, event->record_size);
	size_t n = 0;

	INSIST(copy != NULL);
	for (const struct frl_field *x = event->fields; x->name != NULL; x++)
		n++;
	l->copies = calloc(n + 1, sizeof(l->copies[0]));
	INSIST(l->copies != NULL);
	for (size_t i = 0; i < n; i++) {
		const struct frl_field *x = &event->fields[i];
		struct frl_bytes b;

		memcpy(copy + x->offset,
		    (const uint8_t *)record + x->offset, sizes[x->type]);
		if (x->type != FRL_TEXT)
			continue;
		memcpy(&b, copy + x->offset, sizeof(b));
		if (b.data == NULL)
			continue;
		l->copies[i].data = malloc(b.len + 1);
		INSIST(l->copies[i].data != NULL);
		memcpy((uint8_t *)(uintptr_t)l->copies[i].data, b.data,
		    b.len);
		b.data = l->copies[i].data;
		memcpy(copy + x->offset, &b, sizeof(b));
	}
	l->record = copy;
	l->pending = event;
}

static void
forget_record(struct lane *l)
{
	const struct frl_field *x;
	size_t i = 0;

	if (l->pending == NULL)
		return;
	for (x = l->pending->fields; x->name != NULL; x++, i++)
		free((void *)(uintptr_t)l->copies[i].data);
	free(l->copies);
	free(l->record);
	l->copies = NULL;
	l->record = NULL;
	l->pending = NULL;
}

static enum frl_verdict
next_answer(struct fake *f, const char *event)
{
	for (size_t i = 0; i < f->answer_count; i++) {
		enum frl_verdict verdict = f->answers[i].verdict;

		if (strcmp(f->answers[i].event, event) != 0)
			continue;
		f->answer_count--;
		memmove(&f->answers[i], &f->answers[i + 1],
		    (f->answer_count - i) * sizeof(f->answers[0]));
		return (verdict);
	}
	return (FRL_OK);
}

static enum frl_verdict host_ask(struct frl_link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record);

static enum frl_verdict
host_publish(struct frl_link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record)
{
	struct fake *f = fake_of(link);
	struct line *line;

	INSIST(declared(f, event) && !(event->flags & FRL_EVENT_PART));
	if (f->event_count == f->event_room) {
		f->event_room = f->event_room * 2 + 16;
		f->events = reallocarray(f->events, f->event_room,
		    sizeof(f->events[0]));
		INSIST(f->events != NULL);
	}
	line = &f->events[f->event_count++];
	line->event = event;
	line->text = event_line(event, (int)flow, record);
	text_add(&f->log, line->text, strlen(line->text));
	text_add(&f->log, "\n", 1);
	if (!(event->flags & FRL_EVENT_ASKS))
		return (FRL_OK);
	return (host_ask(link, flow, event, record));
}

static enum frl_verdict
host_ask(struct frl_link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record)
{
	struct fake *f = fake_of(link);
	struct lane *l = &f->lanes[flow];
	enum frl_verdict verdict;

	if (l->waiting)
		return (FRL_FAIL);
	verdict = next_answer(f, event->name);
	if (verdict == FRL_REFUSE && f->said[0] == '\0')
		snprintf(f->said, sizeof(f->said), "a hook objected");
	if (verdict == FRL_WAIT) {
		l->waiting = true;
		keep_record(l, event, record);
	}
	return (verdict);
}

static void
host_report(struct frl_link *link, const struct frl_event *event,
    const void *record)
{
	struct fake *f = fake_of(link);
	size_t i = 0;

	INSIST(declared(f, event) && (event->flags & FRL_EVENT_PART));
	while (i < f->report_count && f->reports[i].event != event)
		i++;
	INSIST(i < REPORTS);
	if (i == f->report_count)
		f->report_count++;
	free(f->reports[i].text);
	f->reports[i].event = event;
	f->reports[i].text = event_line(event, -1, record);
}

static enum frl_verdict
host_refuse(struct frl_link *link, enum frl_why why, const char *text)
{
	struct fake *f = fake_of(link);

	f->said_why = why;
	snprintf(f->said, sizeof(f->said), "%s", text);
	return (FRL_REFUSE);
}

static void
host_resume(const struct frl_host *host, uint64_t token,
    enum frl_verdict verdict, const char *reason)
{
	(void)host;
	(void)token;
	(void)verdict;
	(void)reason;
	insist("resume is for hooks", __func__, __LINE__);
}

static int
host_later(const struct frl_host *host, uint64_t ms, void (*fn)(void *arg),
    void *arg)
{
	(void)host;
	(void)ms;
	(void)fn;
	(void)arg;
	return (-1);
}

static void
host_say(const struct frl_host *host, enum frl_level level, const char *text)
{
	const struct fake *f = (const struct fake *)(const void *)host;

	(void)level;
	if (!f->options.quiet)
		fprintf(stderr, "plugin: %s\n", text);
}

static int
host_next(struct frl_link *link)
{
	struct fake *f = fake_of(link);

	INSIST(!f->quiet);
	if (!f->options.forward || f->heir || f->refused != NULL)
		return (-1);
	f->leaving = true;
	return (0);
}

static const struct frl_host table = {
	.size = sizeof(struct frl_host),
	.pass = host_pass,
	.drop = host_drop,
	.insert = host_insert,
	.end = host_end,
	.need = host_need,
	.pause = host_pause,
	.again = host_again,
	.moved = host_moved,
	.handoff = host_handoff,
	.permits = host_permits,
	.next = host_next,
	.set_timer = host_set_timer,
	.set_idle = host_set_idle,
	.quiet = host_quiet,
	.cut = host_cut,
	.now_us = host_now_us,
	.wanted = host_wanted,
	.publish = host_publish, .ask = host_ask,
	.report = host_report,
	.refuse = host_refuse,
	.resume = host_resume,
	.later = host_later,
	.say = host_say
};

/* ------------------------------------------------------------------ */
/* For tests								*/

/* Tokens are copied, so that a compound literal may go out of scope. */
static void
copy_tokens(struct fake *f, const char *const *tokens)
{
	size_t n = 0;

	if (tokens == NULL)
		return;
	while (tokens[n] != NULL)
		n++;
	f->tokens = calloc(n + 1, sizeof(f->tokens[0]));
	INSIST(f->tokens != NULL);
	memcpy(f->tokens, tokens, n * sizeof(f->tokens[0]));
}

struct fake *
fake_create(const struct fake_options *options)
{
	struct fake *f = calloc(1, sizeof(*f));
	const struct frl_plugin *p = options->plugin;

	INSIST(f != NULL && p->magic == FRL_MAGIC);
	f->host = table;
	f->plugin = p;
	f->options = *options;
	if (f->options.limit == 0)
		f->options.limit = 65536;
	copy_tokens(f, options->tokens);
	f->tunnel = (struct frl_tunnel){ .id = "00000000-00000001",
	    .mode = options->forward ? "forward" : "connect",
	    .listener = "127.0.0.1:3128", .parent = options->parent,
	    .client_addr = "127.0.0.1", .server_name = "example.com",
	    .server_addr = "127.0.0.1", .client_port = 1, .server_port = 80 };
	f->now_us = 1000000;
	f->timer_ms = FRL_ALL;
	f->wanted = true;
	for (int i = 0; i < 2; i++) {
		f->lanes[i].wanted = 1;
		f->lanes[i].moved = options->moved[i];
		text_add(&f->lanes[i].held, "", 0);
		text_add(&f->lanes[i].out, "", 0);
		text_add(&f->lanes[i].socket, "", 0);
	}
	text_add(&f->log, "", 0);
	f->link.host = &f->host;
	f->link.tunnel = &f->tunnel;
	f->link.state = calloc(1, p->state_size + (p->state_size == 0));
	INSIST(f->link.state != NULL);
	f->quiet = true;
	if (p->load != NULL &&
	    p->load(&f->host, options->options, &f->link.instance) != FRL_OK) {
		f->closed = true;
		f->plugin = NULL;
		fake_free(f);
		return (NULL);
	}
	if (p->open != NULL &&
	    p->open(&f->link, options->context) != FRL_OK) {
		f->closed = true;
		fake_free(f);
		return (NULL);
	}
	f->quiet = false;
	return (f);
}

void
fake_free(struct fake *f)
{
	if (f == NULL)
		return;
	if (f->plugin != NULL) {
		close_link(f);
		if (f->plugin->unload != NULL)
			f->plugin->unload(f->link.instance);
	}
	for (int i = 0; i < 2; i++) {
		lane_clear(&f->lanes[i]);
		forget_record(&f->lanes[i]);
		text_free(&f->lanes[i].held);
		text_free(&f->lanes[i].out);
		text_free(&f->lanes[i].socket);
	}
	for (size_t i = 0; i < f->event_count; i++)
		free(f->events[i].text);
	free(f->events);
	for (size_t i = 0; i < f->report_count; i++)
		free(f->reports[i].text);
	text_free(&f->log);
	free(f->tokens);
	free(f->handoff);
	free(f->refused);
	free(f->link.state);
	free(f);
}

void
fake_feed(struct fake *f, enum frl_flow flow, const void *bytes, size_t len,
    bool over)
{
	struct lane *l = &f->lanes[flow];

	if (f->closed && !f->handed)
		return;
	text_add(&l->socket, bytes, len);
	l->socket_over = l->socket_over || over;
	settle(f);
}

void
fake_text(struct fake *f, enum frl_flow flow, const char *text)
{
	fake_feed(f, flow, text, strlen(text), false);
}

void
fake_over(struct fake *f, enum frl_flow flow)
{
	fake_feed(f, flow, "", 0, true);
}

void
fake_refuse(struct fake *f, enum frl_why why, const char *name,
    const char *reason)
{
	if (f->closed)
		return;
	latch(f, why, name, reason);
	settle(f);
}

bool
fake_timer(struct fake *f)
{
	enum frl_verdict verdict = FRL_OK;

	if (f->timer_ms == FRL_ALL || f->closed)
		return (false);
	f->timer_ms = FRL_ALL;
	f->busy = true;
	if (f->plugin->timer != NULL)
		verdict = f->plugin->timer(&f->link);
	f->busy = false;
	answered(f, -1, verdict);
	settle(f);
	return (true);
}

uint64_t
fake_timer_ms(const struct fake *f)
{
	return (f->timer_ms);
}

void
fake_advance(struct fake *f, uint64_t us)
{
	f->now_us += us;
}

void
fake_answer(struct fake *f, const char *event, enum frl_verdict verdict)
{
	INSIST(f->answer_count < ANSWERS);
	f->answers[f->answer_count++] = (struct answer){ event, verdict };
}

bool
fake_decide(struct fake *f, enum frl_flow flow, enum frl_verdict verdict)
{
	struct lane *l = &f->lanes[flow], old;
	enum frl_verdict answer = FRL_OK;

	if (f->closed || !l->waiting)
		return (false);
	/* It may publish, and wait, again: the old record stays apart. */
	old = *l;
	l->pending = NULL;
	l->copies = NULL;
	l->record = NULL;
	l->waiting = false;
	l->due = true;
	f->busy = true;
	if (f->plugin->decided != NULL)
		answer = f->plugin->decided(&f->link, flow, old.pending,
		    old.record, verdict);
	f->busy = false;
	forget_record(&old);
	if (verdict == FRL_REFUSE) {
		latch(f, FRL_WHY_REFUSED, "refused", "a hook objected");
		l->refused = true;
	}
	answered(f, (int)flow, answer);
	settle(f);
	return (true);
}

void
fake_want(struct fake *f, bool wanted)
{
	f->wanted = wanted;
}

struct frl_bytes
fake_output(const struct fake *f, enum frl_flow flow)
{
	const struct text *t = &f->lanes[flow].out;

	return ((struct frl_bytes){ (const uint8_t *)t->mem, t->len });
}

bool
fake_output_is(const struct fake *f, enum frl_flow flow, const char *text)
{
	const struct text *t = &f->lanes[flow].out;

	if (t->len == strlen(text) && memcmp(t->mem, text, t->len) == 0)
		return (true);
	fprintf(stderr, "fake_host: output is <%s>,\nnot <%s>\n", t->mem,
	    text);
	return (false);
}

bool
fake_ended(const struct fake *f, enum frl_flow flow)
{
	return (f->lanes[flow].finished);
}

bool
fake_closed(const struct fake *f)
{
	return (f->closed);
}

struct frl_bytes
fake_held(const struct fake *f, enum frl_flow flow)
{
	const struct text *t = &f->lanes[flow].held;

	return ((struct frl_bytes){ (const uint8_t *)t->mem, t->len });
}

uint64_t
fake_credit(const struct fake *f, enum frl_flow flow)
{
	const struct lane *l = &f->lanes[flow];

	return (l->count > 0 ? l->ahead[0].n : 0);
}

bool
fake_paused(const struct fake *f, enum frl_flow flow)
{
	return (f->lanes[flow].paused);
}

uint64_t
fake_moved(const struct fake *f, enum frl_flow flow)
{
	return (f->lanes[flow].moved);
}

uint64_t
fake_idle(const struct fake *f)
{
	return (f->idle_ms);
}

bool
fake_cut(const struct fake *f, enum frl_flow flow)
{
	return (f->cut[flow]);
}

unsigned int
fake_quiets(const struct fake *f)
{
	return (f->quiets);
}

unsigned int
fake_calls(const struct fake *f, enum frl_flow flow)
{
	return (f->lanes[flow].calls);
}

const char *
fake_event(const struct fake *f, const char *event, size_t n)
{
	for (size_t i = 0; i < f->event_count; i++)
		if (strcmp(f->events[i].event->name, event) == 0 && n-- == 0)
			return (f->events[i].text);
	return (NULL);
}

size_t
fake_count(const struct fake *f, const char *event)
{
	size_t n = 0;

	while (fake_event(f, event, n) != NULL)
		n++;
	return (n);
}

const char *
fake_events(const struct fake *f)
{
	return (f->log.mem);
}

bool
fake_saw(const struct fake *f, const char *event, const char *part)
{
	const char *line;

	for (size_t n = 0; (line = fake_event(f, event, n)) != NULL; n++)
		if (strstr(line, part) != NULL)
			return (true);
	return (false);
}

const char *
fake_report(const struct fake *f, const char *event)
{
	for (size_t i = 0; i < f->report_count; i++)
		if (strcmp(f->reports[i].event->name, event) == 0)
			return (f->reports[i].text);
	return (NULL);
}

const char *
fake_handoff(const struct fake *f)
{
	return (f->handoff);
}

bool
fake_left(const struct fake *f)
{
	return (f->left);
}

const char *
fake_refused(const struct fake *f)
{
	return (f->refused);
}
