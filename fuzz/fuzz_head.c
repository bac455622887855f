/* SPDX-License-Identifier: MIT */
/*
 * fuzz_head -- message heads, and what a client of the proxy asks for.
 *
 * What must hold: what was decided of the first bytes is not changed by those
 * that follow; a head is what a second reader, written here, takes it for,
 * line by line; greeting and head agree; our own refusal is a head that we
 * would accept, with as long a body as it says.
 *
 * The first byte chooses request or response and the limits.
 */
#include "base/head.h"
#include "flow/greet.h"
#include "fuzz.h"

#define FIELDS 64

struct subject {
	bool request;
	struct head_limits limits;
	struct frl_http_field fields[FIELDS];
	struct head head;
};

static enum head_result
scan(struct subject *s, const uint8_t *bytes, size_t len)
{
	void *copy = fuzz_copy(bytes, len);
	enum head_result result = (s->request ? head_scan_request :
	    head_scan_response)(&s->head, s->fields, copy, len, &s->limits);

	MUST((head_result_name(result)[0] == '\0') ==
	    (result == HEAD_OK || result == HEAD_MORE));
	MUST((s->head.detail == NULL) ==
	    (result == HEAD_OK || result == HEAD_MORE));
	MUST(s->head.at <= len && s->head.size <= len);
	free(copy);
	return (result);
}

/* A piece from the begin: undecided, or what the whole is. */
static void
check_piece(struct subject *s, const uint8_t *bytes, size_t len,
    enum head_result whole, uint32_t size, uint32_t at)
{
	enum head_result result = scan(s, bytes, len);

	if (result == HEAD_MORE)
		return;
	MUST(result == whole);
	if (result == HEAD_OK)
		MUST(s->head.size == size && len >= size);
	else
		MUST(s->head.at == at);
}

static void
check_pieces(struct subject *s, const uint8_t *bytes, size_t len)
{
	enum head_result whole = scan(s, bytes, len);
	uint32_t size = s->head.size, at = s->head.at;
	struct dice dice = dice_of(len);

	for (size_t i = 0; i < 12 && len > 0; i++)
		check_piece(s, bytes, len < 12 ? i % len : roll(&dice, len),
		    whole, size, at);
	if (whole == HEAD_OK && size > 0) {
		MUST(scan(s, bytes, size - 1) == HEAD_MORE);
		MUST(scan(s, bytes, size) == HEAD_OK);
	}
}

/* A second reader: lines that end in CRLF, names up to a ':'. */
static void
check_lines(const struct head *h, const uint8_t *bytes)
{
	const uint8_t *p = bytes, *end = bytes + h->size;
	uint32_t count = 0;

	for (;; count++) {
		const uint8_t *cr = memchr(p, '\r', (size_t)(end - p));

		MUST(cr != NULL && cr + 1 < end && cr[1] == '\n');
		for (const uint8_t *q = p; q < cr; q++)
			MUST((*q >= 0x20 && *q != 0x7f) || *q == '\t');
		if (cr == p)
			break;
		MUST(p == bytes || (*p != ' ' && *p != '\t' && *p != ':' &&
		    memchr(p, ':', (size_t)(cr - p)) != NULL));
		p = cr + 2;
	}
	MUST(p + 2 == end && count == h->message.count + 1);
}

static void
check_fields(const struct head *h, const uint8_t *bytes, bool request)
{
	const struct frl_http_head *m = &h->message;
	size_t hosts, lengths, codings;

	for (uint32_t i = 0; i < m->count; i++) {
		struct frl_bytes name = m->fields[i].name;
		struct frl_bytes value = m->fields[i].value;

		MUST(name.data >= bytes && name.len > 0 &&
		    name.data[name.len] == ':');
		MUST(value.data + value.len <= bytes + h->size);
		MUST(value.len == 0 || (strchr(" \t", value.data[0]) == NULL &&
		    strchr(" \t", value.data[value.len - 1]) == NULL));
	}
	(void)head_field(m, "Host", &hosts);
	(void)head_field(m, "content-length", &lengths);
	(void)head_field(m, "transfer-encoding", &codings);
	MUST(!request || hosts == 1 || (hosts == 0 && m->minor == 0));
	MUST(lengths + codings <= 1);
	MUST((lengths == 1) == (h->content_length >= 0));
	MUST((codings == 1) == h->chunked && h->chunked ==
	    h->has_transfer_encoding);
	(void)head_lists(m, "connection", "upgrade");
}

static void
check_answer(enum why why, const char *detail)
{
	struct subject s = { .limits = { 65536, FIELDS } };
	struct buf out = { 0 };

	MUST(greet_refuse(&out, why, detail) == 0);
	MUST(scan(&s, buf_data(&out), buf_len(&out)) == HEAD_OK);
	MUST(s.head.content_length >= 0 && s.head.message.status >= 400);
	MUST(s.head.size + (uint64_t)s.head.content_length == buf_len(&out));
	buf_free(&out);
}

static void
check_greeting(struct subject *s, const uint8_t *bytes, size_t len)
{
	enum head_result result = scan(s, bytes, len);
	struct greet greet;
	void *copy = fuzz_copy(bytes, len);

	memset(&greet, 0, sizeof(greet));
	switch (greet_read(&greet, copy, len, s->limits.bytes,
	    s->limits.fields)) {
	case GREET_MORE:
		MUST(result == HEAD_MORE);
		break;
	case GREET_TARGET:
		MUST(result == HEAD_OK && greet.size == s->head.size);
		MUST(greet.target.port != 0 && greet.target.host[0] != '\0');
		break;
	case GREET_DENY:
		MUST(result != HEAD_MORE);
		check_answer(greet.why, greet.detail);
		break;
	}
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct input in = { bytes, len };
	uint8_t how = input_byte(&in);
	struct subject s = { .request = (how & 1) != 0,
	    .limits = { 8192, FIELDS } };

	if (how & 2)
		s.limits = (struct head_limits){ 16 + (how >> 3) * 8u, 3 };
	check_pieces(&s, in.bytes, in.len);
	if (head_scan_request(&s.head, s.fields, in.bytes, in.len,
	    &s.limits) == HEAD_OK && s.request) {
		check_lines(&s.head, in.bytes);
		check_fields(&s.head, in.bytes, true);
	}
	if (!s.request && head_scan_response(&s.head, s.fields, in.bytes,
	    in.len, &s.limits) == HEAD_OK) {
		check_lines(&s.head, in.bytes);
		check_fields(&s.head, in.bytes, false);
		MUST(s.head.message.status >= 100);
	}
	if (s.request)
		check_greeting(&s, in.bytes, in.len);
	return (0);
}
