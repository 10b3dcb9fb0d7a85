/* SPDX-License-Identifier: MIT
 *
 * Waiting for a server: requests of this worker whose servers are full. Their tickets lie
 * in the region (shm/queue.h) and are granted by whichever process gives a slot up; the
 * wake-up that follows is a hint, every 10 ms those who wait look for themselves.
 */
#ifndef WEIR_WORKER_QUEUE_H
#define WEIR_WORKER_QUEUE_H

#include "worker/session.h"

void queue_init(void);
/* Finds the queues and limits of a backend; again whenever its version changes. */
void queue_refresh(struct rt_backend *be);

/* Whether a newcomer would have to wait for srv. */
bool queue_is_full(const struct rt_server *srv);
/* A slot of srv for t (NULL: of whichever server is free first), now or later:
 * dispatch_granted() is called in either case, unless t ends first. at_server: if it must
 * wait, then for srv alone. */
void queue_enter(struct txn *t, struct rt_server *srv, bool at_server);
/* t waits no more, and gives back what it was granted. Before the server of t is let go.
 */
void queue_leave(struct txn *t);
/* timeout queue. */
void queue_timeout(struct txn *t);
/* An idle connection to srv, one of at most `most` over all workers. */
bool queue_keep(struct rt_server *srv, uint32_t most, uint32_t *ticket);
/* The slot of a connection that was closed. */
void queue_give(struct rt_server *srv, uint32_t *ticket);
/* Somebody waits for a slot of srv. */
bool queue_has_waiters(const struct rt_server *srv);
/* A connection with a slot is idle from now on: others may ask for it. */
void queue_idle(void);
/* Gives the ticket of queue_keep() back. */
void queue_drop(struct rt_backend *be, uint32_t *ticket);
/* Somebody woke us: looks whether it was for those who wait. */
void queue_look(void);

#endif
