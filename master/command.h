/* SPDX-License-Identifier: MIT
 *
 * What a command line asks for. Master.
 */
#ifndef WEIR_MASTER_COMMAND_H
#define WEIR_MASTER_COMMAND_H

#include "master/options.h"

/* Does it; the exit status. Running means: until the daemon has ended. */
int command_do(const struct options *o);

#endif
