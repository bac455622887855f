/* SPDX-License-Identifier: MIT */
/*
 * fuzz_body -- where an HTTP message ends: chunked bodies above all.
 *
 * What must hold: a body that was cut anywhere ends at the same byte, and is
 * bad at the latest where it is bad as a whole; what is accepted is what a
 * second reader (second.h) accepts, and ends where it says.  It is the stricter
 * one: what it refuses must be refused.
 *
 * The first byte chooses where the body is cut.
 */
#include "fuzz.h"
#include "http/message.h"
#include "second.h"

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
	struct message_piece got;
	size_t at = 0, n;

	message_settings(&settings);
	begin(&m);
	while (result == MESSAGE_MORE && at < body.len) {
		struct frl_bytes piece = { NULL, body.len - at };

		n = longest == 0 ? piece.len : 1 + roll(dice, longest);
		piece.len = n < piece.len ? n : piece.len;
		piece.data = fuzz_copy(body.data + at, piece.len);
		result = message_take(&m, &settings, piece, &got);
		free((void *)(uintptr_t)piece.data);
		MUST(got.n <= piece.len && result != MESSAGE_NO_MEMORY);
		MUST(result != MESSAGE_MORE || got.n == piece.len);
		at += got.n;
	}
	MUST(message_whole(&m, at) == (result == MESSAGE_DONE));
	message_free(&m);
	*ret_n = at;
	return (result);
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
		MUST(end == cut_end && end == second_chunks(body));
	cut = take(body, &dice, 1, &cut_end);
	MUST(cut == whole && (whole != MESSAGE_DONE || end == cut_end));
	return (0);
}
