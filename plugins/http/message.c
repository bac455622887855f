/* SPDX-License-Identifier: MIT */
/*
 * message -- see message.h.
 *
 * llhttp is only given what stands behind the head, after a head of our own
 * that says "chunked": the heads themselves are checked by base/head, whole,
 * and a body with a length needs no parser.  A chunked body has the same
 * grammar in both directions, so it is always parsed as a request's.
 *
 *	[CRLF] size [ext] CRLF | data | CRLF size CRLF | data | CRLF 0 ...
 *	 \___ framing run ___/          \_ framing run _/
 *
 * A framing run is what stands between two pieces of data.  llhttp does not
 * show it; we get it from what lies between the data that it shows.
 *
 * llhttp 8.1 refuses an extension behind one that has a value ("5;a=b;c"), a
 * '\' in a quoted value, and blanks, though RFC 9112, 7.1.1 allows them.  So
 * do we, then: nobody sends them.
 */
#include <stdlib.h>
#include <string.h>

#include "message.h"

/* Bad inputs 28: a cap per chunk and one per message. */
#define EXTENSION_MAX 256u
#define EXTENSIONS_MAX 4096u
/* Bad inputs 27: also where most of them are zeros. */
#define DIGITS_MAX 16u
/* CRLF of the data before, 16 digits, CRLF. */
#define LINE_MAX_BYTES (EXTENSION_MAX + 20u)
/* The last chunk's line with the trailer section behind it. */
#define TRAILERS_MAX 4096u
#define NAME_MAX_BYTES 26u	/* one more than the longest below */
/* As for Content-Length: a size that no parser takes for a negative one. */
#define SIZE_LIMIT (((uint64_t)1 << 62) - 1)

struct chunked {
	llhttp_t parser;
	const uint8_t *from;	/* begin of the framing run at hand */
	uint32_t line;		/* bytes of the run so far */
	uint32_t digits;	/* the chunk's size needs so many */
	uint32_t extensions;	/* bytes in this message */
	uint8_t ends;		/* LFs until the line of the size is over */
	uint8_t previous;	/* byte of the run; 0 at its begin */
	uint8_t sizing;		/* digits of its size, from 1; 0: behind it */
	uint8_t name_len;
	char name[NAME_MAX_BYTES];	/* of a trailer field, lower case */
	bool begun;		/* behind our own head */
	bool unframed;		/* stop behind each piece of data */
	size_t data;		/* bytes of the piece at which it stopped */
	bool done;
};

/* ------------------------------------------------------------------ */
/* What llhttp does not check						*/

