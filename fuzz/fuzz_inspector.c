/* SPDX-License-Identifier: MIT */
/*
 * fuzz_inspector -- any inspector, through the public contract alone.
 *
 *	FRL_FUZZ_PLUGIN=/path/to/budget.so fuzz_inspector CORPUS
 *
 * An input is the acts of a tunnel (acts.h).  They are played twice, each act
 * in one piece and cut.  What must hold: the contract, which the fake host
 * checks; bytes, ends, events, refusals and handoff do not depend on the cuts
 * (but for what no proxy could keep them from, see is_race());
 * what it lets through it does not change, unless it has FRL_CHANGES or
 * FRL_FORWARDS, or owns a protocol and has been given options; it never
 * answers FRL_FAIL, for nothing fails here.
 *
 * For `http`: the server sees the requests that were published, and no other.
 *
 * With FRL_FUZZ_CUTS=matter in the environment only the rest of that is asked
 * of a plugin that judges by what it has just been shown.
 *
 * Hooks are not called.
 *
 * Compiled with FUZZ_INSIDE the plugin is linked with it.
 */
#include <dlfcn.h>

#include "play.h"
#include "second.h"

#ifdef FUZZ_INSIDE
extern const struct frl_plugin frl_plugin;

static const struct frl_plugin *
subject(void)
{
	return (&frl_plugin);
}
#else
static const struct frl_plugin *
subject(void)
{
	static const struct frl_plugin *plugin;
	const char *path = getenv("FRL_FUZZ_PLUGIN");
	void *library;

	if (plugin != NULL)
		return (plugin);
	if (path == NULL)
		path = FRL_BUILD_DIR "/examples/budget.so";
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library != NULL)
		plugin = dlsym(library, FRL_SYMBOL);
	if (plugin == NULL) {
		fprintf(stderr, "fuzz_inspector: %s\n", dlerror());
		exit(78);
	}
	return (plugin);
}
#endif

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct frl_plugin *plugin = subject();

	(void)argc, (void)argv;
	if (plugin->hooks != NULL && plugin->hooks[0].event != NULL)
		fprintf(stderr, "fuzz_inspector: the hooks of %s are not "
		    "called: their records come from other plugins\n",
		    plugin->name);
	return (0);
}

/*
 * May cuts make a difference?  What came before the bad chunk of a body may
 * have gone on already.  And where a server answers a request that it has not
 * got, it depends on when the end of the answer before came.
 */
static bool
is_race(const struct fake *f)
{
	return (fake_saw(f, "http.error", "bad_chunk") ||
	    fake_saw(f, "http.error", "unasked"));
}

/* Is the plugin's author content with less? */
static bool
cuts_matter(void)
{
	const char *word = getenv("FRL_FUZZ_CUTS");

	return (word != NULL && strcmp(word, "matter") == 0);
}

/* May it be held to what came in? */
static bool
is_plain(const struct frl_plugin *plugin, const struct acts *acts,
    const struct fake *f)
{
	return ((plugin->flags & (FRL_CHANGES | FRL_FORWARDS)) == 0 &&
	    ((plugin->flags & FRL_OWNS_PROTOCOL) == 0 ||
	    acts_find(acts, 'o') == NULL) && fake_refused(f) == NULL);
}

/* Every request that a parent gets ends with our name, or it could go round
 * and round. */
static void
check_parent(const struct play *play, const struct fake *f)
{
	struct frl_bytes out = fake_output(f, FRL_FROM_CLIENT);
	const uint8_t *p = out.data, *end = p + out.len, *next;
	size_t requests = 0, ours = 0;

	if (acts_find(play->acts, 'a') == NULL || acts_find(play->acts,
	    'v') != NULL || strcmp(play->plugin->name, "http") != 0)
		return;
	for (; (next = memmem(p, (size_t)(end - p), "\r\nVia: 1.1 frl-0123"
	    "\r\n\r\n", 23)) != NULL; p = next + 23)
		ours++;
	MUST(second_requests(out, &requests));
	MUST(requests <= ours);
}

/* What is smuggled past the log is there for a second reader. */
static void
check_requests(const struct play *play, const struct fake *f)
{
	size_t count, told = fake_count(f, "http.request");

	if (strcmp(play->plugin->name, "http") != 0 ||
	    acts_find(play->acts, 'v') != NULL)
		return;		/* another plugin, or nobody listens */
	MUST(second_requests(fake_output(f, FRL_FROM_CLIENT), &count));
	MUST(count <= told);
	/* What may be published and yet not sent: an answer of our own in
	 * forward mode, a server that ended while a hook waited. */
	MUST(count == told || fake_refused(f) != NULL ||
	    acts_find(play->acts, 'f') != NULL ||
	    acts_find(play->acts, 'a') != NULL ||
	    acts_find(play->acts, 'S') != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct frl_plugin *plugin = subject();
	struct frl_bytes k;
	struct fake *whole, *cut;
	struct acts acts;
	struct play play;

	acts_read(&acts, bytes, len);
	if (!play_begin(&play, plugin, &acts))
		return (0);
	k = acts_bytes(&acts, 'k');
	whole = play_run(&play, 0);
	cut = play_run(&play, k.len > 0 ? k.data[0] | 1 : 1);
	MUST((whole == NULL) == (cut == NULL));
	if (whole != NULL) {
		if (!is_race(whole) && !is_race(cut) && !cuts_matter())
			play_compare(whole, cut);
		MUST(acts_find(&acts, 'q') != NULL || fake_refused(whole) ==
		    NULL || strcmp(fake_refused(whole), "broken: ") != 0);
		check_requests(&play, whole);
		check_requests(&play, cut);
		check_parent(&play, whole);
		check_parent(&play, cut);
		if (is_plain(plugin, &acts, whole))
			play_is_transparent(&play, whole);
	}
	fake_free(whole);
	fake_free(cut);
	play_end(&play);
	return (0);
}
