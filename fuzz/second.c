/* SPDX-License-Identifier: MIT */
/* second -- see second.h. */
#include <strings.h>

#include "second.h"

/* Of a size with its extensions (see message.c), and some to spare. */
#define LINE_MAX_BYTES 276

/* The CRLF of a line, or NULL. */
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

size_t
second_chunks(struct frl_bytes body)
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

/* The value of a field line of that name; data NULL: it is another. */
static struct frl_bytes
value_of(const uint8_t *line, const uint8_t *eol, const char *name)
{
	size_t n = strlen(name);

	if ((size_t)(eol - line) <= n || line[n] != ':' ||
	    strncasecmp((const char *)line, name, n) != 0)
		return ((struct frl_bytes){ NULL, 0 });
	for (line += n + 1; line < eol && *line == ' '; line++)
		continue;
	return ((struct frl_bytes){ line, (size_t)(eol - line) });
}

static uint64_t
number(struct frl_bytes text)
{
	uint64_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n = n * 10 + (uint64_t)(text.data[i] - '0');
	return (n);
}

/*
 * The head at p: where it ends, or NULL where it is not whole.  *ret_length,
 * *ret_chunked: what follows.
 */
static const uint8_t *
head_end(const uint8_t *p, const uint8_t *end, uint64_t *ret_length,
    bool *ret_chunked)
{
	const uint8_t *eol;
	struct frl_bytes length;

	*ret_length = 0;
	*ret_chunked = false;
	for (;; p = eol + 2) {
		eol = line_end(p, end);
		if (eol == NULL || eol == p)
			return (eol == NULL ? NULL : eol + 2);
		length = value_of(p, eol, "content-length");
		if (length.data != NULL)
			*ret_length = number(length);
		if (value_of(p, eol, "transfer-encoding").data != NULL)
			*ret_chunked = true;
	}
}

bool
second_requests(struct frl_bytes bytes, size_t *ret_count)
{
	const uint8_t *p = bytes.data, *end = p + bytes.len;
	uint64_t length;
	bool chunked;

	for (*ret_count = 0; p < end; ++*ret_count) {
		p = head_end(p, end, &length, &chunked);
		if (p == NULL)
			return (false);
		if (chunked)
			length = second_chunks((struct frl_bytes){ p,
			    (size_t)(end - p) });
		if ((chunked && length == 0) || length > (size_t)(end - p)) {
			++*ret_count;
			break;		/* its body goes on */
		}
		p += length;
	}
	return (true);
}
