/* SPDX-License-Identifier: MIT
 *
 * Reload by generations. Master.
 */
#ifndef WEIR_MASTER_RELOAD_H
#define WEIR_MASTER_RELOAD_H

#include "master/self.h"

void reload_init(void);
/* Asked for. During a reload: exactly one more follows, with the files as they are then.
 */
void reload_ask(void);
/* Goes on as far as possible; returns when to call again (ms, monotonic). */
uint64_t reload_step(void);
/* The end of the daemon: the generation that is being made will not be. */
void reload_cancel(void);
/* Whether that is the number of the generation that is being made. */
bool reload_owns(uint64_t generation);
void reload_child_died(const char *who, const char *how);
void reload_trial_ended(pid_t pid, int status);
/* The trial's descriptor is readable. */
void reload_trial_readable(void);

/* The first generation is ready beside processes of the master before: those leave as old
 * ones do. */
void reload_relieve_adopted(void);

#endif
