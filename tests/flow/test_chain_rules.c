/* SPDX-License-Identifier: MIT */
/*
 * test_chain_rules -- single rules of the chain, where random tunnels do not
 * come by: what verbs answer, how reasons travel, what a handoff in end()
 * means.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/bars.h"
#include "flow/host.h"
#include "stage.h"

static enum frl_verdict
data_meddles(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	(void)seen;
	assert_int_equal(frl_drop(link, flow, 1), -1);
	assert_int_equal(frl_insert(link, flow, "x", 1), -1);
	assert_int_equal(frl_end(link, flow), -1);
	assert_int_equal(frl_handoff(link, "next", NULL), -1);
	assert_int_equal(frl_pass(link, flow, held.len), 0);
	return (FRL_OK);
}

static void
test_front_links_only_pass(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.puppets[0].desc.data = data_meddles;
	assert_non_null(stage_open(&stage));
	client_sends(&stage, "hello", false);
	assert_string_equal(stage.out[0], "hello");
	stage_clear(&stage);
}

static enum frl_verdict
open_acts(struct frl_link *link, const struct frl_context *context)
{
	assert_int_equal(frl_pass(link, FRL_FROM_CLIENT, 1), -1);
	return (puppet_open(link, context));
}

static void
test_open_uses_no_verb(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.puppets[0].desc.open = open_acts;
	assert_non_null(stage_open(&stage));
	stage_clear(&stage);
}

static enum frl_verdict
open_fails(struct frl_link *link, const struct frl_context *context)
{
	(void)context;
	frl_refuse(link, FRL_WHY_CAPACITY, "no room");
	return (FRL_REFUSE);
}

static void
test_open_can_fail(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.puppets[1].desc.open = open_fails;
	assert_null(stage_open(&stage));
	assert_string_equal(stage.refusal.plugin, "owner");
	assert_int_equal(stage.refusal.why, FRL_WHY_CAPACITY);
	assert_string_equal(stage.refusal.text, "no room");
	stage_clear(&stage);
}

/* Rule 5: eight entries, the ninth is an error; neighbours merge. */
static enum frl_verdict
data_fills(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	int i;

	(void)held, (void)seen;
	for (i = 0; i < 4; i++) {
		assert_int_equal(frl_pass(link, flow, 2), 0);
		assert_int_equal(frl_insert(link, flow, "-", 1), 0);
	}
	assert_int_equal(frl_pass(link, flow, 1), -1);
	assert_int_equal(frl_end(link, flow), -1);
	assert_int_equal(frl_insert(link, flow, "+", 1), 0);
	return (FRL_OK);
}

static void
test_queue_of_eight(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.puppets[1].desc.data = data_fills;
	assert_non_null(stage_open(&stage));
	client_sends(&stage, "a", false);
	assert_string_equal(stage.out[0], "a");
	client_sends(&stage, "bcdefgh", false);
	assert_string_equal(stage.out[0], "ab-cd-ef-gh-+");
	stage_clear(&stage);
}

/* Rule 5: merged counts never become FRL_ALL. */
static enum frl_verdict
data_overflows(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	(void)held, (void)seen;
	assert_int_equal(frl_pass(link, flow, FRL_ALL - 1), 0);
	assert_int_equal(frl_pass(link, flow, FRL_ALL - 1), 0);
	return (FRL_OK);
}

static void
test_counts_do_not_merge_into_all(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.puppets[0].desc.data = NULL;	/* passes everything */
	stage.puppets[1].desc.data = data_overflows;
	assert_non_null(stage_open(&stage));
	assert_int_equal(chain_runway(stage.chain, FRL_FROM_CLIENT), 0);
	client_sends(&stage, "abc", false);
	assert_true(chain_runway(stage.chain, FRL_FROM_CLIENT) ==
	    FRL_ALL - 1 - 3);
	chain_skip(stage.chain, FRL_FROM_CLIENT, 1000);
	assert_int_equal(chain_moved(stage.chain, FRL_FROM_CLIENT), 1003);
	client_sends(&stage, "", true);
	assert_int_equal(stage.puppets[1].ends[0], 1);
	assert_true(stage.puppets[1].unmet == FRL_ALL - 1 - 1003);
	stage_clear(&stage);
}

