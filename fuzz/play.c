/* SPDX-License-Identifier: MIT */
/* play -- see play.h. */
#include "play.h"

bool
play_begin(struct play *play, const struct frl_plugin *plugin,
    const struct acts *acts)
{
	*play = (struct play){ .plugin = plugin, .acts = acts };
	play->options = acts_options(acts, plugin);
	if (play->options == NULL)
		return (false);
	for (int flow = 0; flow < 2; flow++) {
		size_t at = 0;

		for (size_t i = 0; i < acts->count; i++)
			at += acts->list[i].bytes.len;
		play->memory[flow] = fuzz_copy("", 0);
		play->memory[flow] = realloc(play->memory[flow], at + 1);
		MUST(play->memory[flow] != NULL);
		play->said[flow].data = play->memory[flow];
	}
	return (true);
}

void
play_end(struct play *play)
{
	free(play->memory[0]);
	free(play->memory[1]);
	acts_options_free(play->plugin, play->options);
}

/* A peer's act, unless it has ended. */
static void
say(const struct play *play, struct fake *f, enum frl_flow flow,
    const struct act *act, uint8_t k, struct dice *dice, bool *over)
{
	bool last = act->what == 'C' || act->what == 'S';
	size_t at = 0, n, whole = acts_whole(play->plugin, act);

	if (*over)
		return;
	while (at < act->bytes.len) {
		n = at >= whole ? act->bytes.len - at :
		    acts_cut(dice, k, whole - at);
		fake_feed(f, flow, act->bytes.data + at, n, last && k % 2 ==
		    0 && at + n == act->bytes.len);
		at += n;
	}
	if (last)
		fake_over(f, flow);
	*over = last;
}

static void
answer_next(struct fake *f, const struct frl_plugin *plugin,
    enum frl_verdict verdict, int *left)
{
	const struct frl_event *const *list = plugin->events;

	for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
		if ((list[i]->flags & FRL_EVENT_ASKS) == 0)
			continue;
		if ((*left)-- > 0)
			fake_answer(f, list[i]->name, verdict);
		return;
	}
}

static void
end_it(struct fake *f, struct frl_bytes bytes)
{
	static const struct {
		enum frl_why why;
		const char *name;
	} reasons[] = { { FRL_WHY_REFUSED, "refused" },
	    { FRL_WHY_LIMIT, "lifetime" }, { FRL_WHY_DRAIN, "drain" },
	    { FRL_WHY_RELOAD, "reload" }, { FRL_WHY_CAPACITY, "memory" },
	    { FRL_WHY_TIMEOUT, "idle" }, { FRL_WHY_BROKEN, "broken" } };
	char text[FRL_REASON_SIZE] = "";
	size_t i = bytes.len > 0 ? bytes.data[0] % 7u : 2;

	for (size_t n = 1; n < bytes.len && n < sizeof(text); n++)
		text[n - 1] = (char)bytes.data[n];
	fake_refuse(f, reasons[i].why, reasons[i].name, text);
}

static void
decide(struct fake *f, enum frl_verdict verdict)
{
	(void)fake_decide(f, FRL_FROM_CLIENT, verdict);
	(void)fake_decide(f, FRL_FROM_SERVER, verdict);
}

/* The acts in their order.  Hooks have 16 answers in all. */
static void
play_acts(const struct play *play, struct fake *f, uint8_t k)
{
	struct dice dice = dice_of(k);
	bool over[2] = { false, false };
	int answers = 16;

	for (size_t i = 0; i < play->acts->count; i++) {
		const struct act *act = &play->acts->list[i];

		switch (act->what) {
		case 'c':
		case 'C':
			say(play, f, FRL_FROM_CLIENT, act, k, &dice,
			    &over[0]);
			break;
		case 's':
		case 'S':
			say(play, f, FRL_FROM_SERVER, act, k, &dice,
			    &over[1]);
			break;
		case 't':
			(void)fake_timer(f);
			break;
		case 'y':
		case 'n':
			decide(f, act->what == 'y' ? FRL_OK : FRL_REFUSE);
			break;
		case 'w':
		case 'r':
			answer_next(f, play->plugin, act->what == 'w' ?
			    FRL_WAIT : FRL_REFUSE, &answers);
			break;
		case 'q':
			end_it(f, act->bytes);
			break;
		case 'v':
			fake_want(f, false);
			break;
		default:
			break;
		}
	}
	for (int i = 0; i < 16; i++)
		decide(f, FRL_OK);
}

