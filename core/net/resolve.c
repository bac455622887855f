/* SPDX-License-Identifier: MIT */
/*
 * resolve -- host names to addresses, over c-ares.
 *
 * Knows nothing of targets and of policy: it tells what the name servers say.
 *
 *	query, query ----> job ----> c-ares ----> ares_done (marks the job)
 *	  |                 ^                          |
 *	  | own deadline    +-- job_finish <-- 0 ms ---+
 *	  v                       |
 *	done(timeout)             +--> cache, done(answer) of each query
 *
 * What always holds:
 *  - c-ares is entered from the loop and from resolve_start() only, never
 *    from one of its own callbacks; these only mark and start a timer.
 *  - A job without queries goes on (c-ares cannot cancel one), fills the
 *    cache and goes away with its answer.
 *  - Every query is in exactly one job's list.
 */
#include <ares.h>
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "net/cache.h"
#include "net/dns.h"
#include "net/hosts.h"
#include "net/refusal.h"
#include "net/resolve.h"

#define REPLY_MAX (16 * 1024)		/* a thousand addresses */

struct query {
	struct job *job;
	TAILQ_ENTRY(query) link;
	struct timer deadline;
	void (*done)(void *arg, const struct answer *answer);
	void *arg;
};

struct job {
	struct resolver *resolver;
	LIST_ENTRY(job) link;
	TAILQ_HEAD(, query) queries;
	struct timer finish;
	struct cache_key key;		/* its name is ours */
	uint64_t started_us;
	uint64_t keep_ms;		/* 0: not to be cached */
	struct answer answer;
	char name[CACHE_NAME_SIZE];
};

struct resolver {
	struct loop *loop;
	struct dns dns;
	LIST_HEAD(, job) jobs;
	struct cache *cache;
	struct hosts *hosts;		/* or NULL */
	bool closing;
	uint64_t timeout_ms, ttl_min_ms, ttl_max_ms;
	struct quota *pending;		/* jobs that name servers answer */
};

/* ------------------------------------------------------------------ */
/* Jobs									*/

static void
answer_fail(struct answer *answer, enum why why, const char *text)
{
	answer->count = 0;
	answer->why = why;
	answer->text = text;
}

static void
answer_add(struct answer *answer, const uint8_t *bytes, size_t len)
{
	if (answer->count < RESOLVE_MAX)
		addr_from_bytes(&answer->addrs[answer->count++], bytes, len,
		    0);
}

/* All queries hear the answer; then the job is gone. */
static void
job_finish(void *arg)
{
	struct job *job = arg;
	struct resolver *resolver = job->resolver;
	struct query *query;

	LIST_REMOVE(job, link);
	if (job->keep_ms != 0)
		cache_put(resolver->cache, &job->key, &job->answer,
		    loop_now_us(resolver->loop) + job->keep_ms * 1000);

	/* Each of them may cancel others, start new ones, and the last one
	 * may free the resolver. */
	while ((query = TAILQ_FIRST(&job->queries)) != NULL) {
		TAILQ_REMOVE(&job->queries, query, link);
		timer_stop(&query->deadline);
		query->done(query->arg, &job->answer);
		free(query);
	}
	free(job);
}

static void
job_answered(struct job *job)
{
	timer_start(job->resolver->loop, &job->finish, 0, job_finish, job);
}

/*
 * The addresses of an answer, and the shortest of the lives of all that led
 * to them.  c-ares takes time by the square of an answer's length.
 */
