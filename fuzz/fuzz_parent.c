/* SPDX-License-Identifier: MIT */
/*
 * fuzz_parent -- what a parent proxy answers to a CONNECT.
 *
 * An input is the answer as it comes.  It is read after each piece from its
 * first byte on, as tunnel_parent does: whole, byte by byte, in other pieces.
 *
 * What must hold: the first bytes decide as the whole does; what is waited for
 * is bounded; a 2xx opens the tunnel where a second reader finds the end of
 * its head, and the bytes behind it are all there, as they came; any other end
 * has a reason, with which the client gets a valid answer that shows no control
 * character; only a final answer that is a refusal is called one.
 */
#include "base/head.h"
#include "flow/greet.h"
#include "flow/parent_talk.h"
#include "fuzz.h"

#define BYTES 300u		/* of all heads together */
#define FIELDS 6u

/* What became of it: how it ended, and what is left for the tunnel. */
struct outcome {
	enum parent_result result;
	struct parent_answer answer;
	size_t when;			/* bytes that had come */
	struct frl_bytes rest;
};

static const struct parent nobody = { .direct = false };
static char basic[] = "Basic dTpw";
static const struct parent known = { .authorization = basic };

/* What the client is told. */
static void
check_told(const struct parent_answer *a)
{
	static const struct head_limits limits = { 4096, 8 };
	struct frl_http_field fields[8];
	struct buf out = { NULL };
	struct head head;

	MUST(a->detail[0] != '\0');
	MUST(greet_refuse(&out, a->why, a->detail) == 0);
	MUST(head_scan_response(&head, fields, buf_data(&out), buf_len(&out),
	    &limits) == HEAD_OK);
	MUST(head.message.status >= 500 && head.content_length ==
	    (int64_t)(buf_len(&out) - head.size));
	MUST(fuzz_is_plain((const char *)buf_data(&out) + head.size,
	    buf_len(&out) - head.size, '\n'));
	buf_free(&out);
}

static void
check(const struct outcome *o, const struct buf *in)
{
	const struct parent_answer *a = &o->answer;

	MUST(a->size <= buf_len(in) && a->size <= BYTES);
	switch (o->result) {
	case PARENT_MORE:
		MUST(buf_len(in) < BYTES && a->status < 200);
		break;
	case PARENT_OPEN:
		MUST(a->status >= 200 && a->status < 300 && a->size > 0);
		break;
	case PARENT_NO:
		check_told(a);
		MUST(a->why == WHY_PARENT_ERROR || a->status == 101 ||
		    a->status >= 300);
		MUST((a->why == WHY_LOOP) == (a->status == 508));
		MUST(a->why == WHY_PARENT_ERROR || a->why == WHY_LOOP ||
		    a->why == WHY_PARENT_REFUSED ||
		    a->why == WHY_PARENT_TIMEOUT);
		break;
	}
}

/*
 * Let it come in pieces until it decides, then let the rest come: what is
 * behind the answer is what the tunnel begins with.  longest: 0 is all at once.
 */
static void
play(struct outcome *o, const struct parent *parent, const uint8_t *bytes,
    size_t len, size_t longest, struct buf *in)
{
	struct dice dice = dice_of(longest);
	size_t at = 0, n;
	void *piece;

	*o = (struct outcome){ .result = PARENT_MORE };
	while (o->result == PARENT_MORE && at < len) {
		n = longest == 0 ? len : 1 + roll(&dice, longest);
		n = n < len - at ? n : len - at;
		piece = fuzz_copy(bytes + at, n);
		MUST(buf_append(in, piece, n) == 0);
		free(piece);
		at += n;
		o->result = parent_read(&o->answer, parent, in, BYTES,
		    FIELDS);
		check(o, in);
	}
	o->when = at;
	if (o->result == PARENT_OPEN)
		buf_drain(in, o->answer.size);
	if (o->result == PARENT_OPEN && at < len)
		MUST(buf_append(in, bytes + at, len - at) == 0);
	o->rest = (struct frl_bytes){ buf_data(in), buf_len(in) };
}

/* Where the answer ends, for a reader that knows lines and nothing else: the
 * first empty one behind a status that is final.  0: nowhere. */
static size_t
second_end(const uint8_t *bytes, size_t len)
{
	const uint8_t *end, *p = bytes;

	while ((end = memmem(p, len - (size_t)(p - bytes), "\r\n\r\n",
	    4)) != NULL) {
		if (end - p < 12 || memcmp(p, "HTTP/1.", 7) != 0)
			return (0);
		if (p[9] != '1')
			return ((size_t)(end + 4 - bytes));
		p = end + 4;
	}
	return (0);
}

static void
check_open(const struct outcome *o, const uint8_t *bytes, size_t len)
{
	size_t end = second_end(bytes, len);

	MUST(end > 0 && o->answer.size == end);
	MUST(o->rest.len == len - end);
	MUST(o->rest.len == 0 ||
	    memcmp(o->rest.data, bytes + end, o->rest.len) == 0);
}

static void
compare(const struct outcome *a, const struct outcome *b)
{
	MUST(a->result == b->result);
	MUST(a->answer.status == b->answer.status);
	MUST(a->answer.why == b->answer.why);
	MUST(strcmp(a->answer.detail, b->answer.detail) == 0);
	if (a->result != PARENT_OPEN)
		return;
	MUST(a->answer.size == b->answer.size);
	MUST(a->rest.len == b->rest.len);
	MUST(a->rest.len == 0 ||
	    memcmp(a->rest.data, b->rest.data, a->rest.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const size_t longest[] = { 1, 3, 40, 600 };
	struct buf all = { NULL };
	struct outcome whole;
	size_t i;

	play(&whole, &nobody, bytes, len, 0, &all);
	if (whole.result == PARENT_OPEN)
		check_open(&whole, bytes, len);
	for (i = 0; i < sizeof(longest) / sizeof(longest[0]); i++) {
		const struct parent *parent = i % 2 == 0 ? &nobody : &known;
		struct buf in = { NULL };
		struct outcome o;

		play(&o, parent, bytes, len, longest[i], &in);
		/* A 407 has other words for who has said who he is. */
		if (o.answer.status == 407 && parent == &known)
			memcpy(o.answer.detail, whole.answer.detail,
			    sizeof(o.answer.detail));
		compare(&whole, &o);
		buf_free(&in);
	}
	buf_free(&all);
	return (0);
}
