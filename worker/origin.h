/* SPDX-License-Identifier: MIT
 *
 * Connections to servers: new ones, and the pool of idle ones this worker keeps per
 * server. An origin belongs to one txn or to a pool, never to both.
 */
#ifndef WEIR_WORKER_ORIGIN_H
#define WEIR_WORKER_ORIGIN_H

#include "worker/session.h"

struct origin {
	struct net_conn conn;
	struct rt_server *srv;
	struct txn *txn;      /* NULL: idle */
	struct list node;     /* idle: in srv->idle or srv->fresh */
	struct list age_node; /* idle: in self.idle_origins */
	uint64_t idle_since_ms;
	uint32_t requests_n; /* served so far */
	bool is_connected;
};

/* An idle connection that may carry a request of this kind, or NULL. A request that is
 * not replayable only goes where the design allows (http-reuse safe): not as the first
 * one of its client connection, unless the connection has proven itself. */
struct origin *origin_reuse(struct rt_server *srv, bool is_replayable, bool is_first);
/* A new connection under way; NULL with errno. `client`: for servers without a port. */
struct origin *origin_connect(struct rt_server *srv, const struct session *client);
/* Into the pool, if nothing speaks against it, else closed. */
void origin_release(struct origin *o);
void origin_close(struct origin *o);
/* Closes idle connections that are too old; all of them with everything = true. */
void origin_sweep(bool everything);

#endif
