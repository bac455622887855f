/* SPDX-License-Identifier: MIT */
#include "app/crash.h"

#include "app/config.h"
#include "flow/plugin_span.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK_SIZE ((size_t)64 * 1024)

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT,
	SIGSYS, SIGTRAP };

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static uint64_t
pc_of(const void *context)
{
	const ucontext_t *at = context;

#if defined(__x86_64__)
	return ((uint64_t)at->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
	return ((uint64_t)at->uc_mcontext.pc);
#else
	(void)at;
	return (0);
#endif
}

static size_t
put(char *to, size_t at, const char *text)
{
	while (*text != '\0' && at < CRUMBS_TARGET_SIZE - 1)
		to[at++] = *text++;
	to[at] = '\0';
	return (at);
}

/* By hand: nothing else is safe in a signal's handler. */
static void
note_target(struct crumbs *page)
{
	char digits[8];
	size_t i = sizeof(digits) - 1, at;
	unsigned port;

	if (page->tunnel == NULL)
		return;
	port = page->tunnel->server_port;
	at = put(page->target, 0, page->tunnel->server_name);
	digits[i] = '\0';
	do
		digits[--i] = (char)('0' + port % 10);
	while ((port /= 10) != 0);
	digits[--i] = ':';
	(void)put(page->target, at, digits + i);
}

/*
 * The signal comes again when this returns, and then ends the process.  The
 * tunnel is read last: what it points at may be what was destroyed.
 */
static void
crashed(int signo, siginfo_t *info, void *context)
{
	struct crumbs *page = crumbs_page;

	page->pc = pc_of(context);
	page->sender = info->si_code <= 0 && info->si_pid != getpid() ?
	    info->si_pid : 0;
	page->signo = signo;
	note_target(page);
	(void)raise(signo);
}

/* exit() inside a callback; after crash_forget() there is no tunnel. */
static void
exiting(void)
{
	note_target(crumbs_page);
}

static void
name_plugins(struct crumbs *page, const struct config *config)
{
	size_t i;

	for (i = 0; i < config->plugin_count && i < CRUMBS_PLUGINS; i++) {
		(void)snprintf(page->plugins[i].name, CRUMBS_NAME_SIZE, "%s",
		    config->plugins[i]->name);
		plugin_span(config->plugins[i], &page->plugins[i].from,
		    &page->plugins[i].to);
	}
}

int
crash_watch(struct crumbs *page, const struct config *config)
{
	/* A stack that overflows has no room for a handler. */
	stack_t stack = { .ss_size = STACK_SIZE };
	struct sigaction action;
	size_t i;

	name_plugins(page, config);
	crumbs_share(page);
	stack.ss_sp = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) != 0)
		return (-1);
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = crashed;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND;
	for (i = 0; i < SIGNALS; i++)
		if (sigaction(signals[i], &action, NULL) != 0)
			return (-1);
	return (atexit(exiting) == 0 ? 0 : -1);
}

void
crash_forget(void)
{
	crumbs_share(NULL);
}
