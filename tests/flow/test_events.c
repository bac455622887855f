/* SPDX-License-Identifier: MIT */
/* events: who is asked, who is told, and what stands in the log. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/events.h"
#include "flow/tunnel_events.h"
#include "strict_json.h"

struct ask {
	struct frl_bytes text;
	const char *name;
	uint64_t n;
	const void *hidden;		/* no field describes it */
};

#define F(name, member, type, flags) \
	{ name, "", offsetof(struct ask, member), type, flags, 0 }

static const struct frl_field ask_fields[] = {
	F("t.text", text, FRL_TEXT, 0),
	F("t.name", name, FRL_NAME, 0),
	F("n", n, FRL_U64, FRL_ABSENT_ZERO),
	{ NULL, NULL, 0, 0, 0, 0 }
};

#define EVENT(event_name, event_flags) { .name = event_name, .help = "", \
	.fields = ask_fields, .record_size = sizeof(struct ask), \
	.flags = event_flags }

static const struct frl_event ask_event = EVENT("test.ask",
    FRL_EVENT_ASKS | FRL_EVENT_FLOW);
static const struct frl_event tell_event = EVENT("test.tell", 0);
static const struct frl_event always_event = EVENT("other.always",
    FRL_EVENT_ALWAYS);
static const struct frl_event part_event = EVENT("test.part",
    FRL_EVENT_PART);

static const struct frl_tunnel tunnel = { .id = "7f3a9c21-00000a4e" };

struct fixture;

/* A hook that does as it is told, and remembers. */
struct script {
	struct fixture *f;
	const char *name;
	enum frl_verdict verdict;
	const char *reason;
	bool resume_inside;		/* with OK, before it returns */
	unsigned asked;
	uint64_t token;
	const void *record;
};

struct fixture {
	struct loop *loop;
	struct events *events;
	char folder[64], path[128], other[128];
	const struct event_slot *ask, *tell;
	struct origin origin;
	struct script a, b, c;
	char order[64];
	/* what the asker was told */
	unsigned decided;
	struct decision decision;
	char text[64];
	bool hidden_is_null;
	int rooms;
};

static const struct ask record = { .text = { (const uint8_t *)"\"\\\x80", 3 },
    .name = "name", .n = 7, .hidden = &record };

static enum frl_verdict
play(void *instance, struct frl_question *question)
{
	struct script *s = instance;

	s->asked++;
	s->token = question->token;
	s->record = question->record;
	strcat(s->f->order, s->name);
	question->reason = s->reason;
	if (s->resume_inside)
		events_resume(s->f->events, s->token, FRL_OK, NULL);
	return (s->verdict);
}

static void
decided(void *arg, const struct frl_event *event, const void *copy,
    const struct decision *decision)
{
	struct fixture *f = arg;
	const struct ask *r = copy;

	assert_ptr_equal(event, &ask_event);
	assert_ptr_not_equal(r, &record);
	assert_ptr_not_equal(r->text.data, record.text.data);
	assert_int_equal(r->text.len, 3);
	assert_memory_equal(r->text.data, record.text.data, 3);
	assert_string_equal(r->name, "name");
	assert_int_equal(r->n, 7);
	f->hidden_is_null = r->hidden == NULL;
	f->decided++;
	f->decision = *decision;
}

static void
has_room(void *arg)
{
	((struct fixture *)arg)->rooms++;
}

static void
start(struct fixture *f, uint64_t wait_ms)
{
	struct events_options options = { .loop = f->loop,
	    .node = "no\"de", .wait_ms = wait_ms };
	struct err err = { "" };

	events_free(f->events);
	f->events = events_create(&options);
	assert_non_null(f->events);
	f->ask = events_declare(f->events, &ask_event, &err);
	f->tell = events_declare(f->events, &tell_event, &err);
	assert_non_null(f->ask);
	assert_non_null(f->tell);
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/test_events.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/log", f->folder);
	snprintf(f->other, sizeof(f->other), "%s/log.1", f->folder);
	f->loop = loop_create();
	assert_non_null(f->loop);
	f->origin.tunnel = &tunnel;
	f->a = (struct script){ .f = f, .name = "a" };
	f->b = (struct script){ .f = f, .name = "b" };
	f->c = (struct script){ .f = f, .name = "c" };
	start(f, 3600000);
	*state = f;
	return (0);
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	events_free(f->events);
	loop_free(f->loop);
	unlink(f->path);
	unlink(f->other);
	rmdir(f->folder);
	free(f);
	return (0);
}

