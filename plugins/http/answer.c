/* SPDX-License-Identifier: MIT */
/* answer -- see answer.h. */
#include <stdio.h>
#include <string.h>

#include "answer.h"

#define TEXT_SIZE 300

/* fields: further ones, each with its CRLF. */
struct row {
	unsigned int status;
	const char *phrase;
	const char *error;	/* RFC 9209, 2.3 */
	const char *connection;
	const char *fields;
	const char *text;
};

static const struct row rows[] = {
	[ANSWER_BAD_REQUEST] = { 400, "Bad Request", "http_request_error",
	    "close", "", "the request is malformed" },
	[ANSWER_FORBIDDEN] = { 403, "Forbidden", "http_request_denied",
	    "close", "", "this request is not allowed here" },
	[ANSWER_EXPECTATION] = { 417, "Expectation Failed",
	    "http_request_error", "close", "",
	    "no expectation but 100-continue is known here" },
	/* RFC 9110, 15.5.22: with the Upgrade field; RFC 6455, 4.2.2. */
	[ANSWER_WEBSOCKET_VERSION] = { 426, "Upgrade Required",
	    "http_request_error", "close, Upgrade",
	    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
	    "only version 13 of the WebSocket protocol is known here" },
	[ANSWER_TIMEOUT] = { 408, "Request Timeout", "http_request_error",
	    "close", "", "the request head came too slowly" },
	[ANSWER_TOO_LARGE] = { 431, "Request Header Fields Too Large",
	    "http_request_error", "close", "",
	    "the request head is too large" },
	[ANSWER_NOT_IMPLEMENTED] = { 501, "Not Implemented",
	    "http_request_error", "close", "",
	    "this method is not known here" },
	[ANSWER_BAD_RESPONSE] = { 502, "Bad Gateway",
	    "http_protocol_error", "close", "",
	    "the server's response is malformed" },
	[ANSWER_NO_RESPONSE] = { 502, "Bad Gateway",
	    "http_response_incomplete", "close", "",
	    "the server closed before it had answered" },
	[ANSWER_BAD_UPGRADE] = { 502, "Bad Gateway", "http_upgrade_failed",
	    "close", "", "the server's switch of protocols is not valid" },
	[ANSWER_NO_ANSWER] = { 504, "Gateway Timeout",
	    "http_response_timeout", "close", "",
	    "the server did not answer in time" },
	[ANSWER_BROKEN] = { 502, "Bad Gateway", "proxy_internal_error",
	    "close", "", "the proxy cannot go on with this connection" },
	[ANSWER_UNAVAILABLE] = { 503, "Service Unavailable",
	    "proxy_internal_response", "close", "",
	    "the proxy is ending its connections; try again" },
};

/* "fairlead: <text>\n", printable and bounded; its length. */
static size_t
write_text(char *text, const char *from)
{
	size_t n = (size_t)snprintf(text, TEXT_SIZE - 1, "fairlead: ");

	for (; *from != '\0' && n < TEXT_SIZE - 2; from++)
		text[n++] = *from >= 0x20 && *from <= 0x7e ? *from : '?';
	text[n++] = '\n';
	text[n] = '\0';
	return (n);
}

size_t
answer_write(char *buffer, enum answer answer, const char *text,
    bool without_body)
{
	const struct row *row = &rows[answer];
	char body[TEXT_SIZE];
	size_t n;
	int written;

	if (row->phrase == NULL)
		return (0);
	n = write_text(body, text != NULL && *text != '\0' ? text : row->text);
	written = snprintf(buffer, ANSWER_SIZE,
	    "HTTP/1.1 %u %s\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Length: %zu\r\n"
	    "Connection: %s\r\n"
	    "Proxy-Status: fairlead; error=%s\r\n"
	    "%s\r\n%s",
	    row->status, row->phrase, n, row->connection, row->error,
	    row->fields, without_body ? "" : body);
	return (written > 0 && written < ANSWER_SIZE ? (size_t)written : 0);
}
