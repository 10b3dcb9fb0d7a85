/* SPDX-License-Identifier: MIT
 *
 * One master per region: the lock file beside it.
 */
#ifndef WEIR_MASTER_LOCK_H
#define WEIR_MASTER_LOCK_H

#include "shm/region.h"

/* Takes the lock of the region at that path; makes its directory (0755) when missing.
 * The descriptor, to be kept open until the end of the process, or -1 with one line in
 * err. */
int lock_take(const char *shm_path, char err[SHM_ERROR_BYTES]);

/* The file, where no other master will look for it. */
void lock_remove(const char *shm_path);

#endif
