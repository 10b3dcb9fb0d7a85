/* SPDX-License-Identifier: MIT
 *
 * Who belongs to a backend now: the servers of the files, and those that joined and left
 * at run time (shm/member.h). Every process has a copy of the configuration of its own;
 * this brings its lists up to date.
 */
#ifndef WEIR_ROSTER_ROSTER_H
#define WEIR_ROSTER_ROSTER_H

#include "config/cfg.h"
#include "shm/object.h"

/* Brings p->servers up to date when servers have joined or left since *seen (0 at first):
 * those of the files stay in their order, those that joined come behind them in the order
 * of their ids. true: the list is another one now. A server that left is not freed: what
 * was begun with it may still name it. */
bool roster_follow(const struct shm *s, struct cfg_proxy *p,
		   const struct shm_object *backend, uint64_t *seen);

#endif
