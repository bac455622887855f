/* SPDX-License-Identifier: MIT */
/*
 * wire -- see wire.h.
 */
#include "wire.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* FIN and the binary opcode, RFC 6455 5.2. */
#define FIRST_BYTE 0x82

void
pattern_put(uint8_t *dst, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		dst[i] = pattern(i);
}

bool
pattern_holds(const uint8_t *bytes, size_t n, uint64_t at, const uint8_t *key)
{
	static const uint8_t zeros[4];
	uint64_t last = at + n - 1;

	if (n == 0)
		return (true);
	if (key == NULL)
		key = zeros;
	return ((bytes[0] ^ key[at & 3]) == pattern(at) &&
	    (bytes[n - 1] ^ key[last & 3]) == pattern(last));
}

size_t
head_feed(struct head *head, const uint8_t *bytes, size_t n)
{
	size_t room = HEAD_MAX - head->len;
	size_t old = head->len;
	size_t from = old < 3 ? 0 : old - 3;
	const char *end;

	if (n > room)
		n = room;
	memcpy(head->text + old, bytes, n);
	head->len += n;
	end = memmem(head->text + from, head->len - from, "\r\n\r\n", 4);
	if (end != NULL) {
		head->whole = true;
		head->len = (size_t)(end + 4 - head->text);
	}
	head->text[head->len] = '\0';
	return (head->len - old);
}

int
head_status(const struct head *head)
{
	if (strncmp(head->text, "HTTP/1.1 ", 9) != 0 &&
	    strncmp(head->text, "HTTP/1.0 ", 9) != 0)
		return (0);
	return (atoi(head->text + 9));
}

bool
head_field(const struct head *head, const char *name, char *ret, size_t size)
{
	size_t n = strlen(name);
	const char *line = strstr(head->text, "\r\n");
	size_t len;

	while (line != NULL) {
		line += 2;
		if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
			line += n + 1;
			line += strspn(line, " \t");
			len = strcspn(line, "\r");
			if (len >= size)
				return (false);
			memcpy(ret, line, len);
			ret[len] = '\0';
			return (true);
		}
		line = strstr(line, "\r\n");
	}
	return (false);
}

/* The head is whole: what does it say?  False for what we do not send. */
static bool
frames_begin(struct frames *f)
{
	bool masked = f->head[1] & 128;
	size_t bytes = f->head_len - (masked ? 6 : 2);	/* of the length */
	size_t i;

	f->length = bytes > 0 ? 0 : f->head[1] & 127;
	for (i = 0; i < bytes; i++)
		f->length = f->length << 8 | f->head[2 + i];
	memset(f->key, 0, sizeof(f->key));
	if (masked)
		memcpy(f->key, f->head + 2 + bytes, sizeof(f->key));
	f->at = 0;
	return (f->head[0] == FIRST_BYTE && f->length > 0);
}

static size_t
frame_head_len(uint8_t second)
{
	size_t n = 2;

	if ((second & 127) == 126)
		n += 2;
	else if ((second & 127) == 127)
		n += 8;
	return (second & 128 ? n + 4 : n);
}

size_t
frames_feed(
    struct frames *f, const uint8_t *bytes, size_t n, struct piece *ret)
{
	size_t used = 0;

	while (used < n && (f->head_len == 0 || f->have < f->head_len)) {
		f->head[f->have++] = bytes[used++];
		if (f->have == 2)
			f->head_len = frame_head_len(f->head[1]);
		if (f->have == f->head_len && !frames_begin(f))
			return (0);
	}
	*ret = (struct piece){ .bytes = bytes + used, .at = f->at };
	if (f->head_len == 0 || f->have < f->head_len)
		return (used);
	ret->n = n - used;
	if (ret->n > f->length - f->at)
		ret->n = (size_t)(f->length - f->at);
	f->at += ret->n;
	ret->done = f->at == f->length;
	if (ret->done)
		f->have = f->head_len = 0;
	return (used + ret->n);
}

size_t
frame_put(uint8_t *dst, const uint8_t *payload, size_t n, const uint8_t *key)
{
	uint8_t mask = key != NULL ? 128 : 0;
	size_t at = 0;
	size_t i;

	dst[at++] = FIRST_BYTE;
	if (n < 126) {
		dst[at++] = (uint8_t)(mask | n);
	} else if (n <= UINT16_MAX) {
		dst[at++] = mask | 126;
		dst[at++] = (uint8_t)(n >> 8);
		dst[at++] = (uint8_t)n;
	} else {
		dst[at++] = mask | 127;
		for (i = 8; i-- > 0;)
			dst[at++] = (uint8_t)((uint64_t)n >> (8 * i));
	}
	if (key == NULL) {
		memcpy(dst + at, payload, n);
		return (at + n);
	}
	memcpy(dst + at, key, 4);
	at += 4;
	for (i = 0; i < n; i++)
		dst[at + i] = payload[i] ^ key[i & 3];
	return (at + n);
}

void
ws_key(const uint8_t *nonce, char *ret)
{
	EVP_EncodeBlock((unsigned char *)ret, nonce, 16);
}

bool
ws_accept(const char *key, char *ret)
{
	/* RFC 6455 1.3 */
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char digest[SHA_DIGEST_LENGTH];
	char text[WS_KEY_SIZE + sizeof(guid)];
	int n;

	if (strlen(key) != WS_KEY_SIZE - 1)
		return (false);
	n = snprintf(text, sizeof(text), "%s%s", key, guid);
	SHA1((const unsigned char *)text, (size_t)n, digest);
	EVP_EncodeBlock((unsigned char *)ret, digest, sizeof(digest));
	return (true);
}
