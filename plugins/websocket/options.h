/* SPDX-License-Identifier: MIT */
/*
 * options -- what the configuration says to the websocket inspector.
 */
#ifndef WEBSOCKET_OPTIONS_H
#define WEBSOCKET_OPTIONS_H

#include <fairlead/inspector.h>

enum log { LOG_FRAME, LOG_MESSAGE, LOG_SUMMARY };

enum mode { MODE_OBSERVE, MODE_ENFORCE };

/* Of max_fragments, where it is left to the mode. */
#define OPTIONS_FRAGMENTS 4096

struct options {
	uint64_t control_rate;
	uint64_t keepalive;		/* ms */
	uint64_t max_frame, max_message, max_fragments;
	uint64_t max_frame_rate, max_message_rate, max_byte_rate;
	uint64_t inflate_ratio, inflate_max;
	uint32_t log;			/* enum log */
	uint32_t mode;			/* enum mode */
	bool inflate;
};

extern const struct frl_option options_table[];

/* Does anything here ask for more than reading headers? */
bool options_guard(const struct options *options);

#endif
