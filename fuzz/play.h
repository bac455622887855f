/* SPDX-License-Identifier: MIT */
/*
 * play -- the acts of an input, played to one inspector by the fake host of
 * the tests, which checks the contract on its way.
 */
#ifndef FUZZ_PLAY_H
#define FUZZ_PLAY_H

#include "acts.h"
#include "fake_host.h"

struct play {
	const struct frl_plugin *plugin;
	const struct acts *acts;
	void *options;			/* for load() */
	struct frl_bytes said[2];	/* all bytes of each peer, joined */
	uint8_t *memory[2];		/* `said` lies in it */
};

/* False: these acts cannot be played.  After true: play_end(). */
bool play_begin(struct play *play, const struct frl_plugin *plugin,
    const struct acts *acts);
void play_end(struct play *play);

/* Play it with each act cut as `k` says.  NULL: it did not load or open.
 * give: fake_free(). */
struct fake *play_run(const struct play *play, uint8_t k);

/*
 * The same came of both: bytes, ends, events in their order, refusals, the
 * handoff, what is held.
 */
void play_compare(const struct fake *a, const struct fake *b);

/*
 * Nothing was invented or lost: what left a flow, and behind it what is still
 * held, is what its peer said.  For an inspector that changes nothing, in a
 * tunnel that was not refused.
 */
void play_is_transparent(const struct play *play, const struct fake *f);

#endif
