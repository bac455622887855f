/* SPDX-License-Identifier: MIT */
/*
 * good -- the one plugin here that must not be refused: it shows that the
 * others are refused for what is wrong with them.  unload() writes the word
 * over the value of GOOD_UNLOADED: proof that it ran while its options were
 * still there.
 */
#include <stdio.h>
#include <stdlib.h>

#include <fairlead/inspector.h>

struct good_options {
	const char *word;
	uint64_t size;
};

static const struct frl_option options[] = {
	{ .name = "word", .help = "is the instance's text", .def = "hello",
	    .type = FRL_OPTION_STRING,
	    .offset = offsetof(struct good_options, word) },
	{ .name = "size", .help = "does nothing", .def = "4KiB", .min = 1024,
	    .max = 65536, .type = FRL_OPTION_SIZE,
	    .offset = offsetof(struct good_options, size) },
	{ .name = NULL },
};

struct good_record {
	uint64_t n;
};

static const struct frl_field fields[] = {
	{ .name = "good.n", .help = "a number", .type = FRL_U64,
	    .offset = offsetof(struct good_record, n) },
	{ .name = NULL },
};

static const struct frl_event event = { .name = "good.event",
	.help = "Never published.", .fields = fields,
	.record_size = sizeof(struct good_record) };

static const struct frl_event *const events[] = { &event, NULL };

struct good {
	const struct good_options *options;
};

static enum frl_verdict
good_load(const struct frl_host *host, const void *from, void **ret_instance)
{
	struct good *good = malloc(sizeof(*good));

	(void)host;
	if (good == NULL)
		return (FRL_FAIL);
	good->options = from;
	*ret_instance = good;
	return (FRL_OK);
}

/* The options must still be there. */
static void
good_unload(void *instance)
{
	struct good *good = instance;
	char *farewell = getenv("GOOD_UNLOADED");

	if (farewell != NULL && good->options != NULL &&
	    good->options->word != NULL)
		snprintf(farewell, 6, "%s", good->options->word);
	free(good);
}

FRL_PLUGIN = { FRL_ABI, .name = "good", .version = "1.2",
	.summary = "does nothing, well", .licence = "MIT",
	.flags = FRL_OWNS_PROTOCOL, .state_size = 16,
	.options = options, .options_size = sizeof(struct good_options),
	.events = events, .load = good_load, .unload = good_unload };
