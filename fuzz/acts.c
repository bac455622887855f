/* SPDX-License-Identifier: MIT */
/* acts -- see acts.h. */
#include <sys/random.h>
#include <time.h>

#include "acts.h"

#include "base/options.h"

/* Chance and time would make two plays of one input differ: instead of
 * libc's, also for modules. */
__attribute__((visibility("default"))) ssize_t
getrandom(void *bytes, size_t n, unsigned int flags)
{
	(void)flags;
	memset(bytes, 0x5a, n);
	return ((ssize_t)n);
}

__attribute__((visibility("default"))) time_t
time(time_t *ret)
{
	const time_t now = 1800000000;

	if (ret != NULL)
		*ret = now;
	return (now);
}

void
acts_read(struct acts *acts, const uint8_t *bytes, size_t len)
{
	static const char letters[] = "csCStynwrqvokfauUhxp";
	struct act *act = &acts->list[0];

	acts->count = 1;
	*act = (struct act){ .what = 'c', .bytes = { bytes, 0 } };
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != ACTS_MARK || i + 1 == len ||
		    bytes[i + 1] == '\0' ||
		    strchr(letters, bytes[i + 1]) == NULL) {
			act->bytes.len++;
			continue;
		}
		if (acts->count == ACTS_MAX)
			return;
		act = &acts->list[acts->count++];
		i++;
		*act = (struct act){ .what = (char)bytes[i],
		    .bytes = { bytes + i + 1, 0 } };
	}
}

const struct act *
acts_find(const struct acts *acts, char what)
{
	for (size_t i = 0; i < acts->count; i++)
		if (acts->list[i].what == what)
			return (&acts->list[i]);
	return (NULL);
}

struct frl_bytes
acts_bytes(const struct acts *acts, char what)
{
	const struct act *act = acts_find(acts, what);

	return (act != NULL ? act->bytes : (struct frl_bytes){ NULL, 0 });
}

static bool
read_options(const struct frl_plugin *plugin, struct frl_bytes text,
    void *options)
{
	struct yaml_errors errors = { .text = NULL };
	struct yaml_file *file = yaml_parse("o", (const char *)text.data,
	    text.len, &errors);
	const struct yaml_node *root = file != NULL ? yaml_root(file) : NULL;
	bool ok = root != NULL && options_read(plugin->options, options,
	    file, root, root, NULL, &errors) == 0;

	yaml_free(file);
	yaml_errors_free(&errors);
	return (ok);
}

void *
acts_options(const struct acts *acts, const struct frl_plugin *plugin)
{
	static const struct yaml_node nowhere = { .text = "" };
	struct frl_bytes text = acts_bytes(acts, 'o');
	struct yaml_errors errors = { .text = NULL };
	void *options = calloc(1, plugin->options_size + 1);
	int ret = 0;

	MUST(options != NULL);
	if (plugin->options == NULL ||
	    (text.len > 0 && read_options(plugin, text, options)))
		return (options);
	options_clear(plugin->options, options);
	memset(options, 0, plugin->options_size);
	ret = options_read(plugin->options, options, NULL, NULL, &nowhere,
	    NULL, &errors);
	yaml_errors_free(&errors);
	if (ret == 0)
		return (options);
	acts_options_free(plugin, options);
	return (NULL);
}

void
acts_options_free(const struct frl_plugin *plugin, void *options)
{
	if (options != NULL && plugin->options != NULL)
		options_clear(plugin->options, options);
	free(options);
}

size_t
acts_cut(struct dice *dice, uint8_t k, size_t left)
{
	static const size_t longest[] = { 2, 3, 8, 40, 300 };
	size_t n = k == 0 ? left : k == 1 ? 1 :
	    1 + roll(dice, longest[k % 5]);

	return (n < left ? n : left);
}

size_t
acts_whole(const struct frl_plugin *first, const struct act *act)
{
	const uint8_t *eol;

	if (strcmp(first->name, "http") != 0 &&
	    strcmp(first->name, "detect") != 0)
		return (act->bytes.len);
	eol = act->bytes.len == 0 ? NULL :
	    memrchr(act->bytes.data, '\n', act->bytes.len);
	return (eol == NULL ? 0 : (size_t)(eol - act->bytes.data));
}
