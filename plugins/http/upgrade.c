/* SPDX-License-Identifier: MIT */
/* upgrade -- see upgrade.h. */
#include <string.h>
#include <strings.h>

/* The plain functions: SHA1() allocates, and its first call without memory
 * crashes inside of OpenSSL 3.0. */
#define OPENSSL_API_COMPAT 0x10100000L
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "lists.h"
#include "upgrade.h"

#define KEY_LENGTH 24u		/* base64 of 16 bytes */

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

bool
upgrade_permitted(const struct upgrade_rules *rules, struct frl_bytes element)
{
	char token[UPGRADE_TOKEN_SIZE];
	int how;

	if (!lower(element, token))
		return (false);
	how = rules->permits(rules->arg, token);
	return (is_http2(token) ? how == 1 : how > 0);
}

static bool
is_barred(const struct upgrade_rules *rules, struct frl_bytes element)
{
	char token[UPGRADE_TOKEN_SIZE];

	return (lower(element, token) &&
	    rules->permits(rules->arg, token) < 0);
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
	struct list w = { .head = m, .name = "upgrade" };
	bool real = m->minor == 1 && head_lists(m, "connection", "upgrade");
	enum upgrade_result result = UPGRADE_NONE;
	struct frl_bytes element;
	bool barred = false;

	*ret_rewrite = head_first(h, HEAD_HTTP2_SETTINGS) != NULL &&
	    rules->permits(rules->arg, "h2c") != 1;
	if (head_first(h, HEAD_UPGRADE) == NULL)
		return (UPGRADE_NONE);	/* nearly always */
	while (list_next(&w, &element)) {
		if (!upgrade_permitted(rules, element)) {
			barred |= is_barred(rules, element);
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
		if (real)
			result = UPGRADE_ASKED;
		else
			*ret_rewrite = true;
	}
	/* What else was asked for may do. */
	return (barred && real && result == UPGRADE_NONE ? UPGRADE_BARRED :
	    result);
}

/* ------------------------------------------------------------------ */
/* The 101								*/

int
upgrade_accept(struct frl_bytes key, char *ret_accept)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t joined[KEY_LENGTH + sizeof(guid) - 1];
	uint8_t digest[SHA_DIGEST_LENGTH];
	SHA_CTX sha;

	if (key.len != KEY_LENGTH)
		return (-1);
	memcpy(joined, key.data, KEY_LENGTH);
	memcpy(joined + KEY_LENGTH, guid, sizeof(guid) - 1);
	if (SHA1_Init(&sha) != 1 ||
	    SHA1_Update(&sha, joined, sizeof(joined)) != 1 ||
	    SHA1_Final(digest, &sha) != 1)
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
	struct list w = { .head = request, .name = name };
	struct frl_bytes element;

	while (list_next(&w, &element)) {
		element = list_cut(&element, ';');	/* without parameters */
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
	struct list w = { .head = response,
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
	while (list_next(&w, &element)) {
		element = list_cut(&element, ';');
		ok = ok && offered(request, "sec-websocket-extensions",
		    element, same_any_case);
	}
	return (ok);
}

/*
 * To what does it switch?  The first token that was offered; where the field
 * is missing, what was asked for first.  False: not as RFC 9110, 7.8 wants;
 * HTTP/1.0 cannot switch at all.
 */
static bool
find_token(const struct frl_http_head *request,
    const struct frl_http_head *response, char *ret)
{
	struct list w = { .head = response, .name = "upgrade" };
	struct list asked = { .head = request, .name = "upgrade" };
	struct frl_bytes element;
	bool any = false;

	ret[0] = '\0';
	while (list_next(&w, &element)) {
		any = true;
		if (offered(request, "upgrade", element, same_any_case) &&
		    lower(element, ret))
			return (response->minor == 1 &&
			    head_lists(response, "connection", "upgrade"));
	}
	if (!any && list_next(&asked, &element))
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
