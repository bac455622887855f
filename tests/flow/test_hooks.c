/* SPDX-License-Identifier: MIT */
/* hooks: who is asked, in which order, and what becomes of late answers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "events_fixture.h"

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
	const struct hook_owner owner = { .instance = &f->a, .plugin = "a" };
	struct err err;

	hook(f, "other.always", &f->a, false);
	assert_int_equal(events_seal(f->events, &err), -1);
	assert_non_null(strstr(err.text, "other.always"));
	assert_non_null(events_declare(f->events, &always_event, &err));
	assert_int_equal(events_seal(f->events, &err), 0);
	/* A part is never published. */
	assert_non_null(events_declare(f->events, &part_event, &err));
	h.event = "test.part";
	assert_int_equal(events_hook(f->events, &h, &owner, &err), -1);
	assert_non_null(strstr(err.text, "never published"));
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(hooks_in_order),
		TEST(long_reason),
		TEST(hook_before_declaration),
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
	};

	signal(SIGPIPE, SIG_IGN);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
