/* SPDX-License-Identifier: MIT */
/*
 * fuzz_proxy_header -- the PROXY protocol, both versions.
 *
 * What must hold: what was decided of the first bytes is not changed by those
 * that follow; a v1 header that names a client is what we would write for
 * it; nothing is waited for beyond the bounds.
 */
#include <arpa/inet.h>

#include "flow/proxy_header.h"
#include "fuzz.h"

static enum proxy_header_result
look(struct proxy_header *h, const uint8_t *bytes, size_t len)
{
	void *copy = fuzz_copy(bytes, len);
	enum proxy_header_result result = proxy_header_read(h, copy, len);

	free(copy);
	MUST(result != PROXY_HEADER_WHOLE || (h->size > 0 && h->size <= len));
	MUST(result != PROXY_HEADER_BAD ||
	    (h->detail != NULL && h->detail[0] != '\0'));
	MUST(result != PROXY_HEADER_MORE || len < PROXY_HEADER_V2_MAX + 16);
	return (result);
}

/* The client's address as text stands in a v1 line as its third word. */
static void
check_text(const struct proxy_header *h, const uint8_t *bytes)
{
	char line[PROXY_HEADER_V1_MAX + 1], *word, *rest = line;
	char host[ADDR_TEXT_SIZE];
	struct in6_addr a, b;
	int family = h->client.u.sa.sa_family;

	memcpy(line, bytes, h->size - 2);
	line[h->size - 2] = '\0';
	MUST(strcmp(strsep(&rest, " "), "PROXY") == 0);
	MUST(strcmp(strsep(&rest, " "), family == AF_INET ? "TCP4" :
	    "TCP6") == 0);
	word = strsep(&rest, " ");
	addr_format(&h->client, host);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	MUST(inet_pton(family, word, &a) == 1);
	MUST(inet_pton(family, host, &b) == 1);
	MUST(memcmp(&a, &b, sizeof(a)) == 0);
	(void)strsep(&rest, " ");
	MUST((unsigned long)addr_port(&h->client) ==
	    strtoul(strsep(&rest, " "), NULL, 10));
}

/* The client's address and port stand in a v2 block as they are. */
static void
check_block(const struct proxy_header *h, const uint8_t *bytes)
{
	bool v6 = h->client.u.sa.sa_family == AF_INET6;
	const void *address = v6 ? (const void *)&h->client.u.in6.sin6_addr :
	    &h->client.u.in4.sin_addr;
	const uint8_t *port = bytes + (v6 ? 16 + 32 : 16 + 8);

	MUST(bytes[13] == (v6 ? 0x21 : 0x11));
	MUST(memcmp(bytes + 16, address, v6 ? 16 : 4) == 0);
	MUST(addr_port(&h->client) == (port[0] << 8 | port[1]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct dice dice = dice_of(len);
	struct proxy_header whole, piece;
	enum proxy_header_result result = look(&whole, bytes, len), is;

	for (size_t i = 0; i < 16 && len > 0; i++) {
		is = look(&piece, bytes, len < 16 ? i % len :
		    roll(&dice, len));
		MUST(is == PROXY_HEADER_MORE || is == result);
		if (is == PROXY_HEADER_WHOLE)
			MUST(piece.size == whole.size &&
			    piece.named == whole.named);
	}
	if (result != PROXY_HEADER_WHOLE)
		return (0);
	MUST(look(&piece, bytes, whole.size - 1) == PROXY_HEADER_MORE);
	if (whole.named && bytes[0] == 'P')
		check_text(&whole, bytes);
	else if (whole.named)
		check_block(&whole, bytes);
	return (0);
}
