/* SPDX-License-Identifier: MIT
 *
 * Making a child. Master.
 */
#ifndef WEIR_MASTER_SPAWN_H
#define WEIR_MASTER_SPAWN_H

#include "master/procs.h"

/* Forks the holder of a post. 0, or -1 with the reason in err. */
int spawn(const struct generation *g, const struct role *r, uint32_t index,
	  char err[SHM_ERROR_BYTES]);

#endif
