/* SPDX-License-Identifier: MIT */
#include "base/id.h"

#include <string.h>

#define DASH 8			/* where it stands */

static void
put_hex(char *text, uint32_t n)
{
	int i;

	for (i = 8; i-- > 0; n >>= 4)
		text[i] = "0123456789abcdef"[n & 15];
}

void
id_format(char text[ID_SIZE], uint32_t prefix, uint32_t number)
{
	put_hex(text, prefix);
	text[DASH] = '-';
	put_hex(text + DASH + 1, number);
	text[ID_SIZE - 1] = '\0';
}

/* Up to `len` characters without the zeros in front, but not none. */
static char *
put(char *at, const char *digits, size_t len)
{
	while (len > 1 && *digits == '0') {
		digits++;
		len--;
	}
	memcpy(at, digits, len);
	return (at + len);
}

void
id_shorten(const char *id, char ret[ID_SHORT_SIZE])
{
	size_t len = strlen(id);
	char *at = ret;

	if (len != ID_SIZE - 1 || id[DASH] != '-') {
		if (len >= ID_SHORT_SIZE)
			id += len - (ID_SHORT_SIZE - 1);
		memcpy(ret, id, strlen(id) + 1);
		return;
	}
	if (memcmp(id + DASH - 2, "00", 2) != 0) {
		at = put(at, id + DASH - 2, 2);
		*at++ = '-';
	}
	*put(at, id + DASH + 1, 8) = '\0';
}