static int
job_collect(struct job *job, const unsigned char *reply, int len)
{
	struct ares_addrttl four[RESOLVE_MAX];
	struct ares_addr6ttl six[RESOLVE_MAX];
	bool v6 = job->key.family == AF_INET6;
	int i, status, ttl, least = INT_MAX, count = RESOLVE_MAX;

	if (len > REPLY_MAX)
		return (REPLY_TOO_LONG);
	status = v6 ? ares_parse_aaaa_reply(reply, len, NULL, six, &count) :
	    ares_parse_a_reply(reply, len, NULL, four, &count);
	if (status != ARES_SUCCESS)
		return (status);
	for (i = 0; i < count; i++) {
		answer_add(&job->answer, v6 ? six[i].ip6addr._S6_un._S6_u8 :
		    (const uint8_t *)&four[i].ipaddr, v6 ? 16 : 4);
		ttl = v6 ? six[i].ttl : four[i].ttl;
		if (ttl < least)
			least = ttl;
	}
	/* A negative one is above 2^31 - 1, which is none (RFC 2181, 8). */
	job->keep_ms = least < 0 ? 0 : (uint64_t)least * 1000;
	return (job->answer.count == 0 ? ARES_ENODATA : ARES_SUCCESS);
}

static void
ares_done(void *arg, int status, int timeouts, unsigned char *reply, int len)
{
	struct job *job = arg;
	struct resolver *resolver = job->resolver;

	(void)timeouts;
	quota_give(resolver->pending);
	if (resolver->closing)
		return;
	if (status == ARES_SUCCESS)
		status = job_collect(job, reply, len);
	if (status != ARES_SUCCESS)
		answer_fail(&job->answer, refusal_why(status),
		    refusal_text(status));

	/* That there is nothing is kept for the shortest time (c-ares does
	 * not tell the SOA's, RFC 2308); a failure not at all. */
	if (job->keep_ms < resolver->ttl_min_ms)
		job->keep_ms = resolver->ttl_min_ms;
	if (job->keep_ms > resolver->ttl_max_ms)
		job->keep_ms = resolver->ttl_max_ms;
	if (status != ARES_SUCCESS && status != ARES_ENODATA &&
	    status != ARES_ENOTFOUND)
		job->keep_ms = 0;
	job_answered(job);
}

/* Is it this name, or one under it? */
static bool
under(const char *name, const char *top)
{
	size_t n = strlen(name), k = strlen(top);

	return (n >= k && strcmp(name + n - k, top) == 0 &&
	    (n == k || name[n - k - 1] == '.'));
}

static void
answer_localhost(struct job *job)
{
	static const uint8_t four[4] = { 127, 0, 0, 1 };
	static const uint8_t six[16] = { [15] = 1 };
	bool v6 = job->key.family == AF_INET6;

	answer_add(&job->answer, v6 ? six : four, v6 ? 16 : 4);
}

/* Is the answer known here?  No name server is asked for names that say of
 * themselves where they lead to (RFC 6761, 6.3), or nobody (RFC 7686, 2). */
static bool
known(struct job *job)
{
	struct resolver *resolver = job->resolver;
	const struct answer *kept;

	if (under(job->name, "localhost"))
		answer_localhost(job);
	else if (under(job->name, "onion"))
		answer_fail(&job->answer, refusal_why(ARES_ENOTFOUND),
		    refusal_text(ARES_ENOTFOUND));
	else if (resolver->hosts != NULL && hosts_find(resolver->hosts,
	    job->name, job->key.family, job->answer.addrs, RESOLVE_MAX,
	    &job->answer.count)) {
		if (job->answer.count == 0)
			answer_fail(&job->answer, refusal_why(ARES_ENODATA),
			    refusal_text(ARES_ENODATA));
	} else if ((kept = cache_find(resolver->cache, &job->key,
	    job->started_us)) != NULL)
		job->answer = *kept;
	else
		return (false);
	return (true);
}

/* A job for this name; answered at once where nobody needs to be asked. */
static struct job *
job_start(struct resolver *resolver, const struct cache_key *key)
{
	struct job *job;

	if ((job = calloc(1, sizeof(*job))) == NULL)
		return (NULL);
	job->resolver = resolver;
	job->started_us = loop_now_us(resolver->loop);
	(void)snprintf(job->name, sizeof(job->name), "%s", key->name);
	job->key = *key;
	job->key.name = job->name;
	TAILQ_INIT(&job->queries);
	LIST_INSERT_HEAD(&resolver->jobs, job, link);
	if (known(job))
		job_answered(job);
	else if (!quota_take(resolver->pending)) {
		answer_fail(&job->answer, WHY_LIMIT, "too many name lookups");
		job_answered(job);
	} else {
		dns_ask(&resolver->dns, job->name, key->family, ares_done,
		    job);
	}
	return (job);
}

