/* SPDX-License-Identifier: MIT */
/*
 * handshake -- see handshake.h.  Header syntax is RFC 6455, 9.1; the
 * parameters are RFC 7692, 7.1.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "handshake.h"
#include "rules.h"

static bool
is(struct frl_bytes bytes, const char *word)
{
	return (bytes.len == strlen(word) && (bytes.len == 0 ||
	    strncasecmp((const char *)bytes.data, word, bytes.len) == 0));
}

static struct frl_bytes
trim(struct frl_bytes bytes)
{
	while (bytes.len > 0 && strchr(" \t\"", bytes.data[0]) != NULL &&
	    bytes.data[0] != 0) {
		bytes.data++;
		bytes.len--;
	}
	while (bytes.len > 0 &&
	    strchr(" \t\"", bytes.data[bytes.len - 1]) != NULL &&
	    bytes.data[bytes.len - 1] != 0)
		bytes.len--;
	return (bytes);
}

/* Cut the part before the next separator off the front. */
static struct frl_bytes
cut(struct frl_bytes *rest, char separator)
{
	struct frl_bytes part = *rest;
	const uint8_t *end = NULL;

	if (rest->len > 0)
		end = memchr(rest->data, separator, rest->len);
	if (end == NULL) {
		*rest = (struct frl_bytes){ NULL, 0 };
		return (trim(part));
	}
	part.len = (size_t)(end - part.data);
	rest->data += part.len + 1;
	rest->len -= part.len + 1;
	return (trim(part));
}

/* 8 to 15; anything else is what a peer may not say, and stays at 15. */
static int64_t
window_bits(struct frl_bytes value)
{
	int64_t bits = 0;

	if (value.len < 1 || value.len > 2)
		return (15);
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return (15);
		bits = bits * 10 + (value.data[i] - '0');
	}
	return (bits >= 8 && bits <= 15 ? bits : 15);
}

static void
read_deflate(struct frl_bytes parameters, struct frl_ws_handshake *record)
{
	struct frl_bytes name, value;

	record->client_window_bits = record->server_window_bits = 15;
	record->client_context_takeover = record->server_context_takeover = 1;
	while (parameters.len > 0) {
		value = cut(&parameters, ';');
		name = cut(&value, '=');
		value = trim(value);
		if (is(name, "client_max_window_bits"))
			record->client_window_bits = window_bits(value);
		else if (is(name, "server_max_window_bits"))
			record->server_window_bits = window_bits(value);
		else if (is(name, "client_no_context_takeover"))
			record->client_context_takeover = 0;
		else if (is(name, "server_no_context_takeover"))
			record->server_context_takeover = 0;
	}
}

/* What the server chose, in order: RULES_*. */
static unsigned int
read_extensions(struct frl_bytes list, struct frl_ws_handshake *record)
{
	struct frl_bytes extension, name;
	unsigned int negotiated = 0;

	while (list.len > 0) {
		extension = cut(&list, ',');
		name = cut(&extension, ';');
		if (name.len == 0)
			continue;
		if (!is(name, "permessage-deflate")) {
			negotiated |= RULES_FOREIGN;
		} else if (!(negotiated & RULES_DEFLATE)) {
			negotiated |= RULES_DEFLATE;
			read_deflate(extension, record);
		}
	}
	return (negotiated);
}

/* Append to a text that holds at most HANDSHAKE_TEXT_MAX bytes. */
static void
append(uint8_t *text, size_t *len, struct frl_bytes more)
{
	size_t room = HANDSHAKE_TEXT_MAX - *len;
	size_t n = more.len < room ? more.len : room;

	if (n > 0)
		memcpy(text + *len, more.data, n);
	*len += n;
}

/* All values of a field, as one list (RFC 9110, 5.3). */
static struct frl_bytes
join(const struct frl_http_head *head, const char *name, uint8_t *text)
{
	static const struct frl_bytes comma = { (const uint8_t *)", ", 2 };
	size_t len = 0;

	for (uint32_t i = 0; head != NULL && i < head->count; i++) {
		if (!is(head->fields[i].name, name))
			continue;
		if (len > 0)
			append(text, &len, comma);
		append(text, &len, head->fields[i].value);
	}
	return ((struct frl_bytes){ len > 0 ? text : NULL, len });
}

/*
 * How much of a subprotocol may be written.  Browsers cannot send an
 * Authorization field with a WebSocket, so that clients put credentials here
 * ("base64url.bearer.authorization.k8s.io.<token>"): what follows a telling
 * word, or is long, is left out.
 */
static size_t
harmless(struct frl_bytes name)
{
	static const char *const words[] = { "bearer", "token", "secret",
		"password", "auth", "key", "jwt" };
	size_t at, i, n;

	for (at = 0; at < name.len; at++) {
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			n = strlen(words[i]);
			if (n <= name.len - at && strncasecmp(
			    (const char *)name.data + at, words[i], n) == 0)
				return (at + n);
		}
	}
	return (name.len > 40 ? 16 : name.len);
}

/* A list of subprotocols without what may be a credential. */
static struct frl_bytes
masked(struct frl_bytes list, uint8_t *text)
{
	static const struct frl_bytes comma = { (const uint8_t *)", ", 2 };
	static const struct frl_bytes stars = { (const uint8_t *)"***", 3 };
	uint8_t copy[HANDSHAKE_TEXT_MAX];
	struct frl_bytes rest = { copy, list.len }, name;
	size_t len = 0;

	if (list.len > 0)
		memcpy(copy, list.data, list.len);
	while (rest.len > 0) {
		size_t whole, part;

		name = cut(&rest, ',');
		whole = name.len;
		part = harmless(name);
		name.len = part;
		if (len > 0)
			append(text, &len, comma);
		append(text, &len, name);
		if (part < whole)
			append(text, &len, stars);
	}
	return ((struct frl_bytes){ len > 0 ? text : NULL, len });
}

static struct frl_bytes
keep(struct frl_bytes bytes, uint8_t *text)
{
	size_t len = 0;

	append(text, &len, bytes);
	return ((struct frl_bytes){ len > 0 ? text : NULL, len });
}

struct handshake *
handshake_read(const struct frl_context *context,
    unsigned int *ret_negotiated)
{
	struct handshake *handshake = calloc(1, sizeof(*handshake));
	struct frl_ws_handshake *record;
	uint8_t *text;

	if (handshake == NULL)
		return (NULL);
	record = &handshake->record;
	text = handshake->text;
	record->client_window_bits = record->server_window_bits = -1;
	record->client_context_takeover = -1;
	record->server_context_takeover = -1;
	*ret_negotiated = read_extensions(context->extensions, record);
	record->subprotocols_offered = masked(join(context->request,
	    "sec-websocket-protocol", text), text);
	record->extensions_offered = join(context->request,
	    "sec-websocket-extensions", text + HANDSHAKE_TEXT_MAX);
	record->subprotocol = keep(context->subprotocol,
	    text + 2 * HANDSHAKE_TEXT_MAX);
	record->subprotocol = masked(record->subprotocol,
	    text + 2 * HANDSHAKE_TEXT_MAX);
	record->extensions = keep(context->extensions,
	    text + 3 * HANDSHAKE_TEXT_MAX);
	return (handshake);
}