/* Rule 5: an insert that would reach the limit is an error. */
static enum frl_verdict
data_inserts(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	(void)held, (void)seen;
	assert_int_equal(frl_pass(link, flow, 2), 0);
	assert_int_equal(frl_insert(link, flow, "0123456789abcdef", 16), -1);
	assert_int_equal(frl_insert(link, flow, "0123456789", 10), 0);
	assert_int_equal(frl_insert(link, flow, "abcdef", 6), -1);
	assert_int_equal(frl_insert(link, flow, "abcde", 5), 0);
	return (FRL_OK);
}

static void
test_inserts_stay_below_the_limit(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.puppets[1].desc.data = data_inserts;
	assert_non_null(stage_open(&stage));
	client_sends(&stage, "x", false);
	assert_int_equal(chain_room(stage.chain, FRL_FROM_CLIENT), 1);
	client_sends(&stage, "y", false);
	assert_string_equal(stage.out[0], "xy0123456789abcde");
	stage_clear(&stage);
}

/* Rule 6: half a frame is never followed by an invented one. */
static enum frl_verdict
data_runs_ahead(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	(void)held, (void)seen;
	frl_pass(link, flow, 10);
	frl_insert(link, flow, "!", 1);
	return (FRL_OK);
}

static void
test_unmet_credit_voids(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.puppets[1].desc.data = data_runs_ahead;
	assert_non_null(stage_open(&stage));
	client_sends(&stage, "abcd", true);
	assert_string_equal(stage.out[0], "abcd");
	assert_int_equal(stage.puppets[1].unmet, 6);
	assert_int_equal(stage.fins[0], 1);
	chain_refuse(stage.chain, FRL_WHY_DRAIN, WHY_DRAIN, "");
	assert_string_equal(stage.out[0], "abcd");
	stage_clear(&stage);
}

/* Rule 4: again() cancels need(). */
static enum frl_verdict
data_needs(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	note(puppet_of(link), 's', seen);
	if (puppet_of(link)->calls++ == 0) {
		frl_need(link, flow, 10);
		frl_set_timer(link, 5);
		return (FRL_OK);
	}
	return (data_passes(link, flow, held, seen));
}

static enum frl_verdict
timer_again(struct frl_link *link)
{
	frl_again(link, FRL_FROM_CLIENT);
	return (FRL_OK);
}

static void
test_again_cancels_need(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.puppets[1].desc.data = data_needs;
	stage.puppets[1].desc.timer = timer_again;
	assert_non_null(stage_open(&stage));
	client_sends(&stage, "ab", false);
	client_sends(&stage, "c", false);
	assert_string_equal(stage.out[0], "");
	chain_timer(stage.timer);
	assert_string_equal(stage.out[0], "abc");
	assert_string_equal(stage.puppets[1].shown, "s0 s2 d3 ");
	stage_clear(&stage);
}

/* Rule 8: what a link holds at the end it may hand on. */
static enum frl_verdict
end_hands_off(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, uint64_t unmet)
{
	const struct frl_context context = { .size = sizeof(context),
		.token = "next" };

	(void)held, (void)unmet;
	puppet_of(link)->ends[flow]++;
	assert_int_equal(frl_permits(link, "other"), 0);
	assert_int_equal(frl_handoff(link, "other", &context), -1);
	assert_int_equal(frl_permits(link, "next"), 1);
	assert_int_equal(frl_handoff(link, "next", &context), 0);
	assert_int_equal(frl_handoff(link, "next", &context), -1);
	return (FRL_OK);
}

static void
test_handoff_in_end(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.puppets[1].desc.data = data_holds;
	stage.puppets[1].desc.end = end_hands_off;
	assert_non_null(stage_open(&stage));
	server_sends(&stage, "12", false);
	client_sends(&stage, "abc", true);
	assert_int_equal(stage.switches, 1);
	assert_int_equal(stage.pending[0], 3);
	assert_int_equal(stage.pending[1], 2);
	assert_string_equal(stage.puppets[2].shown, "d3 d2 e0 ");
	assert_string_equal(stage.out[0], "abc");
	assert_string_equal(stage.out[1], "12");
	assert_int_equal(stage.fins[0], 1);
	assert_ptr_equal(chain_protocol(stage.chain),
	    &stage.puppets[2].plugin);
	stage_clear(&stage);
}

/* A token whose inspector is quarantined is not permitted, and the refusal
 * that follows says why. */
static enum frl_verdict
data_asks(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	(void)seen;
	if (frl_permits(link, "next") < 0)
		return (frl_refuse(link, FRL_WHY_REFUSED, "no"));
	return (frl_pass(link, flow, held.len) == 0 ? FRL_OK : FRL_FAIL);
}

