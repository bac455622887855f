/* SPDX-License-Identifier: MIT */
/* events: what is declared, who wants it, and what stands in the log. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "events_fixture.h"

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
	assert_int_equal(count(text, "test.ask -> t.text=\"\\x22\\x5c"), 3);
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
	for (n = 0; !*events_stalled(f->events); n++)
		assert_int_equal(publish(f, &token), FRL_OK);
	assert_int_equal(publish(f, &token), FRL_OK);
	n++;
	assert_int_equal(events_flush(f->events, 1), -1);
	assert_int_equal(f->rooms, 0);
	assert_int_equal(drain(f, reader, &dropped), n);
	assert_int_equal(f->rooms, 1);
	assert_false(*events_stalled(f->events));
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
	assert_false(*events_stalled(f->events));
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
	assert_int_equal(events_add_sink(f->events, &options, NULL, &err), -1);
	assert_non_null(strstr(err.text, f->path));
}



int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(nobody_wants_it),
		TEST(declarations),
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