/*
 * An equal question that is already on its way.  Not one that has used up
 * half of its time: it may well give up before the new query should.
 */
static struct job *
job_find(struct resolver *resolver, const struct cache_key *key)
{
	uint64_t now = loop_now_us(resolver->loop);
	struct job *job;

	LIST_FOREACH(job, &resolver->jobs, link)
		if (job->key.hash == key->hash &&
		    job->key.family == key->family &&
		    strcmp(job->name, key->name) == 0 &&
		    now - job->started_us < resolver->timeout_ms * 500)
			return (job);
	return (NULL);
}

/* ------------------------------------------------------------------ */
/* Queries								*/

static void
query_unlink(struct query *query)
{
	timer_stop(&query->deadline);
	TAILQ_REMOVE(&query->job->queries, query, link);
}

static void
query_expired(void *arg)
{
	struct query *query = arg;
	struct answer answer;

	query_unlink(query);
	memset(&answer, 0, sizeof(answer));
	answer_fail(&answer, WHY_DNS_TIMEOUT, refusal_text(ARES_ETIMEOUT));
	query->done(query->arg, &answer);
	free(query);
}

struct query *
resolve_start(struct resolver *resolver, const char *name, int family,
    void (*done)(void *arg, const struct answer *answer), void *arg)
{
	struct cache_key key = cache_key(resolver->cache, name, family);
	struct query *query;
	struct job *job;

	assert(strlen(name) < CACHE_NAME_SIZE);	/* canonical: 253 */
	if ((query = calloc(1, sizeof(*query))) == NULL)
		return (NULL);
	if ((job = job_find(resolver, &key)) == NULL &&
	    (job = job_start(resolver, &key)) == NULL) {
		free(query);
		return (NULL);
	}
	query->job = job;
	query->done = done;
	query->arg = arg;
	TAILQ_INSERT_TAIL(&job->queries, query, link);
	timer_start(resolver->loop, &query->deadline, resolver->timeout_ms,
	    query_expired, query);
	return (query);
}

void
resolve_cancel(struct query *query)
{
	if (query != NULL) {
		query_unlink(query);
		free(query);
	}
}

/* ------------------------------------------------------------------ */
/* The resolver								*/

struct resolver *
resolver_create(struct loop *loop, const struct resolver_options *options,
    struct err *err)
{
	struct resolver *resolver;

	if ((resolver = calloc(1, sizeof(*resolver))) == NULL)
		goto err0;
	resolver->loop = loop;
	resolver->timeout_ms = options->timeout_ms;
	resolver->ttl_min_ms = options->ttl_min_ms;
	resolver->ttl_max_ms = options->ttl_max_ms;
	resolver->pending = options->queries;
	LIST_INIT(&resolver->jobs);
	if ((resolver->cache = cache_create(options->cache_entries)) == NULL)
		goto err1;
	if (options->hosts != NULL &&
	    (resolver->hosts = hosts_create(options->hosts)) == NULL)
		goto err2;
	if (dns_open(&resolver->dns, loop, options->timeout_ms,
	    options->servers, err) == 0)
		return (resolver);
	hosts_free(resolver->hosts);
	cache_free(resolver->cache);
	free(resolver);
	return (NULL);
err2:
	cache_free(resolver->cache);
err1:
	free(resolver);
err0:
	(void)err_set(err, "resolver: no memory");
	return (NULL);
}

void
resolver_free(struct resolver *resolver)
{
	struct job *job;

	if (resolver == NULL)
		return;
	resolver->closing = true;
	dns_close(&resolver->dns);
	while ((job = LIST_FIRST(&resolver->jobs)) != NULL) {
		assert(TAILQ_EMPTY(&job->queries));
		LIST_REMOVE(job, link);
		timer_stop(&job->finish);
		free(job);
	}
	hosts_free(resolver->hosts);
	cache_free(resolver->cache);
	free(resolver);
}