static void
test_quarantined_token(void **state)
{
	struct bars bars = { .plugins = 1u << 5 };
	struct host_env env = { .bars = &bars };
	int open;

	(void)state;
	for (open = 0; open < 2; open++) {
		struct stage stage;

		stage_init(&stage);
		stage.puppets[1].desc.data = data_asks;
		stage.puppets[2].plugin.env = &env;
		stage.puppets[2].plugin.number = 5;
		stage.puppets[2].plugin.fail_open = open != 0;
		assert_non_null(stage_open(&stage));
		client_sends(&stage, "abc", false);
		assert_int_equal(stage.refused, open == 0);
		assert_string_equal(stage.out[0], open ? "abc" : "");
		if (!open) {
			assert_int_equal(stage.refusal.end, WHY_QUARANTINED);
			assert_string_equal(stage.refusal.plugin,
			    stage.puppets[2].plugin.name);
			assert_non_null(strstr(stage.refusal.text,
			    stage.puppets[2].plugin.name));
		}
		stage_clear(&stage);
	}
}

/* Rule 6: an end that is past is told, also when all ends at once. */
static enum frl_verdict
data_hands_off(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	const struct frl_context context = { .size = sizeof(context),
		.token = "next" };

	if (flow == FRL_FROM_SERVER)
		assert_int_equal(frl_handoff(link, "next", &context), 0);
	return (flow == FRL_FROM_SERVER ? FRL_OK :
	    data_passes(link, flow, held, seen));
}

static enum frl_verdict
data_refuses(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	(void)flow, (void)held, (void)seen;
	return (frl_refuse(link, FRL_WHY_PROTOCOL, "not like this"));
}

static void
test_past_end_is_told_with_the_last(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.puppets[1].desc.data = data_hands_off;
	stage.puppets[2].desc.data = data_refuses;
	stage.alone = true;
	assert_non_null(stage_open(&stage));
	client_sends(&stage, "abc", true);
	assert_int_equal(stage.fins[0], 1);
	server_sends(&stage, "1", false);
	assert_true(chain_done(stage.chain));
	assert_int_equal(stage.puppets[2].ends[0], 1);
	assert_int_equal(stage.refused, 1);
	assert_int_equal(stage.refusal.why, FRL_WHY_PROTOCOL);
	assert_int_equal(stage.refusal.end, WHY_PROTOCOL_ERROR);
	assert_string_equal(stage.refusal.plugin, "heir");
	assert_string_equal(stage.refusal.text, "not like this");
	stage_clear(&stage);
}

static enum frl_verdict
data_fails(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	(void)link, (void)flow, (void)held, (void)seen;
	return (FRL_FAIL);
}

static void
test_fail_open_and_closed(void **state)
{
	struct stage stage;
	unsigned open;

	(void)state;
	for (open = 0; open < 2; open++) {
		stage_init(&stage);
		stage.puppets[0].desc.data = data_fails;
		stage.puppets[0].plugin.fail_open = open != 0;
		assert_non_null(stage_open(&stage));
		client_sends(&stage, "abc", false);
		server_sends(&stage, "123", false);
		assert_int_equal(stage.blind, open);
		assert_int_equal(stage.refused, !open);
		assert_string_equal(stage.out[0], open ? "abc" : "");
		assert_string_equal(stage.out[1], open ? "123" : "");
		if (!open)
			assert_int_equal(stage.refusal.end,
			    WHY_PLUGIN_ERROR);
		client_sends(&stage, "", true);
		assert_int_equal(stage.puppets[0].ends[0], 0);
		stage_clear(&stage);
	}
}

/* Only one verdict can be open per flow; a hook's reason is kept. */
static const struct frl_field no_fields[] = { { .name = NULL } };
static const struct frl_event asking = {
	.name = "test.ask", .help = "Asked.", .fields = no_fields,
	.flags = FRL_EVENT_ASKS
};

static enum frl_verdict
data_publishes(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	enum frl_verdict verdict = frl_publish(link, flow, &asking, "");

	(void)held, (void)seen;
	puppet_of(link)->calls++;
	if (verdict == FRL_WAIT)
		assert_int_equal(frl_publish(link, flow, &asking, ""),
		    FRL_FAIL);
	return (verdict);
}

