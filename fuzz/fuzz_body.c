/* SPDX-License-Identifier: MIT */
/*
 * fuzz_body -- where an HTTP message ends: chunked bodies above all.
 *
 * What must hold: a body that was cut anywhere ends at the same byte, and is
 * bad at the latest where it is bad as a whole; what is accepted is what a
 * second reader, written here from RFC 9112, 7.1, accepts, and ends where it
 * says.  It is the stricter one: what it refuses must be refused.
 *
 * The first byte chooses where the body is cut.
 */
#include "fuzz.h"
#include "http/message.h"

/* Of a size with its extensions (see message.c), and some to spare. */
#define LINE_MAX_BYTES 276

static const uint8_t request[] = "POST / HTTP/1.1\r\nHost: a\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

static void
begin(struct message *m)
{
	static const struct head_limits limits = { 1024, 8 };
	struct frl_http_field fields[8];
	struct head head;

	MUST(head_scan_request(&head, fields, request, sizeof(request) - 1,
	    &limits) == HEAD_OK);
	message_request(m, &head);
	MUST(m->kind == MESSAGE_CHUNKED && message_ahead(m) == 0);
}

/* All of it, in pieces: *ret_n is where it ended, or went wrong. */
static enum message_result
take(struct frl_bytes body, struct dice *dice, size_t longest, size_t *ret_n)
{
	enum message_result result = MESSAGE_MORE;
	llhttp_settings_t settings;
	struct message m;
	size_t at = 0, n, used;

	message_settings(&settings);
	begin(&m);
	while (result == MESSAGE_MORE && at < body.len) {
		struct frl_bytes piece = { NULL, body.len - at };

		n = longest == 0 ? piece.len : 1 + roll(dice, longest);
		piece.len = n < piece.len ? n : piece.len;
		piece.data = fuzz_copy(body.data + at, piece.len);
		result = message_take(&m, &settings, piece, &used);
		free((void *)(uintptr_t)piece.data);
		MUST(used <= piece.len && result != MESSAGE_NO_MEMORY);
		MUST(result != MESSAGE_MORE || used == piece.len);
		at += used;
	}
	MUST(message_whole(&m, at) == (result == MESSAGE_DONE));
	message_free(&m);
	*ret_n = at;
	return (result);
}

/* ------------------------------------------------------------------ */
/* The second reader: a line up to its CRLF, or NULL.			*/

static const uint8_t *
line_end(const uint8_t *p, const uint8_t *end)
{
	for (; p + 1 < end; p++) {
		if (*p == '\r' && p[1] == '\n')
			return (p);
		if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
			return (NULL);
	}
	return (NULL);
}

/* chunk-size and what may stand behind it; false: none. */
static bool
chunk_size(const uint8_t *p, const uint8_t *end, uint64_t *ret)
{
	const uint8_t *from = p;

	for (*ret = 0; p < end; p++) {
		unsigned int digit = *p >= '0' && *p <= '9' ? *p - '0' :
		    (*p | 0x20) >= 'a' && (*p | 0x20) <= 'f' ?
		    (*p | 0x20) - 'a' + 10u : 16u;

		if (digit == 16)
			break;
		if (*ret >> 58 != 0)
			return (false);
		*ret = *ret << 4 | digit;
	}
	return (p > from && (p == end || *p == ';'));
}

static bool
trailers(const uint8_t **p, const uint8_t *end)
{
	for (;;) {
		const uint8_t *eol = line_end(*p, end), *line = *p;

		if (eol == NULL)
			return (false);
		*p = eol + 2;
		if (eol == line)
			return (true);
		if (*line == ':' || memchr(line, ':',
		    (size_t)(eol - line)) == NULL)
			return (false);
	}
}

/* Where a whole chunked body ends, or 0. */
static size_t
read_again(struct frl_bytes body)
{
	const uint8_t *p = body.data, *end = p + body.len, *eol;
	uint64_t size;

	for (;;) {
		eol = line_end(p, end);
		if (eol == NULL || !chunk_size(p, eol, &size) ||
		    eol - p > LINE_MAX_BYTES)
			return (0);
		p = eol + 2;
		if (size == 0)
			return (trailers(&p, end) ?
			    (size_t)(p - body.data) : 0);
		if (size + 2 > (size_t)(end - p))
			return (0);
		p += size;
		if (p[0] != '\r' || p[1] != '\n')
			return (0);
		p += 2;
	}
}

/* ------------------------------------------------------------------ */

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const size_t longest[] = { 1, 2, 3, 7, 20, 300 };
	struct input in = { bytes, len };
	struct dice dice = dice_of(input_byte(&in));
	struct frl_bytes body = { in.bytes, in.len };
	enum message_result whole, cut;
	size_t end, cut_end;

	if (body.len == 0)
		return (0);
	whole = take(body, &dice, 0, &end);
	cut = take(body, &dice, longest[roll(&dice, 6)], &cut_end);
	MUST(cut == whole);
	if (whole == MESSAGE_DONE)
		MUST(end == cut_end && end == read_again(body));
	cut = take(body, &dice, 1, &cut_end);
	MUST(cut == whole && (whole != MESSAGE_DONE || end == cut_end));
	return (0);
}
