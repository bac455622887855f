/* SPDX-License-Identifier: MIT */
/*
 * events_fixture -- events with hooks that follow a script, and a log that is
 * read back strictly.  For test_events.c and test_hooks.c; include cmocka
 * first.
 */
#ifndef TESTS_EVENTS_FIXTURE_H
#define TESTS_EVENTS_FIXTURE_H

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

static inline enum frl_verdict
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

static inline void
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

static inline void
has_room(void *arg)
{
	((struct fixture *)arg)->rooms++;
}

static inline void
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

static inline int
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

static inline int
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

static inline void
hook(struct fixture *f, const char *event, struct script *script,
    bool fail_open)
{
	struct frl_hook h = { event, play };
	const struct hook_owner owner = { .instance = script,
	    .plugin = script->name, .fail_open = fail_open };
	struct err err = { "" };

	if (events_hook(f->events, &h, &owner, &err) != 0)
		fail_msg("%s", err.text);
}

static inline void
add_sink(struct fixture *f, const char *path, const char *pattern,
    enum sink_format format, enum sink_on_full on_full)
{
	struct sink_options options = { .file = path, .format = format,
	    .on_full = on_full, .events = { &pattern, 1 } };
	struct err err = { "" };

	if (events_add_sink(f->events, &options, NULL, &err) != 0)
		fail_msg("%s", err.text);
}

static inline enum frl_verdict
publish(struct fixture *f, uint64_t *ret_token)
{
	struct asker asker = { decided, f };	/* copied, if it must wait */

	f->decision = (struct decision){ 0 };
	return (events_publish(f->events, f->ask, &f->origin, 0, &record,
	    &asker, &f->decision, ret_token));
}

/* Everything that was written; JSON is checked line by line. */
static inline const char *
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

static inline unsigned
count(const char *text, const char *word)
{
	unsigned n = 0;

	while ((text = strstr(text, word)) != NULL) {
		text++;
		n++;
	}
	return (n);
}

static inline void
turn(struct fixture *f)
{
	unsigned before = f->decided;

	while (f->decided == before)
		loop_turn(f->loop, true);
}

#endif
