/* SPDX-License-Identifier: MIT */
/* exchange -- see exchange.h. */
#include <stdlib.h>

#include "detect.h"
#include "events_table.h"
#include "exchange.h"

#define TARGET_SIZE 1200	/* above the cap of the log: it says "cut" */

struct exchange *
exchange_create(uint64_t now_us)
{
	struct exchange *x = malloc(sizeof(*x));

	/* glibc's calloc does not take what was freed a moment ago. */
	if (x != NULL)
		*x = (struct exchange){ .begun_us = now_us };
	return (x);
}

void
exchange_free(struct exchange *x)
{
	if (x == NULL)
		return;
	message_free(&x->body[FRL_FROM_CLIENT]);
	message_free(&x->body[FRL_FROM_SERVER]);
	free(x->head);
	free(x);
}

bool
exchange_owed(const struct http_link *l)
{
	return (l->x != NULL || (l->forward && l->txns == 0));
}

/* moved() is late by what a callback has just let go, so a body that is done
 * knows its size; it also lacks what never began. */
uint64_t
exchange_body(const struct frl_link *link, enum frl_flow flow)
{
	const struct http_link *l = link->state;
	const struct exchange *x = l->x;
	uint64_t moved = frl_moved(link, flow);

	if (x->body[flow].done)
		return (x->size[flow]);
	if (flow == FRL_FROM_CLIENT ? !x->sent : !x->answered)
		return (0);
	return (moved > x->base[flow] ? moved - x->base[flow] : 0);
}

void
exchange_error(struct frl_link *link, enum frl_flow flow, const char *kind,
    size_t at)
{
	const struct http_link *l = link->state;
	struct frl_http_error record = { .kind = kind };

	record.txn = l->txns + (l->x == NULL && flow == FRL_FROM_CLIENT);
	record.offset_bytes = frl_moved(link, flow) + at;
	if (flow == FRL_FROM_CLIENT)
		record.offset_bytes += l->dropped;
	(void)frl_publish(link, flow, &http_event_error, &record);
}

static struct frl_bytes
value(const struct head *h, enum head_name name)
{
	const struct frl_http_field *field = head_first(h, name);

	return (field != NULL ? field->value :
	    (struct frl_bytes){ NULL, 0 });
}

static const char *
version(const struct head *h)
{
	return (h->message.minor == 0 ? "1.0" : "1.1");
}

enum frl_verdict
exchange_ask(struct frl_link *link, const struct head *h)
{
	const struct http_link *l = link->state;
	uint8_t target[TARGET_SIZE];
	struct frl_http_request record = { .txn = l->txns };

	if (!frl_wanted(link, &http_event_request))
		return (FRL_OK);
	record.method = h->message.method;
	record.target = detect_redact(h->message.target, target,
	    sizeof(target));
	record.host = value(h, HEAD_HOST);
	record.version = version(h);
	record.header_bytes = l->x->head_size;
	record.header_count = h->message.count;
	record.user_agent = value(h, HEAD_USER_AGENT);
	record.upgrade = value(h, HEAD_UPGRADE);
	record.head = &h->message;
	return (frl_publish(link, FRL_FROM_CLIENT, &http_event_request,
	    &record));
}

void
exchange_response(struct frl_link *link, const struct head *h)
{
	const struct http_link *l = link->state;
	struct frl_http_response record = { .txn = l->txns };

	if (!frl_wanted(link, &http_event_response))
		return;
	record.status = h->message.status;
	record.version = version(h);
	record.header_bytes = h->size;
	record.header_count = h->message.count;
	record.ttfb_us = frl_now_us(link) - l->x->sent_us;
	(void)frl_publish(link, FRL_FROM_SERVER, &http_event_response,
	    &record);
}

void
exchange_done(struct frl_link *link)
{
	struct http_link *l = link->state;
	struct exchange *x = l->x;
	struct frl_http_done record = { .txn = l->txns };
	uint64_t request = exchange_body(link, FRL_FROM_CLIENT);
	uint64_t response = exchange_body(link, FRL_FROM_SERVER);

	record.request_body_bytes = request;
	record.response_body_bytes = response;
	record.duration_us = frl_now_us(link) - x->begun_us;
	record.complete = x->sent && x->answered &&
	    message_whole(&x->body[FRL_FROM_CLIENT], request) &&
	    message_whole(&x->body[FRL_FROM_SERVER], response);
	(void)frl_publish(link, FRL_FROM_SERVER, &http_event_done, &record);
	exchange_free(x);
	l->x = NULL;
}

void
exchange_report(struct frl_link *link)
{
	const struct http_link *l = link->state;
	struct http_summary record = { .txns = l->txns };

	frl_report(link, &http_event_summary, &record);
}
