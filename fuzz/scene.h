/* SPDX-License-Identifier: MIT */
/*
 * scene -- the acts of an input, played to a chain of the core.
 *
 * It stands where the tunnel and the events would be: collects what leaves,
 * writes down what is published, keeps bytes back while the chain has no
 * room.
 */
#ifndef FUZZ_SCENE_H
#define FUZZ_SCENE_H

#include "acts.h"
#include "base/buf.h"
#include "flow/chain.h"

#define SCENE_TIMERS 8
#define SCENE_QUESTIONS 8

/* What becomes of the acts w, r, y and n. */
enum scene_hooks {
	SCENE_ASKS,		/* what they say */
	SCENE_ALLOWS,		/* late or at once: every answer is yes */
	SCENE_SILENT		/* nobody is asked */
};

struct scene_options {
	const struct acts *acts;
	uint8_t k;			/* how to cut; 3, 7, 11, ...: what runs
					 * ahead also goes by another way */
	const struct plugin *const *plugins;
	size_t count;
	bool forward;
	enum scene_hooks hooks;
	const struct plugin *(*lookup)(const char *token, int *ret_how);
};

/* One that waits for its answer. */
struct scene_question {
	struct link *link;
	enum frl_flow flow;
	const struct frl_event *event;
	void *record;
};

struct scene {
	const struct scene_options *options;
	struct chain *chain;
	struct frl_tunnel tunnel;
	struct chain_refusal refusal;
	struct buf waits[2];		/* said, and no room for it yet */
	bool over[2], told[2];		/* that peer, the chain of it */
	uint8_t *said[2], *out[2];
	size_t said_len[2], out_len[2];
	bool fin[2];
	char *log;			/* never NULL */
	size_t log_len;
	const char *refused;		/* or NULL */
	bool left, objects, defers;
	struct scene_question questions[SCENE_QUESTIONS];
	size_t asked;
	const struct frl_event *denied;	/* the first; else NULL */
	enum frl_flow denied_flow;
	size_t denied_at;		/* of `out` of that flow */
	bool small;			/* an odd byte behind that of `k`: a
					 * limit that a head may reach */
	struct link *timers[SCENE_TIMERS];
};

/* Play to the last act, close the chain.  give: scene_free(). */
struct scene *scene_play(const struct scene_options *options);
void scene_free(struct scene *s);

/* What a peer said; what reached the other one. */
struct frl_bytes scene_said(const struct scene *s, enum frl_flow flow);
struct frl_bytes scene_out(const struct scene *s, enum frl_flow flow);

/* The same came of both. */
void scene_compare(const struct scene *a, const struct scene *b);

#endif
