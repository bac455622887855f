/* SPDX-License-Identifier: MIT */
/*
 * acts -- an input as the acts of a tunnel: who says what, in which order.
 *
 * The byte 0xfe and a letter begin an act; the bytes up to the next act belong
 * to it.  What stands before the first act is said by the client.
 *
 *	c, s	client, server: these bytes
 *	C, S	the same, and then its end
 *	t	the timer fires
 *	y, n	what waits for a hook's verdict is allowed, refused
 *	w, r	the next event that asks will wait, is refused
 *	q	the core ends the tunnel; these bytes say why
 *	v	from here on nobody wants lines
 *
 * Settings, in force from the begin wherever they stand:
 *
 *	o	options of the plugin, as in the configuration (YAML)
 *	k	how bytes are cut: one byte, a number
 *	f, a	mode forward; a parent proxy is asked
 *	u, U	`upgrade` names "*"; what it names does not open
 *	h	opened by a handoff; x, p too: the server's extensions and
 *		subprotocol
 */
#ifndef FUZZ_ACTS_H
#define FUZZ_ACTS_H

#include "fuzz.h"

#define ACTS_MAX 64
#define ACTS_MARK 0xfe

struct act {
	char what;
	struct frl_bytes bytes;
};

struct acts {
	struct act list[ACTS_MAX];
	size_t count;
};

/* bytes: borrow for the acts' life. */
void acts_read(struct acts *acts, const uint8_t *bytes, size_t len);

/* The first act of that letter, or NULL. */
const struct act *acts_find(const struct acts *acts, char what);

/* The bytes of a setting; none: empty. */
struct frl_bytes acts_bytes(const struct acts *acts, char what);

/*
 * What the act `o` says, read with the plugin's own table; defaults where it
 * is wrong or absent.  NULL: there is a required option.  give: free with
 * acts_options_free().
 */
void *acts_options(const struct acts *acts, const struct frl_plugin *plugin);
void acts_options_free(const struct frl_plugin *plugin, void *options);

/*
 * The length of the next piece.  `k` chooses: 0 all at once, 1 byte by byte,
 * others at random.
 */
size_t acts_cut(struct dice *dice, uint8_t k, size_t left);

/*
 * From where on an act is said in one piece.  `http` looks at a head again
 * when a line came: of a last line that is not whole it learns as much as
 * the last piece tells.
 */
size_t acts_whole(const struct frl_plugin *first, const struct act *act);

#endif
