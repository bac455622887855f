/* SPDX-License-Identifier: MIT */
/*
 * head -- the shape of an HTTP/1 message head, checked byte by byte.
 *
 * A cursor walks once over the bytes; the first byte that is wrong decides.
 * So a head that is bad is bad as soon as the byte has arrived, and every
 * longer piece of the same stream gets the same answer.
 *
 * It needs libc only and knows neither tunnels nor bodies.  What a head that
 * was scanned says is asked in head_fields.c.
 */
#include "base/head.h"

#include "base/head_syntax.h"
#include "base/words.h"

#include <string.h>

#define LENGTH_MAX (((uint64_t)1 << 62) - 1)

struct scan {
	const uint8_t *bytes;
	size_t at, end;
	struct head *head;
	struct frl_http_field *fields;
	uint32_t max_fields;
	uint32_t hosts;
	int request;
};

static enum head_result
bad(struct scan *s, enum head_result result, const char *detail)
{
	s->head->at = (uint32_t)s->at;
	s->head->detail = detail;
	return (result);
}

/* How many of the eight bytes there are surely of a class, up to the first
 * that may not be. */
static inline size_t
sure(const uint8_t *bytes, uint8_t class)
{
	uint64_t x = words_load(bytes);

	if (class == VALUE)
		return (words_before(words_not_plain(x, ' ')));
	if (class == TARGET)
		return (words_before(words_not_plain(x, ' ' + 1) |
		    words_is(x, '#')));
	return (words_before(words_not_name(x)));
}

/* The longest run of bytes of a class, maybe empty. */
static inline struct frl_bytes
take(struct scan *s, uint8_t class)
{
	struct frl_bytes run = { .data = s->bytes + s->at };
	size_t at = s->at, n;

	for (;;) {
		n = s->end - at >= 8 ? sure(s->bytes + at, class) : 0;
		at += n;
		if (n == 8)
			continue;
		if (at == s->end || (head_classes[s->bytes[at]] & class) == 0)
			break;
		at++;
	}
	run.len = at - s->at;
	s->at = at;
	return (run);
}

/* Is this text here?  Quick, and moves on over it; "no" may mean that it is
 * not yet there. */
static inline int
skip(struct scan *s, const char *text, size_t len)
{
	if (s->end - s->at < len || memcmp(s->bytes + s->at, text, len) != 0)
		return (0);
	s->at += len;
	return (1);
}

/* Exactly this text. */
static enum head_result
expect(struct scan *s, const char *text, enum head_result result,
    const char *detail)
{
	for (; *text != '\0'; text++, s->at++) {
		if (s->at == s->end)
			return (HEAD_MORE);
		if (s->bytes[s->at] != (uint8_t)*text)
			return (bad(s, result, detail));
	}
	return (HEAD_OK);
}

static enum head_result
expect_crlf(struct scan *s, enum head_result result)
{
	if (skip(s, "\r\n", 2))
		return (HEAD_OK);	/* nearly always */
	/* RFC 9112, 2.2 lets a bare LF pass; then two parsers may differ. */
	return (expect(s, "\r\n", result,
	    "a byte that may not be here, or a line without CRLF"));
}

/* DIGIT, and its value. */
static enum head_result
take_digit(struct scan *s, unsigned *ret_digit, const char *detail)
{
	if (s->at == s->end)
		return (HEAD_MORE);
	if (!head_is_digit(s->bytes[s->at]))
		return (bad(s, HEAD_BAD_START_LINE, detail));
	*ret_digit = (unsigned)(s->bytes[s->at++] - '0');
	return (HEAD_OK);
}

/* HTTP-version (RFC 9112, 2.3): case-sensitive, single digits. */
static enum head_result
take_version(struct scan *s)
{
	static const char detail[] = "no HTTP version";
	enum head_result result;
	unsigned major, minor;

	if (skip(s, "HTTP/1.1", 8)) {
		s->head->message.minor = 1;
		return (HEAD_OK);	/* nearly always */
	}
	result = expect(s, "HTTP/", HEAD_BAD_START_LINE, detail);
	if (result == HEAD_OK)
		result = take_digit(s, &major, detail);
	if (result == HEAD_OK)
		result = expect(s, ".", HEAD_BAD_START_LINE, detail);
	if (result == HEAD_OK)
		result = take_digit(s, &minor, detail);
	if (result != HEAD_OK)
		return (result);
	if (major != 1 || minor > 1) {
		s->at -= 3;
		return (bad(s, HEAD_BAD_VERSION,
		    "the version is not HTTP/1.0 or HTTP/1.1"));
	}
	s->head->message.minor = (uint8_t)minor;
	return (HEAD_OK);
}