static void
hook(struct fixture *f, const char *event, struct script *script,
    bool fail_open)
{
	struct frl_hook h = { event, play };
	struct err err = { "" };

	if (events_hook(f->events, &h, script, script->name, fail_open,
	    &err) != 0)
		fail_msg("%s", err.text);
}

static void
add_sink(struct fixture *f, const char *path, const char *pattern,
    enum sink_format format, enum sink_on_full on_full)
{
	struct sink_options options = { .file = path, .format = format,
	    .on_full = on_full, .events = { &pattern, 1 } };
	struct err err = { "" };

	if (events_add_sink(f->events, &options, &err) != 0)
		fail_msg("%s", err.text);
}

static enum frl_verdict
publish(struct fixture *f, uint64_t *ret_token)
{
	struct asker asker = { decided, f };	/* copied, if it must wait */

	f->decision = (struct decision){ 0 };
	return (events_publish(f->events, f->ask, &f->origin, 0, &record,
	    &asker, &f->decision, ret_token));
}

/* Everything that was written; JSON is checked line by line. */
static const char *
read_log(struct fixture *f, const char *path)
{
	static char text[1 << 20];
	static struct strict s;
	size_t len;
	char *p, *end;
	FILE *file;

	assert_int_equal(events_flush(f->events, 0), 0);
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	for (p = text; *p == '{'; p = end + 1) {
		end = strchr(p, '\n');
		assert_non_null(end);
		if (!strict_line(&s, p, (size_t)(end - p) + 1))
			fail_msg("not strict: %s", p);
	}
	if (p > text)
		assert_int_equal(*p, '\0');
	return (text);
}

static unsigned
count(const char *text, const char *word)
{
	unsigned n = 0;

	while ((text = strstr(text, word)) != NULL) {
		text++;
		n++;
	}
	return (n);
}

static void
turn(struct fixture *f)
{
	unsigned before = f->decided;

	while (f->decided == before)
		loop_turn(f->loop, true);
}

/* ------------------------------------------------------------------ */

static void
nobody_wants_it(void **state)
{
	struct fixture *f = *state;
	uint64_t token;

	assert_false(events_wanted(f->ask));
	assert_int_equal(publish(f, &token), FRL_OK);
	add_sink(f, f->path, "none", SINK_JSON, SINK_BLOCK);
	assert_false(events_wanted(f->ask));
	assert_int_equal(publish(f, &token), FRL_OK);
	assert_string_equal(read_log(f, f->path), "");
	hook(f, "test.ask", &f->a, false);
	assert_true(events_wanted(f->ask));
	assert_true(events_hooked(f->ask));
	assert_false(events_wanted(f->tell));
	assert_false(events_hooked(f->tell));
}

static void
hooks_in_order(void **state)
{
	struct fixture *f = *state;
	uint64_t token;

	add_sink(f, f->path, "test.*", SINK_JSON, SINK_BLOCK);
	hook(f, "test.ask", &f->b, false);
	hook(f, "test.ask", &f->a, false);
	hook(f, "test.ask", &f->c, false);
	assert_int_equal(publish(f, &token), FRL_OK);
	assert_string_equal(f->order, "bac");
	assert_ptr_equal(f->a.record, &record);
	f->a.verdict = FRL_REFUSE;
	f->a.reason = "because";
	assert_int_equal(publish(f, &token), FRL_REFUSE);
	assert_string_equal(f->order, "bacba");
	assert_int_equal(f->decision.verdict, FRL_REFUSE);
	assert_string_equal(f->decision.plugin, "a");
	assert_string_equal(f->decision.reason, "because");
	assert_int_equal(f->decided, 0);
	assert_int_equal(count(read_log(f, f->path), "\"allow\""), 1);
	assert_int_equal(count(read_log(f, f->path), "\"refuse\""), 1);
	assert_int_equal(count(read_log(f, f->path),
	    "\"seq\":1,\"dir\":\"c2s\",\"t\":{\"text\":\"\\\"\\\\"), 1);
	assert_int_equal(count(read_log(f, f->path), "\"no\\\"de\""), 2);
}

