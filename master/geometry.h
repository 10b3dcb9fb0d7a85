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
/* Of a server that joins. */
int geometry_server(const struct cfg_server *s, struct shm_facts *out,
		    char err[SHM_ERROR_BYTES]);
/* Whether it has a limit that is counted by tickets, or may get one; what memory those of
 * its backend take. */
bool geometry_needs_queue(const struct cfg_server *s);
uint64_t geometry_queue_bytes(const struct cfg *cfg);

#endif
