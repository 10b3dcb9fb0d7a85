/* SPDX-License-Identifier: MIT
 *
 * What a child may: users, chroot, capabilities, descriptors.
 */
#ifndef WEIR_MASTER_PRIVILEGES_H
#define WEIR_MASTER_PRIVILEGES_H

#include "config/cfg.h"
#include "shm/region.h"

/* Master, before the first fork and at a reload: whether the children will be able to do
 * what the configuration says. 0, or -1 with one line that names the setting. */
int privileges_check(const struct cfg *cfg, char err[SHM_ERROR_BYTES]);
/* Child: chroot, user and group, no new privileges, no capabilities. 0, or -1. One that
 * runs programs has no chroot, and perhaps a user of its own. */
int privileges_drop(const struct cfg_global *g, bool runs_programs,
		    char err[SHM_ERROR_BYTES]);
#endif
