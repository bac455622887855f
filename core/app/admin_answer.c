/* SPDX-License-Identifier: MIT */
/*
 * admin_answer -- the table of requests.  Every answer is lines of JSON, each
 * with an `item`; the last one is {"item":"end","ok":...}.
 */
#include "app/admin_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

/* ------------------------------------------------------------------ */

static const char *
state_name(const struct message_state *state)
{
	return (state->stopping ? "draining" : state->generation == 0 ?
	    "starting" : state->starting ? "reloading" : "serving");
}

static uint64_t
uptime_s(const struct admin *a)
{
	uint64_t now = loop_wall_us(a->loop);

	return (now < a->state.began_us ? 0 :
	    (now - a->state.began_us) / 1000000);
}

static void
say_worker(struct admin_client *c, const struct admin_seat *seat)
{
	const struct board *b = seat->board;

	client_say(c, "{\"item\":\"worker\",\"pid\":%d,\"generation\":%u",
	    (int)seat->pid, (unsigned)seat->generation);
	if (b != NULL)
		client_say(c, ",\"tunnels\":%llu,\"tunnels_total\":%llu,"
		    "\"c2s_bytes\":%llu,\"s2c_bytes\":%llu",
		    (unsigned long long)board_get(&b->rows[BOARD_open]),
		    (unsigned long long)board_get(&b->rows[BOARD_accepted]),
		    (unsigned long long)board_get(
		    &b->rows[BOARD_from_client]),
		    (unsigned long long)board_get(
		    &b->rows[BOARD_from_server]));
	client_say(c, "}\n");
}

static void
say_unready(struct admin_client *c)
{
	struct admin_reason reason;
	unsigned at = 0;

	while (admin_unready(c->admin, &at, &reason))
		client_say(c, "{\"item\":\"unready\",\"reason\":\"%s\","
		    "\"why\":\"%s\"}\n", reason.name, reason.why);
}

static void
answer_status(struct admin_client *c, const char *arg)
{
	const struct admin *a = c->admin;
	const struct message_state *s = &a->state;
	const struct admin_seat *seat;
	struct board *sum = malloc(sizeof(*sum));

	(void)arg;
	if (sum == NULL) {
		client_end(c, "out of memory");
		return;
	}
	admin_sum(a, sum);
	client_say(c, "{\"item\":\"proxy\",\"version\":\"" FRL_VERSION "\","
	    "\"pid\":%d,\"state\":\"%s\",\"ready\":%s,\"uptime_s\":%llu,"
	    "\"generation\":%u,\"workers\":%u,\"reloads\":%u,"
	    "\"failed_reloads\":%u,\"worker_deaths\":%u,\"tunnels\":%llu}\n",
	    (int)s->pid, state_name(s), admin_ready(a) ? "true" : "false",
	    (unsigned long long)uptime_s(a), (unsigned)s->generation,
	    (unsigned)s->workers, (unsigned)s->reloads,
	    (unsigned)s->failures, (unsigned)s->deaths,
	    (unsigned long long)board_get(&sum->rows[BOARD_open]));
	free(sum);
	say_unready(c);
	DL_FOREACH(a->seats, seat)
		say_worker(c, seat);
	client_end(c, NULL);
}

/* "name" or "name_label", without what only Prometheus wants. */
static void
say_rows(struct admin_client *c, const struct board *sum)
{
	static const char *const names[] = {
#define NAME(member, name, label, kind, help) #member,
		BOARD_TABLE(NAME)
#undef NAME
	};
	unsigned i;

	client_say(c, "{\"item\":\"stats\"");
	for (i = 0; i < BOARD_ROWS; i++)
		client_say(c, ",\"%s\":%llu", names[i],
		    (unsigned long long)board_get(&sum->rows[i]));
	client_say(c, "}\n");
}

