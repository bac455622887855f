/* SPDX-License-Identifier: MIT */
/* uri: what is in absolute-form, what of it is sent on, where it is cut. */
#include "base/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In memory that ends behind the text: ASan sees a step over. */
static enum uri_result
parse(struct uri *uri, const char *text, char *path, const char **ret_why)
{
	size_t len = strlen(text);
	uint8_t *copy = malloc(len + (len == 0));
	enum uri_result result;

	assert_non_null(copy);
	memcpy(copy, text, len);
	result = uri_parse(uri, (struct frl_bytes){ copy, len }, ret_why);
	if (result == URI_HTTP) {
		memcpy(path, uri->path.data, uri->path.len);
		path[uri->path.len] = '\0';
	}
	free(copy);
	return (result);
}

static void
test_good(void **state)
{
	static const struct {
		const char *text, *target, *path;
	} rows[] = {
		{ "http://example.com", "example.com:80", "" },
		{ "http://example.com/", "example.com:80", "/" },
		{ "HTTP://Example.COM./a?b", "example.com:80", "/a?b" },
		{ "http://example.com:8080?x=http://y/", "example.com:8080",
		    "?x=http://y/" },
		{ "http://10.0.0.1/a:b@c", "10.0.0.1:80", "/a:b@c" },
		{ "http://[::1]/", "[::1]:80", "/" },
		{ "http://a:/b:", "a:80", "/b:" },
		{ "http://[::1]:", "[::1]:80", "" },
		{ "http://[0:0::1]:81/%00//../", "[::1]:81", "/%00//../" },
	};
	char text[TARGET_TEXT_SIZE], path[64];
	const char *why = NULL;
	struct uri uri;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (parse(&uri, rows[i].text, path, &why) != URI_HTTP)
			fail_msg("%s: %s", rows[i].text, why);
		target_format(&uri.target, text, sizeof(text));
		assert_string_equal(text, rows[i].target);
		assert_string_equal(path, rows[i].path);
	}
}

static void
test_others(void **state)
{
	static const struct {
		const char *text;
		enum uri_result result;
		const char *why;
	} rows[] = {
		{ "", URI_NONE, NULL },
		{ "/", URI_NONE, NULL },
		{ "*", URI_NONE, NULL },
		{ "example.com:80", URI_NONE, NULL },
		{ "/http://a/", URI_NONE, NULL },
		{ "http:/a/", URI_NONE, NULL },
		{ "http:", URI_NONE, NULL },
		{ "1http://a/", URI_NONE, NULL },
		{ "https://a/", URI_OTHER, "for https ask for a tunnel: "
		    "CONNECT host:443" },
		{ "ws://a/", URI_OTHER, "only http:// can be asked for by "
		    "absolute-form" },
		{ "ftp://a/", URI_OTHER, "only http:// can be asked for by "
		    "absolute-form" },
		{ "httpx://a/", URI_OTHER, "only http:// can be asked for by "
		    "absolute-form" },
		{ "http://", URI_BAD, "the host is empty" },
		{ "http:///a", URI_BAD, "the host is empty" },
		{ "http://?a", URI_BAD, "the host is empty" },
		{ "http://u@a/", URI_BAD, "a user name does not belong "
		    "before the host" },
		{ "http://u:p@a/", URI_BAD, "a user name does not belong "
		    "before the host" },
		{ "http://:/", URI_BAD, "the host is empty" },
		{ "http://a::/", URI_BAD, NULL },
		{ "http://[::1:/", URI_BAD, NULL },
		{ "http://a:0/", URI_BAD, "the port is 0 or begins with 0" },
		{ "http://[::1/", URI_BAD, "']' is missing" },
		{ "http://[::1]x/", URI_BAD, "the port is missing" },
		{ "http://0x7f.1/", URI_BAD, "the host looks like an IPv4 "
		    "address but is not a dotted quad" },
		{ "http://a\\b/", URI_BAD, "the host has a character no host "
		    "name has" },
		{ "http://a%2eb/", URI_BAD, "the host has a character no host "
		    "name has" },
	};
	const char *why;
	struct uri uri;
	char path[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		why = NULL;
		if (parse(&uri, rows[i].text, path, &why) != rows[i].result)
			fail_msg("%s: %s", rows[i].text, why);
		if (rows[i].why != NULL)
			assert_string_equal(why, rows[i].why);
	}
}

static void
test_long(void **state)
{
	char text[600] = "http://", path[64];
	const char *why = NULL;
	struct uri uri;

	(void)state;
	memset(text + 7, 'a', 500);
	assert_int_equal(parse(&uri, text, path, &why), URI_BAD);
	assert_string_equal(why, "the host is over 253 bytes");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_long),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