static void
long_reason(void **state)
{
	struct fixture *f = *state;
	char reason[1000];
	uint64_t token;

	memset(reason, 'r', sizeof(reason));
	reason[999] = '\0';
	hook(f, "test.ask", &f->a, false);
	f->a.verdict = FRL_REFUSE;
	f->a.reason = reason;
	assert_int_equal(publish(f, &token), FRL_REFUSE);
	assert_int_equal(strlen(f->decision.reason), FRL_REASON_SIZE - 1);
}

static void
hook_before_declaration(void **state)
{
	struct fixture *f = *state;
	struct frl_hook h = { "other.always", play };
	struct err err;

	hook(f, "other.always", &f->a, false);
	assert_int_equal(events_seal(f->events, &err), -1);
	assert_non_null(strstr(err.text, "other.always"));
	assert_non_null(events_declare(f->events, &always_event, &err));
	assert_int_equal(events_seal(f->events, &err), 0);
	/* A part is never published. */
	assert_non_null(events_declare(f->events, &part_event, &err));
	h.event = "test.part";
	assert_int_equal(events_hook(f->events, &h, &f->a, "a", false, &err),
	    -1);
	assert_non_null(strstr(err.text, "never published"));
}

static void
declarations(void **state)
{
	static const struct frl_event same_name = EVENT("test.ask", 0);
	static const struct frl_event bad = EVENT("bad", 0);
	struct fixture *f = *state;
	const struct frl_event *event;
	struct err err;
	size_t i, found = 0;

	assert_ptr_equal(events_declare(f->events, &ask_event, &err), f->ask);
	assert_null(events_declare(f->events, &same_name, &err));
	assert_non_null(strstr(err.text, "taken"));
	assert_null(events_declare(f->events, &bad, &err));
	for (i = 0; (event = events_at(f->events, i)) != NULL; i++)
		found += event == &ask_event || event == &tell_event;
	assert_int_equal(found, 2);
}

static void
failing_hooks(void **state)
{
	struct fixture *f = *state;
	const char *text;
	uint64_t token;

	add_sink(f, f->path, "test.*", SINK_JSON, SINK_BLOCK);
	hook(f, "test.ask", &f->a, true);
	hook(f, "test.ask", &f->b, false);
	hook(f, "plugin.error", &f->c, false);
	f->a.verdict = FRL_FAIL;
	assert_int_equal(publish(f, &token), FRL_OK);
	assert_string_equal(f->order, "acb");
	/* A hook of plugin.error that fails does not go on for ever. */
	f->c.verdict = FRL_FAIL;
	f->b.verdict = FRL_FAIL;
	f->b.reason = "oh";
	assert_int_equal(publish(f, &token), FRL_REFUSE);
	assert_string_equal(f->decision.plugin, "b");
	text = read_log(f, f->path);
	assert_int_equal(count(text, "\"plugin.error\""), 3);
	assert_int_equal(count(text, "\"plugin\":\"b\",\"callback\":\"hook\","
	    "\"detail\":\"oh\""), 1);
	assert_int_equal(count(text, "\"verdict\":\"allow\""), 1);
	assert_int_equal(count(text, "\"verdict\":\"refuse\""), 1);
	/* What is no verdict is a failure. */
	f->a.verdict = (enum frl_verdict)77;
	f->b.verdict = (enum frl_verdict)77;
	assert_int_equal(publish(f, &token), FRL_REFUSE);
}

