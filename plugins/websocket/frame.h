/* SPDX-License-Identifier: MIT */
/*
 * frame -- the header of one WebSocket frame (RFC 6455, 5.2), read from held
 * bytes; and the control frames that we write, closes and pings.
 *
 * Sans-IO.  Knows nothing of directions, messages or what is allowed: that is
 * rules.h.  Bytes that are read are never changed.
 */
#ifndef WEBSOCKET_FRAME_H
#define WEBSOCKET_FRAME_H

#include <fairlead/inspector.h>

#define FRAME_HEADER_MAX 14
#define FRAME_CONTROL_MAX 125	/* payload of a control frame, 5.5 */
#define FRAME_REASON_MAX 123	/* of a close: the code takes two */
#define FRAME_CLOSE_SIZE (2 + 4 + FRAME_CONTROL_MAX)

enum frame_opcode {
	FRAME_CONTINUATION = 0x0,
	FRAME_TEXT = 0x1,
	FRAME_BINARY = 0x2,
	FRAME_CLOSE = 0x8,
	FRAME_PING = 0x9,
	FRAME_PONG = 0xa
};

/* How the payload's length was written. */
enum frame_length {
	FRAME_LENGTH_FINE,
	FRAME_LENGTH_PADDED,	/* longer than needed, but clear */
	FRAME_LENGTH_LOST	/* bit 63 is set: where it ends is unknown */
};

struct frame {
	uint64_t payload;	/* bytes, as announced */
	uint8_t key[4];		/* if masked */
	uint8_t header;		/* bytes */
	uint8_t opcode;
	uint8_t rsv;		/* RSV1 is 4, RSV2 2, RSV3 1 */
	uint8_t length;		/* enum frame_length */
	bool fin, masked;
};

enum frame_status {
	FRAME_WHOLE,		/* the header is */
	FRAME_MORE,		/* at least *ret_need bytes are needed */
	FRAME_NOMEM
};

/* A reader holds nothing between two frames: one serves all tunnels. */
struct frame_reader;

/* NULL without memory. */
struct frame_reader *frame_reader_create(void);
void frame_reader_free(struct frame_reader *reader);

/* Read the header at the start of bytes (borrow). */
enum frame_status frame_read(struct frame_reader *reader,
    struct frl_bytes bytes, struct frame *ret_frame, size_t *ret_need);

/* Copy n bytes from the start of a frame's payload, unmasked. */
void frame_unmask(const struct frame *frame, const uint8_t *payload, size_t n,
    uint8_t *ret_bytes);

/* The payload of a control frame, unmasked, as far as it is held (borrow); of
 * one that is too long to be held nothing.  Returns how many bytes. */
size_t frame_control(const struct frame *frame, struct frl_bytes held,
    uint8_t ret_bytes[FRAME_CONTROL_MAX]);

/* Write a control frame with a payload of at most FRAME_CONTROL_MAX bytes; key
 * NULL: unmasked.  Returns its size. */
size_t frame_write_control(uint8_t *ret_bytes, enum frame_opcode opcode,
    struct frl_bytes payload, const uint8_t *key);

/*
 * Write a close frame; key NULL: unmasked.  A reason that is too long is cut
 * between two characters.  Returns its size, at most FRAME_CLOSE_SIZE.
 */
size_t frame_close(uint8_t *ret_bytes, uint16_t code, struct frl_bytes reason,
    const uint8_t *key);

static inline bool
frame_is_control(const struct frame *frame)
{
	return ((frame->opcode & 0x8) != 0);
}

#endif
