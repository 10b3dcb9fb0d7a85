/* SPDX-License-Identifier: MIT
 *
 * One configuration with what its processes inherit. Master.
 */
#ifndef WEIR_MASTER_GENERATION_H
#define WEIR_MASTER_GENERATION_H

#include "master/self.h"

/* Takes the configuration over: it is freed with the generation. */
struct generation *generation_new(uint64_t number, struct cfg *cfg);
/* Opens its sockets, or takes those of the current generation. On failure -1 with one
 * line; then, and whenever it does not become the current one, generation_abandon(). */
int generation_open(struct generation *g, char err[SHM_ERROR_BYTES]);
/* It will not be: closes what was opened for it. */
void generation_abandon(struct generation **g);
/* Its processes have their own copies: frees ours. */
void generation_free(struct generation **g);

#endif
