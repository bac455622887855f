/* SPDX-License-Identifier: MIT */
/*
 * fuzz_chain -- the core's chain with the real plugins: detection, `http`,
 * then what a 101 hands over to, `websocket` or `raw`.
 *
 * An input is the acts of a tunnel (acts.h).  It is played three times: each
 * act in one piece; cut; cut, with two front links, `pedantic`, which checks
 * the core, and `fragment`, behind which there are single bytes only.  Where
 * hooks are asked it is also played with hooks that allow all, and with none.
 *
 * What must hold: the first two come to the same; nothing is invented or
 * reordered on the way to either peer; a tunnel that nobody refused, and that
 * did not end in HTTP, has carried every byte; what is held is bounded.  Of what
 * a hook denies nothing goes on, at once or late, and nothing behind it but a
 * close of a WebSocket; what hooks allow late comes to the same as without
 * hooks; nobody asks for an answer for ever.
 */
#include <dlfcn.h>
#include <strings.h>

#include "flow/detect.h"
#include "flow/link.h"
#include "scene.h"

static struct plugin http, websocket, raw, pedantic, fragment, detect;

static uint64_t
no_clock(const struct frl_host *host)
{
	(void)host;
	return (1000000);
}

static void
no_say(const struct frl_host *host, enum frl_level level, const char *text)
{
	(void)host, (void)level, (void)text;
}

/* There are sinks and hooks for everything. */
static bool
all_wanted(const struct frl_link *link, const struct frl_event *event)
{
	(void)link, (void)event;
	return (true);
}

static void
bring(struct plugin *plugin, const char *file)
{
	struct acts none = { .count = 0 };
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	MUST(library != NULL);
	plugin->desc = dlsym(library, FRL_SYMBOL);
	MUST(plugin->desc != NULL);
	snprintf(plugin->name, sizeof(plugin->name), "%s",
	    plugin->desc->name);
	chain_host(&plugin->host);
	plugin->host.size = sizeof(plugin->host);
	plugin->host.now_us = no_clock;
	plugin->host.say = no_say;
	plugin->host.wanted = all_wanted;
	plugin->options = acts_options(&none, plugin->desc);
	MUST(plugin->desc->load == NULL || plugin->desc->load(&plugin->host,
	    plugin->options, &plugin->instance) == FRL_OK);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct plugin *plugins[] = { &http, &websocket, &raw };
	static struct rules rules = { .plugins = plugins, .plugin_count = 3,
	    .undetected = &raw };

	(void)argc, (void)argv;
	bring(&http, FRL_BUILD_DIR "/plugins/http.so");
	bring(&websocket, FRL_BUILD_DIR "/plugins/websocket.so");
	bring(&raw, FRL_BUILD_DIR "/plugins/raw.so");
	bring(&pedantic, FRL_BUILD_DIR "/tests/inspectors/pedantic.so");
	bring(&fragment, FRL_BUILD_DIR "/tests/inspectors/fragment.so");
	detect_init(&detect, &rules, NULL);
	return (0);
}

static const struct plugin *
lookup(const char *token, int *ret_how)
{
	*ret_how = strcmp(token, "websocket") == 0 ? 1 : 2;
	return (*ret_how == 1 ? &websocket : &raw);
}

static struct scene *
run(const struct acts *acts, uint8_t k, bool front, enum scene_hooks hooks)
{
	const struct plugin *plugins[] = { &pedantic, &fragment, &detect };
	bool forward = acts_find(acts, 'f') != NULL;

	if (forward)
		plugins[2] = &http;
	return (scene_play(&(struct scene_options){ .acts = acts, .k = k,
	    .plugins = plugins + (front ? 0 : 2), .count = front ? 3 : 1,
	    .forward = forward, .hooks = hooks, .lookup = lookup }));
}

/* ------------------------------------------------------------------ */

/* May HTTP have answered itself, or changed a head? */
static bool
is_changed(const struct acts *acts, const struct scene *s)
{
	struct frl_bytes said = scene_said(s, FRL_FROM_CLIENT);

	if (acts_find(acts, 'f') != NULL || s->refused != NULL ||
	    strstr(s->log, "http.error") != NULL)
		return (true);
	for (size_t i = 0; i + 7 <= said.len; i++)
		if (strncasecmp((const char *)said.data + i, "upgrade",
		    7) == 0 || strncasecmp((const char *)said.data + i,
		    "http2-s", 7) == 0)
			return (true);
	return (false);
}

