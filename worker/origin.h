/* SPDX-License-Identifier: MIT
 *
 * Connections to servers. An origin belongs to one txn, or it is idle (idle.h), never
 * both.
 */
#ifndef WEIR_WORKER_ORIGIN_H
#define WEIR_WORKER_ORIGIN_H

#include "shm/address.h"
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
	uint32_t address_mark; /* the server was at another address if it has changed */
	uint32_t slot;	       /* ticket of strict_maxconn; 0: the txn has it */
	uint32_t kept;	       /* idle: ticket of pool_max_conn; 0: not counted */
	union session_addr to; /* of a server that is where each client wants to go */
	struct buf *header; /* of the PROXY protocol, that it begins with; NULL: none */
	uint32_t header_sent;
	bool is_connected;
	bool owes_header; /* not all of it is sent */
	bool is_shared;	  /* idle: for everybody, counted in srv->idle_n */
	bool is_private;  /* it has authenticated its client: for nobody else, ever */
};

/* A new connection for t under way; NULL with errno. */
struct origin *origin_connect(struct rt_server *srv, struct txn *t);
/* Whether it leads to where its server is. */
static inline bool
origin_is_current(const struct origin *o)
{
	return o->address_mark == shm_address_mark(&o->srv->shm);
}
/* Whether a connection to srv is not as good for one as for the other: it leads where the
 * client wanted to go, or it began by saying who that is. */
static inline bool
origin_is_personal(const struct cfg_server *c)
{
	return c->send_to_client_addr || c->send_to_client_port || c->send_proxy.version;
}
/* Whether o is what a new connection for t would be. */
bool origin_suits(const struct origin *o, struct txn *t);
/* What of its header has not been sent, goes before everything else. is_alone: nothing
 * follows at once. DONE: all of it is with the kernel. */
enum net_io origin_introduce(struct origin *o, bool is_alone);
/* Idle or not. */
void origin_close(struct origin *o);

#endif