static void
only_told(void **state)
{
	struct fixture *f = *state;

	add_sink(f, f->path, "*", SINK_JSON, SINK_BLOCK);
	hook(f, "test.tell", &f->a, false);
	hook(f, "test.tell", &f->b, false);
	f->a.verdict = FRL_REFUSE;
	f->b.verdict = FRL_WAIT;
	assert_int_equal(events_publish(f->events, f->tell, &f->origin, -1,
	    &record, NULL, NULL, NULL), FRL_OK);
	assert_string_equal(f->order, "ab");
	assert_int_equal(count(read_log(f, f->path), "verdict"), 0);
	assert_int_equal(count(read_log(f, f->path), "test.tell"), 1);
}

static void
waits_and_goes_on(void **state)
{
	struct fixture *f = *state;
	uint64_t token = 0, old;

	add_sink(f, f->path, "*", SINK_JSON, SINK_BLOCK);
	hook(f, "test.ask", &f->a, false);
	hook(f, "test.ask", &f->b, false);
	hook(f, "test.ask", &f->c, false);
	f->a.verdict = f->b.verdict = FRL_WAIT;
	assert_int_equal(publish(f, &token), FRL_WAIT);
	assert_int_not_equal(token, 0);
	assert_string_equal(f->order, "a");
	assert_string_equal(read_log(f, f->path), "");
	old = f->a.token;
	events_resume(f->events, old, FRL_OK, NULL);
	assert_string_equal(f->order, "a");
	while (f->b.asked == 0)
		loop_turn(f->loop, true);
	/* The later hooks see the copy; a second answer of a is inert. */
	assert_ptr_not_equal(f->b.record, &record);
	events_resume(f->events, old, FRL_REFUSE, "no");
	loop_turn(f->loop, false);
	assert_int_equal(f->decided, 0);
	events_resume(f->events, f->b.token, FRL_OK, NULL);
	events_resume(f->events, f->b.token, FRL_REFUSE, "too late");
	turn(f);
	assert_string_equal(f->order, "abc");
	assert_int_equal(f->decision.verdict, FRL_OK);
	assert_true(f->hidden_is_null);
	assert_int_equal(count(read_log(f, f->path), "\"allow\""), 1);
	/* All of it is over. */
	events_resume(f->events, f->b.token, FRL_REFUSE, NULL);
	events_resume(f->events, old, FRL_REFUSE, NULL);
	events_forget(f->events, token);
	loop_turn(f->loop, false);
	assert_int_equal(f->decided, 1);
}

static void
late_refusal_and_failure(void **state)
{
	struct fixture *f = *state;
	uint64_t token;

	add_sink(f, f->path, "test.*", SINK_JSON, SINK_BLOCK);
	hook(f, "test.ask", &f->a, false);
	hook(f, "test.ask", &f->b, true);
	f->a.verdict = FRL_WAIT;
	assert_int_equal(publish(f, &token), FRL_WAIT);
	events_resume(f->events, f->a.token, FRL_REFUSE, "thought about it");
	turn(f);
	assert_int_equal(f->decision.verdict, FRL_REFUSE);
	assert_string_equal(f->decision.plugin, "a");
	assert_string_equal(f->decision.reason, "thought about it");
	assert_string_equal(f->order, "a");
	/* FAIL, with each on_error. */
	assert_int_equal(publish(f, &token), FRL_WAIT);
	events_resume(f->events, f->a.token, FRL_FAIL, NULL);
	turn(f);
	assert_int_equal(f->decision.verdict, FRL_REFUSE);
	f->a.verdict = FRL_OK;
	f->b.verdict = FRL_WAIT;
	assert_int_equal(publish(f, &token), FRL_WAIT);
	events_resume(f->events, f->b.token, FRL_WAIT, NULL);
	turn(f);
	assert_int_equal(f->decision.verdict, FRL_OK);
	assert_int_equal(count(read_log(f, f->path), "plugin.error"), 2);
	assert_int_equal(count(read_log(f, f->path), "\"refuse\""), 2);
	assert_int_equal(count(read_log(f, f->path), "\"allow\""), 1);
}

