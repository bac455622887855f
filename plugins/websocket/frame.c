/* SPDX-License-Identifier: MIT */
/*
 * frame -- see frame.h.
 *
 * wslay decodes; we only spare it the payload.  Its frame API shows a header
 * not before the first byte behind it, and takes a masked payload apart byte
 * by byte.  So the header is held until it is whole; wslay gets a copy with
 * the mask bit cleared and no key; and the payload is claimed: take() says
 * that so many bytes are there and writes none.  wslay does not look at an
 * unmasked payload, so nobody misses them.
 *
 * Between two calls of frame_read the context is at a frame's start, or it
 * does not exist.
 */
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "frame.h"

/* Longer payloads are not drained: a new context is cheaper, and the only
 * way past 2^62 announced bytes. */
#define CLAIM_MAX 8192

struct frame_reader {
	struct wslay_frame_context *wslay;	/* or NULL: to be made anew */
	uint8_t head[FRAME_HEADER_MAX];
	size_t len, at;			/* of head: filled, taken */
	size_t claim;			/* payload bytes to pretend */
};

/* wslay asks for bytes: the header's copy first, then nothing at all. */
static ssize_t
take(uint8_t *buf, size_t len, int flags, void *arg)
{
	struct frame_reader *reader = arg;
	size_t n;

	(void)flags;
	if (reader->at < reader->len) {
		n = reader->len - reader->at;
		n = n < len ? n : len;
		memcpy(buf, reader->head + reader->at, n);
		reader->at += n;
		return ((ssize_t)n);
	}
	n = reader->claim < len ? reader->claim : len;
	reader->claim -= n;
	return (n > 0 ? (ssize_t)n : -1);
}

static void
forget(struct frame_reader *reader)
{
	if (reader->wslay != NULL)
		wslay_frame_context_free(reader->wslay);
	reader->wslay = NULL;
}

static bool
ready(struct frame_reader *reader)
{
	const struct wslay_frame_callbacks callbacks = {
		.recv_callback = take
	};

	if (reader->wslay == NULL && wslay_frame_context_init(&reader->wslay,
	    &callbacks, reader) != 0)
		reader->wslay = NULL;
	return (reader->wslay != NULL);
}

struct frame_reader *
frame_reader_create(void)
{
	struct frame_reader *reader = calloc(1, sizeof(*reader));

	if (reader != NULL && !ready(reader)) {
		free(reader);
		return (NULL);
	}
	return (reader);
}

void
frame_reader_free(struct frame_reader *reader)
{
	if (reader == NULL)
		return;
	forget(reader);
	free(reader);
}

/* Bytes of the length field behind the second byte. */
static size_t
length_size(uint8_t second)
{
	switch (second & 0x7f) {
	case 126:
		return (2);
	case 127:
		return (8);
	default:
		return (0);
	}
}

/*
 * What a header says that wslay refuses, for the log: a control frame without
 * FIN or too long, a padded length, bit 63.
 */
static void
describe(const uint8_t *head, struct frame *frame)
{
	size_t size = length_size(head[1]);
	uint64_t n = head[1] & 0x7f;

	if (size > 0)
		n = 0;
	for (size_t i = 0; i < size; i++)
		n = n << 8 | head[2 + i];
	frame->fin = (head[0] & 0x80) != 0;
	frame->rsv = head[0] >> 4 & 0x7;
	frame->opcode = head[0] & 0xf;
	frame->payload = n;
	if (n >> 63 != 0)
		frame->length = FRAME_LENGTH_LOST;
	else if ((size == 2 && n < 126) || (size == 8 && n < 65536))
		frame->length = FRAME_LENGTH_PADDED;
}

/* Let wslay read reader->head.  Its error: it refuses this header, or it has
 * broken down; both end the context. */
