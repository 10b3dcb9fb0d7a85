/* SPDX-License-Identifier: MIT
 *
 * The servers of a backend that get requests, and their shares: private to the worker,
 * but a pure function of shared words, hence the same in all of them. Looked at again
 * whenever the shared version of the backend has changed.
 */
#ifndef WEIR_WORKER_PICK_FARM_H
#define WEIR_WORKER_PICK_FARM_H

#include "shm/health.h"
#include "worker/self.h"

void farm_init(struct rt_backend *be);
/* Before any look at be->table and be->farm. */
void farm_refresh(struct rt_backend *be);
/* Servers that get requests now. */
uint32_t farm_usable_n(struct rt_backend *be);
/* The state of srv, whoever else serves. */
struct shm_effective farm_state(const struct rt_server *srv);
/* Where srv is now. */
struct addr farm_address(const struct rt_server *srv);
/* Whether a request that is bound to srv may go there: it is up, drained or not; or
 * persistence is stronger than that (option persist, force_persist). */
bool farm_may_stick(const struct rt_server *srv, bool is_forced);
/* Whether srv could get new requests: a backup, too, while it is not its turn. */
bool farm_is_usable(const struct rt_server *srv);
/* The share of srv among those that serve; 0: it does not, or has left. */
static inline uint32_t
farm_share(const struct rt_server *srv)
{
	const struct rt_backend *be = srv->be;
	return srv->index < be->servers_n ? be->farm[srv->index].share : 0;
}

#endif
