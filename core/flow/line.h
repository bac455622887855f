/* SPDX-License-Identifier: MIT */
/*
 * line -- one event as one line: JSON for programs, text for people.
 *
 *	struct frl_event --line_compile--> struct line_plan, once
 *	record, origin, clock --line_json, line_text--> bytes, per event
 *
 * A plan holds all text that does not change: keys with the braces and commas
 * around them, the event's name, the node.  It knows no sink and no hook.
 *
 * What always holds: a JSON line is one valid object with a newline behind
 * it, without an empty object and without two keys of one name, whatever
 * bytes a peer sent; or json->full is set and the bytes are of no use.
 */
#ifndef FLOW_LINE_H
#define FLOW_LINE_H

#include "base/err.h"
#include "base/json.h"

#include <fairlead/inspector.h>

struct line_plan;


/* Fields of another event behind those of a line: tunnel.close. */
struct event_part {
	struct event_part *next;
	const struct line_plan *plan;
	void *record;
};

/* A moment as text; the seconds are formatted once. */
struct line_clock {
	uint64_t second_us;		/* since 1970, when that of `text`
					 * began */
	char text[28];			/* "2026-11-23T18:03:07.120431Z" */
};

enum line_verdict { LINE_NO_VERDICT, LINE_ALLOW, LINE_REFUSE };

/* Everything that goes into a line; all borrowed. */
struct line {
	const struct line_plan *plan;
	const void *record;
	const struct frl_tunnel *tunnel;	/* or NULL */
	const struct event_part *parts;
	const struct line_clock *clock;
	uint32_t seq;
	int flow;				/* enum frl_flow, or -1 */
	enum line_verdict verdict;
	const char *to;				/* or NULL: not to be said */
	bool usual_id;				/* as in struct origin */
	size_t cap;		/* of any string, on top of its own; 0: none */
};

/*
 * Compile a table.  node: what the lines call this machine; copy.  NULL and
 * a sentence: the table is malformed, or no memory.
 */
struct line_plan *line_compile(const struct frl_event *event,
    const char *node, struct err *err);
void line_plan_free(struct line_plan *plan);

/*
 * Can fields of b stand behind those of a in one line?  NULL, or the name
 * that both have at the top.
 */
const char *line_plan_clash(const struct line_plan *a,
    const struct line_plan *b);

/* Set the clock to microseconds since 1970. */
void line_clock_set(struct line_clock *clock, uint64_t wall_us);

/* Write the line with its newline.  JSON is written in large strides: it
 * counts as cut, too, where it would have fit just so. */
void line_json(struct json *j, const struct line *line);
void line_text(struct json *j, const struct line *line);

#endif