static bool
decode(struct frame_reader *reader, struct frame *frame)
{
	struct wslay_frame_iocb iocb;
	uint64_t left;
	ssize_t n;

	memset(&iocb, 0, sizeof(iocb));
	reader->at = 0;
	/* A short length is known; of a long one the first byte will do, and
	 * there is one: at least 126 are announced, or it is an error. */
	reader->claim = length_size(reader->head[1]) > 0 ? 1 :
	    reader->head[1];
	n = wslay_frame_recv(reader->wslay, &iocb);
	if (n < 0) {
		forget(reader);
		return (false);
	}
	frame->fin = iocb.fin != 0;
	frame->rsv = iocb.rsv;
	frame->opcode = iocb.opcode;
	frame->payload = iocb.payload_length;
	left = frame->payload - (uint64_t)n;
	if (left > CLAIM_MAX) {
		forget(reader);
		return (true);
	}
	for (; left > 0; left -= (uint64_t)n) {
		reader->claim = (size_t)left;
		n = wslay_frame_recv(reader->wslay, &iocb);
		if (n <= 0) {
			forget(reader);
			break;
		}
	}
	return (true);
}

enum frame_status
frame_read(struct frame_reader *reader, struct frl_bytes bytes,
    struct frame *ret_frame, size_t *ret_need)
{
	size_t plain, header;
	bool masked;

	*ret_need = 2;
	if (bytes.len < 2)
		return (FRAME_MORE);
	masked = (bytes.data[1] & 0x80) != 0;
	plain = 2 + length_size(bytes.data[1]);
	header = plain + (masked ? 4 : 0);
	*ret_need = header;
	if (bytes.len < header)
		return (FRAME_MORE);
	if (!ready(reader))
		return (FRAME_NOMEM);
	memset(ret_frame, 0, sizeof(*ret_frame));
	ret_frame->header = (uint8_t)header;
	ret_frame->masked = masked;
	if (masked)
		memcpy(ret_frame->key, bytes.data + plain, 4);
	memcpy(reader->head, bytes.data, plain);
	reader->head[1] &= 0x7f;
	reader->len = plain;
	if (!decode(reader, ret_frame))
		describe(bytes.data, ret_frame);
	return (FRAME_WHOLE);
}

void
frame_unmask(const struct frame *frame, const uint8_t *payload, size_t n,
    uint8_t *ret_bytes)
{
	for (size_t i = 0; i < n; i++)
		ret_bytes[i] = frame->masked ?
		    payload[i] ^ frame->key[i % 4] : payload[i];
}

size_t
frame_control(const struct frame *frame, struct frl_bytes held,
    uint8_t ret_bytes[FRAME_CONTROL_MAX])
{
	size_t n = held.len - frame->header;

	if (!frame_is_control(frame) || frame->payload > FRAME_CONTROL_MAX)
		return (0);
	if (n > frame->payload)
		n = (size_t)frame->payload;
	frame_unmask(frame, held.data + frame->header, n, ret_bytes);
	return (n);
}

size_t
frame_write_control(uint8_t *ret_bytes, enum frame_opcode opcode,
    struct frl_bytes payload, const uint8_t *key)
{
	size_t at = 2;

	ret_bytes[0] = (uint8_t)(0x80 | opcode);
	ret_bytes[1] = (uint8_t)((key != NULL ? 0x80 : 0) | payload.len);
	if (key != NULL) {
		memcpy(ret_bytes + at, key, 4);
		at += 4;
	}
	for (size_t i = 0; i < payload.len; i++)
		ret_bytes[at + i] = key != NULL ?
		    payload.data[i] ^ key[i % 4] : payload.data[i];
	return (at + payload.len);
}

size_t
frame_close(uint8_t *ret_bytes, uint16_t code, struct frl_bytes reason,
    const uint8_t *key)
{
	uint8_t payload[FRAME_CONTROL_MAX];
	size_t n = reason.len;

	if (n > FRAME_REASON_MAX) {
		/* Not inside a character: 10xxxxxx continues one. */
		n = FRAME_REASON_MAX;
		while (n > 0 && (reason.data[n] & 0xc0) == 0x80)
			n--;
	}
	payload[0] = (uint8_t)(code >> 8);
	payload[1] = (uint8_t)(code & 0xff);
	if (n > 0)
		memcpy(payload + 2, reason.data, n);
	return (frame_write_control(ret_bytes, FRAME_CLOSE,
	    (struct frl_bytes){ payload, n + 2 }, key));
}
