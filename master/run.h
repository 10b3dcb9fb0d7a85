/* SPDX-License-Identifier: MIT
 *
 * The master's life, from a good configuration to the exit status.
 */
#ifndef WEIR_MASTER_RUN_H
#define WEIR_MASTER_RUN_H

#include "master/options.h"

/* Takes the configuration over. */
int master_run(const struct options *o, struct cfg *cfg);

#endif
