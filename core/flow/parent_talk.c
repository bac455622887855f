/* SPDX-License-Identifier: MIT */
/* parent_talk -- see parent_talk.h. */
#include "flow/parent_talk.h"

#include "base/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_SHOWN 80		/* bytes of a parent's own words */

int
parent_ask(struct buf *out, const struct parent_request *r)
{
	const char *authorization = r->parent->authorization;
	const char *via = r->via != NULL ? r->via : "";
	char target[TARGET_TEXT_SIZE], *text;
	int n, result;

	target_format(r->target, target, sizeof(target));
	n = asprintf(&text, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n"
	    "%s%s%sVia: %s%s1.%c %s\r\n\r\n", target, target,
	    authorization == NULL ? "" : "Proxy-Authorization: ",
	    authorization == NULL ? "" : authorization,
	    authorization == NULL ? "" : "\r\n",
	    via, via[0] == '\0' ? "" : ", ", r->old ? '0' : '1', r->token);
	if (n < 0)
		return (-1);
	result = buf_append(out, text, (size_t)n);
	explicit_bzero(text, (size_t)n);
	free(text);
	return (result);
}

static enum parent_result
no(struct parent_answer *answer, enum why why, const char *detail)
{
	answer->why = why;
	(void)snprintf(answer->detail, sizeof(answer->detail), "%s", detail);
	return (PARENT_NO);
}

/* It will not: in its own words, and what to do where we know. */
static enum parent_result
refused(struct parent_answer *answer, const struct parent *parent,
    const struct frl_http_head *m)
{
	size_t len = m->reason.len < REASON_SHOWN ? m->reason.len :
	    REASON_SHOWN;
	const char *hint = "";

	if (m->status == 407)
		hint = parent->authorization == NULL ?
		    ": it wants a user and a password" :
		    ": it does not take this user and password";
	(void)snprintf(answer->detail, sizeof(answer->detail),
	    "answered %u%s%.*s%s", (unsigned)m->status, len == 0 ? "" : " ",
	    (int)len, len == 0 ? "" : (const char *)m->reason.data, hint);
	/* Who sees a loop, all along it shall know of (RFC 5842, 7.2). */
	answer->why = m->status == 504 ? WHY_PARENT_TIMEOUT :
	    m->status == 508 ? WHY_LOOP : WHY_PARENT_REFUSED;
	return (PARENT_NO);
}

/* One head that begins at answer->size. */
static enum parent_result
read_one(struct parent_answer *answer, const struct parent *parent,
    struct frl_http_field *fields, const struct buf *in,
    const struct head_limits *limits)
{
	struct head head;

	switch (head_scan_response(&head, fields,
	    buf_data(in) + answer->size, buf_len(in) - answer->size,
	    limits)) {
	case HEAD_OK:
		break;
	case HEAD_MORE:
		return (PARENT_MORE);
	default:
		(void)snprintf(answer->detail, sizeof(answer->detail),
		    "answered what is no answer: %s", head.detail);
		answer->why = WHY_PARENT_ERROR;
		return (PARENT_NO);
	}
	answer->status = head.message.status;
	answer->size += head.size;
	/* A change of protocols was not asked for. */
	if (head.message.status == 101 || head.message.status >= 300)
		return (refused(answer, parent, &head.message));
	return (PARENT_OPEN);
}

enum parent_result
parent_read(struct parent_answer *answer, const struct parent *parent,
    const struct buf *in, size_t max_bytes, size_t max_fields)
{
	struct head_limits limits = { .fields = (uint32_t)max_fields };
	enum parent_result result = PARENT_MORE;
	struct frl_http_field *fields;

	memset(answer, 0, sizeof(*answer));
	fields = reallocarray(NULL, max_fields, sizeof(*fields));
	if (fields == NULL)
		return (no(answer, WHY_OUT_OF_RESOURCES, "out of memory"));
	/* Where there is no room for more, none is waited for. */
	while (answer->size < buf_len(in) || answer->size >= max_bytes) {
		if (answer->size >= max_bytes) {
			result = no(answer, WHY_PARENT_ERROR,
			    "too many heads before its answer");
			break;
		}
		limits.bytes = (uint32_t)(max_bytes - answer->size);
		result = read_one(answer, parent, fields, in, &limits);
		if (result != PARENT_OPEN || answer->status >= 200)
			break;
		result = PARENT_MORE;
	}
	free(fields);
	return (result);
}
