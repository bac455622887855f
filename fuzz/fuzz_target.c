/* SPDX-License-Identifier: MIT */
/*
 * fuzz_target -- targets and absolute-form request targets.
 *
 * What must hold: a target that parses is canonical (it prints, and what is
 * printed parses to the same); an address in it is the one that the system's
 * own parser reads; what base/uri and base/target take for a server is the
 * same; nothing behind the given length is read.
 */
#include <arpa/inet.h>

#include "base/uri.h"
#include "fuzz.h"

static bool
same(const struct target *a, const struct target *b)
{
	return (strcmp(a->host, b->host) == 0 && a->port == b->port &&
	    a->kind == b->kind &&
	    memcmp(a->address, b->address, sizeof(a->address)) == 0);
}

static void
check_host(const struct target *t)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "0123456789-_.";
	uint8_t address[16] = { 0 };

	if (t->kind == TARGET_NAME) {
		MUST(t->host[0] != '\0' && t->host[0] != '.');
		MUST(t->host[strspn(t->host, letters)] == '\0');
		MUST(inet_aton(t->host, &(struct in_addr){ 0 }) == 0);
		return;
	}
	MUST(inet_pton(t->kind == TARGET_IPV4 ? AF_INET : AF_INET6, t->host,
	    address) == 1);
	MUST(memcmp(address, t->address, sizeof(address)) == 0);
}

static void
check_target(const struct target *t)
{
	char text[TARGET_TEXT_SIZE];
	const char *why = NULL;
	struct target again;

	MUST(t->port != 0);
	check_host(t);
	target_format(t, text, sizeof(text));
	MUST(target_parse(&again, text, strlen(text), &why) == 0);
	MUST(same(t, &again));
}

/* "http://" before a target, and a path behind it, change nothing. */
static void
check_as_uri(const struct target *t)
{
	char text[TARGET_TEXT_SIZE + 16] = "http://";
	const char *why = NULL;
	struct uri uri;

	target_format(t, text + 7, TARGET_TEXT_SIZE);
	strcat(text, "/p?q");
	MUST(uri_parse(&uri, (struct frl_bytes){ (const uint8_t *)text,
	    strlen(text) }, &why) == URI_HTTP);
	MUST(same(&uri.target, t) && uri.path.len == 4 &&
	    memcmp(uri.path.data, "/p?q", 4) == 0);
}

static void
check_uri(const uint8_t *bytes, size_t len)
{
	struct uri uri;
	const char *why = NULL;
	enum uri_result result = uri_parse(&uri,
	    (struct frl_bytes){ bytes, len }, &why);

	MUST(result == URI_HTTP || result == URI_NONE ||
	    (why != NULL && why[0] != '\0'));
	if (result != URI_HTTP)
		return;
	check_target(&uri.target);
	MUST(uri.path.len <= len &&
	    uri.path.data + uri.path.len == bytes + len);
	MUST(uri.path.len == 0 || uri.path.data[0] == '/' ||
	    uri.path.data[0] == '?');
	MUST(memchr(bytes, '@', len - uri.path.len) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = fuzz_copy(bytes, len);
	const char *why = NULL;
	struct target t;

	if (target_parse(&t, text, len, &why) == 0) {
		check_target(&t);
		check_as_uri(&t);
	} else
		MUST(why != NULL && why[0] != '\0');
	check_uri((const uint8_t *)text, len);
	free(text);
	return (0);
}
