/* SPDX-License-Identifier: MIT */
/*
 * herald -- what the supervisor itself has to say in the logs: proxy.start,
 * proxy.reload, proxy.worker, proxy.stop, and what plugins did to workers
 * (plugin.error, plugin.slow, plugin.quarantined).
 *
 * It goes to the logs of the configuration in force.
 */
#ifndef APP_HERALD_H
#define APP_HERALD_H

#include "app/plan.h"
#include "net/loop.h"
#include "net/outbox.h"

#include <sys/types.h>

struct blame;
struct herald;

/* For the logs of this plan (borrow).  logger: borrow.  NULL without memory or
 * descriptors; then nothing is said. */
struct herald *herald_create(struct loop *loop, const struct plan *plan,
    uint32_t generation, struct outbox *logger);

/* What was said is in the spools.  NULL is fine. */
void herald_free(struct herald *herald);

/* Another logger has taken over. */
void herald_tell_logger(const struct herald *herald);

/* NULL is fine in all of these. */
void herald_start(struct herald *herald);
/* errors: why it was not taken over; NULL: it was. */
void herald_reload(struct herald *herald, const char *errors);
/* prefix: of its tunnels' ids; reason: of its end, NULL: it serves. */
void herald_worker(struct herald *herald, pid_t pid, uint32_t generation,
    uint32_t prefix, const char *reason);
void herald_plugin(struct herald *herald, const struct blame *blame);
void herald_stop(struct herald *herald, const char *reason);

#endif
