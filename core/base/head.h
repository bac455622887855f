/* SPDX-License-Identifier: MIT */
/*
 * head -- the shape of an HTTP/1 message head, checked byte by byte.
 *
 * llhttp accepts heads that two parsers can read in two ways; this scanner
 * runs first and refuses them (RFC 9112, 2.2, 3, 5).  It knows syntax only:
 * which fields a message needs is for those who know what it means.  Compiled
 * into the core (greeting) and into the http plugin.
 */
#ifndef BASE_HEAD_H
#define BASE_HEAD_H

#include <fairlead/http.h>

#include <stddef.h>
#include <stdint.h>

enum head_result {
	HEAD_OK,
	HEAD_MORE,		/* no end of head yet, nothing wrong so far */
	HEAD_BAD_START_LINE,
	HEAD_BAD_VERSION,	/* well-formed, but not HTTP/1.0 or 1.1 */
	HEAD_BAD_FIELD,
	HEAD_BAD_HOST,		/* request without exactly one valid Host */
	HEAD_BAD_FRAMING,	/* Content-Length, Transfer-Encoding */
	HEAD_TOO_LARGE		/* bytes or fields over the bound */
};

/* Fields that are asked for at each message: found while it is scanned. */
enum head_name {
	HEAD_OTHER,
	HEAD_HOST, HEAD_CONNECTION, HEAD_CONTENT_LENGTH, HEAD_EXPECT,
	HEAD_HTTP2_SETTINGS, HEAD_TRANSFER_ENCODING, HEAD_UPGRADE,
	HEAD_USER_AGENT,
	HEAD_NAMES
};

struct head_limits {
	uint32_t bytes;		/* of the whole head, last CRLF included */
	uint32_t fields;
};

/*
 * What was found.  Bytes point into the scanned memory; `fields` has room
 * for limits->fields and belongs to the caller.
 */
struct head {
	struct frl_http_head message;
	uint32_t size;		/* of the head with its empty line */
	uint32_t at;		/* where it was found bad: offset of a byte */
	int64_t content_length;	/* -1: none */
	int8_t chunked;		/* Transfer-Encoding: chunked, exactly */
	int8_t has_transfer_encoding;
	const char *detail;	/* static sentence when bad, else NULL */
	uint32_t first[HEAD_NAMES];	/* where in fields, from 1; 0: none */
};

/*
 * Scan a request head: method SP target SP HTTP/1.x CRLF, fields, CRLF.
 *
 * Every line ends with CRLF; exactly one SP between the parts; the method is
 * a token; the target has no control byte, space or '#'; a field name is a
 * non-empty token followed at once by ':'; values have no control byte but
 * HTAB; no folding.  Exactly one Host in HTTP/1.1 (at most one in 1.0); at
 * most one Content-Length of digits that fits 62 bits;
 * Transfer-Encoding exactly "chunked", once, not beside Content-Length and
 * not in HTTP/1.0 (bad inputs 23-26, 30-33).
 */
enum head_result head_scan_request(struct head *h,
    struct frl_http_field *fields, const uint8_t *bytes, size_t len,
    const struct head_limits *limits);

/* The same for a response: HTTP/1.x SP 3DIGIT SP reason CRLF (the second SP
 * may be missing before an empty reason).  No rule about Host. */
enum head_result head_scan_response(struct head *h,
    struct frl_http_field *fields, const uint8_t *bytes, size_t len,
    const struct head_limits *limits);

/* The machine's word for a bad result: "bad_start_line", "bad_field",
 * "bad_framing", "too_large"; "" for OK and MORE. */
const char *head_result_name(enum head_result result);

/* The first field of that name, or NULL. */
static inline const struct frl_http_field *
head_first(const struct head *h, enum head_name name)
{
	return (h->first[name] == 0 ? NULL :
	    &h->message.fields[h->first[name] - 1]);
}

/* The first field of any name (in any case), or NULL; *ret_count (may be NULL)
 * says how many there are. */
const struct frl_http_field *head_field(const struct frl_http_head *message,
    const char *name, size_t *ret_count);

/*
 * Does a comma-separated list in any field of that name have this element
 * (any case, whole element without parameters)?
 */
int head_lists(const struct frl_http_head *message, const char *name,
    const char *element);

/* Equal without regard to case? */
int head_equals(struct frl_bytes bytes, const char *text);

#endif
