/* SPDX-License-Identifier: MIT */
/*
 * target -- the one canonical destination of a tunnel.
 *
 * Policy, resolver, dialler and log see the same object: a host that was
 * lowered, stripped of one trailing dot and checked letter by letter, or an
 * address in the one text form that inet_ntop(3) gives.  What is not plainly
 * valid is no target.
 */
#ifndef BASE_TARGET_H
#define BASE_TARGET_H

#include <stddef.h>
#include <stdint.h>

#define TARGET_HOST_MAX 253

enum target_kind { TARGET_NAME, TARGET_IPV4, TARGET_IPV6 };

struct target {
	char host[TARGET_HOST_MAX + 1];	/* IPv6 without brackets */
	uint16_t port;			/* never 0 */
	enum target_kind kind;
	uint8_t address[16];		/* network order: 4 or 16 bytes; zero
					 * for a name */
};

/*
 * Parse "host:port", "1.2.3.4:port" or "[v6]:port" (RFC 9112, 3.2.3): no
 * user, path, space, sign, zone, percent escape or byte above 0x7e; the port
 * is 1-65535 in digits without leading zero.  Host names: labels of 1-63
 * letters, digits, '-' and '_', no '-' at either end; a last label that is a
 * number or looks like one ("1.2.3", "0x7f.1") is refused unless the whole is
 * a strict dotted quad.
 *
 * 0, or -1 with *ret_why set to a static sentence.
 */
int target_parse(struct target *t, const char *text, size_t len,
    const char **ret_why);

/* Write "host:port" with brackets where needed; size at least
 * TARGET_TEXT_SIZE. */
#define TARGET_TEXT_SIZE (TARGET_HOST_MAX + 9)
void target_format(const struct target *t, char *text, size_t size);

#endif
