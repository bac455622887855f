/* SPDX-License-Identifier: MIT */
/*
 * teller -- what a worker tells the admin process: its counters, by a board in
 * shared memory, and on inquiry its tunnels.
 *
 * What always holds: a list of however many tunnels takes a few of them per
 * turn of the loop, and no more than the other end reads.
 */
#ifndef APP_TELLER_H
#define APP_TELLER_H

struct server;
struct teller;

/* NULL without memory. */
struct teller *teller_create(struct server *server);

/* There is an admin process, perhaps a new one: a channel to it and our board
 * (fds: take). */
void teller_meet(struct teller *teller, int channel, int board);

/* While the server is still there.  NULL is fine. */
void teller_free(struct teller *teller);

#endif
