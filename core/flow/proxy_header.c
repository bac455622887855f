/* SPDX-License-Identifier: MIT */
#include "flow/proxy_header.h"

#include <stdio.h>
#include <string.h>

static const uint8_t start1[] = { 'P', 'R', 'O', 'X', 'Y', ' ' };
static const uint8_t start2[] = { '\r', '\n', '\r', '\n', '\0', '\r', '\n',
	'Q', 'U', 'I', 'T', '\n' };

#define V2_FIXED 16		/* bytes before the addresses */

static enum proxy_header_result
bad(struct proxy_header *h, const char *detail)
{
	h->detail = detail;
	return (PROXY_HEADER_BAD);
}

/* Do the bytes, as far as they came, begin like this? */
static bool
begins(const uint8_t *bytes, size_t len, const uint8_t *start, size_t n)
{
	return (memcmp(bytes, start, len < n ? len : n) == 0);
}

/* ------------------------------------------------------------------ */
/* Version 1								*/

/* "TCP4 source destination port port": exactly one space between them. */
static bool
split(char *text, char *fields[5])
{
	size_t i;

	for (i = 0; i < 5; i++) {
		fields[i] = text;
		text += strcspn(text, " ");
		if (text == fields[i] || (*text == ' ') != (i < 4))
			return (false);
		*text++ = '\0';
	}
	return (true);
}

/* addr_parse() knows canonical ports and no other form of an address. */
static bool
read_text(struct addr *a, bool v6, const char *host, const char *port)
{
	char text[PROXY_HEADER_V1_MAX + 4];

	(void)snprintf(text, sizeof(text), v6 ? "[%s]:%s" : "%s:%s", host,
	    port);
	return (addr_parse(a, text) == 0 &&
	    a->u.sa.sa_family == (v6 ? AF_INET6 : AF_INET));
}

/* What stands between "PROXY " and CR LF. */
static enum proxy_header_result
read_line(struct proxy_header *h, const uint8_t *line, size_t len)
{
	char text[PROXY_HEADER_V1_MAX + 1], *fields[5];
	struct addr server;
	bool v6;

	/* spec 2.1: what follows UNKNOWN is ignored. */
	if (len >= 7 && memcmp(line, "UNKNOWN", 7) == 0 &&
	    (len == 7 || line[7] == ' '))
		return (PROXY_HEADER_WHOLE);
	if (memchr(line, '\0', len) != NULL)
		return (bad(h, "a PROXY line with a NUL in it"));
	memcpy(text, line, len);
	text[len] = '\0';
	if (!split(text, fields))
		return (bad(h, "a PROXY line has five fields after its name, "
		    "one space between them"));
	v6 = strcmp(fields[0], "TCP6") == 0;
	if (!v6 && strcmp(fields[0], "TCP4") != 0)
		return (bad(h, "a PROXY line is for TCP4, TCP6 or UNKNOWN"));
	if (!read_text(&h->client, v6, fields[1], fields[3]) ||
	    !read_text(&server, v6, fields[2], fields[4]))
		return (bad(h, "a PROXY line with an address or a port that "
		    "is none"));
	h->named = true;
	return (PROXY_HEADER_WHOLE);
}

static enum proxy_header_result
read_v1(struct proxy_header *h, const uint8_t *bytes, size_t len)
{
	size_t n = len < PROXY_HEADER_V1_MAX ? len : PROXY_HEADER_V1_MAX;
	const uint8_t *end = memchr(bytes, '\n', n);

	if (end == NULL)
		return (len < PROXY_HEADER_V1_MAX ? PROXY_HEADER_MORE :
		    bad(h, "a PROXY line has at most 107 bytes"));
	h->size = (size_t)(end - bytes) + 1;
	if (h->size < sizeof(start1) + 2 || end[-1] != '\r')
		return (bad(h, "a PROXY line ends in CR LF"));
	return (read_line(h, bytes + sizeof(start1),
	    h->size - sizeof(start1) - 2));
}

/* ------------------------------------------------------------------ */
/* Version 2								*/

/* Families and transports over which a stream may have come (spec 2.2). */
static const struct family {
	uint8_t code;
	uint8_t address;	/* bytes of one; 0: keep who has connected */
	uint16_t least;		/* bytes of the whole */
} families[] = {
	{ 0x00, 0, 0 },			/* unspecified */
	{ 0x11, 4, 12 },		/* TCP over IPv4 */
	{ 0x21, 16, 36 },		/* TCP over IPv6 */
	{ 0x31, 0, 216 },		/* UNIX stream */
};

static enum proxy_header_result
read_addresses(struct proxy_header *h, uint8_t code, const uint8_t *block,
    size_t len)
{
	const struct family *f = NULL;
	const uint8_t *port;
	size_t i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (families[i].code == code)
			f = &families[i];
	/* spec 2.2: unexpected values must be dropped. */
	if (f == NULL)
		return (bad(h, "a PROXY header of an unknown family, or of "
		    "no stream"));
	if (len < f->least)
		return (bad(h, "a PROXY header too short for its addresses"));
	if (f->address == 0)
		return (PROXY_HEADER_WHOLE);
	port = block + 2 * (size_t)f->address;
	addr_from_bytes(&h->client, block, f->address,
	    (uint16_t)(port[0] << 8 | port[1]));
	h->named = true;
	return (PROXY_HEADER_WHOLE);
}

static enum proxy_header_result
read_v2(struct proxy_header *h, const uint8_t *bytes, size_t len)
{
	size_t n;

	if (len < V2_FIXED)
		return (PROXY_HEADER_MORE);
	if (bytes[12] != 0x20 && bytes[12] != 0x21)
		return (bad(h, "a PROXY header of an unknown version or "
		    "command"));
	n = (size_t)bytes[14] << 8 | bytes[15];
	if (n > PROXY_HEADER_V2_MAX)
		return (bad(h, "a PROXY header of more than 4096 bytes"));
	if (len < V2_FIXED + n)
		return (PROXY_HEADER_MORE);
	h->size = V2_FIXED + n;
	/* spec 2.2: LOCAL is the load balancer itself, a health check; its
	 * block is discarded whatever it says. */
	if (bytes[12] == 0x20)
		return (PROXY_HEADER_WHOLE);
	return (read_addresses(h, bytes[13], bytes + V2_FIXED, n));
}

/* ------------------------------------------------------------------ */

enum proxy_header_result
proxy_header_read(struct proxy_header *h, const uint8_t *bytes, size_t len)
{
	memset(h, 0, sizeof(*h));
	if (len == 0)
		return (PROXY_HEADER_MORE);
	if (begins(bytes, len, start2, sizeof(start2)))
		return (read_v2(h, bytes, len));
	if (begins(bytes, len, start1, sizeof(start1)))
		return (read_v1(h, bytes, len));
	return (bad(h, "no PROXY header came first"));
}