struct fake *
play_run(const struct play *play, uint8_t k)
{
	const struct acts *acts = play->acts;
	static const char *const tokens[] = { "websocket", "foo", NULL };
	struct frl_context context = { .size = sizeof(context),
	    .token = "websocket", .extensions = acts_bytes(acts, 'x'),
	    .subprotocol = acts_bytes(acts, 'p') };
	static const struct frl_parent parent = { "Basic dTpw", "frl-0123" };
	bool asks = acts_find(acts, 'a') != NULL;
	bool handed = acts_find(acts, 'h') != NULL ||
	    acts_find(acts, 'x') != NULL || acts_find(acts, 'p') != NULL;
	struct fake *f = fake_create(&(struct fake_options){
	    .plugin = play->plugin, .options = play->options,
	    .tokens = tokens, .star = acts_find(acts, 'u') != NULL,
	    .handoff_fails = acts_find(acts, 'U') != NULL,
	    .forward = asks || acts_find(acts, 'f') != NULL,
	    .parent = asks ? &parent : NULL, .quiet = true,
	    .context = handed ? &context : NULL });

	if (f != NULL)
		play_acts(play, f, k);
	return (f);
}

/* ------------------------------------------------------------------ */

static bool
same_bytes(struct frl_bytes a, struct frl_bytes b)
{
	return (a.len == b.len &&
	    (a.len == 0 || memcmp(a.data, b.data, a.len) == 0));
}

/* A claim about two runs that differ in the cuts alone. */
#define SAME(claim) do { \
	if (!(claim)) { \
		fprintf(stderr, "The cuts make a difference: the same bytes, " \
		    "in one piece and in several, did not lead to the same.  " \
		    "If that is meant to be, set FRL_FUZZ_CUTS=matter.\n"); \
		MUST(claim); \
	} \
} while (0)

static bool
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == b);
	if (strcmp(a, b) == 0)
		return (true);
	fprintf(stderr, "<%s>\n<%s>\n", a, b);
	return (false);
}

void
play_compare(const struct fake *a, const struct fake *b)
{
	SAME(same_text(fake_events(a), fake_events(b)));
	SAME(same_text(fake_refused(a), fake_refused(b)));
	SAME(same_text(fake_handoff(a), fake_handoff(b)));
	for (int i = 0; i < 2; i++) {
		enum frl_flow flow = (enum frl_flow)i;

		SAME(same_bytes(fake_output(a, flow), fake_output(b, flow)));
		/* What comes behind next() is not seen any more. */
		SAME(fake_left(a) ||
		    same_bytes(fake_held(a, flow), fake_held(b, flow)));
		SAME(fake_ended(a, flow) == fake_ended(b, flow));
		SAME(fake_moved(a, flow) == fake_moved(b, flow));
		SAME(fake_paused(a, flow) == fake_paused(b, flow));
	}
	SAME(fake_closed(a) == fake_closed(b) && fake_left(a) ==
	    fake_left(b));
}

/* What a peer said until its end. */
static void
join(const struct play *play, int flow, struct frl_bytes *ret)
{
	const char more = flow == 0 ? 'c' : 's', last = flow == 0 ? 'C' : 'S';
	size_t at = 0;

	for (size_t i = 0; i < play->acts->count; i++) {
		const struct act *act = &play->acts->list[i];

		if (act->what != more && act->what != last)
			continue;
		memcpy(play->memory[flow] + at, act->bytes.data,
		    act->bytes.len);
		at += act->bytes.len;
		if (act->what == last)
			break;
	}
	*ret = (struct frl_bytes){ play->memory[flow], at };
}

void
play_is_transparent(const struct play *play, const struct fake *f)
{
	for (int i = 0; i < 2; i++) {
		struct frl_bytes said, out, held;

		join(play, i, &said);
		out = fake_output(f, (enum frl_flow)i);
		held = fake_held(f, (enum frl_flow)i);
		MUST(out.len + held.len <= said.len);
		MUST(memcmp(out.data, said.data, out.len) == 0);
		/* A verdict that comes behind the end of a flow comes too
		 * late for what was held then. */
		if (acts_find(play->acts, 'w') != NULL &&
		    fake_ended(f, (enum frl_flow)i))
			continue;
		MUST(out.len + held.len == said.len);
		MUST(fake_ended(f, (enum frl_flow)i) || memcmp(held.data,
		    said.data + out.len, held.len) == 0);
	}
}
