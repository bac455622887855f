/* SPDX-License-Identifier: MIT */
/*
 * pedantic -- passes everything, and aborts where the core breaks the
 * contract of <fairlead/inspector.h>.
 *
 * Each call is compared with what the calls before allow: how many bytes
 * were shown before, that need() was met, that nothing comes while paused,
 * behind the end or behind close(), that no callback nests.
 *
 * Options:
 *	slow	at times pause, or ask for more than there is, until a timer
 */
#include <fairlead/inspector.h>

#include <stdio.h>
#include <stdlib.h>

struct options {
	bool slow;
};

static const struct frl_option options_table[] = {
	{ .name = "slow", .help = "pause at times, until a timer",
	  .def = "false", .type = FRL_OPTION_BOOL,
	  .offset = offsetof(struct options, slow) },
	{ .name = NULL }
};

/* One flow.  Positions count the bytes of the whole stream. */
struct side {
	uint64_t at;		/* passed so far: where held bytes begin */
	uint64_t edge;		/* shown so far */
	uint64_t told;		/* held bytes ended here in the last data() */
	size_t wanted;		/* need() */
	uint8_t last;		/* the byte before edge */
	bool called;		/* at and told are those of the last data() */
	bool owed;		/* what is held must be shown without news */
	bool paused, slept, ended;
};

struct state {
	struct frl_link *self;	/* NULL before open() and after close() */
	const char *inside;	/* the callback on the stack, or NULL */
	bool timer;		/* one is running */
	unsigned calls;
	struct side sides[2];
};

#define require(holds, what) do { \
	if (!(holds)) \
		broken(what, __LINE__); \
} while (0)

__attribute__((noreturn)) static void
broken(const char *what, int line)
{
	fprintf(stderr, "pedantic.c:%d: the core broke a promise: %s\n",
	    line, what);
	abort();
}

static struct state *
enter(struct frl_link *link, const char *name)
{
	struct state *state = link->state;

	require(state->self == link, "no call before open, after close");
	require(state->inside == NULL, "callbacks never nest");
	state->inside = name;
	return (state);
}

static enum frl_verdict
leave(struct state *state)
{
	state->inside = NULL;
	return (FRL_OK);
}

static enum frl_verdict
pedantic_load(const struct frl_host *host, const void *options,
    void **ret_instance)
{
	(void)host;
	*ret_instance = (void *)(uintptr_t)options;
	return (FRL_OK);
}

static enum frl_verdict
pedantic_open(struct frl_link *link, const struct frl_context *context)
{
	struct state *state = link->state;
	const uint8_t *bytes = link->state;
	size_t i;

	for (i = 0; i < sizeof(*state); i++)
		require(bytes[i] == 0, "state is zeroed");
	require(context == NULL, "a front link inherits nothing");
	require(link->tunnel != NULL && link->tunnel->id != NULL,
	    "a link knows its tunnel");
	state->self = link;
	state->sides[0].wanted = state->sides[1].wanted = 1;
	return (FRL_OK);
}

static void
check_data(struct frl_link *link, enum frl_flow flow, const struct side *side,
    struct frl_bytes held, size_t seen)
{
	require(!side->paused, "no data while paused");
	require(!side->ended, "no data behind the end");
	require(held.len > 0 && held.data != NULL, "data shows bytes");
	require(held.len >= side->wanted, "need is met");
	require(seen == side->edge - side->at, "seen is what was shown");
	require(seen <= held.len, "what was shown stays");
	require(seen == 0 || held.data[seen - 1] == side->last,
	    "held bytes do not change");
	require(!side->called || side->told != side->at + held.len,
	    "no call without news");
	require(frl_moved(link, flow) == side->at,
	    "moved is what was passed");
}

/* Stop this flow until the timer; every other time by asking for more. */
static void
sleep_awhile(struct frl_link *link, struct state *state, enum frl_flow flow,
    size_t held)
{
	struct side *side = &state->sides[flow];

	side->slept = true;
	if (state->calls % 2 == 0) {
		side->paused = true;
		frl_pause(link, flow);
	} else if (held < 1000) {	/* stay below any hold limit */
		side->wanted = held + 2;
		frl_need(link, flow, side->wanted);
	}
	state->timer = true;
	frl_set_timer(link, 1);
}

static enum frl_verdict
pedantic_data(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held, size_t seen)
{
	const struct options *options = link->instance;
	struct state *state = enter(link, "data");
	struct side *side = &state->sides[flow];
	size_t n = (held.len + 1) / 2;

	check_data(link, flow, side, held, seen);
	side->wanted = 1;
	side->edge = side->told = side->at + held.len;
	side->last = held.data[held.len - 1];
	side->called = true;
	side->owed = false;
	if (options->slow && !side->slept && state->calls++ % 3 == 0) {
		sleep_awhile(link, state, flow, held.len);
		return (leave(state));
	}

	/* Half of it: the rest must be shown again at once. */
	side->slept = false;
	require(frl_pass(link, flow, n) == 0, "a pass has room");
	side->at += n;
	side->owed = n < held.len;
	side->called = false;
	return (leave(state));
}

static enum frl_verdict
pedantic_end(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    uint64_t unmet)
{
	struct state *state = enter(link, "end");
	struct side *side = &state->sides[flow];

	require(!side->paused, "no end while paused");
	require(!side->ended, "one end");
	require(!side->owed, "what is left is shown before the end");
	require(unmet == 0, "nothing ran ahead");
	require(side->at + held.len >= side->edge, "what was shown stays");
	require(frl_moved(link, flow) == side->at,
	    "moved is what was passed");
	side->ended = true;
	frl_pass(link, flow, held.len);
	return (leave(state));
}

static enum frl_verdict
pedantic_timer(struct frl_link *link)
{
	struct state *state = enter(link, "timer");
	unsigned i;

	require(state->timer, "a timer fires once, when it was set");
	state->timer = false;
	for (i = 0; i < 2; i++) {
		struct side *side = &state->sides[i];

		side->paused = side->called = false;
		side->wanted = 1;
		side->owed = side->edge > side->at;
		frl_again(link, (enum frl_flow)i);
	}
	return (leave(state));
}

static enum frl_verdict
pedantic_decided(struct frl_link *link, enum frl_flow flow,
    const struct frl_event *event, const void *record,
    enum frl_verdict verdict)
{
	(void)link, (void)flow, (void)event, (void)record, (void)verdict;
	broken("no verdict for who never asked", __LINE__);
}

static void
pedantic_farewell(struct frl_link *link, const struct frl_farewell *farewell)
{
	(void)link, (void)farewell;
	broken("only the protocol link says farewell", __LINE__);
}

static void
pedantic_close(struct frl_link *link)
{
	struct state *state = enter(link, "close");

	state->self = NULL;
	leave(state);
}

FRL_PLUGIN = {
	FRL_ABI,
	.name = "pedantic",
	.version = "1",
	.summary = "aborts where the core breaks its contract (for tests)",
	.licence = "MIT",
	.state_size = sizeof(struct state),
	.options_size = sizeof(struct options),
	.options = options_table,
	.load = pedantic_load,
	.open = pedantic_open,
	.data = pedantic_data,
	.end = pedantic_end,
	.timer = pedantic_timer,
	.decided = pedantic_decided,
	.farewell = pedantic_farewell,
	.close = pedantic_close,
};
