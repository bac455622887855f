/* SPDX-License-Identifier: MIT */
/*
 * plugin_check -- see plugin_check.h.
 *
 * The order matters: magic, then version, then size; only a descriptor that
 * passed those three has the layout that the rest is read by.
 */
#include <string.h>

#include "flow/plugin_check.h"
#include "flow/plugin_file.h"

/* A link's state is memory of every tunnel: invariant "memory per tunnel is
 * bounded" starts here. */
#define STATE_SIZE_MAX (64u * 1024u)
#define OPTIONS_SIZE_MAX (64u * 1024u)
#define RECORD_SIZE_MAX 65535u	/* offsets in it have 16 bits */
#define TABLE_MAX 256u

static int
check_abi(const struct frl_plugin *desc, struct err *err)
{
	if (desc->magic != FRL_MAGIC)
		return (err_set(err, "wrong magic 0x%08x: no Fairlead plugin",
		    desc->magic));
	/* Major 0 promises nothing, so both numbers must match. */
	if (desc->abi_major != FRL_ABI_MAJOR ||
	    desc->abi_minor != FRL_ABI_MINOR)
		return (err_set(err, "built for ABI %u.%u, this is %u.%u: "
		    "build it anew", (unsigned)desc->abi_major,
		    (unsigned)desc->abi_minor, FRL_ABI_MAJOR, FRL_ABI_MINOR));
	if (desc->size != sizeof(*desc))
		return (err_set(err, "its descriptor has %u bytes, not %zu",
		    desc->size, sizeof(*desc)));
	return (0);
}

static int
check_words(const struct frl_plugin *desc, struct err *err)
{
	if (desc->name == NULL || !plugin_name_valid(desc->name))
		return (err_set(err, "its descriptor's name is malformed"));
	if (desc->version == NULL || desc->summary == NULL ||
	    desc->licence == NULL)
		return (err_set(err, "its descriptor lacks version, summary "
		    "or licence"));
	if ((desc->flags &
	    ~(FRL_OWNS_PROTOCOL | FRL_CHANGES | FRL_FORWARDS)) != 0)
		return (err_set(err, "its descriptor has unknown flags 0x%x",
		    desc->flags));
	if (desc->state_size > STATE_SIZE_MAX)
		return (err_set(err, "asks for %u bytes of state per link; "
		    "%u are the most", desc->state_size, STATE_SIZE_MAX));
	if (desc->options_size > OPTIONS_SIZE_MAX)
		return (err_set(err, "asks for %u bytes of options; %u are "
		    "the most", desc->options_size, OPTIONS_SIZE_MAX));
	return (0);
}

static size_t
option_width(unsigned type)
{
	switch (type) {
	case FRL_OPTION_BOOL:
		return (sizeof(bool));
	case FRL_OPTION_COUNT:
	case FRL_OPTION_SIZE:
	case FRL_OPTION_DURATION:
		return (sizeof(uint64_t));
	case FRL_OPTION_STRING:
		return (sizeof(char *));
	case FRL_OPTION_CHOICE:
		return (sizeof(uint32_t));
	case FRL_OPTION_LIST:
		return (sizeof(struct frl_strings));
	default:
		return (0);
	}
}

static int
check_options(const struct frl_plugin *desc, struct err *err)
{
	const struct frl_option *o;
	size_t width;
	uint32_t i;

	for (i = 0; desc->options != NULL && desc->options[i].name != NULL;
	    i++) {
		o = &desc->options[i];
		if (i == TABLE_MAX)
			return (err_set(err, "has more than %u options",
			    TABLE_MAX));
		width = option_width(o->type);
		if (width == 0)
			return (err_set(err, "option '%s' has an unknown type "
			    "%u", o->name, (unsigned)o->type));
		if (o->offset % (width > 8 ? 8 : width) != 0 ||
		    (size_t)o->offset + width > desc->options_size)
			return (err_set(err, "option '%s' lies outside its "
			    "struct", o->name));
		if (o->help == NULL || (o->type == FRL_OPTION_CHOICE &&
		    o->choices == NULL))
			return (err_set(err, "option '%s' lacks help or "
			    "choices", o->name));
	}
	return (0);
}

static size_t
field_width(unsigned type)
{
	static const size_t widths[] = {
		[FRL_U64] = sizeof(uint64_t),
		[FRL_U32] = sizeof(uint32_t),
		[FRL_I64] = sizeof(int64_t),
		[FRL_BOOL] = sizeof(int8_t),
		[FRL_TEXT] = sizeof(struct frl_bytes),
		[FRL_NAME] = sizeof(char *),
	};

	return (type < sizeof(widths) / sizeof(widths[0]) ? widths[type] : 0);
}

static int
check_event(const struct frl_event *event, struct err *err)
{
	const struct frl_field *f;
	size_t i, width;

	if (event->name == NULL || event->help == NULL ||
	    event->fields == NULL || event->record_size > RECORD_SIZE_MAX)
		return (err_set(err, "event '%s' is malformed",
		    event->name != NULL ? event->name : "?"));
	for (i = 0; event->fields[i].name != NULL; i++) {
		f = &event->fields[i];
		if (i == TABLE_MAX)
			return (err_set(err, "event '%s' has more than %u "
			    "fields", event->name, TABLE_MAX));
		width = field_width(f->type);
		if (width == 0)
			return (err_set(err, "field '%s' of event '%s' has an "
			    "unknown type %u", f->name, event->name,
			    (unsigned)f->type));
		if (f->offset % (width > 8 ? 8 : width) != 0 ||
		    f->offset + width > event->record_size)
			return (err_set(err, "field '%s' of event '%s' lies "
			    "outside its record", f->name, event->name));
	}
	return (0);
}

static int
check_events(const struct frl_plugin *desc, struct err *err)
{
	uint32_t i;

	for (i = 0; desc->events != NULL && desc->events[i] != NULL; i++) {
		if (i == TABLE_MAX)
			return (err_set(err, "has more than %u events",
			    TABLE_MAX));
		if (check_event(desc->events[i], err) < 0)
			return (-1);
	}
	for (i = 0; desc->hooks != NULL && desc->hooks[i].event != NULL; i++) {
		if (i == TABLE_MAX)
			return (err_set(err, "has more than %u hooks",
			    TABLE_MAX));
		if (desc->hooks[i].ask == NULL)
			return (err_set(err, "its hook for '%s' has no "
			    "function", desc->hooks[i].event));
	}
	return (0);
}

int
plugin_check(const struct frl_plugin *desc, struct err *err)
{
	if (check_abi(desc, err) < 0 || check_words(desc, err) < 0 ||
	    check_options(desc, err) < 0 || check_events(desc, err) < 0)
		return (-1);
	return (0);
}