/* Control bytes, a CR or LF alone, folding, an empty field name. */
static bool
framing_byte_ok(const struct chunked *c, uint8_t byte)
{
	if ((byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n') ||
	    byte == 0x7f)
		return (false);
	if ((c->previous == '\r') != (byte == '\n'))
		return (false);
	return (!(c->previous == '\n' &&
	    (byte == ' ' || byte == '\t' || byte == ':')));
}

/* Digits stand behind the CRLF of the data before, if any. */
static bool
size_byte_ok(struct chunked *c, uint8_t byte)
{
	if (c->sizing == 1 && (byte == '\r' || byte == '\n'))
		return (true);
	if (byte == '\r' || byte == ';')
		c->sizing = 0;
	else
		c->sizing++;
	return (c->sizing <= DIGITS_MAX + 1);
}

static bool
framing(struct chunked *c, const uint8_t *end)
{
	for (; c->from < end; c->from++) {
		if (!framing_byte_ok(c, *c->from) || ++c->line >
		    (c->ends > 0 ? LINE_MAX_BYTES : TRAILERS_MAX))
			return (false);
		if (c->sizing != 0 && !size_byte_ok(c, *c->from))
			return (false);
		c->previous = *c->from;
		if (c->previous == '\n' && c->ends > 0)
			c->ends--;
	}
	return (true);
}

/*
 * Trailers that would change how the message was read, where it goes, or who
 * sent it, and those of one connection (RFC 9110, 6.5.1): whoever merges
 * them into the head would see another message.
 */
static bool
trailer_ok(const struct chunked *c)
{
	static const char *const names[] = { "content-length",
	    "transfer-encoding", "host", "connection", "upgrade", "te",
	    "trailer", "keep-alive", "proxy-connection", "expect",
	    "max-forwards", "content-encoding", "content-range",
	    "authorization", "proxy-authorization", "proxy-authenticate",
	    "proxy-authentication-info" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (c->name_len == strlen(names[i]) &&
		    memcmp(c->name, names[i], c->name_len) == 0)
			return (false);
	return (true);
}

/* ------------------------------------------------------------------ */
/* llhttp's callbacks: 0 goes on, -1 is an error			*/

static int
on_chunk_header(llhttp_t *parser)
{
	struct chunked *c = parser->data;
	uint64_t size = parser->content_length;

	if (size > SIZE_LIMIT)
		return (-1);
	for (c->digits = 1; size > 15; size >>= 4)
		c->digits++;
	return (0);
}

static int
on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct chunked *c = parser->data;
	const uint8_t *data = (const uint8_t *)at;

	if (!framing(c, data))
		return (-1);
	if (c->line > c->digits + 4)
		c->extensions += c->line - c->digits - 4;
	c->line = 0;
	c->ends = 2;		/* that behind the data is one */
	c->sizing = 1;
	c->previous = 0;
	c->from = data + len;
	c->data = len;
	if (c->extensions > EXTENSIONS_MAX)
		return (-1);
	return (c->unframed ? HPE_PAUSED : 0);
}

static int
on_header_field(llhttp_t *parser, const char *at, size_t len)
{
	struct chunked *c = parser->data;

	for (size_t i = 0; i < len; i++) {
		char byte = at[i];

		if (byte >= 'A' && byte <= 'Z')
			byte = (char)(byte - 'A' + 'a');
		if (c->name_len < NAME_MAX_BYTES)
			c->name[c->name_len++] = byte;
	}
	return (0);
}

static int
on_header_field_complete(llhttp_t *parser)
{
	struct chunked *c = parser->data;
	bool ok = !c->begun || trailer_ok(c);

	c->name_len = 0;
	return (ok ? 0 : -1);
}

/* Stop at the last byte: what follows is not ours. */
static int
on_message_complete(llhttp_t *parser)
{
	struct chunked *c = parser->data;

	c->done = true;
	return (HPE_PAUSED);
}

void
message_settings(llhttp_settings_t *settings)
{
	llhttp_settings_init(settings);
	settings->on_chunk_header = on_chunk_header;
	settings->on_body = on_body;
	settings->on_header_field = on_header_field;
	settings->on_header_field_complete = on_header_field_complete;
	settings->on_message_complete = on_message_complete;
}

/* ------------------------------------------------------------------ */
/* Bodies								*/

static struct chunked *
chunked_create(const llhttp_settings_t *settings)
{
	static const char head[] =
	    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct chunked *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return (NULL);
	llhttp_init(&c->parser, HTTP_REQUEST, settings);
	c->parser.data = c;
	if (llhttp_execute(&c->parser, head, sizeof(head) - 1) != HPE_OK) {
		free(c);
		return (NULL);
	}
	c->begun = true;
	c->ends = 1;
	c->sizing = 1;
	return (c);
}

static void
begin(struct message *m, const struct head *h)
{
	if (h->chunked) {
		m->kind = MESSAGE_CHUNKED;
	} else if (h->content_length > 0) {
		m->kind = MESSAGE_LENGTH;
		m->length = m->left = (uint64_t)h->content_length;
	}
}

void
message_request(struct message *m, const struct head *h)
{
	*m = (struct message){ .kind = MESSAGE_EMPTY };
	begin(m, h);
	m->done = m->kind == MESSAGE_EMPTY;
}

void
message_response(struct message *m, const struct head *h, bool to_head)
{
	uint16_t status = h->message.status;

	/* RFC 9112, 6.3: these never have one, whatever their fields say. */
	*m = (struct message){ .kind = MESSAGE_EMPTY };
	if (!to_head && status >= 200 && status != 204 && status != 304) {
		begin(m, h);
		if (m->kind == MESSAGE_EMPTY && h->content_length < 0)
			m->kind = MESSAGE_ALL;
	}
	m->done = m->kind == MESSAGE_EMPTY;
}

uint64_t
message_ahead(struct message *m)
{
	uint64_t n;

	if (m->kind == MESSAGE_ALL)
		return (FRL_ALL);
	if (m->kind != MESSAGE_LENGTH || m->left == 0)
		return (0);
	n = m->left - 1;
	m->left = 1;
	return (n);
}

static enum message_result
take_chunked(struct message *m, const llhttp_settings_t *settings,
    struct frl_bytes bytes, struct message_piece *ret)
{
	const char *data = (const char *)bytes.data;
	struct chunked *c = m->chunked;
	enum llhttp_errno error;
	const char *at = NULL;

	if (c == NULL && (c = m->chunked = chunked_create(settings)) == NULL)
		return (MESSAGE_NO_MEMORY);
	c->from = bytes.data;
	c->data = 0;
	if ((c->unframed = m->unframed))
		llhttp_resume(&c->parser);
	error = llhttp_execute(&c->parser, data, bytes.len);
	if (error != HPE_OK)
		at = llhttp_get_error_pos(&c->parser);
	ret->n = at == NULL ? bytes.len : (size_t)(at - data);
	/* Only our own callbacks pause. */
	if (error != HPE_OK && error != HPE_PAUSED)
		return (MESSAGE_BAD);
	if (!framing(c, bytes.data + ret->n))
		return (MESSAGE_BAD);
	ret->framing = m->unframed ? ret->n - c->data : 0;
	m->done = c->done;
	return (m->done ? MESSAGE_DONE : MESSAGE_MORE);
}

enum message_result
message_take(struct message *m, const llhttp_settings_t *settings,
    struct frl_bytes bytes, struct message_piece *ret)
{
	*ret = (struct message_piece){ 0, 0 };
	if (m->done)
		return (MESSAGE_DONE);
	if (bytes.len == 0)
		return (MESSAGE_MORE);
	switch (m->kind) {
	case MESSAGE_CHUNKED:
		return (take_chunked(m, settings, bytes, ret));
	case MESSAGE_LENGTH:
		ret->n = bytes.len < m->left ? bytes.len : (size_t)m->left;
		m->left -= ret->n;
		m->done = m->left == 0;
		return (m->done ? MESSAGE_DONE : MESSAGE_MORE);
	case MESSAGE_ALL:
		ret->n = bytes.len;
		return (MESSAGE_MORE);
	case MESSAGE_EMPTY:
		break;
	}
	m->done = true;
	return (MESSAGE_DONE);
}

bool
message_whole(const struct message *m, uint64_t body)
{
	return (m->done || (m->kind == MESSAGE_LENGTH && body == m->length));
}

void
message_free(struct message *m)
{
	free(m->chunked);
	m->chunked = NULL;
}