static void
resumed_from_inside(void **state)
{
	struct fixture *f = *state;
	uint64_t token;

	hook(f, "test.ask", &f->a, false);
	hook(f, "test.ask", &f->b, false);
	f->a.verdict = FRL_WAIT;
	f->a.resume_inside = true;
	assert_int_equal(publish(f, &token), FRL_WAIT);
	assert_string_equal(f->order, "a");
	assert_int_equal(f->decided, 0);
	turn(f);
	assert_string_equal(f->order, "ab");
	assert_int_equal(f->decision.verdict, FRL_OK);
	/* Who answers at once after all is taken at that word. */
	f->a.verdict = FRL_REFUSE;
	assert_int_equal(publish(f, &token), FRL_REFUSE);
	loop_turn(f->loop, false);
	assert_int_equal(f->decided, 1);
	/* Both, one behind the other. */
	f->a.verdict = f->b.verdict = FRL_WAIT;
	f->b.resume_inside = true;
	assert_int_equal(publish(f, &token), FRL_WAIT);
	turn(f);
	assert_int_equal(f->decision.verdict, FRL_OK);
}

static void
stale_tokens(void **state)
{
	struct fixture *f = *state;
	uint64_t token, first;
	unsigned i;

	hook(f, "test.ask", &f->a, false);
	f->a.verdict = FRL_WAIT;
	assert_int_equal(publish(f, &token), FRL_WAIT);
	first = f->a.token;
	events_forget(f->events, token);
	/* The same place again. */
	assert_int_equal(publish(f, &token), FRL_WAIT);
	assert_int_not_equal(f->a.token, first);
	events_resume(f->events, first, FRL_OK, NULL);
	events_resume(f->events, 0, FRL_OK, NULL);
	events_resume(f->events, 12345, FRL_OK, NULL);
	events_resume(f->events, UINT64_MAX, FRL_OK, NULL);
	for (i = 0; i < 64; i++)
		events_resume(f->events, f->a.token ^ (uint64_t)1 << i,
		    FRL_OK, NULL);
	for (i = 0; i < 5; i++)
		loop_turn(f->loop, false);
	assert_int_equal(f->decided, 0);
	events_resume(f->events, f->a.token, FRL_OK, NULL);
	turn(f);
	assert_int_equal(f->decided, 1);
}

static void
deadline(void **state)
{
	struct fixture *f = *state;
	uint64_t token;

	start(f, 20);
	add_sink(f, f->path, "*", SINK_JSON, SINK_BLOCK);
	hook(f, "test.ask", &f->a, true);
	f->a.verdict = FRL_WAIT;
	assert_int_equal(publish(f, &token), FRL_WAIT);
	turn(f);
	assert_int_equal(f->decision.verdict, FRL_REFUSE);
	assert_string_equal(f->decision.plugin, "a");
	assert_string_equal(f->decision.reason, "no verdict in time");
	events_resume(f->events, f->a.token, FRL_OK, NULL);
	loop_turn(f->loop, false);
	assert_int_equal(f->decided, 1);
	assert_int_equal(count(read_log(f, f->path), "\"refuse\""), 1);
}

static void
forgotten(void **state)
{
	struct fixture *f = *state;
	uint64_t token;

	start(f, 1);
	add_sink(f, f->path, "*", SINK_JSON, SINK_BLOCK);
	hook(f, "test.ask", &f->a, false);
	f->a.verdict = FRL_WAIT;
	assert_int_equal(publish(f, &token), FRL_WAIT);
	/* Answered, but gone before the loop's turn. */
	events_resume(f->events, f->a.token, FRL_OK, NULL);
	events_forget(f->events, token);
	events_forget(f->events, token);
	usleep(2000);
	loop_turn(f->loop, false);
	loop_turn(f->loop, false);
	assert_int_equal(f->decided, 0);
	/* It was published: it has a line, and nothing went on. */
	assert_int_equal(count(read_log(f, f->path), "\"refuse\""), 1);
	/* One that still waits when all ends. */
	assert_int_equal(publish(f, &token), FRL_WAIT);
}

