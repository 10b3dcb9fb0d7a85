/* SPDX-License-Identifier: MIT
 *
 * The start: everything that may fail, in the order in which nothing is touched in vain.
 */
#ifndef WEIR_MASTER_START_H
#define WEIR_MASTER_START_H

#include "config/cfg.h"
#include "master/options.h"
#include "shm/region.h"

/* Fills `master`, up to the forked first generation. 0, or -1 with one line in err. The
 * configuration is taken over when master.current exists. */
int start(const struct options *o, struct cfg *cfg, char err[SHM_ERROR_BYTES]);
/* All are ready: the generation is committed, and whoever waits is told. */
void start_announce(void);
/* It cannot be: what we started ends, what was there before us serves on. */
void start_failed(void);
/* The start failed, or the daemon ended: gives back what start() took. */
void start_undo(bool was_running);

#endif
