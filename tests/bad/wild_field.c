/* SPDX-License-Identifier: MIT */
/* wild_field -- an event whose field lies outside its record. */
#include <fairlead/inspector.h>

static const struct frl_field fields[] = {
	{ .name = "wild.n", .help = "no", .type = FRL_U64, .offset = 16 },
	{ .name = NULL },
};

static const struct frl_event event = { .name = "wild.field",
	.help = "Never.", .fields = fields, .record_size = 8 };

static const struct frl_event *const events[] = { &event, NULL };

FRL_PLUGIN = { FRL_ABI, .name = "wild_field",
	.version = "1", .summary = "must be refused", .licence = "MIT",
	.events = events };
