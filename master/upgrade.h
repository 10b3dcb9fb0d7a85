/* SPDX-License-Identifier: MIT
 *
 * SIGUSR2: the file this program was started from is another one now. It takes the place
 * of this one in the same process, so that the children stay children. Master.
 */
#ifndef WEIR_MASTER_UPGRADE_H
#define WEIR_MASTER_UPGRADE_H

#include "master/self.h"

void upgrade_ask(void);
/* Goes on as far as it can; returns when it is due again. */
uint64_t upgrade_step(void);
/* Its trial ended. */
void upgrade_trial_ended(pid_t pid, int status);
/* The new program could not start: keeps the lock and the children of the one before it,
 * until they have ended or the next attempt (SIGUSR2, SIGHUP) succeeds. Returns the exit
 * status. */
int upgrade_supervise(const struct options *o);

#endif