/* RFC 9112, 3: method SP request-target SP HTTP-version CRLF. */
static enum head_result
take_request_line(struct scan *s)
{
	struct frl_http_head *m = &s->head->message;
	enum head_result result;

	m->method = take(s, TOKEN);
	if (m->method.len == 0 && s->at < s->end)
		return (bad(s, HEAD_BAD_START_LINE, "no method"));
	result = expect(s, " ", HEAD_BAD_START_LINE,
	    "the method is no token");
	if (result != HEAD_OK)
		return (result);
	m->target = take(s, TARGET);
	if (m->target.len == 0 && s->at < s->end)
		return (bad(s, HEAD_BAD_START_LINE, "no target"));
	result = expect(s, " ", HEAD_BAD_START_LINE,
	    "a byte in the target that may not be there");
	if (result == HEAD_OK)
		result = take_version(s);
	if (result == HEAD_OK)
		result = expect_crlf(s, HEAD_BAD_START_LINE);
	return (result);
}

/* RFC 9112, 4: HTTP-version SP status-code SP [ reason-phrase ] CRLF. */
static enum head_result
take_status_line(struct scan *s)
{
	struct frl_http_head *m = &s->head->message;
	static const char detail[] = "the status is not three digits";
	enum head_result result;
	unsigned digit = 0, status = 0;
	int i;

	result = take_version(s);
	if (result == HEAD_OK)
		result = expect(s, " ", HEAD_BAD_START_LINE, detail);
	for (i = 0; i < 3 && result == HEAD_OK; i++) {
		result = take_digit(s, &digit, detail);
		status = status * 10 + digit;
	}
	if (result != HEAD_OK)
		return (result);
	if (status < 100) {
		s->at -= 3;
		return (bad(s, HEAD_BAD_START_LINE,
		    "the status is below 100"));
	}
	m->status = (uint16_t)status;
	/* Some servers leave out the SP with the reason. */
	if (s->at < s->end && s->bytes[s->at] == ' ') {
		s->at++;
		m->reason = take(s, VALUE);
	}
	return (expect_crlf(s, HEAD_BAD_START_LINE));
}

/*
 * What is wrong with a field that others build on, or NULL.
 *
 * RFC 9112, 3.2: more than one Host, or an invalid one, is a 400.
 */
static const char *
host_fault(struct scan *s, struct frl_bytes value)
{
	if (s->hosts++ > 0)
		return ("more than one Host");
	return (head_valid_host(value) ? NULL : "the Host is not valid");
}

/*
 * RFC 9110, 8.6, and stricter: one line, digits only, below 2^62 so that
 * sums of lengths never overflow.  A list of equal numbers is refused too.
 */
static const char *
length_fault(struct scan *s, struct frl_bytes value)
{
	uint64_t n = 0, digit;
	size_t i;

	if (s->head->content_length >= 0)
		return ("more than one Content-Length");
	for (i = 0; i < value.len; i++) {
		if (!head_is_digit(value.data[i]))
			return ("the Content-Length is not a number");
		digit = (uint64_t)(value.data[i] - '0');
		/* Before the sum: ten times what is allowed can wrap. */
		if (n > (LENGTH_MAX - digit) / 10)
			return ("the Content-Length is too large");
		n = n * 10 + digit;
	}
	s->head->content_length = (int64_t)n;
	return (value.len == 0 ? "the Content-Length is empty" : NULL);
}

/* RFC 9112, 6.1.  Other codings are allowed there, but nobody sends them and
 * parsers disagree on them. */
static const char *
coding_fault(struct scan *s, struct frl_bytes value)
{
	if (s->head->has_transfer_encoding)
		return ("more than one Transfer-Encoding");
	s->head->has_transfer_encoding = 1;
	if (!head_equals(value, "chunked"))
		return ("the Transfer-Encoding is not just \"chunked\"");
	if (s->head->message.minor == 0)
		return ("Transfer-Encoding in HTTP/1.0");
	s->head->chunked = 1;
	return (NULL);
}

/*
 * Two fields decide where the message ends.  RFC 9112, 6.3: both together
 * mean smuggling.  The whitespace around them is held to the letter as well,
 * for parsers differ in what they trim: nothing behind the value, no HTAB
 * before it.  The cursor is behind the line's CRLF.
 */
static const char *
framing_fault(struct scan *s, const struct frl_http_field *field, int coding)
{
	const uint8_t *p = field->name.data + field->name.len;
	const char *fault;

	for (; p < field->value.data; p++) {
		if (*p == '\t')
			return ("a tab before a length or coding");
	}
	if (field->value.data + field->value.len != s->bytes + s->at - 2)
		return ("whitespace behind a length or coding");
	fault = coding ? coding_fault(s, field->value) :
	    length_fault(s, field->value);
	if (fault == NULL && s->head->has_transfer_encoding &&
	    s->head->content_length >= 0)
		return ("both Content-Length and Transfer-Encoding");
	return (fault);
}