static void
test_publish(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.puppets[1].desc.data = data_publishes;
	stage.answer = FRL_WAIT;
	assert_non_null(stage_open(&stage));
	client_sends(&stage, "a", false);
	client_sends(&stage, "b", false);
	assert_int_equal(stage.puppets[1].calls, 1);
	stage.answer = FRL_REFUSE;
	server_sends(&stage, "1", false);
	assert_int_equal(stage.puppets[1].calls, 2);
	assert_int_equal(stage.refused, 1);
	assert_string_equal(stage.refusal.plugin, "hook");
	assert_string_equal(stage.refusal.text, "because");
	assert_true(chain_done(stage.chain));
	stage_clear(&stage);
}

static enum frl_verdict
data_passes_two(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	(void)seen;
	return (frl_pass(link, flow, held.len < 2 ? held.len : 2) == 0 ?
	    FRL_OK : FRL_FAIL);
}

static enum frl_verdict
data_holds_servers(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	if (flow == FRL_FROM_SERVER)
		return (data_holds(link, flow, held, seen));
	return (data_passes(link, flow, held, seen));
}

/* Rule 11: the client goes on once the server's bytes are through. */
static enum frl_verdict
data_goes_on(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	(void)seen;
	note(puppet_of(link), 'd', held.len);
	if (flow == FRL_FROM_CLIENT)
		return (FRL_OK);
	frl_set_timer(link, 1);
	assert_int_equal(frl_pass(link, flow, held.len), 0);
	assert_int_equal(frl_next(link), 0);
	return (FRL_OK);
}

static enum frl_verdict
timer_is_never_due(struct frl_link *link)
{
	(void)link;
	fail_msg("a link that leaves is not called");
	return (FRL_FAIL);
}

static void
test_next(void **state)
{
	struct buf unread = { 0 };
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.options.forward = true;
	stage.puppets[0].desc.data = data_holds_servers;
	stage.puppets[1].desc.data = data_goes_on;
	stage.puppets[1].desc.timer = timer_is_never_due;
	assert_non_null(stage_open(&stage));
	client_sends(&stage, "abc", false);
	server_sends(&stage, "answer", false);
	assert_non_null(stage.timer);
	chain_timer(stage.timer);
	assert_int_equal(chain_room(stage.chain, FRL_FROM_CLIENT), 0);
	assert_string_equal(stage.out[1], "");
	assert_false(chain_left(stage.chain));

	/* The front link has them, and lets go in two pieces. */
	stage.puppets[0].desc.data = data_passes_two;
	frl_again(stage.puppets[0].link, FRL_FROM_SERVER);
	chain_resume(stage.chain);
	assert_string_equal(stage.out[1], "answer");
	assert_true(chain_left(stage.chain));
	assert_true(chain_done(stage.chain));
	assert_int_equal(stage.fins[0] + stage.fins[1], 0);
	assert_int_equal(stage.puppets[1].ends[1], 0);

	/* Nobody is called any more. */
	server_sends(&stage, "late", true);
	assert_string_equal(stage.out[1], "answer");
	assert_int_equal(chain_unread(stage.chain, &unread), 0);
	assert_int_equal(buf_len(&unread), 3);
	assert_memory_equal(buf_data(&unread), "abc", 3);
	buf_free(&unread);
	stage_clear(&stage);
}

/* What the last link holds was sent before what a front link holds. */
static void
test_next_keeps_order(void **state)
{
	struct buf unread = { 0 };
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.options.forward = true;
	stage.puppets[1].desc.data = data_goes_on;
	assert_non_null(stage_open(&stage));
	client_sends(&stage, "abc", false);
	stage.puppets[0].desc.data = data_holds;
	client_sends(&stage, "def", false);
	stage.puppets[0].desc.data = data_passes;
	server_sends(&stage, "x", false);
	assert_true(chain_left(stage.chain));
	assert_int_equal(chain_unread(stage.chain, &unread), 0);
	assert_int_equal(buf_len(&unread), 6);
	assert_memory_equal(buf_data(&unread), "abcdef", 6);
	buf_free(&unread);
	stage_clear(&stage);
}

/* A server's end is not passed on to a client that goes on. */
static enum frl_verdict
end_goes_on(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    uint64_t unmet)
{
	(void)held, (void)unmet;
	puppet_of(link)->ends[flow]++;
	assert_int_equal(frl_next(link), 0);
	return (FRL_OK);
}

