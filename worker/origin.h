/* SPDX-License-Identifier: MIT
 *
 * Connections to servers. An origin belongs to one txn, or it is idle (idle.h), never
 * both.
 */
#ifndef WEIR_WORKER_ORIGIN_H
#define WEIR_WORKER_ORIGIN_H

#include "worker/session.h"

struct origin {
	struct net_conn conn;
	struct rt_server *srv;
	struct txn *txn;      /* NULL: idle */
	struct list node;     /* idle: in srv->idle, srv->fresh or the client's `own` */
	struct list age_node; /* idle: in self.idle_origins */
	uint64_t idle_since_ms;
	uint64_t idle_look;    /* net_loop_looks() then */
	uint32_t requests_n;   /* served so far */
	uint32_t slot;	       /* ticket of strict_maxconn; 0: the txn has it */
	uint32_t kept;	       /* idle: ticket of pool_max_conn; 0: not counted */
	union session_addr to; /* of a server that is where each client wants to go */
	bool is_connected;
	bool is_shared;	 /* idle: for everybody, counted in srv->idle_n */
	bool is_private; /* it has authenticated its client: for nobody else, ever */
};

/* A new connection under way; NULL with errno. `client`: for servers without a port. */
struct origin *origin_connect(struct rt_server *srv, const struct session *client);
/* Whether a server has no address or no port of its own: requests go where the client
 * wanted to, and a connection is for those that want the same. */
bool origin_follows(const struct rt_server *srv);
/* Whether o leads to where t wants to go. */
bool origin_suits(const struct origin *o, const struct session *client);
/* Idle or not. */
void origin_close(struct origin *o);

#endif
