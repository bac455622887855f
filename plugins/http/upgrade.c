/* SPDX-License-Identifier: MIT */
/* upgrade -- see upgrade.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "upgrade.h"

#define KEY_LENGTH 24u		/* base64 of 16 bytes */

/* ------------------------------------------------------------------ */
/* Lists (RFC 9110, 5.6.1)						*/

/* Walks over the elements of all fields of one name. */
struct walk {
	const struct frl_http_head *head;
	const char *name;
	uint32_t next;		/* field */
	struct frl_bytes rest;	/* of the field's value */
};

static bool
is_blank(uint8_t byte)
{
	return (byte == ' ' || byte == '\t');
}

static struct frl_bytes
trim(struct frl_bytes b)
{
	while (b.len > 0 && is_blank(b.data[0])) {
		b.data++;
		b.len--;
	}
	while (b.len > 0 && is_blank(b.data[b.len - 1]))
		b.len--;
	return (b);
}

/* The part before the separator; `rest` is what stands behind it. */
static struct frl_bytes
cut(struct frl_bytes *rest, uint8_t separator)
{
	struct frl_bytes part = *rest;
	bool quoted = false;
	size_t i;

	for (i = 0; i < rest->len; i++) {
		if (rest->data[i] == '\\' && quoted)
			i++;
		else if (rest->data[i] == '"')
			quoted = !quoted;
		else if (rest->data[i] == separator && !quoted)
			break;
	}
	if (i >= rest->len) {
		*rest = (struct frl_bytes){ NULL, 0 };
		return (trim(part));
	}
	part.len = i;
	rest->data += i + 1;
	rest->len -= i + 1;
	return (trim(part));
}

/* The next element that is not empty. */
static bool
walk_next(struct walk *w, struct frl_bytes *ret)
{
	for (;;) {
		while (w->rest.len > 0) {
			*ret = cut(&w->rest, ',');
			if (ret->len > 0)
				return (true);
		}
		do {
			if (w->next >= w->head->count)
				return (false);
		} while (!head_equals(w->head->fields[w->next++].name,
		    w->name));
		w->rest = w->head->fields[w->next - 1].value;
	}
}

static bool
same(struct frl_bytes a, struct frl_bytes b)
{
	return (a.len == b.len &&
	    (a.len == 0 || memcmp(a.data, b.data, a.len) == 0));
}

static bool
same_any_case(struct frl_bytes a, struct frl_bytes b)
{
	return (a.len == b.len && (a.len == 0 ||
	    strncasecmp((const char *)a.data, (const char *)b.data,
	    a.len) == 0));
}

/* ------------------------------------------------------------------ */
/* Requests								*/

