/* SPDX-License-Identifier: MIT
 *
 * Memory that all processes of a generation share and the region does not know: made by
 * the master, inherited by its children, gone with the generation. Address space; what
 * is touched becomes memory. Writers take turns under a robust lock that lies in it.
 */
#ifndef WEIR_SHM_SHARED_H
#define WEIR_SHM_SHARED_H

#include <stdatomic.h>

#include "shm/region.h"

/* Zeroed; NULL: there is no room for so much. Master. */
void *shm_shared_new(uint64_t bytes);
void shm_shared_free(void **p, uint64_t bytes);

/* Tries for patience_ms; false: others are at it all the time, or one of them does not
 * run. An owner that died is succeeded; what it left is the caller's to know. */
bool shm_shared_lock(struct shm *s, _Atomic uint32_t *word, unsigned patience_ms);
void shm_shared_unlock(struct shm *s, _Atomic uint32_t *word);

#endif
