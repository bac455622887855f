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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_front_links_only_pass),
		cmocka_unit_test(test_open_uses_no_verb),
		cmocka_unit_test(test_open_can_fail),
		cmocka_unit_test(test_queue_of_eight),
		cmocka_unit_test(test_counts_do_not_merge_into_all),
		cmocka_unit_test(test_inserts_stay_below_the_limit),
		cmocka_unit_test(test_unmet_credit_voids),
		cmocka_unit_test(test_again_cancels_need),
		cmocka_unit_test(test_handoff_in_end),
		cmocka_unit_test(test_past_end_is_told_with_the_last),
		cmocka_unit_test(test_fail_open_and_closed),
		cmocka_unit_test(test_publish),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
