/* SPDX-License-Identifier: MIT */
/*
 * tally -- an inspector of somebody else that has counters: what it is shown
 * at once is a frame, a line is a message.
 */
#include <fairlead/inspector.h>

struct tally {
	uint64_t frames[2], messages[2], ping_age_us[2], rtt_last_us[2];
};

#define FIELD(path, member, about) { .name = "tally." path, .help = about, \
	.offset = (uint16_t)offsetof(struct tally, member), .type = FRL_U64 }

static const struct frl_field fields[] = {
	FIELD("c2s.frames", frames[0], "pieces from the client"),
	FIELD("c2s.messages", messages[0], "lines from the client"),
	FIELD("c2s.ping_age_us", ping_age_us[0], "always the same"),
	FIELD("c2s.rtt_last_us", rtt_last_us[0], "always the same"),
	FIELD("s2c.frames", frames[1], "pieces from the server"),
	FIELD("s2c.messages", messages[1], "lines from the server"),
	{ .name = NULL }
};

static const struct frl_event part = {
	.name = "tally.summary",
	.help = "The counters of a tunnel, in its last line.",
	.fields = fields,
	.record_size = sizeof(struct tally),
	.flags = FRL_EVENT_PART
};

static enum frl_verdict
data(struct frl_link *link, enum frl_flow flow, struct frl_bytes held,
    size_t seen)
{
	struct tally *tally = link->state;
	size_t i;

	(void)seen;
	tally->frames[flow]++;
	for (i = 0; i < held.len; i++)
		tally->messages[flow] += held.data[i] == '\n';
	return (frl_pass(link, flow, held.len) == 0 ? FRL_OK : FRL_FAIL);
}

static void
report(struct frl_link *link)
{
	struct tally now = *(const struct tally *)link->state;

	now.ping_age_us[0] = 7000000;
	now.rtt_last_us[0] = 4321;
	frl_report(link, &part, &now);
}

static const struct frl_event *const events[] = { &part, NULL };

FRL_PLUGIN = {
	FRL_ABI,
	.name = "tally",
	.version = "0.1.0",
	.summary = "counts pieces and lines (for tests)",
	.licence = "MIT",
	.state_size = sizeof(struct tally),
	.events = events,
	.data = data,
	.close = report,
	.report = report,
};
