/* SPDX-License-Identifier: MIT
 *
 * What of a configuration has a place in the shared region.
 */
#ifndef WEIR_MASTER_GEOMETRY_H
#define WEIR_MASTER_GEOMETRY_H

#include "config/cfg.h"
#include "shm/region.h"

/* The objects lie in the configuration's arena. 0, or -1 with one line in err. */
int geometry_of(const struct cfg *cfg, struct shm_geometry *out,
		char err[SHM_ERROR_BYTES]);

#endif
