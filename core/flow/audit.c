/* SPDX-License-Identifier: MIT */
#include "flow/audit.h"

#include "base/log.h"
#include "flow/sink.h"
#include "flow/tunnel_events.h"

#include <string.h>
#include <unistd.h>

/* Which log and why is the operator's to know. */
static const char told_clients[] = "the audit log cannot be written; try "
    "again later, or tell the operator";

/* How is it doing at this moment? */
static uint32_t
look_at(struct audit_log *log, const struct sink *sink)
{
	struct sink_state state;

	sink_look(sink, &state);
	if (state.waiting == 0 || state.taken != log->taken)
		log->still = 0;
	log->taken = state.taken;
	return (state.trouble != 0 ? state.trouble :
	    log->still >= AUDIT_STILL ? BOARD_LOG_STILL : 0);
}

static void
look_at_all(struct audit *audit)
{
	bool shut = false;
	size_t i;

	for (i = 0; i < audit->count; i++) {
		struct audit_log *log = &audit->logs[i];

		log->trouble = look_at(log, events_sink(audit->events, i));
		if (log->trouble != 0)
			log->seen = log->trouble;
		shut |= log->required && log->trouble != 0;
		if (audit->board != NULL)
			board_set_log(audit->board, i, log->trouble);
	}
	audit->shut = shut;
}

/* ------------------------------------------------------------------ */
/* Telling								*/

static void
publish(struct audit *audit, const struct event_slot *slot,
    const void *record)
{
	struct decision decision;
	uint64_t token;

	events_publish(audit->events, slot, NULL, -1, record, NULL,
	    &decision, &token);
}

static struct frl_bytes
bytes_of(const char *text)
{
	return ((struct frl_bytes){ (const uint8_t *)text, strlen(text) });
}

static void
tell_broken(struct audit *audit, struct audit_log *log)
{
	const char *why = board_log_why(log->seen);
	struct log_broken record = { .pid = (uint64_t)getpid(),
	    .file = bytes_of(log->file), .reason = bytes_of(why) };

	log_say(FRL_ERROR, "worker %d: the log %s cannot be written: %s; no "
	    "new tunnel is let in (audit: required)", (int)getpid(),
	    log->file, why);
	log->told_us = loop_now_us(audit->loop);
	publish(audit, audit->broken, &record);
}

static void
tell_mended(struct audit *audit, const struct audit_log *log)
{
	struct log_mended record = { .pid = (uint64_t)getpid(),
	    .file = bytes_of(log->file),
	    .seconds = (loop_now_us(audit->loop) - log->told_us) / 1000000,
	    .refused = audit->refused };

	log_say(FRL_NOTICE, "worker %d: the log %s is written again; %llu "
	    "client%s turned away", (int)getpid(), log->file,
	    (unsigned long long)audit->refused, audit->refused == 1 ?
	    " was" : "s were");
	audit->refused = 0;
	publish(audit, audit->mended, &record);
}

/* One line when it begins and one when it is over: more of them would wait in
 * the log that cannot be written. */
static void
tell(struct audit *audit, struct audit_log *log)
{
	/* It may have come and gone, and somebody been turned away. */
	if (log->required && log->seen != 0 && !log->told) {
		log->told = true;
		tell_broken(audit, log);
	}
	if (log->told && log->trouble == 0) {
		log->told = false;
		tell_mended(audit, log);
	}
	log->seen = 0;
}

void
audit_tell(struct audit *audit)
{
	size_t i;

	look_at_all(audit);
	for (i = 0; i < audit->count; i++)
		tell(audit, &audit->logs[i]);
}

static void
look(void *arg)
{
	struct audit *audit = arg;
	size_t i;

	/* Those that have taken something begin at 0 again. */
	for (i = 0; i < audit->count; i++)
		if (audit->logs[i].still < AUDIT_STILL)
			audit->logs[i].still++;
	audit_tell(audit);
	if (audit->shut && audit->changed != NULL)
		audit->changed(audit->arg);
	timer_start(audit->loop, &audit->timer, AUDIT_LOOK_MS, look, audit);
}

/* ------------------------------------------------------------------ */

int
audit_begin(struct audit *audit, struct loop *loop, struct events *events,
    const struct sink_options *logs, size_t count, struct err *err)
{
	bool any = false;
	size_t i;

	audit->loop = loop;
	audit->events = events;
	audit->count = count;
	for (i = 0; i < count; i++) {
		audit->logs[i].file = logs[i].file;
		audit->logs[i].required = logs[i].audit == SINK_REQUIRED;
		any |= audit->logs[i].required;
	}
	audit->broken = events_declare(events, &log_event_broken, err);
	audit->mended = events_declare(events, &log_event_mended, err);
	if (audit->broken == NULL || audit->mended == NULL)
		return (-1);
	if (any)
		look(audit);
	return (0);
}

void
audit_end(struct audit *audit)
{
	timer_stop(&audit->timer);
}

const char *
audit_enter(struct audit *audit)
{
	if (!timer_running(&audit->timer))
		return (NULL);		/* nobody wants to know */
	look_at_all(audit);
	if (!audit->shut)
		return (NULL);
	audit->refused++;
	return (told_clients);
}

void
audit_on_change(struct audit *audit, void (*changed)(void *arg), void *arg)
{
	audit->changed = changed;
	audit->arg = arg;
}

void
audit_use_board(struct audit *audit, struct board *board)
{
	size_t i;

	audit->board = board;
	if (board == NULL)
		return;
	for (i = 0; i < audit->count; i++)
		board_name_log(board, i, audit->logs[i].file,
		    audit->logs[i].required);
	if (!timer_running(&audit->timer))
		look(audit);
}
