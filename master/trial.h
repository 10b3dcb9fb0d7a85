/* SPDX-License-Identifier: MIT
 *
 * Parsing the files of a reload in a child first: a crash of the parser or a slow disk
 * must not stop the supervision. Master; the state stands in master.reload.
 */
#ifndef WEIR_MASTER_TRIAL_H
#define WEIR_MASTER_TRIAL_H

#include "master/self.h"

enum trial_result { TRIAL_RUNS, TRIAL_GOOD, TRIAL_BAD };

void trial_begin(void);
/* How it stands; TRIAL_BAD: *text says why, one error per line (free it). */
enum trial_result trial_look(char **text);
void trial_cancel(void);
/* All errors of a load, one per line (free it). */
char *trial_errors_text(const struct cfg_errors *errors);

#endif