static void
nobody_can_wait(void **state)
{
	struct fixture *f = *state;
	struct decision decision;

	hook(f, "test.ask", &f->a, true);
	f->a.verdict = FRL_WAIT;
	f->a.resume_inside = true;
	assert_int_equal(events_publish(f->events, f->ask, NULL, -1, &record,
	    NULL, &decision, NULL), FRL_REFUSE);
	assert_string_equal(decision.plugin, "a");
	assert_int_equal(events_publish(f->events, f->ask, NULL, -1, &record,
	    NULL, NULL, NULL), FRL_REFUSE);
}

static void
many_wait(void **state)
{
	struct fixture *f = *state;
	uint64_t tokens[300], hook_tokens[300];
	unsigned i;

	hook(f, "test.ask", &f->a, false);
	f->a.verdict = FRL_WAIT;
	for (i = 0; i < 300; i++) {
		f->order[0] = '\0';
		assert_int_equal(publish(f, &tokens[i]), FRL_WAIT);
		hook_tokens[i] = f->a.token;
	}
	for (i = 0; i < 300; i += 3)
		events_forget(f->events, tokens[i]);
	for (i = 0; i < 300; i++)
		events_resume(f->events, hook_tokens[i], FRL_OK, NULL);
	while (f->decided < 200)
		loop_turn(f->loop, true);
	loop_turn(f->loop, false);
	assert_int_equal(f->decided, 200);
}

static void
filters_and_seq(void **state)
{
	struct fixture *f = *state;
	const struct event_slot *always;
	struct err err;
	const char *text;
	uint64_t token;
	int i;

	add_sink(f, f->path, "test.tell", SINK_JSON, SINK_BLOCK);
	always = events_declare(f->events, &always_event, &err);
	add_sink(f, f->other, "*", SINK_TEXT, SINK_BLOCK);
	for (i = 0; i < 3; i++) {
		assert_int_equal(publish(f, &token), FRL_OK);
		events_publish(f->events, f->tell, &f->origin, -1, &record,
		    NULL, NULL, NULL);
	}
	events_publish(f->events, always, NULL, -1, &record, NULL, NULL,
	    NULL);
	text = read_log(f, f->path);
	assert_int_equal(count(text, "\n"), 4);
	assert_int_equal(count(text, "test.ask"), 0);
	assert_int_equal(count(text, "\"seq\":0"), 1);
	assert_int_equal(count(text, "\"seq\":2"), 1);
	assert_int_equal(count(text, "\"seq\":3"), 0);
	assert_int_equal(count(text, "\"tunnel\":"), 3);
	assert_int_equal(f->origin.seq[0], 3);
	assert_int_equal(f->origin.seq[1], 6);
	text = read_log(f, f->other);
	assert_int_equal(count(text, "\n"), 7);
	assert_int_equal(count(text, "test.ask -> t.text=\"\\x5c"), 3);
}

static void
parts(void **state)
{
	struct fixture *f = *state;
	struct frl_tunnel_close closing = { .inspector = "websocket",
	    .end = "client_fin", .closed_by = "client" };
	struct ask mine = record;
	const struct event_slot *last, *part;
	static const struct frl_event again = EVENT("test.again",
	    FRL_EVENT_PART);
	char name[8] = "first";
	struct err err;
	const char *text;

	last = events_declare(f->events, &tunnel_event_close, &err);
	part = events_declare(f->events, &part_event, &err);
	assert_non_null(part);
	/* Two parts may not bring the same key. */
	assert_null(events_declare(f->events, &again, &err));
	assert_non_null(strstr(err.text, "clashes"));
	assert_false(events_wanted(part));
	add_sink(f, f->path, "tunnel.*", SINK_JSON, SINK_BLOCK);
	assert_true(events_wanted(part));
	mine.name = name;
	events_report(f->events, part, &f->origin, &mine);
	strcpy(name, "second");
	events_report(f->events, part, &f->origin, &mine);
	strcpy(name, "gone");
	/* A part has no line, even where it is published. */
	events_publish(f->events, part, &f->origin, -1, &mine, NULL, NULL,
	    NULL);
	events_last(f->events, last, &f->origin, &closing);
	assert_null(f->origin.parts);
	text = read_log(f, f->path);
	assert_int_equal(count(text, "\n"), 1);
	assert_int_equal(count(text, "\"closed_by\":\"client\",\"t\":{"), 1);
	assert_int_equal(count(text, "\"name\":\"second\"},\"n\":7}"), 1);
	/* Parts are freed also where nobody wants the line. */
	start(f, 1);
	last = events_declare(f->events, &tunnel_event_close, &err);
	part = events_declare(f->events, &part_event, &err);
	events_report(f->events, part, &f->origin, &mine);
	events_last(f->events, last, &f->origin, &closing);
	assert_null(f->origin.parts);
}