static void
test_next_at_the_end(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.options.forward = true;
	stage.puppets[1].desc.end = end_goes_on;
	assert_non_null(stage_open(&stage));
	server_sends(&stage, "bye", true);
	assert_string_equal(stage.out[1], "bye");
	assert_true(chain_left(stage.chain));
	assert_int_equal(stage.fins[1], 0);
	stage_clear(&stage);
}

/* Only the protocol's link, only in forward mode. */
static enum frl_verdict
data_may_not(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	(void)seen;
	assert_int_equal(frl_next(link), -1);
	return (frl_pass(link, flow, held.len) == 0 ? FRL_OK : FRL_FAIL);
}

static void
test_next_is_not_for_all(void **state)
{
	struct stage stage;
	int forward;

	(void)state;
	for (forward = 0; forward < 2; forward++) {
		stage_init(&stage);
		stage.options.forward = forward != 0;
		stage.puppets[forward == 0].desc.data = data_may_not;
		assert_non_null(stage_open(&stage));
		client_sends(&stage, "a", false);
		assert_string_equal(stage.out[0], "a");
		assert_false(chain_left(stage.chain));
		stage_clear(&stage);
	}
}

/* A refusal that comes while the answer is on its way ends both. */
static void
test_next_refused(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.options.forward = true;
	stage.puppets[0].desc.data = data_holds;
	stage.puppets[1].desc.data = data_goes_on;
	assert_non_null(stage_open(&stage));
	server_sends(&stage, "answer", false);
	chain_refuse(stage.chain, FRL_WHY_DRAIN, WHY_SHUTDOWN, "drain");
	assert_false(chain_left(stage.chain));
	assert_true(chain_done(stage.chain));
	assert_int_equal(stage.fins[0] + stage.fins[1], 2);
	stage_clear(&stage);
}

/* Rule 9: the flow on which a front link refused ends there.  What it did not
 * let through has moved for the protocol link and for nobody else. */
static enum frl_verdict
data_refuses_large(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	(void)seen;
	if (held.len > 2)
		return (frl_refuse(link, FRL_WHY_LIMIT, "too much"));
	return (frl_pass(link, flow, held.len) == 0 ? FRL_OK : FRL_FAIL);
}

static void
farewell_inserts(struct frl_link *link, const struct frl_farewell *farewell)
{
	(void)farewell;
	frl_insert(link, FRL_FROM_CLIENT, "x", 1);
	frl_insert(link, FRL_FROM_SERVER, "x", 1);
}

static void
test_refused_in_front(void **state)
{
	struct stage stage;

	(void)state;
	stage_init(&stage);
	stage.puppets[0].desc.data = data_refuses_large;
	stage.puppets[1].desc.farewell = farewell_inserts;
	assert_non_null(stage_open(&stage));
	client_sends(&stage, "a", false);
	server_sends(&stage, "bc", false);
	server_sends(&stage, "def", false);
	assert_true(chain_done(stage.chain));
	assert_string_equal(stage.out[FRL_FROM_CLIENT], "ax");
	assert_string_equal(stage.out[FRL_FROM_SERVER], "bc");
	assert_int_equal(chain_moved(stage.chain, FRL_FROM_CLIENT), 1);
	assert_int_equal(chain_moved(stage.chain, FRL_FROM_SERVER), 2);
	assert_int_equal(frl_moved(stage.puppets[1].link, FRL_FROM_SERVER),
	    5);
	stage_clear(&stage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_next_keeps_order),
		cmocka_unit_test(test_next_at_the_end),
		cmocka_unit_test(test_next_is_not_for_all),
		cmocka_unit_test(test_next_refused),
		cmocka_unit_test(test_front_links_only_pass),
		cmocka_unit_test(test_refused_in_front),
		cmocka_unit_test(test_open_uses_no_verb),
		cmocka_unit_test(test_open_can_fail),
		cmocka_unit_test(test_queue_of_eight),
		cmocka_unit_test(test_counts_do_not_merge_into_all),
		cmocka_unit_test(test_inserts_stay_below_the_limit),
		cmocka_unit_test(test_unmet_credit_voids),
		cmocka_unit_test(test_again_cancels_need),
		cmocka_unit_test(test_handoff_in_end),
		cmocka_unit_test(test_quarantined_token),
		cmocka_unit_test(test_past_end_is_told_with_the_last),
		cmocka_unit_test(test_fail_open_and_closed),
		cmocka_unit_test(test_publish),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
