/* SPDX-License-Identifier: MIT */
/*
 * model -- the toy world in which the chain is tested: units, inspectors and
 * peers, and what the harness remembers of them.
 *
 * The files of this folder are one translation unit, tests/flow/test_chain.c:
 *
 *	model.h		words and small tools (this file)
 *	inspectors.h	the toy inspectors, as any plugin would be written
 *	record.h	the host they see: writes down what the core accepted
 *	watch.h		the plugin the core sees: checks the core's side of
 *			the contract
 *	ops.h		stands where the tunnel and the events would be
 *	random.h	one random tunnel: two peers with scripts, a chain
 *	check.h		what must have come out
 *
 * All speak units: one byte kind, one byte size, so many bytes of body.
 * Nothing here looks into the chain: what a queue holds, how much a link
 * dropped and whether a flow is finished inside are known only by what can
 * be seen from a plugin, a peer or an op.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "flow/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES 4	/* at most three front links and the protocol link */
#define SEATS 8		/* inspectors that were opened in one tunnel */
#define PARTS 16	/* of a peer's script */

/* Some bytes of our own. */
struct bytes {
	uint8_t *mem;
	size_t len, cap;
};

static inline void
bytes_add(struct bytes *b, const void *from, size_t n)
{
	if (b->len + n > b->cap) {
		b->cap = (b->len + n) * 2 + 64;
		b->mem = realloc(b->mem, b->cap);
		assert_non_null(b->mem);
	}
	if (n != 0)
		memcpy(b->mem + b->len, from, n);
	b->len += n;
}

/* Forget the first n. */
static inline void
bytes_cut(struct bytes *b, size_t n)
{
	b->len -= n;
	if (b->len != 0)
		memmove(b->mem, b->mem + n, b->len);
}

static inline void
bytes_clear(struct bytes *b)
{
	free(b->mem);
	memset(b, 0, sizeof(*b));
}

static inline bool
bytes_begin(const struct bytes *whole, const struct bytes *part)
{
	return (part->len <= whole->len && (part->len == 0 ||
	    memcmp(whole->mem, part->mem, part->len) == 0));
}

static inline bool
bytes_equal(const struct bytes *a, const struct bytes *b)
{
	return (a->len == b->len && bytes_begin(a, b));
}

/* What the proxy itself writes in the toy protocol. */
#define WORD_NEW "d\3new"	/* instead of an `r` unit */
#define WORD_KEEPALIVE "k\4ping"
#define WORD_CLOSE "c\4last"
#define WORD_LEN(word) (sizeof(word) - 1)

/* How many bytes the first unit of some has; the last one may be short. */
static inline size_t
unit_size(const uint8_t *bytes, size_t len)
{
	size_t size = 2u + (len > 1 ? bytes[1] : 0u);

	return (size < len ? size : len);
}

static inline bool
unit_is(const uint8_t *unit, size_t size, const char *word, size_t len)
{
	return (size == len && memcmp(unit, word, len) == 0);
}

/* What an inspector of the toy world is told by its configuration. */
struct taste {
	size_t least;		/* decides on so many bytes at a time */
	bool asks;		/* ... and asks for them */
	size_t budget;		/* refuses after so many */
	struct bytes *log;	/* [2]: the headers of all frames */
};

/* A plugin in one tunnel and one place.  taste is first: it is all that the
 * inspector sees of its instance. */
struct cast {
	struct taste taste;
	struct tunnel *tunnel;
	const struct frl_plugin *inner;	/* the inspector */
	struct frl_plugin outer;	/* what the core sees */
	struct plugin plugin;
	size_t place;
};

/* An inspector that was opened. */
struct seat {
	struct frl_link *link;
	struct cast *cast;
	bool closed, said;	/* close() came; farewell() came */
	bool told[2], own[2];	/* of the end; ended the flow itself */
};

/* A verb that the core accepted. */
enum verb { PASS, DROP, INSERT, END };

struct deed {
	enum verb verb;
	uint64_t n;		/* bytes */
	size_t at;		/* INSERT: where they begin in track.words */
};

/* All that can be known of one place's view of one flow. */
struct track {
	struct deed *deeds;
	size_t count, cap;
	struct bytes words;		/* inserted */
	struct bytes shown, mask;	/* input bytes that were ever shown */
	uint64_t credit;		/* passed and dropped; FRL_ALL stays */
	uint64_t let;			/* passed and inserted */
	uint64_t edge;			/* this inspector was shown so far */
	size_t asked;			/* need() */
	bool called;			/* last_*: the last call of data() */
	uint64_t last_at;
	size_t last_len;
	bool paused, waiting, refused, over, told;
	bool cut;			/* a refusal ended FRL_ALL ... */
	uint64_t cut_at;		/* ... when so much had moved */
	bool known;			/* end() told how long the input is */
	uint64_t input;
	uint64_t moved;			/* at the last close */
};

/* A question that waits. */
struct token {
	struct link *link;
	const struct frl_event *event;
	struct track *track;
	uint32_t record[2];		/* copy */
	enum frl_flow flow;
};

/* A part of a peer's script: sent when so many bytes came out at the
 * server's side. */
struct part {
	size_t gate;
	struct bytes bytes;
};

struct peer {
	struct part script[PARTS];
	size_t first, count;		/* parts that are left */
	size_t left;			/* it dies after so many bytes */
	struct bytes pending, sent;
	bool over;
};

struct exit {
	struct bytes sent;
	int ends;
};

struct tunnel {
	uint64_t seed, random;
	struct chain *chain;
	struct chain_options options;
	struct frl_tunnel tunnel;
	struct frl_host real;		/* the verbs behind our wrappers */
	struct cast cast[PLACES], heirs[2];
	struct track tracks[PLACES][2];
	struct seat seats[SEATS];
	size_t places, opened;
	struct exit exits[2];
	struct peer peers[2];
	struct bytes log[2];
	struct token tokens[2 * PLACES];
	size_t waiting;
	struct link *timers[PLACES + 2];
	size_t armed;
	int depth, refusals, switches;
	unsigned calls;
	bool fresh, stalled, must_refuse, killed, ending;
	uint64_t pending[2];		/* shown to the heir */
	size_t answered;		/* keepalives */
	bool frames;			/* the script leads there */
	int wishes[2];			/* turns at which to refuse, or -1 */
	bool drains[2];
	int kill;			/* turn at which all is closed */
};

/* A property.  The text begins with its name. */
#define claim(t, holds, ...) do { \
	if (!(holds)) \
		broken((t), __FILE__, __LINE__, __VA_ARGS__); \
} while (0)

__attribute__((format(printf, 4, 5))) static void
broken(const struct tunnel *t, const char *file, int line,
    const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fail_msg("%s:%d: %s\n  (again: FRL_SEED=%llu FRL_TUNNELS=1)", file,
	    line, text, (unsigned long long)t->seed);
}

/* splitmix64: good enough with seeds that are neighbours. */
static inline uint64_t
random_next(struct tunnel *t)
{
	uint64_t z = (t->random += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31));
}

/* 0 to n - 1. */
static inline size_t
random_below(struct tunnel *t, size_t n)
{
	return ((size_t)(random_next(t) % n));
}

static inline bool
random_percent(struct tunnel *t, size_t n)
{
	return (random_below(t, 100) < n);
}

#endif
