/* SPDX-License-Identifier: MIT
 *
 * Entry of the worker process: an event loop that carries traffic.
 */
#ifndef WEIR_WORKER_WORKER_H
#define WEIR_WORKER_WORKER_H

#include "config/cfg.h"
#include "lib/net/inherit.h"
#include "shm/cells.h"
#include "shm/region.h"

struct worker_inherit {
	const struct cfg *cfg;
	struct shm *shm;
	struct net_inherit net;
	struct shm_cell *cells; /* variables of the scope proc */
	uint32_t index;		/* worker number, 0..workers_n-1 */
	uint32_t workers_n;
};

/* Called in the child after privileges are dropped and shm_child_enter(); reports
 * ready in its slot, runs until drained or told to stop, returns the exit status. */
int worker_main(const struct worker_inherit *in);
/* Called before privileges are dropped: what needs them (1 MB pipes, log sockets). */
void worker_prepare(const struct worker_inherit *in);

#endif