/* Lower case, with a NUL; false: longer than any token we know. */
static bool
lower(struct frl_bytes token, char *ret)
{
	if (token.len >= UPGRADE_TOKEN_SIZE)
		return (false);
	for (size_t i = 0; i < token.len; i++) {
		uint8_t c = token.data[i];

		ret[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	ret[token.len] = '\0';
	return (true);
}

static bool
is_http2(const char *token)
{
	return (strncmp(token, "h2", 2) == 0 ||
	    strncmp(token, "http/", 5) == 0);
}

static bool
permitted(const struct upgrade_rules *rules, struct frl_bytes element)
{
	char token[UPGRADE_TOKEN_SIZE];
	int how;

	if (!lower(element, token))
		return (false);
	how = rules->permits(rules->arg, token);
	return (is_http2(token) ? how == 1 : how > 0);
}

/* A well-formed key: 16 bytes in base64 (RFC 6455, 4.1). */
static bool
key_ok(struct frl_bytes key)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	if (key.len != KEY_LENGTH || key.data[22] != '=' ||
	    key.data[23] != '=')
		return (false);
	for (size_t i = 0; i < 22; i++)
		if (key.data[i] == '\0' ||
		    strchr(alphabet, key.data[i]) == NULL)
			return (false);
	return (true);
}

static enum upgrade_result
check_websocket(const struct head *h)
{
	const struct frl_http_head *m = &h->message;
	const struct frl_http_field *key, *version;
	size_t keys, versions;

	key = head_field(m, "sec-websocket-key", &keys);
	version = head_field(m, "sec-websocket-version", &versions);
	if (m->minor != 1 || m->method.len != 3 ||
	    memcmp(m->method.data, "GET", 3) != 0 ||
	    !head_lists(m, "connection", "upgrade") ||
	    h->content_length > 0 || h->chunked)
		return (UPGRADE_BAD);
	if (versions != 1 || !head_equals(version->value, "13"))
		return (UPGRADE_BAD_VERSION);
	if (keys != 1 || !key_ok(key->value))
		return (UPGRADE_BAD);
	return (UPGRADE_ASKED);
}

enum upgrade_result
upgrade_request(const struct head *h, const struct upgrade_rules *rules,
    bool *ret_rewrite)
{
	const struct frl_http_head *m = &h->message;
	struct walk w = { .head = m, .name = "upgrade" };
	enum upgrade_result result = UPGRADE_NONE;
	struct frl_bytes element;

	*ret_rewrite = head_field(m, "http2-settings", NULL) != NULL &&
	    rules->permits(rules->arg, "h2c") != 1;
	while (walk_next(&w, &element)) {
		if (!permitted(rules, element)) {
			*ret_rewrite = true;
			continue;
		}
		if (head_equals(element, "websocket")) {
			enum upgrade_result is = check_websocket(h);

			if (is != UPGRADE_ASKED)
				return (is);
		}
		/* RFC 9110, 7.8: without the option, or in HTTP/1.0, it
		 * means nothing; do not let others think otherwise. */
		if (m->minor == 1 && head_lists(m, "connection", "upgrade"))
			result = UPGRADE_ASKED;
		else
			*ret_rewrite = true;
	}
	return (result);
}

/* ------------------------------------------------------------------ */
/* Rewriting								*/

struct writer {
	uint8_t *mem;
	size_t len;
};

static void
put(struct writer *w, const void *bytes, size_t n)
{
	if (n > 0)
		memcpy(w->mem + w->len, bytes, n);
	w->len += n;
}

static void
put_text(struct writer *w, const char *text)
{
	put(w, text, strlen(text));
}

/* One field with those elements of its list that may stay; none: no field. */
static void
put_list(struct writer *w, const struct frl_http_field *field,
    bool (*stays)(struct frl_bytes element, const void *arg), const void *arg)
{
	struct frl_bytes rest = field->value, element;
	size_t begin = w->len;
	bool any = false;

	put(w, field->name.data, field->name.len);
	put_text(w, ":");
	while (rest.len > 0) {
		element = cut(&rest, ',');
		if (element.len == 0 || !stays(element, arg))
			continue;
		put_text(w, any ? "," : " ");
		put(w, element.data, element.len);
		any = true;
	}
	put_text(w, "\r\n");
	if (!any)
		w->len = begin;
}

static bool
upgrade_stays(struct frl_bytes element, const void *arg)
{
	return (permitted(arg, element));
}

/* arg: does the Upgrade field stay? */
static bool
connection_stays(struct frl_bytes element, const void *arg)
{
	const bool *upgrade = arg;

	if (head_equals(element, "upgrade"))
		return (*upgrade);
	return (!head_equals(element, "http2-settings"));
}

uint8_t *
upgrade_rewrite(const struct head *h, const struct upgrade_rules *rules,
    size_t *ret_len)
{
	const struct frl_http_head *m = &h->message;
	bool rewrite, h2c = rules->permits(rules->arg, "h2c") == 1;
	bool upgrade = upgrade_request(h, rules, &rewrite) == UPGRADE_ASKED;
	struct writer w = { NULL, 0 };

	/* Nothing grows but "name:value" to "name: value". */
	w.mem = malloc(h->size + m->count + 1);
	if (w.mem == NULL)
		return (NULL);
	put(&w, m->method.data, m->method.len);
	put_text(&w, " ");
	put(&w, m->target.data, m->target.len);
	put_text(&w, m->minor == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
	for (uint32_t i = 0; i < m->count; i++) {
		const struct frl_http_field *f = &m->fields[i];

		if (head_equals(f->name, "http2-settings") && !h2c)
			continue;
		if (head_equals(f->name, "upgrade")) {
			if (upgrade)
				put_list(&w, f, upgrade_stays, rules);
		} else if (head_equals(f->name, "connection")) {
			put_list(&w, f, connection_stays, &upgrade);
		} else {
			put(&w, f->name.data, f->name.len);
			put_text(&w, ": ");
			put(&w, f->value.data, f->value.len);
			put_text(&w, "\r\n");
		}
	}
	put_text(&w, "\r\n");
	*ret_len = w.len;
	return (w.mem);
}

/* ------------------------------------------------------------------ */
/* The 101								*/

int
upgrade_accept(struct frl_bytes key, char *ret_accept)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t joined[KEY_LENGTH + sizeof(guid) - 1];
	uint8_t digest[SHA_DIGEST_LENGTH];

	if (key.len != KEY_LENGTH)
		return (-1);
	memcpy(joined, key.data, KEY_LENGTH);
	memcpy(joined + KEY_LENGTH, guid, sizeof(guid) - 1);
	if (SHA1(joined, sizeof(joined), digest) == NULL)
		return (-1);
	EVP_EncodeBlock((unsigned char *)ret_accept, digest, sizeof(digest));
	return (0);
}

static bool
accept_ok(const struct frl_http_head *request,
    const struct frl_http_head *response)
{
	const struct frl_http_field *key, *accept;
	char expected[UPGRADE_ACCEPT_SIZE];
	size_t n;

	key = head_field(request, "sec-websocket-key", NULL);
	accept = head_field(response, "sec-websocket-accept", &n);
	if (key == NULL || n != 1 || upgrade_accept(key->value, expected) != 0)
		return (false);
	return (accept->value.len == strlen(expected) &&
	    memcmp(accept->value.data, expected, strlen(expected)) == 0);
}

static bool
offered(const struct frl_http_head *request, const char *name,
    struct frl_bytes what, bool (*equal)(struct frl_bytes, struct frl_bytes))
{
	struct walk w = { .head = request, .name = name };
	struct frl_bytes element;

	while (walk_next(&w, &element)) {
		element = cut(&element, ';');	/* without parameters */
		if (equal(element, what))
			return (true);
	}
	return (false);
}

/* RFC 6455, 4.1: at most one subprotocol, and only what was offered. */
static bool
choices_offered(const struct frl_http_head *request,
    const struct frl_http_head *response, struct upgrade_switch *ret)
{
	struct walk w = { .head = response,
	    .name = "sec-websocket-extensions" };
	const struct frl_http_field *chosen;
	struct frl_bytes element;
	bool ok = true;
	size_t n;

	chosen = head_field(response, "sec-websocket-protocol", &n);
	if (chosen != NULL) {
		ret->subprotocol = chosen->value;
		ok = n == 1 && offered(request, "sec-websocket-protocol",
		    chosen->value, same);
	}
	chosen = head_field(response, "sec-websocket-extensions", NULL);
	if (chosen != NULL)
		ret->extensions = chosen->value;
	while (walk_next(&w, &element)) {
		element = cut(&element, ';');
		ok = ok && offered(request, "sec-websocket-extensions",
		    element, same_any_case);
	}
	return (ok);
}

/*
 * To what does it switch?  The first token that was offered; where the field
 * is missing, what was asked for first.  False: not as RFC 9110, 7.8 wants.
 */
static bool
find_token(const struct frl_http_head *request,
    const struct frl_http_head *response, char *ret)
{
	struct walk w = { .head = response, .name = "upgrade" };
	struct walk asked = { .head = request, .name = "upgrade" };
	struct frl_bytes element;
	bool any = false;

	ret[0] = '\0';
	while (walk_next(&w, &element)) {
		any = true;
		if (offered(request, "upgrade", element, same_any_case) &&
		    lower(element, ret))
			return (head_lists(response, "connection", "upgrade"));
	}
	if (!any && walk_next(&asked, &element))
		(void)lower(element, ret);
	return (false);
}

const char *
upgrade_check(const struct frl_http_head *request,
    const struct frl_http_head *response, struct upgrade_switch *ret)
{
	*ret = (struct upgrade_switch){ .token = "" };
	if (!find_token(request, response, ret->token))
		return ("bad_upgrade");
	if (strcmp(ret->token, "websocket") != 0)
		return (NULL);
	if (!choices_offered(request, response, ret))
		return ("not_offered");
	if (!accept_ok(request, response))
		return ("bad_accept");
	return (NULL);
}
