/* SPDX-License-Identifier: MIT */
/*
 * step -- what requests and responses have in common: how a flow goes on by
 * a piece of a body, how an exchange ends, how it is given up.
 *
 * All of these are called from a callback of the link and use its verbs.
 */
#ifndef HTTP_STEP_H
#define HTTP_STEP_H

#include "exchange.h"

/* A peer broke the protocol; farewell() gives the answer. */
enum frl_verdict step_broken(struct frl_link *link, enum answer answer,
    const char *text);

/* What is wrong with a message, and what a client is told of it. */
struct fault {
	const char *kind;	/* of http.error */
	const char *text;	/* sentence; NULL: the answer's own */
	size_t at;		/* offset in the held bytes */
	enum answer answer;
};

/* The same with an http.error. */
enum frl_verdict step_bad(struct frl_link *link, enum frl_flow flow,
    struct fault fault);

/* The same for a head that could not be read. */
enum frl_verdict step_bad_head(struct frl_link *link, enum frl_flow flow,
    enum head_result result, const struct head *h);

/* A verb was not recorded, or an allocation failed. */
enum frl_verdict step_no_memory(struct frl_link *link);

/*
 * Is a head that is not whole worth a scan?  One that grows byte by byte is
 * only looked at when a line came, or when it has doubled.
 */
bool step_worth(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held);

/*
 * The body of this flow ends n bytes behind what has gone through.  The
 * exchange, and the connection, may be over by that.
 */
void step_finished(struct frl_link *link, enum frl_flow flow, uint64_t n);

/* The next byte of the server is due within ms; 0: whenever it likes. */
void step_await(struct frl_link *link, uint64_t ms);

/* More of a body, of either flow. */
enum frl_verdict step_body(struct frl_link *link, enum frl_flow flow,
    struct frl_bytes held);

#endif
