/* SPDX-License-Identifier: MIT */
/*
 * inflater -- see inflater.h.
 */
#define ZLIB_CONST

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "inflater.h"

/* What zlib says of itself in data_type. */
#define BETWEEN_BLOCKS 128
#define ODD_BITS 63

struct inflater {
	z_stream z;
	size_t used;		/* by zlib; each piece is freed at the end */
	bool ended;		/* nothing came behind a last block */
};

static void *
allocate(void *arg, unsigned int count, unsigned int size)
{
	struct inflater *inflater = arg;
	size_t left = INFLATER_MEMORY - inflater->used;

	if (size == 0 || count > left / size)
		return (NULL);
	inflater->used += (size_t)count * size;
	return (calloc(count, size));
}

static void
release(void *arg, void *mem)
{
	(void)arg;
	free(mem);
}

struct inflater *
inflater_create(unsigned int bits)
{
	struct inflater *inflater = calloc(1, sizeof(*inflater));

	if (inflater == NULL)
		return (NULL);
	inflater->z.zalloc = allocate;
	inflater->z.zfree = release;
	inflater->z.opaque = inflater;
	/* Where 8 was agreed, older deflaters of zlib write for 9. */
	if (bits < 9)
		bits = 9;
	if (inflateInit2(&inflater->z, -(int)bits) != Z_OK) {
		free(inflater);
		return (NULL);
	}
	return (inflater);
}

void
inflater_free(struct inflater *inflater)
{
	if (inflater == NULL)
		return;
	inflateEnd(&inflater->z);
	free(inflater);
}

/*
 * RFC 7692, 7.2.3.4: a block may say that it is the last one.  The message
 * goes on all the same, and so does the window: inflateReset() would lose it.
 */
static enum inflater_status
after_last_block(struct inflater *inflater)
{
	if (inflateResetKeep(&inflater->z) != Z_OK)
		return (INFLATER_BAD);
	inflater->ended = inflater->z.avail_in == 0;
	return (INFLATER_FINE);
}

enum inflater_status
inflater_feed(struct inflater *inflater, struct frl_bytes bytes,
    const struct inflater_sink *sink)
{
	uint8_t text[16384];
	z_stream *z = &inflater->z;
	enum inflater_status status;
	int said;

	if (bytes.len == 0)
		return (INFLATER_FINE);
	if (bytes.len > UINT_MAX)
		return (INFLATER_BAD);
	inflater->ended = false;
	z->next_in = bytes.data;
	z->avail_in = (unsigned int)bytes.len;
	do {
		z->next_out = text;
		z->avail_out = sizeof(text);
		said = inflate(z, Z_SYNC_FLUSH);
		if (z->avail_out < sizeof(text) && !sink->take(sink->arg,
		    text, sizeof(text) - z->avail_out))
			return (INFLATER_STOPPED);
		if (said == Z_MEM_ERROR)
			return (INFLATER_NOMEM);
		if (said != Z_OK && said != Z_STREAM_END)
			return (INFLATER_BAD);
		if (said == Z_STREAM_END) {
			status = after_last_block(inflater);
			if (status != INFLATER_FINE)
				return (status);
		}
		/* A match that is still to be copied comes with the next
		 * bytes; the tail's come behind all of it. */
	} while (z->avail_in > 0);
	return (INFLATER_FINE);
}

enum inflater_status
inflater_finish(struct inflater *inflater, const struct inflater_sink *sink)
{
	static const uint8_t tail[] = { 0x00, 0x00, 0xff, 0xff };
	enum inflater_status status;
	int where;

	/* Some senders end with a last block and nothing behind it. */
	if (inflater->ended) {
		inflater->ended = false;
		return (INFLATER_FINE);
	}
	status = inflater_feed(inflater, (struct frl_bytes){ tail,
	    sizeof(tail) }, sink);
	if (status != INFLATER_FINE)
		return (status);
	/* Of the empty block that the tail is part of, too, the sender may
	 * have said that it is the last one. */
	if (inflater->ended) {
		inflater->ended = false;
		return (INFLATER_FINE);
	}
	/* What was cut off inside a block swallows the tail, and would the
	 * next message's beginning. */
	where = inflater->z.data_type;
	return ((where & BETWEEN_BLOCKS) != 0 && (where & ODD_BITS) == 0 ?
	    INFLATER_FINE : INFLATER_BAD);
}