static void
answer_stats(struct admin_client *c, const char *arg)
{
	struct board *sum = malloc(sizeof(*sum));
	unsigned i;

	(void)arg;
	if (sum == NULL) {
		client_end(c, "out of memory");
		return;
	}
	admin_sum(c->admin, sum);
	say_rows(c, sum);
	for (i = 0; i < WHY_COUNT; i++) {
		if (board_get(&sum->ends[i]) == 0)
			continue;
		client_say(c, "{\"item\":\"ended\",\"end\":\"%s\","
		    "\"tunnels\":%llu}\n", why_row((enum why)i)->name,
		    (unsigned long long)board_get(&sum->ends[i]));
	}
	for (i = 0; i < sum->plugin_count; i++) {
		const struct board_plugin *p = &sum->plugins[i];

		client_say(c, "{\"item\":\"plugin\",\"name\":\"%s\","
		    "\"calls\":%llu,\"bytes\":%llu,\"us\":%llu}\n", p->name,
		    (unsigned long long)board_get(&p->calls),
		    (unsigned long long)board_get(&p->bytes),
		    (unsigned long long)board_get(&p->us));
	}
	free(sum);
	client_end(c, NULL);
}

static void
answer_metrics(struct admin_client *c, const char *arg)
{
	(void)arg;
	admin_metrics(c);
	c->answered = true;
}

/* ------------------------------------------------------------------ */
/* The workers								*/

static void
ask(struct admin_client *c, enum inquiry_kind kind, const char *text)
{
	size_t n = strlen(text);

	c->inquiry = calloc(1, sizeof(*c->inquiry));
	if (c->inquiry == NULL) {
		client_end(c, "out of memory");
		return;
	}
	c->inquiry->kind = (uint32_t)kind;
	c->inquiry->len = (uint32_t)n;
	memcpy(c->inquiry->text, text, n);	/* shorter than a request */
	admin_ask(c);
}

static void
answer_tunnels(struct admin_client *c, const char *arg)
{
	(void)arg;
	ask(c, INQUIRY_LIST, "");
}

static void
answer_close(struct admin_client *c, const char *arg)
{
	ask(c, INQUIRY_CLOSE, arg);
}

/* ------------------------------------------------------------------ */
/* The supervisor							*/

static bool
tell_supervisor(struct admin_client *c, enum message_kind kind)
{
	struct message m = { .kind = (uint32_t)kind };

	if (c->admin->state.stopping)
		client_end(c, "the proxy is draining already");
	else if (message_send(c->admin->channel, &m, NULL, 0) != 0)
		client_end(c, "the supervisor does not answer");
	else
		return (true);
	return (false);
}

static void
answer_reload(struct admin_client *c, const char *arg)
{
	(void)arg;
	c->reloads = c->admin->state.reloads;
	c->failures = c->admin->state.failures;
	if (tell_supervisor(c, MESSAGE_ASKED_RELOAD))
		c->wait = WAIT_RELOAD;
}

static void
answer_drain(struct admin_client *c, const char *arg)
{
	(void)arg;
	if (tell_supervisor(c, MESSAGE_ASKED_STOP))
		client_end(c, NULL);
}

/* ------------------------------------------------------------------ */

static const struct {
	const char *word;
	bool takes_word;
	void (*answer)(struct admin_client *client, const char *arg);
} table[] = {
	{ "status", false, answer_status },
	{ "stats", false, answer_stats },
	{ "metrics", false, answer_metrics },
	{ "tunnels", false, answer_tunnels },
	{ "close", true, answer_close },
	{ "reload", false, answer_reload },
	{ "drain", false, answer_drain },
};

void
admin_answer(struct admin_client *c, char *line)
{
	char *rest, *word = strtok_r(line, " \t", &rest);
	char *arg = strtok_r(NULL, " \t", &rest);
	size_t i;

	if (word != NULL && strcmp(word, "tail") == 0) {
		admin_tail(c, arg, rest);
		return;
	}
	for (i = 0; word != NULL && i < sizeof(table) / sizeof(table[0]);
	    i++) {
		if (strcmp(table[i].word, word) != 0)
			continue;
		if (table[i].takes_word != (arg != NULL) ||
		    strtok_r(NULL, " \t", &rest) != NULL)
			client_end(c, table[i].takes_word ?
			    "one word is expected behind it" :
			    "nothing is expected behind it");
		else
			table[i].answer(c, arg);
		return;
	}
	client_end(c, "status, stats, metrics, tunnels, close ID, tail, reload "
	    "or drain is expected");
}