static void
check_whole(const struct acts *acts, const struct scene *s)
{
	bool ended = acts_find(acts, 'C') != NULL &&
	    acts_find(acts, 'S') != NULL;

	if (is_changed(acts, s))
		return;
	for (int i = 0; i < 2; i++) {
		struct frl_bytes said = scene_said(s, (enum frl_flow)i);
		struct frl_bytes out = scene_out(s, (enum frl_flow)i);

		MUST(out.len <= said.len &&
		    memcmp(out.data, said.data, out.len) == 0);
		if (ended && strstr(s->log, "http.") == NULL)
			MUST(out.len == said.len);
	}
}

/* Last words to who reads this flow: a close, and no byte more. */
static bool
is_close(struct frl_bytes bytes)
{
	const uint8_t *p = bytes.data;

	return (bytes.len >= 2 && p[0] == 0x88 && (p[1] & 0x7f) <= 125 &&
	    bytes.len == 2u + (p[1] & 0x7f) + ((p[1] & 0x80) != 0 ? 4 : 0));
}

static void
check_denied(const struct scene *s, bool front)
{
	struct frl_bytes out;

	if (s->denied == NULL)
		return;
	MUST(s->refused != NULL);
	/* Bytes of the server may still be on their way through the front. */
	if (front && s->denied_flow == FRL_FROM_SERVER)
		return;
	out = scene_out(s, s->denied_flow);
	out.data += s->denied_at;
	out.len -= s->denied_at;
	MUST(out.len == 0 || (strcmp(s->denied->name, "http.request") != 0 &&
	    is_close(out)));
}

/* As in fuzz_inspector.c; and a head that reaches the limit may be found bad
 * before that, or not. */
static bool
is_race(const struct scene *s)
{
	return (s->small || strstr(s->log, "bad_chunk") != NULL ||
	    strstr(s->log, "unasked") != NULL);
}

static bool
is_changed_by_time(const struct scene *s)
{
	return (s->small || s->left || s->refused != NULL ||
	    strstr(s->log, "http.error") != NULL ||
	    strstr(s->log, "ws.error") != NULL);
}

/*
 * Nothing is lost because somebody thinks about it.  Where a peer ends, speaks
 * out of turn or too much meanwhile, or a timer fires, that is another story.
 */
static void
check_late(const struct acts *acts, uint8_t k)
{
	struct scene *late, *silent;

	if (acts_find(acts, 'w') == NULL || acts_find(acts, 'C') != NULL ||
	    acts_find(acts, 'S') != NULL || acts_find(acts, 't') != NULL ||
	    acts_find(acts, 'q') != NULL)
		return;
	late = run(acts, k, false, SCENE_ALLOWS);
	silent = run(acts, k, false, SCENE_SILENT);
	if (!is_changed_by_time(late) && !is_changed_by_time(silent))
		for (int i = 0; i < 2; i++) {
			MUST(late->out_len[i] == silent->out_len[i]);
			MUST(memcmp(late->out[i], silent->out[i],
			    late->out_len[i]) == 0);
		}
	scene_free(late);
	scene_free(silent);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct scene *whole, *cut, *front;
	struct frl_bytes k;
	struct acts acts;
	uint8_t how;

	acts_read(&acts, bytes, len);
	k = acts_bytes(&acts, 'k');
	how = k.len > 0 ? k.data[0] | 1 : 1;
	whole = run(&acts, 0, false, SCENE_ASKS);
	cut = run(&acts, how, false, SCENE_ASKS);
	front = run(&acts, how, true, SCENE_ASKS);
	if (!is_race(whole) && !is_race(cut))
		scene_compare(whole, cut);
	check_whole(&acts, whole);
	check_whole(&acts, cut);
	check_whole(&acts, front);
	check_denied(whole, false);
	check_denied(cut, false);
	check_denied(front, true);
	check_late(&acts, how);
	scene_free(whole);
	scene_free(cut);
	scene_free(front);
	return (0);
}
