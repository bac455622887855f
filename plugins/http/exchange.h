/* SPDX-License-Identifier: MIT */
/*
 * exchange -- what a link remembers, and how it says so.
 *
 * An idle connection is a struct http_link; all that belongs to a request
 * and its response lives in a struct exchange, from the request's head to
 * the last byte of the later of the two.  There is one at a time: what a
 * client sends ahead waits.  This file publishes; http.c acts.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <fairlead/http.h>

#include "answer.h"
#include "message.h"

struct http_options {
	uint64_t idle;
	uint64_t head_time;
	uint64_t first_byte;
	uint64_t head_bytes;
	uint64_t head_fields;
	uint32_t mode;		/* enum http_mode */
	const char *via;	/* this proxy's name in forward mode */
};

enum http_mode { HTTP_OBSERVE, HTTP_ENFORCE };

/* What load() makes. */
struct http_instance {
	const struct http_options *options;
	struct head_limits limits;
	struct head_limits sent;	/* of a request as we send it on */
	llhttp_settings_t settings;
	/* Scratch memory for one callback: sent.fields, limits.fields. */
	struct frl_http_field *request_fields, *response_fields;
};

struct exchange {
	struct message body[2];		/* by flow */
	uint64_t base[2];		/* moved() where a body begins */
	uint64_t size[2];		/* of a body that is done */
	uint64_t begun_us, sent_us;
	/* The request's head as it is forwarded: rewritten, or kept for a
	 * 101; else NULL. */
	uint8_t *head;
	size_t head_len;
	uint32_t head_size;		/* as the client sent it */
	uint8_t interims;		/* 1xx responses so far */
	bool rewritten;
	bool upgrade;			/* may be answered 101 */
	bool to_head;			/* it is a HEAD request */
	bool to_old;			/* it is one of HTTP/1.0 */
	bool last_hop;			/* it goes no further than to us */
	bool expects;			/* Expect: 100-continue, no 100 yet */
	bool awaited;			/* the response has its time */
	bool sent;			/* the request's head was let go */
	bool answered;			/* the final response's head was */
};

/* A link's state. */
struct http_link {
	struct exchange *x;		/* NULL: idle */
	uint64_t txns;
	uint64_t dropped;		/* bytes of the client's heads */
	uint32_t scanned[2];		/* of a head that is not whole */
	uint8_t answer;			/* enum answer, for farewell */
	bool begun;
	bool blank;			/* an empty line came before a request */
	bool forward;			/* the tunnel's mode */
	bool closing;			/* no further exchange */
	bool server_closing;		/* forward: none with this server */
	bool over[2];			/* that peer finished */
};

/* NULL without memory. */
struct exchange *exchange_create(uint64_t now_us);
void exchange_free(struct exchange *x);

/* Does the client wait for an answer?  In forward mode it has asked before the
 * link was opened, whether or not the request was shown yet. */
bool exchange_owed(const struct http_link *l);

/* How many bytes of a body have gone through. */
uint64_t exchange_body(const struct frl_link *link, enum frl_flow flow);

/* http.error, at this offset of the held bytes. */
void exchange_error(struct frl_link *link, enum frl_flow flow,
    const char *kind, size_t at);

/* http.request and its verdict.  h: the head as it is sent on. */
enum frl_verdict exchange_ask(struct frl_link *link, const struct head *h);

/* http.response. */
void exchange_response(struct frl_link *link, const struct head *h);

/* http.done; then there is no exchange any more. */
void exchange_done(struct frl_link *link);

/* http.summary. */
void exchange_report(struct frl_link *link);

#endif
