/* SPDX-License-Identifier: MIT */
/*
 * options -- see options.h.  docs/WEBSOCKET.md explains each.
 */
#include "options.h"

#define OPTION(member, kind, preset, about) { \
	.name = #member, .help = about, .def = preset, .type = kind, \
	.offset = offsetof(struct options, member) }
#define COUNT(member, preset, about) \
	OPTION(member, FRL_OPTION_COUNT, preset, about)
#define SIZE(member, preset, about) \
	OPTION(member, FRL_OPTION_SIZE, preset, about)

const struct frl_option options_table[] = {
	{ .name = "log", .help = "what gets a line; hooks see every frame in "
	    "any case", .def = "frame", .choices = "frame|message|summary",
	    .type = FRL_OPTION_CHOICE, .offset = offsetof(struct options, log)
	},
	COUNT(control_rate, "10", "pings, pongs and round trips that get a "
	    "line, per second and tunnel; 0: all"),
	{ .name = "keepalive", .help = "without a frame, until both sides are "
	    "pinged; 1s at least, 0: never",
	    .def = "0", .type = FRL_OPTION_DURATION,
	    .min = 1000, .max = 86400000, .flags = FRL_OPTION_OR_ZERO,
	    .offset = offsetof(struct options, keepalive) },
	{ .name = "mode", .help = "a frame that breaks RFC 6455 is reported "
	    "and goes on, or both sides are closed with the fitting code",
	    .def = "observe", .choices = "observe|enforce",
	    .type = FRL_OPTION_CHOICE,
	    .offset = offsetof(struct options, mode) },
	SIZE(max_frame, "0", "longest payload of a data frame; 0: any"),
	SIZE(max_message, "0", "longest message, also once inflated; 0: any"),
	COUNT(max_fragments, "0", "most frames of a message; 0: 4096 in "
	    "enforce mode, else any"),
	COUNT(max_frame_rate, "0", "frames of any kind, per second and "
	    "direction; 0: any"),
	COUNT(max_message_rate, "0", "messages begun, per second and "
	    "direction; 0: any"),
	SIZE(max_byte_rate, "0", "payload, and what it inflates to, per "
	    "second and direction; a frame that has begun goes to its end, so "
	    "set max_frame too; 0: any"),
	{ .name = "inflate", .help = "inflate compressed messages to tell "
	    "their size and check their text; what is forwarded stays as it "
	    "is", .def = "false", .type = FRL_OPTION_BOOL,
	    .offset = offsetof(struct options, inflate) },
	COUNT(inflate_ratio, "100", "above 1 MiB, how many times its payload "
	    "a message may inflate to; 0: any"),
	SIZE(inflate_max, "64MiB", "what a message may inflate to; 0: any"),
	{ .name = NULL }
};

bool
options_guard(const struct options *options)
{
	return (options->mode == MODE_ENFORCE || options->inflate ||
	    options->max_frame != 0 || options->max_message != 0 ||
	    options->max_fragments != 0 || options->max_frame_rate != 0 ||
	    options->max_message_rate != 0 || options->max_byte_rate != 0);
}