/* Longer than what a line is given at first, and than any line may be. */
static void
long_lines(void **state)
{
	static struct frl_field fields[33];
	static char names[32][4];
	static const struct frl_event event = { .name = "test.long",
	    .fields = fields, .record_size = 32 * sizeof(struct frl_bytes) };
	struct fixture *f = *state;
	struct frl_bytes many[32];
	const struct event_slot *slot;
	uint8_t bytes[2000];
	struct events_counts counts;
	struct err err = { "" };
	unsigned i;

	memset(bytes, 1, sizeof(bytes));
	for (i = 0; i < 32; i++) {
		snprintf(names[i], sizeof(names[i]), "a%u", i);
		fields[i] = (struct frl_field){ names[i], "",
		    (uint16_t)(i * sizeof(struct frl_bytes)), FRL_TEXT, 0,
		    1024 };
		many[i] = (struct frl_bytes){ bytes, 100 };
	}
	slot = events_declare(f->events, &event, &err);
	assert_non_null(slot);
	add_sink(f, f->path, "*", SINK_JSON, SINK_BLOCK);
	events_publish(f->events, slot, NULL, -1, many, NULL, NULL, NULL);
	assert_int_equal(count(read_log(f, f->path), "trunc"), 0);
	for (i = 0; i < 32; i++)
		many[i].len = 1000;
	events_publish(f->events, slot, NULL, -1, many, NULL, NULL, NULL);
	assert_int_equal(count(read_log(f, f->path), "\"trunc\":true"), 1);
	events_count(f->events, &counts);
	assert_int_equal(counts.produced, 2);
	assert_int_equal(counts.written, 2);
}

static void
reopen(void **state)
{
	struct fixture *f = *state;
	uint64_t token;

	add_sink(f, f->path, "*", SINK_JSON, SINK_BLOCK);
	assert_int_equal(publish(f, &token), FRL_OK);
	assert_int_equal(rename(f->path, f->other), 0);
	events_reopen(f->events);
	assert_int_equal(publish(f, &token), FRL_OK);
	assert_int_equal(count(read_log(f, f->path), "\"seq\":1"), 1);
	assert_int_equal(count(read_log(f, f->other), "\"seq\":0"), 1);
}

/* A sink on a pipe that nobody reads yet. */
static int
pipe_sink(struct fixture *f, enum sink_on_full on_full, int *ret_reader)
{
	int fds[2], saved = dup(STDOUT_FILENO);

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	fflush(stdout);
	dup2(fds[1], STDOUT_FILENO);
	add_sink(f, "-", "*", SINK_JSON, on_full);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	*ret_reader = fds[0];
	return (fds[1]);
}

