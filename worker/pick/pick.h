/* SPDX-License-Identifier: MIT
 *
 * Choosing a server (`balance`). What must be exact over all workers is shared: the
 * cursor of a backend, the numbers of connections, latencies.
 */
#ifndef WEIR_WORKER_PICK_PICK_H
#define WEIR_WORKER_PICK_PICK_H

#include "worker/session.h"

/* A server of t->be that serves, not t->avoid unless it is the only one; NULL: there is
 * none, or all are full. */
struct rt_server *pick_server(struct txn *t);

void pick_note_latency(const struct txn *t, bool has_failed);
/* The server of t has answered (mode tcp: is connected), or has not. */
static inline void
pick_note(const struct txn *t, bool has_failed)
{
	if (t->be->cfg->balance.algorithm == BALANCE_PEAK_EWMA)
		pick_note_latency(t, has_failed);
}

/* key.c: what `balance` hashes. */
void pick_key_run(struct txn *t, struct http_head *h);
/* Remembers the hash of what the request (NULL: the first bytes of a connection) has. */
static inline void
pick_key(struct txn *t, struct http_head *h)
{
	if (balance_is_hash(t->be->cfg->balance.algorithm))
		pick_key_run(t, h);
}
/* Whether the key may be in the body. */
bool pick_wants_body(const struct txn *t);
/* Looks for it in self.body, which is as whole as it will be. */
void pick_body(struct txn *t);

#endif
