/* SPDX-License-Identifier: MIT */
/* handover: over once, when the last one has left. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "app/handover.h"

struct fixture {
	struct loop *loop;
	struct handover handover;
	unsigned over;
};

static void
note(void *arg)
{
	((struct fixture *)arg)->over++;
}

static void
begin(struct fixture *f, unsigned at_doors)
{
	f->loop = loop_create();
	assert_non_null(f->loop);
	assert_false(handover_pending(&f->handover));
	handover_begin(&f->handover, f->loop, at_doors, note, f);
	assert_true(handover_pending(&f->handover));
	assert_int_equal(f->over, 0);	/* not from inside */
}

static void
end(struct fixture *f, unsigned over)
{
	unsigned i;

	for (i = 0; i < 3; i++)
		loop_turn(f->loop, false);
	assert_int_equal(f->over, over);
	assert_int_equal(handover_pending(&f->handover), over == 0);
	handover_stop(&f->handover);
	assert_false(handover_pending(&f->handover));
	loop_free(f->loop);
}

static void
test_nobody(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	begin(&f, 0);
	end(&f, 1);
}

static void
test_all_leave(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	begin(&f, 2);
	handover_left(&f.handover);
	loop_turn(f.loop, false);
	assert_int_equal(f.over, 0);
	handover_left(&f.handover);
	assert_int_equal(f.over, 0);
	handover_left(&f.handover);	/* one too many changes nothing */
	end(&f, 1);
}

static void
test_one_stays(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	begin(&f, 3);
	handover_left(&f.handover);
	handover_left(&f.handover);
	end(&f, 0);
}

static void
test_none_begun(void **state)
{
	struct handover h = { 0 };

	(void)state;
	handover_left(&h);
	assert_false(handover_pending(&h));
	handover_stop(&h);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_all_leave),
		cmocka_unit_test(test_one_stays),
		cmocka_unit_test(test_none_begun),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