/* Read until nothing comes; counts lines and checks each. */
static unsigned
drain(struct fixture *f, int fd, unsigned *dropped)
{
	static struct strict s;
	static char text[1 << 16];
	unsigned lines = 0, quiet = 0;
	size_t len = 0;
	char *p, *end;
	ssize_t n;

	while (quiet < 3) {
		loop_turn(f->loop, false);
		events_flush(f->events, 0);
		n = read(fd, text + len, sizeof(text) - 1 - len);
		quiet = n > 0 ? 0 : quiet + 1;
		if (n <= 0)
			continue;
		len += (size_t)n;
		text[len] = '\0';
		for (p = text; (end = strchr(p, '\n')) != NULL; p = end + 1) {
			if (!strict_line(&s, p, (size_t)(end - p) + 1))
				fail_msg("not strict: %s", p);
			lines++;
			if (strstr(s.leaves, "event=\"log.dropped\"") == NULL)
				continue;
			p = strstr(s.leaves, "\ncount=");
			assert_non_null(p);
			*dropped += (unsigned)strtoul(p + 7, NULL, 10);
			assert_non_null(strstr(s.leaves, "\nsince=\"20"));
		}
		len -= (size_t)(p - text);
		memmove(text, p, len + 1);
	}
	assert_int_equal(len, 0);
	return (lines);
}

static void
full_and_blocking(void **state)
{
	struct fixture *f = *state;
	struct events_counts counts;
	unsigned n, dropped = 0;
	int reader, writer;
	uint64_t token;

	events_on_room(f->events, has_room, f);
	writer = pipe_sink(f, SINK_BLOCK, &reader);
	for (n = 0; !events_stalled(f->events); n++)
		assert_int_equal(publish(f, &token), FRL_OK);
	assert_int_equal(publish(f, &token), FRL_OK);
	n++;
	assert_int_equal(events_flush(f->events, 1), -1);
	assert_int_equal(f->rooms, 0);
	assert_int_equal(drain(f, reader, &dropped), n);
	assert_int_equal(f->rooms, 1);
	assert_false(events_stalled(f->events));
	events_count(f->events, &counts);
	assert_int_equal(counts.produced, n);
	assert_int_equal(counts.written, n);
	assert_int_equal(counts.dropped, 0);
	assert_int_equal(dropped, 0);
	close(reader);
	close(writer);
}

static void
full_and_dropping(void **state)
{
	struct fixture *f = *state;
	struct events_counts counts;
	unsigned i, lines, dropped = 0;
	int reader, writer;
	uint64_t token;

	events_on_room(f->events, has_room, f);
	writer = pipe_sink(f, SINK_DROP, &reader);
	for (i = 0; i < 20000; i++)
		assert_int_equal(publish(f, &token), FRL_OK);
	assert_false(events_stalled(f->events));
	assert_int_equal(f->origin.seq[0], 20000);
	lines = drain(f, reader, &dropped);
	events_count(f->events, &counts);
	/* Each event is a line, or is counted in the one line that says so. */
	assert_true(dropped > 0);
	assert_int_equal(counts.produced, 20001);
	assert_int_equal(counts.dropped, dropped);
	assert_int_equal(counts.written, lines);
	assert_int_equal(lines - 1 + dropped, 20000);
	assert_int_equal(f->rooms, 0);
	close(reader);
	close(writer);
}

static void
too_many_sinks(void **state)
{
	struct fixture *f = *state;
	struct sink_options options = { .file = f->path };
	struct err err;
	int i;

	for (i = 0; i < EVENTS_SINKS_MAX; i++)
		add_sink(f, f->path, "*", SINK_JSON, SINK_BLOCK);
	assert_int_equal(events_add_sink(f->events, &options, &err), -1);
	assert_non_null(strstr(err.text, f->path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(nobody_wants_it),
		TEST(hooks_in_order),
		TEST(long_reason),
		TEST(hook_before_declaration),
		TEST(declarations),
		TEST(failing_hooks),
		TEST(only_told),
		TEST(waits_and_goes_on),
		TEST(late_refusal_and_failure),
		TEST(resumed_from_inside),
		TEST(stale_tokens),
		TEST(deadline),
		TEST(forgotten),
		TEST(nobody_can_wait),
		TEST(many_wait),
		TEST(filters_and_seq),
		TEST(parts),
		TEST(long_lines),
		TEST(reopen),
		TEST(full_and_blocking),
		TEST(full_and_dropping),
		TEST(too_many_sinks),
	};

	signal(SIGPIPE, SIG_IGN);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
