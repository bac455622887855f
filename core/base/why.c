/* SPDX-License-Identifier: MIT */
/*
 * why -- the table of reasons, spread out of WHY_TABLE.
 */
#include "base/why.h"

#include <assert.h>

static const struct why_row rows[WHY_COUNT] = {
#define WHY_ROW(id, row_name, row_text, row_status, row_error, row_kind) \
	[WHY_##id] = { .name = (row_name), .text = (row_text), \
	    .error = (row_error), .status = (row_status), \
	    .kind = WHY_##row_kind },
	WHY_TABLE(WHY_ROW)
#undef WHY_ROW
};

const struct why_row *
why_row(enum why why)
{
	assert(why >= WHY_NONE && why < WHY_COUNT);
	return (&rows[why]);
}
