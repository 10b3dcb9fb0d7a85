/* SPDX-License-Identifier: MIT
 *
 * Entry of the checker process: all health checks of all workers.
 */
#ifndef WEIR_CHECKER_CHECKER_H
#define WEIR_CHECKER_CHECKER_H

#include "config/cfg.h"
#include "lib/net/inherit.h"
#include "shm/cells.h"
#include "shm/region.h"

struct checker_inherit {
	const struct cfg *cfg;
	struct shm *shm;
	struct net_inherit net;
	struct shm_cell *cells; /* variables of the scope proc */
};

/* Called in the child after privileges are dropped and shm_child_enter(); reports
 * ready in its slot, runs until told to stop, returns the exit status. */
int checker_main(const struct checker_inherit *in);
/* Called before privileges are dropped: what needs them (log sockets). */
void checker_prepare(const struct checker_inherit *in);

#endif
