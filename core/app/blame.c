/* SPDX-License-Identifier: MIT */
#include "app/blame.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static void
copy_text(char *to, size_t size, const char *from, size_t from_size)
{
	size_t n = strnlen(from, from_size), i;

	n = n < size ? n : size - 1;
	for (i = 0; i < n; i++)
		to[i] = from[i] > ' ' && from[i] < 0x7f ? from[i] : '?';
	to[n] = '\0';
}

static void
name_of(const struct crumbs *page, unsigned plugin, char *name)
{
	name[0] = '\0';
	if (plugin != 0 && plugin <= CRUMBS_PLUGINS)
		copy_text(name, CRUMBS_NAME_SIZE,
		    page->plugins[plugin - 1].name, CRUMBS_NAME_SIZE);
	if (plugin != 0 && name[0] == '\0')
		(void)snprintf(name, CRUMBS_NAME_SIZE, "plugin %u", plugin);
}

static void
tunnel_of(const struct crumbs *page, uint64_t word, char text[ID_SIZE])
{
	uint32_t number = (uint32_t)word;

	text[0] = '\0';
	if (number != 0)
		id_format(text, page->prefix, number - 1);
}

static void
take_word(struct blame *b, const struct crumbs *page, uint64_t word)
{
	b->plugin = crumbs_plugin(word);
	name_of(page, b->plugin, b->name);
	b->callback = word == 0 ? NULL : crumbs_callback_name(word);
	tunnel_of(page, word, b->tunnel);
}

bool
blame_now(struct blame *ret, const struct crumbs *page)
{
	memset(ret, 0, sizeof(*ret));
	take_word(ret, page, atomic_load(&page->now));
	return (ret->plugin != 0);
}

/* Whose code is it?  0: nobody's. */
static unsigned
owner_of(const struct crumbs *page, uint64_t pc)
{
	unsigned i;

	for (i = 0; i < CRUMBS_PLUGINS; i++)
		if (pc >= page->plugins[i].from && pc < page->plugins[i].to)
			return (i + 1);
	return (0);
}

static bool
was_named(const uint64_t *words, unsigned n, uint64_t word)
{
	while (n-- > 0)
		if (words[n] == word)
			return (true);
	return (false);
}

/* "websocket data 6ddca56e-00000000, ...": the newest first, each once. */
static void
list_suspects(struct blame *b, const struct crumbs *page)
{
	uint64_t count = atomic_load(&page->count), words[CRUMBS_KEPT];
	char name[CRUMBS_NAME_SIZE], tunnel[ID_SIZE];
	unsigned i, n = 0;
	size_t at = 0;

	for (i = 1; i <= CRUMBS_KEPT && i <= count; i++) {
		uint64_t word = atomic_load(
		    &page->ring[(count - i) % CRUMBS_KEPT]);

		if (crumbs_plugin(word) == 0 || was_named(words, n, word) ||
		    at >= sizeof(b->suspects))
			continue;
		words[n++] = word;
		name_of(page, crumbs_plugin(word), name);
		tunnel_of(page, word, tunnel);
		at += (size_t)snprintf(b->suspects + at,
		    sizeof(b->suspects) - at, "%s%s %s%s%s",
		    at == 0 ? "" : ", ", name, crumbs_callback_name(word),
		    tunnel[0] == '\0' ? "" : " ", tunnel);
	}
}

/* Signals by which a program ends through its own fault. */
static bool
is_fault(int signo)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
		SIGABRT, SIGSYS, SIGTRAP, SIGXCPU, SIGXFSZ };
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i] == signo)
			return (true);
	return (false);
}

static void
name_signal(struct blame *b, int signo)
{
	const char *name = sigabbrev_np(signo);

	(void)snprintf(b->signal, sizeof(b->signal), "SIG%s",
	    name == NULL ? "?" : name);
	(void)snprintf(b->detail, sizeof(b->detail),
	    "it was ended by signal %d (%s)", signo, strsignal(signo));
}

/* The program counter knows better than the last crumb. */
static void
heed_pc(struct blame *b, const struct crumbs *page)
{
	unsigned owner = owner_of(page, page->pc);

	if (owner == 0 || owner == b->plugin)
		return;
	b->plugin = owner;
	name_of(page, owner, b->name);
	b->callback = NULL;	/* a thread, a handler, a neighbour's code */
}

static bool
blame_crash(struct blame *b, const struct crumbs *page, int signo)
{
	bool noted = page->signo == signo;

	if (!is_fault(signo) || (noted && page->sender != 0))
		return (false);
	name_signal(b, signo);
	if (noted)
		heed_pc(b, page);
	if (b->plugin != 0)
		return (true);
	b->callback = NULL;
	list_suspects(b, page);
	return (b->suspects[0] != '\0');
}

bool
blame_end(struct blame *ret, const struct crumbs *page, int status,
    bool hung)
{
	(void)blame_now(ret, page);
	copy_text(ret->target, sizeof(ret->target), page->target,
	    sizeof(page->target));
	if (hung && ret->plugin != 0) {
		(void)snprintf(ret->detail, sizeof(ret->detail),
		    "it did not return for two seconds");
		return (true);
	}
	if (WIFSIGNALED(status))
		return (blame_crash(ret, page, WTERMSIG(status)));
	(void)snprintf(ret->detail, sizeof(ret->detail),
	    "it ended the program with exit status %d", WEXITSTATUS(status));
	return (ret->plugin != 0);
}