static enum head_result
check_field(struct scan *s, const struct frl_http_field *field,
    enum head_name name)
{
	enum head_result result = HEAD_BAD_FRAMING;
	const char *fault = NULL;

	if (name == HEAD_HOST && s->request) {
		result = HEAD_BAD_HOST;
		fault = host_fault(s, field->value);
	} else if (name == HEAD_CONTENT_LENGTH ||
	    name == HEAD_TRANSFER_ENCODING) {
		fault = framing_fault(s, field,
		    name == HEAD_TRANSFER_ENCODING);
	}
	if (fault == NULL)
		return (HEAD_OK);
	s->at = (size_t)(field->name.data - s->bytes);
	return (bad(s, result, fault));
}

/* RFC 9112, 5: field-name ":" OWS field-value OWS CRLF. */
static enum head_result
take_field(struct scan *s)
{
	struct frl_http_field field;
	enum head_result result;
	enum head_name name;

	if (s->head->message.count == s->max_fields)
		return (bad(s, HEAD_TOO_LARGE, "too many fields"));
	field.name = take(s, TOKEN);
	if (field.name.len == 0 && s->at < s->end)
		return (bad(s, HEAD_BAD_FIELD,
		    "a folded line, or a field without a name"));
	if (!skip(s, ":", 1)) {
		result = expect(s, ":", HEAD_BAD_FIELD,
		    "a field name is no token followed by ':'");
		if (result != HEAD_OK)
			return (result);
	}
	field.value = head_trim(take(s, VALUE));
	result = expect_crlf(s, HEAD_BAD_FIELD);
	if (result != HEAD_OK)
		return (result);
	name = head_which(field.name);
	if (name != HEAD_OTHER) {
		result = check_field(s, &field, name);
		if (result != HEAD_OK)
			return (result);
	}
	s->fields[s->head->message.count++] = field;
	if (s->head->first[name] == 0)
		s->head->first[name] = s->head->message.count;
	return (HEAD_OK);
}

static enum head_result
take_fields(struct scan *s)
{
	enum head_result result;
	size_t start;

	while (s->at < s->end && s->bytes[s->at] != '\r') {
		result = take_field(s);
		if (result != HEAD_OK)
			return (result);
	}
	start = s->at;
	result = expect_crlf(s, HEAD_BAD_FIELD);
	if (result != HEAD_OK)
		return (result);
	if (s->request && s->hosts == 0 && s->head->message.minor == 1) {
		s->at = start;
		return (bad(s, HEAD_BAD_HOST, "no Host"));
	}
	s->head->size = (uint32_t)s->at;
	return (HEAD_OK);
}

static enum head_result
scan(struct head *h, struct frl_http_field *fields, const uint8_t *bytes,
    size_t len, const struct head_limits *limits, int request)
{
	struct scan s = {
		.bytes = bytes,
		.end = len < limits->bytes ? len : limits->bytes,
		.head = h,
		.fields = fields,
		.max_fields = limits->fields,
		.request = request,
	};
	enum head_result result;

	*h = (struct head){ .content_length = -1 };
	h->message.fields = fields;
	if (s.end == 0)
		result = HEAD_MORE;	/* bytes may be NULL */
	else if (request)
		result = take_request_line(&s);
	else
		result = take_status_line(&s);
	if (result == HEAD_OK)
		result = take_fields(&s);
	if (result == HEAD_MORE && len >= limits->bytes)
		return (bad(&s, HEAD_TOO_LARGE, "the head is too large"));
	return (result);
}

enum head_result
head_scan_request(struct head *h, struct frl_http_field *fields,
    const uint8_t *bytes, size_t len, const struct head_limits *limits)
{
	return (scan(h, fields, bytes, len, limits, 1));
}

enum head_result
head_scan_response(struct head *h, struct frl_http_field *fields,
    const uint8_t *bytes, size_t len, const struct head_limits *limits)
{
	return (scan(h, fields, bytes, len, limits, 0));
}

const char *
head_result_name(enum head_result result)
{
	switch (result) {
	case HEAD_OK:
	case HEAD_MORE:
		break;
	case HEAD_BAD_START_LINE:
	case HEAD_BAD_VERSION:
		return ("bad_start_line");
	case HEAD_BAD_FIELD:
	case HEAD_BAD_HOST:
		return ("bad_field");
	case HEAD_BAD_FRAMING:
		return ("bad_framing");
	case HEAD_TOO_LARGE:
		return ("too_large");
	}
	return ("");
}
